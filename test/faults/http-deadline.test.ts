// F69: nobody can hold a connection, a node or memory by being slow: with headers, with a body, or in reading.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawClient } from '../helpers/raw-http-client.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { GET, type HttpRoom, openHttpRoom, request } from './http-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** Node.js looks at its connections, and the gateway at those that do not read, once a second. */
const CHECK_MS = 1_000;
/** For a busy machine. Without a deadline of ours, Node.js would take a minute. */
const SLACK_MS = 15_000;

async function expectGone(room: HttpRoom, withinMs: number): Promise<void> {
  await until(() => room.gw.gateway.listeners[0]?.connections === 0, {
    deadlineMs: withinMs,
    what: 'no connection any more',
  });
}

/** One byte each 50 ms, for as long as the connection is open. */
async function drip(client: RawClient, bytes: string): Promise<void> {
  for (const byte of bytes) {
    if (client.gone || client.ended) return;
    await client.send(byte);
    await pause(50);
  }
}

describe.concurrent.each(['plain', 'TLS', 'TLS without HTTP/2'])('F69 over %s', (kind) => {
  const open = (http: Record<string, unknown>, limits: Record<string, unknown> = {}, more = {}) =>
    openHttpRoom({
      ...(kind === 'plain' ? {} : { tls: folder }),
      listener: { http: { ...(kind === 'TLS without HTTP/2' ? { http2: false } : {}), ...http }, limits },
      ...more,
    });

  it('headers that stop: 408', async () => {
    await using room = await open({ headersTimeout: '1s' });
    await using client = await room.connect();
    void client.send('GET / HTTP/1.1\r\nHost: vip.te');
    await client.end(1_000 + CHECK_MS + SLACK_MS);
    expect(client.statuses).toEqual([408]);
    expect(room.gw.codes).toEqual(['GW_ERR_HTTP_TIMEOUT']);
    client.finish();
    await expectGone(room, SLACK_MS);
  });

  it('headers that drip: 408', async () => {
    await using room = await open({ headersTimeout: '1s' });
    await using client = await room.connect();
    void drip(client, `GET / HTTP/1.1\r\nX: ${'y'.repeat(200)}`);
    await client.end(1_000 + CHECK_MS + SLACK_MS);
    expect(client.statuses).toEqual([408]);
  });

  it('headers that stop, of the second request', async () => {
    await using room = await open({ headersTimeout: '1s' });
    await using client = await room.connect();
    await client.ask(GET);
    void client.send('GET / HTTP/1.1\r\nHost: vip.te');
    await client.end(1_000 + CHECK_MS + SLACK_MS);
    expect(client.statuses).toEqual([200, 408]);
  });

  it('no request at all', async () => {
    await using room = await open({ headersTimeout: '1s' });
    await using client = await room.connect();
    await client.end(1_000 + CHECK_MS + SLACK_MS);
    client.finish();
    await expectGone(room, SLACK_MS);
  });

  it('no further request: closed without a word', async () => {
    await using room = await open({ keepAlive: '1s' });
    await using client = await room.connect();
    await client.ask(GET);
    // Node.js gives one second more than it says.
    await client.end(2_000 + SLACK_MS);
    expect(client.statuses).toEqual([200]);
    await expectGone(room, SLACK_MS);
  });
});

describe.concurrent('F69 bodies', () => {
  it.each([
    ['small', ['Content-Length: 100']],
    ['large', ['Content-Length: 100000']],
    ['chunked', ['Transfer-Encoding: chunked']],
    ['awaited', ['Content-Length: 100000', 'Expect: 100-continue']],
  ])('one that stops (%s): 408, and the node is let go', async (_, lines) => {
    await using room = await openHttpRoom({ listener: { http: { bodyTimeout: '300ms' } } });
    await using client = await room.connect();
    void client.send(
      request('POST / HTTP/1.1', lines, lines[0]?.startsWith('T') === true ? '5\r\nhel' : 'hello'),
    );
    await client.end();
    expect(client.statuses).toEqual([408]);
    await until(() => room.gw.held.inFlight === 0 && room.gw.held.bytes === 0);
    expect(room.node.requests).toEqual([]);
    await until(() => room.node.connections.every(({ ended, gone }) => ended || gone));
    expect(room.gw.proxied.map(({ error }) => error?.code)).toEqual(['GW_ERR_HTTP_TIMEOUT']);
  });

  it('a small one that drips', async () => {
    await using room = await openHttpRoom({ listener: { http: { bodyTimeout: '500ms' } } });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', ['Content-Length: 1000']));
    void drip(client, 'x'.repeat(1000));
    await client.end();
    expect(client.statuses).toEqual([408]);
  });

  it('a message: within frameTimeout', async () => {
    await using room = await openHttpRoom({ listener: { limits: { frameTimeout: '300ms' } } });
    await using client = await room.connect();
    const lines = ['Content-Type: application/hl7-v2', 'Content-Length: 100'];
    void client.send(request('POST / HTTP/1.1', lines, 'MSH|'));
    await client.end();
    expect(client.statuses).toEqual([408]);
    expect(room.gw.held.bytes).toBe(0);
  });

  it('a large one may take its time, as long as it goes on', async () => {
    await using room = await openHttpRoom({
      listener: { http: { bodyTimeout: '2s', headersTimeout: '3s' } },
    });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', ['Content-Length: 100000']));
    // Longer than either in all, and each pause far shorter.
    for (let i = 0; i < 10; i++) {
      await pause(350);
      await client.send('x'.repeat(10_000));
    }
    expect((await client.response()).status).toBe(200);
  });
});

