// F103: a listener with all the connections that it takes. Whoever comes next is served in place of one that is idle, or
// told by a 503; never reset without a byte. Over HTTP, HTTPS and HTTP/2.
import type http2 from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, openSession } from '../helpers/h2-session.ts';
import { socketsAt } from '../helpers/open-sockets.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { gate, until } from '../helpers/until.ts';
import { GET, type HttpRoom, openHttpRoom, request } from './http-room.ts';

const PATIENCE = { deadlineMs: 30_000 };
const MAX = 3;
const HELD = request('GET /held HTTP/1.1');

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

function openFull(over: 'plain' | 'TLS', hold: { readonly opened: Promise<void> }): Promise<HttpRoom> {
  return openHttpRoom({
    ...(over === 'TLS' ? { tls: folder } : {}),
    listener: { limits: { maxConnections: MAX } },
    script: async (node, { target }) => {
      if (target === '/held') await hold.opened;
      await node.answer('ok');
    },
  });
}

const connections = (room: HttpRoom): number => room.gw.gateway.listeners[0]?.connections ?? -1;

describe.each(['plain', 'TLS'] as const)('over %s', (over) => {
  it('F103 all busy: one more is told by a 503, and is served once there is a place', {
    timeout: 60_000,
  }, async () => {
    const hold = gate();
    await using room = await openFull(over, hold);
    const busy = await Promise.all(Array.from({ length: MAX }, () => room.connect()));
    for (const client of busy) void client.send(HELD);
    await until(() => room.node.requests.length === MAX || room.gw.held.inFlight === MAX, PATIENCE);
    for (const bytes of [
      GET,
      request('POST / HTTP/1.1', ['Content-Type: application/hl7-v2', 'Content-Length: 4'], 'MSH|'),
      request('GET /ws HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket']),
    ]) {
      const surplus = await room.connect();
      void surplus.send(bytes);
      await surplus.end(30_000);
      expect(surplus.statuses).toEqual([503]);
      expect(surplus.text).toMatch(/connection: close/i);
      expect(surplus.text).toContain('GW_ERR_SENDER_LIMIT');
      await surplus[Symbol.asyncDispose]();
    }
    expect(new Set(room.gw.codes)).toEqual(new Set(['GW_ERR_SENDER_LIMIT']));
    // It came while there was none, and asks when there is one.
    const later = await room.connect();
    await until(() => connections(room) === MAX + 1, PATIENCE);
    busy[0]?.reset();
    await until(() => connections(room) === MAX, PATIENCE);
    expect((await later.ask(GET)).status).toBe(200);
    hold.open();
    for (const client of busy.slice(1)) expect((await client.response(0, 30_000)).status).toBe(200);
  });

  it('F103 idle ones: the one that was idle for longest makes place', { timeout: 60_000 }, async () => {
    const hold = gate();
    await using room = await openFull(over, hold);
    const first = await room.connect();
    const others = await Promise.all(Array.from({ length: MAX - 1 }, () => room.connect()));
    expect((await first.ask(GET)).status).toBe(200);
    for (const client of others) void client.send(HELD);
    await room.node.arrived(MAX);
    await until(async () => {
      await using surplus = await room.connect();
      return (await surplus.ask(GET)).status === 200;
    }, PATIENCE);
    await first.end(30_000);
    expect(first.statuses).toEqual([200]);
    hold.open();
    for (const client of others) expect((await client.response(0, 30_000)).status).toBe(200);
  });

  it('F103 one more that asks for nothing is told, and leaves nothing', { timeout: 60_000 }, async () => {
    const hold = gate();
    await using room = await openFull(over, hold);
    const busy = await Promise.all(Array.from({ length: MAX }, () => room.connect()));
    for (const client of busy) void client.send(HELD);
    await room.node.arrived(MAX);
    const silent = await Promise.all([0, 1, 2].map(() => room.connect()));
    for (const client of silent) {
      await client.end(30_000);
      expect(client.statuses).toEqual([503]);
    }
    await until(() => connections(room) === MAX, PATIENCE);
    hold.open();
    for (const client of busy) {
      await client.response(0, 30_000);
      await client[Symbol.asyncDispose]();
    }
    await until(() => socketsAt(room.gw.port()) === 0 && connections(room) === 0, PATIENCE);
  });
});

it('F103 over HTTP/2: a 503 while all are busy, and the place of a session that is idle', {
  timeout: 60_000,
}, async () => {
  const hold = gate();
  await using room = await openFull('TLS', hold);
  const open = (): Promise<http2.ClientHttp2Session & AsyncDisposable> =>
    openSession(room.gw.port(), folder.caPem);
  const sessions = [await open(), await open(), await open()];
  const held = sessions.map((session) => ask(session, { ':path': '/held' }));
  await room.node.arrived(MAX);
  {
    await using surplus = await open();
    const refused = await ask(surplus, {});
    expect([refused.status, refused.body]).toEqual([503, expect.stringContaining('GW_ERR_SENDER_LIMIT')]);
    await until(() => surplus.closed || surplus.destroyed, PATIENCE);
  }
  await using silent = await open();
  await until(() => silent.closed || silent.destroyed, PATIENCE);
  hold.open();
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200]);
  await until(async () => {
    await using next = await connectClient(room.gw.port(), {
      tls: { ca: folder.caPem, servername: 'localhost', ALPNProtocols: ['http/1.1'] },
    });
    return (await next.ask(GET)).status === 200;
  }, PATIENCE);
  await until(() => sessions.some((session) => session.closed || session.destroyed), PATIENCE);
  for (const session of sessions) await session[Symbol.asyncDispose]();
});
