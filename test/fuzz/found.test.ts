// What fuzzers have found and no test in one process brings about: the input as it was, to a gateway of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { until } from '../helpers/until.ts';
import { FuzzedGateway } from './gateway.ts';
import { makeCertificate } from './wire/certificate.ts';
import { connectLine } from './wire/line.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Input 298 of http2-client, seed 13: two streams with fields that are none, the second of them with a body. */
const REFUSED_STREAMS = [
  'UFJJICogSFRUUC8yLjANCg0KU00NCg0KAAAABAAAAAAAAAAUAQEAAAABAAdYLVVwcGVyAWEABzptZXRob2QAAEIJBAAAAAEDR0VUAAc6c2NoZW1lBWh0dHBzAAo6YXV0',
  'aG9yaXR5CWwJbG9jYWxob3N0AAU6cGF0aAcvSDI5OC0yAAZ4LWZ1enoBeQAAWAEEAAAAAwAHOm1ldGhv',
  'ZARQT1NUAAc6c2NoZW1lBWh0dHBzAAF4CCBwYWRkZWQgAAo6YXV0aG/4EbXckU5yaXR5CWxvY2Fs',
  'aG9zdAAFOnBhdGgHL0gyOTgtMQAGeC1mdXp6AXkAAAUAAAAAAANoZWxsbwAAAAABAAAAAw==',
].map((text) => Buffer.from(text, 'base64'));

test.runIf(process.platform === 'linux')(
  'F115 HTTP/2 clients that reset behind streams that were refused keep no descriptor',
  { timeout: 120_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.adopt(mkdtempSync(join(tmpdir(), 'fuzz-found-')), (path) =>
      rmSync(path, { recursive: true }),
    );
    const { cert, key, ca } = makeCertificate(folder);
    const gateway = stack.use(
      await FuzzedGateway.start(ROOT, folder, {
        listeners: { web: { protocol: 'http', bind: '127.0.0.1:0', tls: { cert, key } } },
        routes: [{ reject: {} }],
      } as { listeners: object }),
    );
    const before = gateway.sockets;
    for (let n = 0; n < 40; n++) {
      const line = await connectLine({ port: gateway.port('web'), tls: { ca, protocols: ['h2'] } });
      await line?.writePieces(REFUSED_STREAMS);
      line?.reset();
      await line?.until(() => line.gone, 20_000);
    }
    await until(() => gateway.sockets <= before, { deadlineMs: 30_000, what: 'as few sockets as before' });
    expect(gateway.takeFindings()).toEqual([]);
  },
);