describe.concurrent('F69 readers', () => {
  const BODY = 'x'.repeat(32 * 1024 * 1024);
  const limits = { writeTimeout: '1s' };

  it.each(['plain', 'TLS'])(
    'one that does not read a large response is cut, and the node let go (%s)',
    async (kind) => {
      await using room = await openHttpRoom({
        ...(kind === 'TLS' ? { tls: folder } : {}),
        listener: { limits },
        script: (connection) => connection.answer(BODY),
      });
      await using client = await room.connect();
      client.socket.pause();
      void client.send(GET);
      await until(() => room.gw.proxied.length === 1, { deadlineMs: 20_000 });
      expect(room.gw.proxied[0]?.error?.code).toBe('GW_ERR_SENDER_NOT_READING');
      await expectGone(room, SLACK_MS);
      const [connection] = room.node.connections;
      await room.node.when(
        () => connection?.gone === true || connection?.ended === true,
        'the end at the node',
      );
      client.socket.resume();
      expect((await client.closed).ended).toBe(false);
    },
  );

  it.each(['plain', 'TLS'])('one that does not read the end of its responses (%s)', async (kind) => {
    await using room = await openHttpRoom({
      ...(kind === 'TLS' ? { tls: folder } : {}),
      listener: { limits },
      script: (connection) => connection.answer('x'.repeat(50_000)),
    });
    await using client = await room.connect();
    client.socket.pause();
    // Each by itself fits into what is held for a reader: no node waits for it.
    for (let i = 1; i <= 500 && !room.gw.codes.includes('GW_ERR_SENDER_NOT_READING'); i++) {
      void client.send(GET);
      await Promise.race([room.node.arrived(i), room.gw.logged('GW_ERR_SENDER_NOT_READING')]);
    }
    await expectGone(room, 8_000);
    expect(room.gw.codes).toContain('GW_ERR_SENDER_NOT_READING');
    expect(room.gw.held.inFlight).toBe(0);
  });

  it('one that does not read refusals', async () => {
    await using room = await openHttpRoom({ listener: { limits }, routes: [{ reject: {} }] });
    await using client = await room.connect();
    client.socket.pause();
    void client.send(GET);
    await room.gw.logged('GW_ERR_ROUTE_REJECTED');
    // A refusal ends the connection, and that has its own limit.
    await expectGone(room, 4_000);
  });

  it('one that reads slowly gets all of it', async () => {
    await using room = await openHttpRoom({
      listener: { limits: { writeTimeout: '2s' } },
      script: (connection) => connection.answer('x'.repeat(8 * 1024 * 1024)),
    });
    await using client = await room.connect();
    void client.send(GET);
    for (let i = 0; i < 20; i++) {
      client.socket.pause();
      await pause(100);
      client.socket.resume();
      await pause(2);
    }
    expect((await client.response()).body.length).toBe(8 * 1024 * 1024);
  });
});

describe.concurrent('F69 nodes', () => {
  const pool = { timeouts: { ack: '300ms' } };

  it('one that does not answer: 504, and it is let go', async () => {
    await using room = await openHttpRoom({ pool, script: () => undefined });
    for (const lines of [
      [],
      ['Expect: 100-continue', 'Content-Length: 1'],
      ['Connection: Upgrade', 'Upgrade: websocket'],
    ]) {
      await using client = await room.connect();
      expect((await client.ask(request('GET / HTTP/1.1', lines, 'x'))).status).toBe(504);
    }
    await until(() => room.node.connections.every(({ ended, gone }) => ended || gone));
  });

  it('one that stops within its response: broken off', async () => {
    await using room = await openHttpRoom({
      pool,
      script: (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
    });
    await using client = await room.connect();
    void client.send(GET);
    expect((await client.closed).ended).toBe(false);
    expect(room.gw.proxied.map(({ error }) => error?.code)).toEqual(['GW_ERR_ACK_TIMEOUT']);
  });
});
