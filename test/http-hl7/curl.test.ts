// curl as the sender of HL7 over HTTP: over HTTP/1.0, 1.1 and 2, with and without a log-in, to nodes of both kinds.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/config/http/password.ts';
import { curl, hasCurl, lastHead, valuesOf } from '../e2e/curl.ts';
import { said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { startRawNode } from '../helpers/raw-http-node.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { acks, LONG, PATIENCE_MS } from './room.ts';

const TYPE = ['-H', 'Content-Type: x-application/hl7-v2+er7; charset=utf-8'];

describe.runIf(hasCurl)('curl', LONG, () => {
  let folder: TlsFolder;
  let gw: TestGateway;
  const got: Record<string, Buffer> = {};
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    folder = createTlsFolder();
    const http = await startRawNode(async (connection, request, index) => {
      got.HTTP = request.body;
      await acks({ type: 'text/plain;charset=UTF-8' })(connection, request, index);
    });
    const mllp = await startFaultyNode();
    const users = { lab: await hashPassword('geheim:✓') };
    const tls = { tls: folder.files.good };
    gw = await startGateway(
      JSON.stringify({
        listeners: {
          plain: { protocol: 'http', bind: '127.0.0.1:0', limits: { maxFrame: '64KiB' } },
          tls: { protocol: 'http', bind: '127.0.0.1:0', ...tls },
          users: { protocol: 'http', bind: '127.0.0.1:0', ...tls, http: { users } },
        },
        pools: {
          http: { nodes: { a: { url: http.url } }, health: { type: 'none' } },
          mllp: { nodes: { a: { url: mllp.url } }, health: { type: 'none' } },
        },
        routes: [
          { when: { 'MSH-5': 'HTTP' }, to: 'http' },
          { when: { 'MSH-5': 'MLLP' }, to: 'mllp' },
        ],
        shutdown: { timeout: '3s' },
      }),
    );
    closing.push(
      () => gw[Symbol.asyncDispose](),
      () => http[Symbol.asyncDispose](),
      () => mllp.close(),
    );
  }, PATIENCE_MS);
  afterAll(async () => {
    for (const close of closing) await close();
    folder[Symbol.dispose]();
  });

  const url = (listener: string): string =>
    `${listener === 'plain' ? 'http' : 'https'}://127.0.0.1:${gw.port(listener)}/in`;
  const trust = (): string[] => ['--cacert', folder.caFile];
  const send = (listener: string, body: Buffer, ...more: string[]) =>
    curl([...trust(), ...TYPE, ...more, '--data-binary', '@-', url(listener)], body);

  it.each([
    ['plain', '--http1.0', '1'],
    ['plain', '--http1.1', '1.1'],
    ['tls', '--http1.1', '1.1'],
    ['tls', '--http2', '2'],
  ])('%s %s', async (listener, version, spoken) => {
    for (const to of ['HTTP', 'MLLP']) {
      const body = message({ controlId: 'C1', receivingApp: to, size: 5000 });
      const run = await send(listener, body, version);
      expect(said(run.body)).toBe('AA C1');
      expect(run.info.http_version).toBe(spoken === '1' ? '1.1' : spoken);
      const head = lastHead(run);
      expect(head.status).toBe(200);
      const charset = to === 'HTTP' ? 'UTF-8' : 'utf-8';
      expect(valuesOf(head, 'content-type')).toEqual([`x-application/hl7-v2+er7; charset=${charset}`]);
      expect(valuesOf(head, 'date').length).toBe(1);
      if (to === 'HTTP') expect(got.HTTP?.equals(body)).toBe(true);
    }
  });

  it('-T and chunks', async () => {
    const body = message({ controlId: 'C2', receivingApp: 'HTTP', size: 50_000 });
    const run = await curl(
      [...TYPE, '-X', 'POST', '-H', 'Transfer-Encoding: chunked', '-T', '-', url('plain')],
      body,
    );
    expect(said(run.body)).toBe('AA C2');
    expect(got.HTTP?.equals(body)).toBe(true);
  });

  it('Expect: 100-continue, and a message that is too large', async () => {
    const body = message({ controlId: 'C3', receivingApp: 'MLLP', size: 60_000 });
    const run = await send('plain', body, '-H', 'Expect: 100-continue');
    expect(run.heads.map(({ status }) => status)).toEqual([100, 200]);
    const large = await send('plain', message({ size: 70_000 }), '-H', 'Expect: 100-continue');
    expect(large.heads.map(({ status }) => status)).toEqual([413]);
    expect(large.body.toString()).toMatch(/^GW_ERR_FRAME_TOO_LARGE: /);
  });

  it('two messages over one connection', async () => {
    const file = join(folder.path, 'message.hl7');
    writeFileSync(file, message({ controlId: 'C4', receivingApp: 'MLLP' }));
    const run = await curl([...TYPE, '--data-binary', `@${file}`, url('plain'), url('plain')]);
    expect(run.infos.map(({ response_code, num_connects }) => [response_code, num_connects])).toEqual([
      [200, 1],
      [200, 0],
    ]);
    expect(run.body.toString('latin1').match(/MSA\|AA\|C4/g)?.length).toBe(2);
  });

  it.each(['--http1.1', '--http2'])('a log-in, %s', async (version) => {
    const body = message({ controlId: 'C5', receivingApp: 'MLLP' });
    expect(said((await send('users', body, version, '-u', 'lab:geheim:✓')).body)).toBe('AA C5');
    const wrong = await send('users', body, version, '-u', 'lab:falsch');
    expect([lastHead(wrong).status, wrong.body.toString().split(':')[0]]).toEqual([
      401,
      'GW_ERR_HTTP_CREDENTIALS',
    ]);
    expect(valuesOf(lastHead(wrong), 'www-authenticate')).toEqual([
      'Basic realm="hl7-gateway", charset="UTF-8"',
    ]);
    // It asks first, and shows its password when it is told to.
    const asked = await send('users', body, version, '--anyauth', '-u', 'lab:geheim:✓');
    expect(asked.heads.map(({ status }) => status).filter((status) => status >= 200)).toEqual([401, 200]);
    expect(said(asked.body)).toBe('AA C5');
  });

  it('-f: no route is an error, an AR is none', async () => {
    const lost = await send('plain', message({ controlId: 'C6', receivingApp: 'LOST' }), '-f');
    expect(said(lost.body)).toBe('AR C6');
    await expect(send('plain', Buffer.from('no HL7'), '-f')).rejects.toThrow(/ended with 22/);
  });
});
