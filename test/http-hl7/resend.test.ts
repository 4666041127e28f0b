// Messages that a node over HTTP did not take: 503 and 429 say that nobody worked on them, so another node may have them;
// a 4xx is final; everything else is ambiguous, and `onAmbiguous` decides.
import { describe, expect, it } from 'vitest';
import { startBlackHole } from '../helpers/black-hole.ts';
import { ways } from '../helpers/expect-relay.ts';
import { message } from '../helpers/mllp.ts';
import type { RawConnection, RawNode, RawScript } from '../helpers/raw-http-node.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { gate, turns, until } from '../helpers/until.ts';
import {
  acks,
  arrived,
  ask,
  ended,
  expectNothingHeld,
  expectRefusal,
  LONG,
  PATIENCE_MS,
  type PostRoom,
  post,
  says,
  toHttp,
  told,
} from './room.ts';

const X1 = message({ controlId: 'X1' });

/** Node a is asked first, node b takes everything. */
async function openPair(
  a: RawScript,
  pool: Record<string, unknown> = {},
  listener: Record<string, unknown> = {},
): Promise<PostRoom<RawNode> & { a: RawNode; b: RawNode }> {
  const room = await toHttp({ count: 2, pool: { balance: 'round-robin', ...pool }, listener });
  const [first, second] = room.nodes as [RawNode, RawNode];
  first.script = a;
  return { ...room, a: first, b: second };
}

const counts = ({ a, b }: { a: RawNode; b: RawNode }) => [a.requests.length, b.requests.length];

const AMBIGUOUS: readonly (readonly [what: string, script: RawScript, code: string])[] = [
  ['a 500', says(500), 'GW_ERR_NODE_STATUS'],
  ['a 502', says(502), 'GW_ERR_NODE_STATUS'],
  ['a 504', says(504), 'GW_ERR_NODE_STATUS'],
  ['a 204', says(204), 'GW_ERR_ACK_INVALID'],
  ['no HL7', says(200, 'thank you'), 'GW_ERR_ACK_INVALID'],
  ['another MSA-2', acks({ controlId: 'X2' }), 'GW_ERR_ACK_MISMATCH'],
  ['a FIN', (connection) => connection.end(), 'GW_ERR_NODE_CLOSED'],
  ['an RST', (connection) => connection.reset(), 'GW_ERR_NODE_CLOSED'],
  ['no HTTP', (connection) => connection.write('220 mail.test ESMTP\r\n'), 'GW_ERR_NODE_RESPONSE'],
  ['nothing', () => undefined, 'GW_ERR_ACK_TIMEOUT'],
];

