// F102: a client that ends its side behind its request gets its answer all the same, over HTTP and HTTPS, with HTTP/2
// offered or not. Its connection ends behind the last answer, and leaves nothing behind (F115).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { socketsAt } from '../helpers/open-sockets.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

const PATIENCE = { deadlineMs: 30_000 };
/** Enough for an end of the client's side to be seen by the gateway, which runs in this process. */
const SEEN = 50;
const ASKS = request('GET /ws HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket'], 'early');

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

async function expectNothingLeft(gw: TestGateway): Promise<void> {
  await until(() => socketsAt(gw.port()) === 0 && gw.gateway.listeners[0]?.connections === 0, PATIENCE);
  expect(gw.held).toEqual({ queued: 0, inFlight: 0, bytes: 0 });
}

describe.each(['plain', 'TLS', 'TLS, HTTP/2 offered'] as const)('over %s', (over) => {
  const options = (): { tls?: TlsFolder; listener?: Record<string, unknown> } =>
    over === 'plain' ? {} : { tls: folder, listener: { http: { http2: over !== 'TLS' } } };

  it.each([
    ['a GET', request('GET /0 HTTP/1.1'), ['/0']],
    ['its last request', request('GET /0 HTTP/1.1', ['Connection: close']), ['/0']],
    ['a POST', request('POST /0 HTTP/1.1', ['Content-Length: 5'], 'hello'), ['/0']],
    ['chunks', request('POST /0 HTTP/1.1', ['Transfer-Encoding: chunked'], '1\r\nx\r\n0\r\n\r\n'), ['/0']],
    ['HTTP/1.0', 'GET /0 HTTP/1.0\r\n\r\n', ['/0']],
    ['three at once', [0, 1, 2].map((i) => request(`GET /${i} HTTP/1.1`)).join(''), ['/0', '/1', '/2']],
  ])('F102 %s, then the end of the side', async (_, bytes, targets) => {
    await using room = await openHttpRoom({
      ...options(),
      script: async (node, { target }) => {
        await turns(SEEN);
        await node.answer(target);
      },
    });
    await using client = await room.connect();
    void client.send(bytes);
    client.finish();
    await client.end(30_000);
    expect(client.responses.map(({ status, body }) => [status, body.toString()])).toEqual(
      targets.map((target) => [200, target]),
    );
    expect(await client.closed).toEqual({ ended: true, code: undefined });
    await expectNothingLeft(room.gw);
  });

  it('F102 a request on a kept connection, and no request', async () => {
    await using room = await openHttpRoom(options());
    await using client = await room.connect();
    await using silent = await room.connect();
    expect((await client.ask(GET)).status).toBe(200);
    silent.finish();
    void client.send(GET);
    client.finish();
    await client.end(30_000);
    await silent.end(30_000);
    expect([client.statuses, silent.text]).toEqual([[200, 200], '']);
    await expectNothingLeft(room.gw);
  });

  it('F102 a message that goes to an MLLP node', async () => {
    const hold = gate();
    await using node = await startFaultyNode();
    node.script = answers.after(hold, answers.aa());
    const { tls, listener } = options();
    await using gw = await startGateway({
      nodes: [node.url],
      listener: {
        protocol: 'http',
        ...(tls === undefined ? {} : { tls: { ...tls.files.good } }),
        ...listener,
      },
    });
    const secure = { ca: folder.caPem, servername: 'localhost', ALPNProtocols: ['http/1.1'] };
    await using client = await connectClient(gw.port(), tls === undefined ? {} : { tls: secure });
    const body = message({ controlId: 'HALF' });
    const lines = ['Content-Type: application/hl7-v2', `Content-Length: ${body.length}`];
    void client.send(request('POST / HTTP/1.1', lines, body.toString('latin1')));
    client.finish();
    await node.received(1);
    await turns(SEEN);
    hold.open();
    await client.end(30_000);
    expect(client.responses[0]?.body.toString()).toContain('MSA|AA|HALF');
    await expectNothingLeft(gw);
  });

  it('F102 a wish to switch protocols: refused by the node, and agreed to', async () => {
    for (const [answer, text] of [
      ['HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno', 'no'],
      ['HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello', 'hello'],
    ] as const) {
      await using room = await openHttpRoom({
        ...options(),
        node: { onSocket: (socket) => void socket.on('end', () => socket.end()) },
        script: async (node) => {
          await turns(SEEN);
          await node.write(answer);
        },
      });
      await using client = await room.connect();
      void client.send(ASKS);
      client.finish();
      await client.end(30_000);
      expect(client.text.endsWith(`\r\n\r\n${text}`)).toBe(true);
      await expectNothingLeft(room.gw);
    }
  });

  it('F102 a body that is not whole goes to no node as if it were', async () => {
    await using room = await openHttpRoom(options());
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', ['Content-Length: 5'], 'hell'));
    client.finish();
    await client.end(30_000);
    expect(room.node.requests).toEqual([]);
    await expectNothingLeft(room.gw);
  });
});
