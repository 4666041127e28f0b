// F60 and F69 over HTTP/2, where Node.js has other limits than for HTTP/1: headers, silence, readers that do not read.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectH2, encode, type Field, FLAG, FRAME } from '../helpers/raw-h2-client.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { type HttpRoom, type HttpRoomOptions, openHttpRoom } from './http-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const open = (options: HttpRoomOptions = {}): Promise<HttpRoom> => openHttpRoom({ tls: folder, ...options });
const connect = (room: HttpRoom) => connectH2(room.gw.port(), { ca: folder.caPem });
const REQUEST: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'vip.test'],
  [':path', '/'],
];
const POST: readonly Field[] = [[':method', 'POST'], ...REQUEST.slice(1)];

async function expectGone(room: HttpRoom, deadlineMs: number): Promise<void> {
  await until(() => room.gw.gateway.listeners[0]?.connections === 0, {
    deadlineMs,
    what: 'no connection any more',
  });
}

describe('F60', () => {
  it('headers that are too many are refused, as many as there may be are not', async () => {
    await using room = await open();
    const fields = (count: number): Field[] => Array.from({ length: count }, (_, i) => [`x${i}`, 'y']);
    await using client = await connect(room);
    client.headers(1, [...REQUEST, ...fields(96)], true);
    expect(await client.outcome(1)).toBe('200');
    client.headers(3, [...REQUEST, ...fields(97)], true);
    expect(await client.outcome(3)).toBe('status');
    expect(room.gw.codes).toEqual(['GW_ERR_HTTP_HEADERS']);
    client.headers(5, [...REQUEST, ...fields(300)], true);
    expect(await client.outcome(5)).toMatch(/^(reset|goaway) /);
    expect(room.node.requests).toHaveLength(1);
  });

  it('headers that are too large are refused', async () => {
    await using room = await open();
    await using client = await connect(room);
    client.headers(1, [...REQUEST, ['x', 'y'.repeat(16_000)]], true);
    client.headers(
      3,
      [...REQUEST, ...Array.from({ length: 20 }, (_, i): Field => [`x${i}`, 'y'.repeat(1_000)])],
      true,
    );
    for (const stream of [1, 3]) expect(await client.outcome(stream)).toMatch(/^(status|reset|goaway)/);
    expect(room.node.requests).toEqual([]);
  });

  it('headers without end are not gathered', async () => {
    await using room = await open();
    await using client = await connect(room);
    client.send(FRAME.headers, FLAG.endStream, 1, encode(REQUEST));
    const more = encode(Array.from({ length: 10 }, (_, i): Field => [`x${i}`, 'y'.repeat(1_000)]));
    for (let i = 0; i < 1_000 && !client.gone; i++) client.send(FRAME.continuation, 0, 1, more);
    expect(await client.outcome(1)).toMatch(/^(reset|goaway|closed)/);
    expect(room.node.requests).toEqual([]);
  });
});

describe.concurrent('F69', () => {
  const http = { keepAlive: '1s' };

  it('a connection on which nothing is said is closed', async () => {
    await using room = await open({ listener: { http } });
    await using client = await connect(room);
    await client.when(() => client.gone, 'the end', 4_000);
    await expectGone(room, 1_000);
  });

  it('one without further requests as well', async () => {
    await using room = await open({ listener: { http } });
    await using client = await connect(room);
    client.headers(1, REQUEST, true);
    expect(await client.outcome(1)).toBe('200');
    await client.when(() => client.gone, 'the end', 4_000);
  });

  it('headers that stop in the middle', async () => {
    await using room = await open({ listener: { http: { ...http, headersTimeout: '1s' } } });
    await using client = await connect(room);
    client.send(FRAME.headers, FLAG.endStream, 1, encode(REQUEST));
    await client.when(() => client.gone, 'the end', 6_000);
    await expectGone(room, 1_000);
  });

  it('headers that drip', async () => {
    await using room = await open({ listener: { http: { headersTimeout: '1s', keepAlive: '1s' } } });
    await using client = await connect(room);
    client.send(FRAME.headers, FLAG.endStream, 1, encode(REQUEST));
    const timer = setInterval(() => client.send(FRAME.continuation, 0, 1, encode([['x', 'y']])), 100);
    try {
      await client.when(() => client.gone, 'the end', 15_000);
    } finally {
      clearInterval(timer);
    }
    expect(room.node.requests).toEqual([]);
  });

  it('a response that takes longer is no reason to end it', async () => {
    const held = gate();
    await using room = await open({
      listener: { http: { ...http, headersTimeout: '1s' } },
      script: async (connection) => {
        await held.opened;
        await connection.answer('ok');
      },
    });
    await using client = await connect(room);
    client.headers(1, REQUEST, true);
    await pause(5_000);
    held.open();
    expect(await client.outcome(1)).toBe('200');
    await client.when(() => client.gone, 'the end', 4_000);
  });

  it('a body that stops: its stream alone ends', async () => {
    await using room = await open({ listener: { http: { bodyTimeout: '300ms' } } });
    await using client = await connect(room);
    client.headers(1, POST, false);
    client.data(1, 'hello', false);
    expect(await client.outcome(1)).toBe('status');
    await client.when(
      () => client.frames.some(({ type, stream }) => type === FRAME.rst && stream === 1),
      'the reset',
    );
    client.headers(3, REQUEST, true);
    expect(await client.outcome(3)).toBe('200');
    expect(room.node.requests).toHaveLength(1);
    expect(room.gw.proxied[0]?.error?.code).toBe('GW_ERR_HTTP_TIMEOUT');
  });

  it.each([
    ['a large response', 1_000_000],
    // Its last piece fits into what is held for a reader: the node is done with it.
    ['the rest of one', 70_000],
  ])('a reader that does not open its window for %s', async (_, size) => {
    await using room = await open({
      listener: { limits: { writeTimeout: '1s' } },
      script: async (connection) => {
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(40_000)}`);
        await turns(50);
        await connection.write('x'.repeat(size - 40_000));
      },
    });
    await using client = await connect(room);
    client.headers(1, REQUEST, true);
    expect(await client.outcome(1)).toBe('200');
    await client.when(
      () => client.frames.some(({ type, stream }) => type === FRAME.rst && stream === 1),
      'the reset',
    );
    expect(room.gw.held.inFlight).toBe(0);
    // Its window for the connection is used up, but not for headers.
    client.headers(3, [[':method', 'HEAD'], ...REQUEST.slice(1)], true);
    expect(await client.outcome(3)).toMatch(/^(200|status)$/);
  });
});

it('F115 an idle connection whose client does not end its own side is given up', async () => {
  await using room = await open({ listener: { http: { keepAlive: '100ms', headersTimeout: '1s' } } });
  const halfOpen = { ca: folder.caPem, allowHalfOpen: true };
  await using silent = await connectH2(room.gw.port(), halfOpen);
  await expectGone(room, 15_000);
  expect(silent.frames.length).toBeGreaterThan(0);
});