describe.each([503, 429])('%i', LONG, (status) => {
  it.each(['fail', 'same-node', 'other-node'])(
    'is not sent, whatever onAmbiguous says: %s',
    async (onAmbiguous) => {
      await using room = await openPair(says(status, 'later', ['Retry-After: 60']), {
        retry: { onAmbiguous },
      });
      expect(told(await room.ask(post(X1)))).toBe('200 AA X1');
      expect(counts(room)).toEqual([1, 1]);
      expect(room.b.request.body.equals(X1)).toBe(true);
      expect(ways(await ended(room.gw))).toEqual(['a GW_ERR_NODE_BUSY', 'b ok']);
    },
  );

  it('does not make its node down', async () => {
    await using room = await openPair(says(status), { health: { type: 'none', fall: 1 } });
    for (const id of ['X1', 'X2', 'X3'])
      expect(told(await room.ask(post(message({ controlId: id }))))).toBe(`200 AA ${id}`);
    expect(room.gw.log.filter(({ msg }) => msg === 'node down')).toEqual([]);
  });

  it('with a body that is not whole yet: the message goes elsewhere all the same', async () => {
    await using room = await openPair(() => undefined);
    const early = room.a;
    const body = message({ controlId: 'X1', size: 4_000_000 });
    const asked = room.ask(post(body));
    await early.when(() => early.connections.length === 1, 'a connection', PATIENCE_MS);
    const [connection] = early.connections as [RawConnection];
    await early.when(() => connection.bytes > 1000, 'the first bytes', PATIENCE_MS);
    void connection.write(`HTTP/1.1 ${status} Full\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    expect(told(await asked)).toBe('200 AA X1');
    expect(room.b.request.body.equals(body)).toBe(true);
    await expectNothingHeld(room.gw);
  });
});

describe('another 4xx, or a redirection', LONG, () => {
  it.each([301, 307, 400, 401, 404, 408, 413, 422])('%i is final', async (status) => {
    await using room = await openPair(says(status, '', ['Location: /elsewhere', 'WWW-Authenticate: Basic']), {
      retry: { onAmbiguous: 'other-node', attempts: 5 },
      health: { type: 'none', fall: 1 },
    });
    const response = await room.ask(post(X1));
    expectRefusal(response, 502, 'GW_ERR_NODE_REFUSED');
    expect(response.fields.map(([name]) => name)).not.toContain('location');
    expect(counts(room)).toEqual([1, 0]);
    expect((await ended(room.gw)).outcome).toMatchObject({ kind: 'failed', ambiguous: false });
    expect(room.gw.log.filter(({ msg }) => msg === 'node down')).toEqual([]);
  });
});

describe.each(AMBIGUOUS)('%s', LONG, (_, script, code) => {
  const timeouts = { ack: code === 'GW_ERR_ACK_TIMEOUT' ? '1s' : '30s' };

  it('fail: sent nowhere else', async () => {
    await using room = await openPair(script, { timeouts });
    expect((await room.ask(post(X1))).status).toBe(code === 'GW_ERR_ACK_TIMEOUT' ? 504 : 502);
    expect(ways(await ended(room.gw))).toEqual([`a ${code}`]);
    expect(counts(room)).toEqual([1, 0]);
  });

  it('other-node: the same bytes to the other', async () => {
    await using room = await openPair(script, {
      timeouts,
      retry: { onAmbiguous: 'other-node', budget: '20s' },
    });
    expect(told(await room.ask(post(X1)))).toBe('200 AA X1');
    expect(ways(await ended(room.gw))).toEqual([`a ${code}`, 'b ok']);
    expect([room.a.request.body.equals(X1), room.b.request.body.equals(X1)]).toEqual([true, true]);
  });

  it('same-node: once more to it alone, `attempts` times in all', async () => {
    const retry = { onAmbiguous: 'same-node', attempts: 3, budget: '20s' };
    await using room = await openPair(script, { timeouts, retry, health: { type: 'none', fall: 1000 } });
    expect((await room.ask(post(X1))).status).toBeGreaterThanOrEqual(502);
    expect(ways(await ended(room.gw))).toEqual([`a ${code}`, `a ${code}`, `a ${code}`]);
    expect(counts(room)).toEqual([3, 0]);
    await expectNothingHeld(room.gw);
  });
});

describe('a message that a node may have', LONG, () => {
  it('is never told to be with nobody: 502 and not 503, whatever came after', async () => {
    await using room = await openPair((connection) => connection.end(), {
      retry: { onAmbiguous: 'same-node', attempts: 5, budget: '1500ms' },
      queue: { timeout: '1500ms' },
      health: { type: 'none', fall: 1000 },
    });
    // From the second time on it says that it is busy.
    room.a.script = (connection, _request, index) =>
      index === 0 ? connection.end() : says(503)(connection, _request, index);
    expectRefusal(await room.ask(post(X1)), 502, 'GW_ERR_NODE_CLOSED');
    const exchange = await ended(room.gw);
    expect(exchange.outcome).toMatchObject({ ambiguous: true, error: { code: 'GW_ERR_NODE_BUSY' } });
    expect(ways(exchange).slice(0, 2)).toEqual(['a GW_ERR_NODE_CLOSED', 'a GW_ERR_NODE_BUSY']);
    expect(room.b.requests).toEqual([]);
  });

  it('is answered to nobody by a node that is late: its connection has ended by then', async () => {
    await using room = await toHttp({
      script: () => undefined,
      routes: [{ when: { 'MSH-10': 'X1' }, to: 'pool', http: { timeout: '100ms' } }, { to: 'pool' }],
    });
    expectRefusal(await room.ask(post(X1)), 504, 'GW_ERR_ACK_TIMEOUT');
    const [connection] = room.node.connections as [RawConnection];
    await turns(20);
    expect(connection.ended || connection.gone).toBe(true);
    void acks()(connection, room.node.request, 0);
    room.node.script = acks();
    expect(told(await room.ask(post(message({ controlId: 'X2' }))))).toBe('200 AA X2');
    expect(room.node.connections.map(({ requests }) => requests.length)).toEqual([1, 1]);
    await expectNothingHeld(room.gw);
  });
});

describe('a keep-alive connection', LONG, () => {
  it('carries one message after the other', async () => {
    await using room = await toHttp();
    const client = await room.connect();
    for (const id of ['X1', 'X2', 'X3'])
      expect(told(await ask(client, post(message({ controlId: id }))))).toBe(`200 AA ${id}`);
    expect(room.node.connections.length).toBe(1);
  });

  it('F31 that the node has closed is dialled anew, and its sender sees nothing', async () => {
    await using room = await toHttp();
    const client = await room.connect();
    for (const [index, id] of ['X1', 'X2', 'X3'].entries()) {
      expect(told(await ask(client, post(message({ controlId: id }))))).toBe(`200 AA ${id}`);
      const connection = room.node.connections[index];
      connection?.[index === 0 ? 'end' : 'reset']();
      await connection?.closed;
    }
    expect(room.gw.messages.map((exchange) => exchange.writes)).toEqual([1, 1, 1]);
    expect(room.node.requests.length).toBe(3);
  });

  it('that is not there in time has had no message, however short timeouts.ack is: another node gets it', async () => {
    await using hole = await startBlackHole();
    if (hole === undefined) return;
    await using other = await toHttp();
    await using room = await toHttp({
      pool: {
        nodes: { a: { url: `http://127.0.0.1:${hole.port}` }, b: { url: other.node.url, backup: true } },
        timeouts: { ack: '100ms', connect: '2s' },
        queue: { timeout: '20s' },
        health: { type: 'none', fall: 1 },
      },
    });
    const response = await room.ask(post(X1));
    const exchange = await ended(room.gw);
    expect(ways(exchange)[0]).toBe('a GW_ERR_NODE_CONNECT_TIMEOUT');
    expect(exchange.writes).toBe(1);
    // Node b has 100 ms, which are not this test's business.
    expect([200, 504]).toContain(response.status);
    await arrived(other.node, 1);
  });

  it('may take its time to be there: timeouts.ack begins behind that', async () => {
    using folder = createTlsFolder();
    const { certPem: cert, keyPem: key } = folder.pems.good;
    // The handshake waits for the gate.
    const hold = gate();
    await using room = await toHttp({
      nodeOptions: { tls: { cert, key, SNICallback: (_, done) => void hold.opened.then(() => done(null)) } },
      nodeKeys: { tls: { ca: folder.caFile, servername: 'localhost' } },
      pool: { timeouts: { ack: '2s', connect: '20s' } },
    });
    const asked = room.ask(post(X1));
    await until(() => room.gw.held.inFlight === 1, { deadlineMs: PATIENCE_MS });
    const timer = setTimeout(() => hold.open(), 2500);
    expect(told(await asked)).toBe('200 AA X1');
    clearTimeout(timer);
    expect(ways(await ended(room.gw))).toEqual(['a ok']);
  });
});
