// What fuzzers have found and no test in one process brings about: the input as it was, to a gateway of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { pseudo } from '../faults/http-h2-probes.ts';
import { h2Frame } from '../helpers/leavers.ts';
import { encode, FLAG, FRAME } from '../helpers/raw-h2-client.ts';
import { until } from '../helpers/until.ts';
import { FuzzedGateway } from './gateway.ts';
import { HttpNode, ok } from './http/node.ts';
import { makeCertificate } from './wire/certificate.ts';
import { connectLine, type Line } from './wire/line.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Input 298 of http2-client, seed 13: two streams with fields that are none, the second of them with a body. */
const REFUSED_STREAMS = [
  'UFJJICogSFRUUC8yLjANCg0KU00NCg0KAAAABAAAAAAAAAAUAQEAAAABAAdYLVVwcGVyAWEABzptZXRob2QAAEIJBAAAAAEDR0VUAAc6c2NoZW1lBWh0dHBzAAo6YXV0',
  'aG9yaXR5CWwJbG9jYWxob3N0AAU6cGF0aAcvSDI5OC0yAAZ4LWZ1enoBeQAAWAEEAAAAAwAHOm1ldGhv',
  'ZARQT1NUAAc6c2NoZW1lBWh0dHBzAAF4CCBwYWRkZWQgAAo6YXV0aG/4EbXckU5yaXR5CWxvY2Fs',
  'aG9zdAAFOnBhdGgHL0gyOTgtMQAGeC1mdXp6AXkAAAUAAAAAAANoZWxsbwAAAAABAAAAAw==',
].map((text) => Buffer.from(text, 'base64'));

/** Of input 95322 of http2-client, seed 1: behind a request a GOAWAY, and one that makes no sense, behind which nghttp2 neither reads nor writes any more. */
const STOPPED_SESSION = [
  Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    h2Frame(FRAME.settings, 0, 0),
    h2Frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, encode(pseudo())),
    h2Frame(FRAME.goaway, 0, 0, Buffer.alloc(8)),
    h2Frame(FRAME.goaway, 5, 0x7fffffff, Buffer.alloc(5)),
  ]),
];

describe.runIf(process.platform === 'linux').each([
  ['that reset behind streams that were refused', REFUSED_STREAMS, (line: Line) => line.reset()],
  ['that end behind a frame that stops their session', STOPPED_SESSION, (line: Line) => line.finish()],
])('HTTP/2 clients %s', (_, pieces, leave) => {
  test('F115 keep no descriptor', { timeout: 240_000 }, async () => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.adopt(mkdtempSync(join(tmpdir(), 'fuzz-found-')), (path) =>
      rmSync(path, { recursive: true }),
    );
    const { cert, key, ca } = makeCertificate(folder);
    const node = stack.use(
      await HttpNode.start({ report: () => {}, onRequest: (_, link) => link.write(ok('answered')) }),
    );
    const gateway = stack.use(
      await FuzzedGateway.start(ROOT, folder, {
        listeners: {
          web: { protocol: 'http', bind: '127.0.0.1:0', tls: { cert, key }, http: { headersTimeout: '1s' } },
        },
        pools: {
          pool: { nodes: { a: { url: node.url } }, health: { type: 'none' }, connections: { idle: '1s' } },
        },
        routes: [{ to: 'pool' }],
      } as { listeners: object }),
    );
    const before = gateway.sockets;
    const lines: Line[] = [];
    for (let n = 0; n < 40; n++) {
      const line = await connectLine({ port: gateway.port('web'), tls: { ca, protocols: ['h2'] } });
      if (line === undefined) throw new Error('no connection');
      await line.writePieces(pieces);
      leave(line);
      lines.push(line);
    }
    // A response that nobody reads has 30 s, and its connection a few more.
    await until(() => lines.every(({ gone }) => gone) && gateway.sockets <= before, {
      deadlineMs: 120_000,
      what: 'as few sockets as before',
    });
    expect(gateway.takeFindings()).toEqual([]);
  });
});
