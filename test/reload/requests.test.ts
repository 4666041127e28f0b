// Proxied requests that a reload meets (F46): what no node has seen goes by the new config, what a node has seen is answered by
// it, and tunnels live on for as long as their ends like.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { request } from '../faults/http-room.ts';
import { expectNothingHeld } from '../helpers/expect-relay.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { OK, type RawScript, startRawNode } from '../helpers/raw-http-node.ts';
import { type Gate, gate, turns, until } from '../helpers/until.ts';
import { acks, post } from '../http-hl7/room.ts';
import { allTo, closedPools, type Editable, type EditablePool, reload } from './room.ts';

const GET = request('GET / HTTP/1.1');
const AGREES = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const ASKS = request('GET /ws HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket']);

/** What is said behind its 101 comes back. */
const tunnel: RawScript = (connection) => {
  connection.socket.on('end', () => connection.end());
  connection.socket.on('data', (chunk: Buffer) => void connection.write(`back: ${chunk.toString('latin1')}`));
  return connection.write(AGREES);
};

const answersAfter =
  (hold: Gate, body: string): RawScript =>
  async (connection) => {
    await hold.opened;
    await connection.answer(body);
  };

/** The usual config, over HTTP, with one pool. */
function web(
  name: string,
  url: string,
  pool: object = {},
  edit: (config: Editable) => void = () => {},
): string {
  const whole: EditablePool = { nodes: { a: { url } }, health: { type: 'none' }, ...pool };
  return allTo(name, whole, (config) => {
    Object.assign(config.listeners.in ?? {}, { protocol: 'http' });
    edit(config);
  });
}

const waiting = (gw: Awaited<ReturnType<typeof startGateway>>): number =>
  [...gw.gateway.httpPools.values()].reduce((sum, { queued }) => sum + queued, 0);

describe('a request that no node has seen', () => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): void => void warnings.push(name);
  beforeEach(() => void process.on('warning', onWarning));
  afterEach(() => {
    vi.restoreAllMocks();
    process.off('warning', onWarning);
    expect(warnings.splice(0)).toEqual([]);
  });

  test.each([
    ['a request', request('POST / HTTP/1.1', ['Content-Length: 8'], 'abcd'), 'efgh', OK],
    [
      'a message',
      post(message({ controlId: 'ONE' })).subarray(0, -8),
      message({ controlId: 'ONE' }).subarray(-8),
      acks(),
    ],
  ])('F46 whose body is coming when its pool goes: %s', async (_, begin, end, script) => {
    await using a = await startRawNode(script);
    await using b = await startRawNode(script);
    await using gw = await startGateway(web('old', a.url));
    await using client = await connectClient(gw.port());
    await client.send(begin);
    await until(() => gw.gateway.listeners[0]?.connections === 1);
    await turns(20);
    await reload(gw, web('new', b.url));
    await until(() => closedPools(gw).length === 1);
    await client.send(end);
    expect((await client.response(0)).status).toBe(200);
    expect([a.requests.length, b.requests.length]).toEqual([0, 1]);
    await expectNothingHeld(gw);
  });

  test('F46 and waits for a node', async () => {
    const hold = gate();
    await using a = await startRawNode(answersAfter(hold, 'of the old one'));
    await using b = await startRawNode();
    const patient = { connections: { max: 1 }, queue: { timeout: '1h' } };
    await using gw = await startGateway(web('old', a.url, patient));
    await using first = await connectClient(gw.port());
    await using second = await connectClient(gw.port());
    await using third = await connectClient(gw.port());
    await first.send(GET);
    await a.arrived(1);
    await second.send(request('POST / HTTP/1.1', ['Content-Length: 4'], 'body'));
    await third.send(request('POST / HTTP/1.1', ['Transfer-Encoding: chunked'], '4\r\nbody\r\n'));
    await until(() => waiting(gw) === 2);
    await reload(gw, web('new', b.url));
    expect((await second.response(0)).status).toBe(200);
    await third.send('4\r\nmore\r\n0\r\n\r\n');
    expect((await third.response(0)).status).toBe(200);
    expect(b.requests.map(({ body }) => body.toString())).toEqual(['body', 'bodymore']);
    expect(closedPools(gw)).toEqual([]);
    hold.open();
    expect((await first.response(0)).body.toString()).toBe('of the old one');
    await until(() => closedPools(gw).length === 1);
    expect(a.requests.length).toBe(1);
    await expectNothingHeld(gw);
  });

  test('F46 is answered by the new config where that has no way for it, or no node in time', async () => {
    const hold = gate();
    await using a = await startRawNode(answersAfter(hold, ''));
    const one = { connections: { max: 1 }, queue: { timeout: '1h' } };
    await using gw = await startGateway(web('old', a.url, one));
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await connectClient(gw.port()));
    const [holds, waits, rejected] = clients;
    await holds?.send(GET);
    await a.arrived(1);
    await waits?.send(GET);
    await rejected?.send(request('GET /no HTTP/1.1'));
    await until(() => waiting(gw) === 2);
    // One reload after the other, and each is asked about.
    for (let i = 0; i < 15; i++) {
      await reload(
        gw,
        web('old', a.url, one, (config) => Object.assign(config.routes[0] ?? {}, { name: `${i}` })),
      );
      expect(waiting(gw)).toBe(2);
    }
    const strict = web('old', a.url, one, (config) => {
      config.routes.unshift({ name: 'no', when: { path: '/no' }, reject: { code: 'AR', text: 'no' } });
    });
    await reload(gw, strict);
    expect((await rejected?.response(0))?.status).toBe(403);
    // Its time has run from when it began to wait.
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 1_000_000);
    await reload(gw, web('old', a.url, { ...one, queue: { timeout: '500s' } }));
    expect((await waits?.response(0))?.status).toBe(503);
    expect(gw.proxied.map(({ error }) => error?.code)).toEqual([
      'GW_ERR_ROUTE_REJECTED',
      'GW_ERR_QUEUE_TIMEOUT',
    ]);
    hold.open();
    expect((await holds?.response(0))?.status).toBe(200);
    for (const client of clients) await client[Symbol.asyncDispose]();
    expect(a.requests.length).toBe(1);
  });

  test('F46 F68 and whose client goes while it waits, after a reload', async () => {
    const hold = gate();
    await using a = await startRawNode(answersAfter(hold, ''));
    const one = { connections: { max: 1 }, queue: { timeout: '1h' } };
    await using gw = await startGateway(web('old', a.url, one));
    await using holds = await connectClient(gw.port());
    const waits = await connectClient(gw.port());
    await holds.send(GET);
    await a.arrived(1);
    await waits.send(request('POST / HTTP/1.1', ['Content-Length: 4'], 'body'));
    await until(() => waiting(gw) === 1);
    await reload(gw, web('old', a.url, one));
    expect([waiting(gw), gw.held.bytes]).toEqual([1, 4]);
    waits.reset();
    await until(() => waiting(gw) === 0);
    hold.open();
    await holds.response(0);
    await expectNothingHeld(gw);
    expect(gw.proxied.map(({ error }) => error?.code)).toEqual(['GW_ERR_HTTP_CUT', undefined]);
  });
});

