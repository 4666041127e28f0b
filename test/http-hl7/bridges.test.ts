// The four bridges, MLLP and HTTP in and out: a node gets the bytes that its sender sent, and the sender gets the bytes
// that the node answered, in clear text and over TLS.
import { once } from 'node:events';
import http2 from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { ackFor, frame, message, newControlId } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { type RawNode, startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { acks, ask, ER7, expectNothingHeld, LONG, PATIENCE_MS, post } from './room.ts';

type Protocol = 'mllp' | 'http';

interface Bridges extends AsyncDisposable {
  readonly gw: TestGateway;
  /** Bodies that a node got, in order. */
  readonly got: Record<Protocol, () => readonly Buffer[]>;
  /** What a node answered, in order. */
  readonly answered: Record<Protocol, Buffer[]>;
  /** Sends, and gives back what came. */
  send(from: Protocol, body: Buffer): Promise<Buffer>;
  readonly http: RawNode;
  readonly mllp: FaultyNode;
}

/** Messages for MSH-5 `HTTP` go to the HTTP node, others to the MLLP node. */
async function openBridges(tls?: TlsFolder): Promise<Bridges> {
  const answered: Bridges['answered'] = { mllp: [], http: [] };
  const secure = tls && { cert: tls.pems.good.certPem, key: tls.pems.good.keyPem };
  const http = await startRawNode(acks({}, answered.http), secure && { tls: secure });
  const mllp = await startFaultyNode(({ connection, payload }) => {
    const ack = ackFor(payload);
    answered.mllp.push(ack);
    return connection.answer(ack);
  }, secure && { tls: secure });
  const listener = { bind: '127.0.0.1:0', ...(tls && { tls: tls.files.good }) };
  const pool = (url: string) => ({
    nodes: { a: { url, ...(tls && { tls: { ca: tls.caFile } }) } },
    health: { type: 'none' },
  });
  const gw = await startGateway(
    JSON.stringify({
      listeners: { mllp: listener, http: { ...listener, protocol: 'http' } },
      pools: { mllp: pool(mllp.url), http: pool(http.url) },
      routes: [{ when: { 'MSH-5': 'HTTP' }, to: 'http' }, { to: 'mllp' }],
      shutdown: { timeout: '3s' },
    }),
  );
  const trust = tls && { tls: { ca: tls.caPem, servername: 'localhost' } };
  const client = await connectClient(gw.port('http'), trust);
  const sender = await connectSender(gw.port('mllp'), trust);
  return {
    gw,
    http,
    mllp,
    answered,
    got: {
      mllp: () => mllp.messages.map(({ payload }) => payload),
      http: () => http.requests.map(({ body }) => body),
    },
    async send(from, body) {
      if (from === 'mllp') return sender.exchange(body, PATIENCE_MS);
      const response = await ask(client, post(body));
      expect([response.status, value(response, 'content-type')]).toEqual([200, 'application/hl7-v2']);
      return response.body;
    },
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await sender[Symbol.asyncDispose]();
      await gw[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
      await mllp.close();
    },
  };
}

const BYTES = Buffer.from([...Array(256).keys()].filter((byte) => ![0x0a, 0x0b, 0x0d, 0x1c].includes(byte)));

const MESSAGES: readonly (readonly [what: string, make: (to: string) => Buffer])[] = [
  ['an ordinary one', (to) => message({ receivingApp: to })],
  ['with LF', (to) => message({ receivingApp: to, separator: '\n', type: 'ORU^R01' })],
  [
    'with CRLF and odd delimiters',
    (to) => message({ receivingApp: to, separator: '\r\n', delimiters: '#!@%*' }),
  ],
  ['without its last CR', (to) => message({ receivingApp: to }).subarray(0, -1)],
  [
    'in Latin-1',
    (to) =>
      message({
        receivingApp: to,
        segments: ['PID|1||7||MÜLLER^ZOË'],
        encoding: 'latin1',
        charset: '8859/1',
      }),
  ],
  ['in UTF-8, with a BOM', (to) => Buffer.concat([Buffer.from('\ufeff'), message({ receivingApp: to })])],
  [
    'with every byte that a frame can hold',
    (to) =>
      Buffer.concat([message({ receivingApp: to }), Buffer.from('ZZZ|'), BYTES, Buffer.from('\x1c!\r')]),
  ],
  ['of 300 kB', (to) => message({ receivingApp: to, size: 300_000 })],
];

const WAYS = [
  ['mllp', 'mllp'],
  ['mllp', 'http'],
  ['http', 'mllp'],
  ['http', 'http'],
] as const;

describe.each([
  ['in clear text', false],
  ['over TLS', true],
])('%s', LONG, (_, secure) => {
  let folder: TlsFolder | undefined;
  let bridges: Bridges;
  beforeAll(async () => {
    if (secure) folder = createTlsFolder();
    bridges = await openBridges(folder);
  }, PATIENCE_MS);
  afterAll(async () => {
    await bridges[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  describe.each(WAYS)('%s to %s', (from, to) => {
    it.each(MESSAGES)('%s', async (_name, make) => {
      const body = make(to.toUpperCase());
      const before = bridges.got[to]().length;
      const ack = await bridges.send(from, body);
      expect(bridges.got[to]().length).toBe(before + 1);
      expect(bridges.got[to]().at(-1)?.equals(body)).toBe(true);
      expect(ack.toString('latin1')).toBe(bridges.answered[to].at(-1)?.toString('latin1'));
      await expectNothingHeld(bridges.gw);
    });
  });

  it('to an MLLP node goes nothing but frames', () => {
    expect(
      bridges.mllp.bytes.equals(Buffer.concat(bridges.got.mllp().map((payload) => frame(payload)))),
    ).toBe(true);
  });

  it('to an HTTP node go posts of the pool’s type, and nothing that a strict reader would not read', () => {
    const types = new Set(
      bridges.http.requests.map((request) => `${request.method} ${value(request, 'content-type')}`),
    );
    expect(types).toEqual(new Set([`POST ${ER7}`, `POST ${ER7}; charset=iso-8859-1`]));
    expect(bridges.http.broken).toEqual([]);
  });

  it.runIf(secure).each(['MLLP', 'HTTP'])('from a client of HTTP/2 to %s', async (to) => {
    const client = http2.connect(`https://localhost:${bridges.gw.port('http')}`, { ca: folder?.caPem ?? '' });
    const body = message({ receivingApp: to, controlId: newControlId(), size: 100_000 });
    const stream = client.request({
      ':method': 'POST',
      ':path': '/in',
      'content-type': 'application/hl7-v2',
    });
    stream.end(body);
    const [fields] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    const ack = await buffer(stream);
    expect([fields[':status'], fields['content-type']]).toEqual([200, 'application/hl7-v2']);
    const protocol = to === 'HTTP' ? 'http' : 'mllp';
    expect(bridges.got[protocol]().at(-1)?.equals(body)).toBe(true);
    expect(ack.equals(bridges.answered[protocol].at(-1) ?? Buffer.alloc(0))).toBe(true);
    client.close();
    await once(client, 'close');
  });
});
