// Who posts a message, by its client certificate (mTLS): for routes, for `allow`, and for the node, over HTTP/1 and HTTP/2.
import { once } from 'node:events';
import http2 from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nakOf } from '../faults/line.ts';
import { said } from '../helpers/expect-relay.ts';
import { message } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import type { RawNode } from '../helpers/raw-http-node.ts';
import { value } from '../helpers/strict-http.ts';
import { type CertificateName, createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { ask, LONG, PATIENCE_MS, type PostRoom, post, toHttp } from './room.ts';

type Version = 'HTTP/1' | 'HTTP/2';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
}, PATIENCE_MS);
afterAll(() => folder[Symbol.dispose]());

/** The acknowledgement's bytes, or the status where there is none. */
async function send(
  gw: PostRoom<RawNode>['gw'],
  version: Version,
  body: Buffer,
  own: CertificateName | undefined,
): Promise<Buffer> {
  const shown = own === undefined ? {} : { cert: folder.pems[own].certPem, key: folder.pems[own].keyPem };
  const trust = { ca: folder.caPem, servername: 'localhost', ...shown };
  if (version === 'HTTP/1') {
    await using client = await connectClient(gw.port(), { tls: { ...trust, ALPNProtocols: ['http/1.1'] } });
    return (await ask(client, post(body))).body;
  }
  const client = http2.connect(`https://localhost:${gw.port()}`, trust);
  const stream = client.request({ ':method': 'POST', ':path': '/', 'content-type': 'application/hl7-v2' });
  stream.end(body);
  const answer = await buffer(stream);
  client.close();
  await once(client, 'close');
  return answer;
}

function open(more: { routes?: readonly Record<string, unknown>[]; listener?: Record<string, unknown> }) {
  return toHttp({
    ...more,
    listener: {
      ...more.listener,
      tls: { ...folder.files.good, clientCa: folder.caFile },
    },
  });
}

describe.each(['HTTP/1', 'HTTP/2'] as const)('%s', LONG, (version) => {
  const of = (app: string) => message({ controlId: 'X1', app });

  it('routes by tls.subject', async () => {
    await using room = await open({
      routes: [
        { when: { 'tls.subject': 'CN=sender' }, reject: { code: 'CR', text: 'known' } },
        { when: { 'tls.subject': { exists: false } }, reject: { code: 'CE', text: 'unknown' } },
      ],
    });
    expect(said(await send(room.gw, version, of('A'), 'client'))).toBe('AR X1');
    expect(said(await send(room.gw, version, of('A'), undefined))).toBe('AE X1');
  });

  it('allows who may speak for whom, and nobody else', async () => {
    const { fingerprint256 } = new (await import('node:crypto')).X509Certificate(folder.pems.client.certPem);
    await using room = await open({
      listener: {
        allow: [
          { 'tls.subject': 'CN=sender', 'MSH-3': 'BY-NAME' },
          { 'tls.fingerprint': fingerprint256, 'MSH-3': 'BY-PRINT' },
        ],
      },
    });
    expect(said(await send(room.gw, version, of('BY-NAME'), 'client'))).toBe('AA X1');
    expect(said(await send(room.gw, version, of('BY-PRINT'), 'client'))).toBe('AA X1');
    const refused = { code: 'AR', controlId: 'X1', error: 'GW_ERR_SENDER_NOT_ALLOWED' };
    expect(nakOf(await send(room.gw, version, of('SOMEBODY'), 'client'))).toEqual(refused);
    expect(nakOf(await send(room.gw, version, of('BY-NAME'), undefined))).toEqual(refused);
    // Each message of a batch (F24).
    const two = Buffer.concat([of('BY-NAME'), of('SOMEBODY')]);
    expect(nakOf(await send(room.gw, version, two, 'client'))).toEqual(refused);
    expect(room.node.requests.length).toBe(2);
  });

  it('tells the node', async () => {
    await using room = await open({
      routes: [{ to: 'pool', http: { request: { set: { 'X-Subject': '${tls.subject}' } } } }],
    });
    await send(room.gw, version, of('A'), 'client');
    await send(room.gw, version, of('A'), undefined);
    expect(room.node.requests.map((request) => value(request, 'x-subject'))).toEqual(['CN=sender', '']);
    expect(room.node.requests.map((request) => value(request, 'x-forwarded-proto'))).toEqual([
      'https',
      'https',
    ]);
  });

  it('is nobody’s where the certificate is of a stranger', async () => {
    await using room = await open({ listener: { allow: [{ 'tls.subject': 'CN=sender' }] } });
    const answer = await send(room.gw, version, of('A'), 'strangeClient');
    expect(nakOf(answer).error).toBe('GW_ERR_SENDER_NOT_ALLOWED');
  });
});