test('the next request of an open connection goes by the new routes, and is bound by the new cookie', async () => {
  await using a = await startRawNode();
  await using b = await startRawNode();
  const bound = (cookie: string): object => ({ persistence: { cookie } });
  await using gw = await startGateway(web('pool', a.url, bound('ONE')));
  await using client = await connectClient(gw.port());
  await client.send(GET);
  const first = await client.response(0);
  await reload(gw, web('pool', b.url, bound('TWO')));
  await client.send(GET);
  const second = await client.response(1);
  const cookies = [first, second].map(({ fields }) =>
    fields.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, text]) => text.split('=')[0]),
  );
  expect(cookies).toEqual([['ONE'], ['TWO']]);
  expect([a.requests.length, b.requests.length]).toEqual([1, 1]);
});

describe('a tunnel', () => {
  test.each([
    ['its node is made anew', 'pool', { timeouts: { ack: '29s' } }, true],
    ['its node is gone', 'pool', {}, false],
    ['its pool is gone', 'new', {}, false],
  ])('F46 F56 lives on: %s', async (_, name, more, same) => {
    await using a = await startRawNode(tunnel);
    await using b = await startRawNode();
    await using gw = await startGateway(web('pool', a.url));
    await using client = await connectClient(gw.port());
    await client.send(ASKS);
    await client.when(() => client.text.endsWith('\r\n\r\n'), 'a tunnel');
    await reload(gw, web(name, same ? a.url : b.url, more));
    await client.send('hello');
    await client.when(() => client.text.endsWith('back: hello'), 'an echo');
    if (name !== 'pool') expect(gw.gateway.pools.isBusy).toBe(true);
    expect(closedPools(gw)).toEqual([]);
    await client[Symbol.asyncDispose]();
    await (await a.connection(0)).closed;
    await until(() => !gw.gateway.pools.isBusy);
    if (name !== 'pool') await until(() => closedPools(gw).length === 1);
    await expectNothingHeld(gw);
  });

  test('F46 of a listener that is gone ends with `shutdown.timeout`', async () => {
    await using a = await startRawNode(tunnel);
    const config = (listener: string, timeout: string) =>
      web('pool', a.url, {}, (one) => {
        one.listeners = { [listener]: { protocol: 'http', bind: '127.0.0.1:0' } };
        one.shutdown = { timeout };
      });
    await using gw = await startGateway(config('in', '1h'));
    await using lasting = await connectClient(gw.port());
    await lasting.send(ASKS);
    await lasting.when(() => lasting.text.endsWith('\r\n\r\n'), 'a tunnel');
    await reload(gw, config('other', '1ms'));
    await lasting.when(() => lasting.ended, 'the end');
    await until(() => gw.log.some(({ msg }) => msg === 'listener closed'));
    await expectNothingHeld(gw);
  });
});
