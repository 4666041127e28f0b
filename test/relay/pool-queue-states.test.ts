// Messages while nodes go down, come back by a trial, drain and are taken out, on fake nodes and a fake clock.
import { describe, expect, test, vi } from 'vitest';
import { ids, useFakeClock } from './fake-clock.ts';
import { type FakePoolOptions, FakeSender, fakePool } from './fake-pool.ts';

useFakeClock();

const HASH = { persistence: { by: ['MSH-3'] } };
const TABLE = { persistence: { by: ['MSH-3'], mode: 'table' } };
/** Both are primaries, and only trials bring one back. */
const PAIR: FakePoolOptions = { backups: false, proof: undefined };
const OUT = { ejection: { base: '1s' } };

/** A key that mode hash gives to this node. */
function keyOf(pool: ReturnType<typeof fakePool>, name: string): string {
  for (let i = 0; ; i++) if (pool.queue.pool.choose(`k${i}`)?.node.name === name) return `k${i}`;
}

describe('F44 an outage', () => {
  /** When each message was told, counted from when it was received. */
  function told(sender: FakeSender): Map<string, number> {
    const after = new Map<string, number>();
    sender.onSettled = (exchange) => {
      after.set(exchange.header.controlId, Math.round(performance.now() - exchange.receivedAt));
    };
    return after;
  }

  test.each([1, 4])(
    'every message of one connection is told queue.timeout after it was received, not one after the other (pipelining %i)',
    (pipelining) => {
      const { nodes, send, queue } = fakePool(2, {
        queue: { timeout: '3s' },
        connections: { pipelining },
      });
      for (const node of Object.values(nodes)) node.failedBy('test');
      const sender = new FakeSender();
      const after = told(sender);
      for (const id of ids(5)) send(sender, id);
      vi.advanceTimersByTime(1000);
      for (const id of ids(5, 'Y')) send(sender, id);
      vi.advanceTimersByTime(9000);
      for (const id of ids(2, 'Z')) send(sender, id);
      vi.advanceTimersByTime(3000);
      expect([...after]).toEqual([...ids(5), ...ids(5, 'Y'), ...ids(2, 'Z')].map((id) => [id, 3000]));
      expect(queue.queued).toBe(0);
    },
  );

  test('the same for a key over all connections', () => {
    const { nodes, send } = fakePool(1, { queue: { timeout: '3s' }, ordering: 'key', ...HASH });
    nodes.a?.failedBy('test');
    const senders = ids(4).map(() => new FakeSender());
    const times = senders.map(told);
    for (const [i, sender] of senders.entries()) send(sender, `X${i}`, 'k');
    vi.advanceTimersByTime(3000);
    expect(times.map((after, i) => after.get(`X${i}`))).toEqual([3000, 3000, 3000, 3000]);
  });

  test('nodes that refuse each message: the time spent on trying counts', () => {
    const { at, send } = fakePool(1, { queue: { timeout: '1s' }, retry: { budget: '0' } }, { fall: 1000 });
    const sender = new FakeSender();
    const after = told(sender);
    for (const id of ids(3)) send(sender, id);
    // A dial that takes 300 ms to fail, over and over.
    for (let i = 0; i < 40 && after.size < 3; i++) {
      vi.advanceTimersByTime(300);
      if ((at.a?.inFlight ?? 0) > 0) at.a?.fail('GW_ERR_NODE_CONNECT_TIMEOUT');
      vi.advanceTimersByTime(0);
    }
    for (const ms of after.values()) expect(ms).toBeLessThanOrEqual(1000 + 3 * 300);
    expect(after.size).toBe(3);
  });

  test('one that waited behind a message in work has its own time from its turn', () => {
    const { at, send, queue } = fakePool(1, { connections: { max: 1 }, queue: { timeout: '1s' } });
    const [sender, other] = [new FakeSender(), new FakeSender()];
    send(sender, 'X0');
    send(sender, 'X1');
    send(other, 'BUSY');
    vi.advanceTimersByTime(900);
    at.a?.answer('X0');
    // The only place went to the one that had waited longest for a node.
    expect(at.a?.taken).toEqual(['X0', 'BUSY']);
    vi.advanceTimersByTime(900);
    expect(sender.outcome('X1')).toBeUndefined();
    expect(queue.queued).toBe(1);
    at.a?.answer('BUSY');
    expect(at.a?.taken).toEqual(['X0', 'BUSY', 'X1']);
  });

  test('nor does an ambiguous failure of the one before it take its time away', () => {
    const { nodes, at, send } = fakePool(1, { queue: { timeout: '1s' } }, { fall: 2 });
    const sender = new FakeSender();
    send(sender, 'X0');
    send(sender, 'X1');
    vi.advanceTimersByTime(30_000);
    nodes.a?.failedBy('test');
    at.a?.fail('GW_ERR_ACK_TIMEOUT');
    vi.advanceTimersByTime(0);
    expect([sender.outcome('X0'), sender.outcome('X1')]).toEqual(['GW_ERR_ACK_TIMEOUT', undefined]);
    vi.advanceTimersByTime(999);
    expect(sender.outcome('X1')).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(sender.outcome('X1')).toBe('GW_ERR_QUEUE_TIMEOUT');
  });

  test('a resend that has to wait has its time from the failure on', () => {
    const { nodes, at, send } = fakePool(1, {
      queue: { timeout: '1s' },
      retry: { onAmbiguous: 'same-node', budget: '1m' },
    });
    const sender = new FakeSender();
    send(sender, 'X0');
    vi.advanceTimersByTime(30_000);
    at.a?.break('GW_ERR_NODE_CLOSED');
    nodes.a?.maintenance();
    vi.advanceTimersByTime(999);
    expect(sender.outcome('X0')).toBeUndefined();
    nodes.a?.ready();
    expect(at.a?.taken).toEqual(['X0', 'X0']);
  });
});

describe('F45 a node comes back', () => {
  test('one message is tried alone, the others wait; when it is answered they go', () => {
    const { queue, nodes, at, send } = fakePool(1, OUT, PAIR);
    send(new FakeSender(), 'X0');
    at.a?.fail('GW_ERR_NODE_CONNECT');
    // The last node there is: it may be tried at once, and the message itself goes there again after a pause.
    expect(nodes.a?.status).toMatchObject({ state: 'down', trial: true });
    for (const id of ['X1', 'X2', 'X3']) send(new FakeSender(), id);
    vi.advanceTimersByTime(100);
    expect(at.a?.taken).toEqual(['X0', 'X1']);
    expect(queue.queued).toBe(3);
    at.a?.answer();
    expect(nodes.a?.state).toBe('up');
    expect(at.a?.taken.slice(2).toSorted()).toEqual(['X0', 'X2', 'X3']);
    expect(queue.queued).toBe(0);
  });

  test('while another node is there nobody waits for the trial', () => {
    const { nodes, at, send } = fakePool(2, { ...OUT, balance: 'round-robin' }, PAIR);
    for (const id of ids(2)) send(new FakeSender(), id);
    at.a?.fail('GW_ERR_ACK_TIMEOUT');
    expect(nodes.a?.status).toMatchObject({ state: 'down', trial: false });
    for (const id of ids(3, 'B')) send(new FakeSender(), id);
    expect(at.b?.taken).toEqual(['X1', 'B0', 'B1', 'B2']);
    vi.advanceTimersByTime(1000);
    for (const id of ids(4, 'T')) send(new FakeSender(), id);
    // The first goes there, whatever the balance says; the rest does not follow it.
    expect(at.a?.taken).toEqual(['X0', 'T0']);
    expect(at.b?.taken.slice(4)).toEqual(['T1', 'T2', 'T3']);
    at.a?.answer('T0');
    for (const id of ids(2, 'U')) send(new FakeSender(), id);
    expect(at.a?.taken).toContain('U0');
  });

  test('a trial that fails before the message is written costs it nothing: another node has it at once', () => {
    const { nodes, at, send } = fakePool(2, { ...OUT, balance: 'round-robin' }, PAIR);
    send(new FakeSender(), 'X0');
    at.a?.fail('GW_ERR_NODE_CONNECT');
    vi.advanceTimersByTime(1000);
    const sender = new FakeSender();
    send(sender, 'T0');
    at.a?.fail('GW_ERR_NODE_CONNECT');
    vi.advanceTimersByTime(0);
    expect(at.b?.taken).toContain('T0');
    expect(nodes.a?.status).toMatchObject({ trial: false, ejectedForMs: 2000 });
  });

  test.each(['hash', 'table'])(
    'mode %s: the senders of a node that is out are served by the other',
    (mode) => {
      const pool = fakePool(2, { ...OUT, persistence: { by: ['MSH-3'], mode } }, PAIR);
      const { at, send } = pool;
      send(new FakeSender(), 'X0', 'k');
      const [own, other] = at.a?.taken.length === 1 ? [at.a, at.b] : [at.b, at.a];
      own?.fail('GW_ERR_ACK_TIMEOUT');
      send(new FakeSender(), 'X1', 'k');
      expect(other?.taken).toEqual(['X1']);
      vi.advanceTimersByTime(1000);
      send(new FakeSender(), 'X2', 'k');
      send(new FakeSender(), 'X3', 'k');
      // A table keeps a sender where it is now; a hash brings it back, and makes its first message the trial.
      if (mode === 'table') expect(other?.taken).toEqual(['X1', 'X2', 'X3']);
      else
        expect([own?.taken, other?.taken]).toEqual([
          ['X0', 'X2'],
          ['X1', 'X3'],
        ]);
    },
  );

  test('a sender moves back with nothing in flight: its pipelined messages are answered first', () => {
    const pool = fakePool(2, { ...HASH, connections: { pipelining: 4 } }, { backups: false });
    const { nodes, at, send } = pool;
    const key = keyOf(pool, 'a');
    nodes.a?.failedBy('test');
    const sender = new FakeSender();
    for (const id of ids(3)) send(sender, id, key);
    expect(at.b?.taken).toEqual(ids(3));
    nodes.a?.passed();
    send(sender, 'X3', key);
    expect([at.a?.taken, at.b?.taken]).toEqual([[], ids(3)]);
    at.b?.answer('X0');
    at.b?.answer('X1');
    expect(at.a?.taken).toEqual([]);
    at.b?.answer('X2');
    expect(at.a?.taken).toEqual(['X3']);
  });

  test('a resend that is bound to a node is its trial', () => {
    const retry = { onAmbiguous: 'same-node', budget: '1m' };
    const { nodes, at, send } = fakePool(2, { ...OUT, retry }, PAIR);
    const sender = new FakeSender();
    send(sender, 'X0');
    const own = at.a?.taken.length === 1 ? 'a' : 'b';
    at[own]?.fail('GW_ERR_NODE_CLOSED');
    vi.advanceTimersByTime(999);
    expect(at[own]?.taken).toEqual(['X0']);
    vi.advanceTimersByTime(1);
    expect(at[own]?.taken).toEqual(['X0', 'X0']);
    at[own]?.answer();
    expect([sender.outcome('X0'), nodes[own]?.state]).toEqual(['answered', 'up']);
  });
});

describe('draining', () => {
  test('mode table: the senders that it has stay, new ones go elsewhere', () => {
    const { nodes, at, send } = fakePool(2, { ...TABLE, balance: 'round-robin' }, { backups: false });
    send(new FakeSender(), 'X0', 'old');
    at.a?.answer();
    nodes.a?.drain();
    for (const id of ids(2, 'N')) send(new FakeSender(), id, id);
    send(new FakeSender(), 'X1', 'old');
    send(new FakeSender(), 'X2');
    expect([at.a?.taken, at.b?.taken]).toEqual([
      ['X0', 'X1'],
      ['N0', 'N1', 'X2'],
    ]);
  });

  test('mode hash: its senders move at once, each with nothing in flight', () => {
    const pool = fakePool(2, { ...HASH, connections: { pipelining: 4 } }, { backups: false });
    const { nodes, at, send } = pool;
    const key = keyOf(pool, 'a');
    const [busy, idle] = [new FakeSender(), new FakeSender()];
    for (const id of ids(2)) send(busy, id, key);
    nodes.a?.drain();
    send(idle, 'I0', key);
    send(busy, 'X2', key);
    expect([at.a?.taken, at.b?.taken]).toEqual([['X0', 'X1'], ['I0']]);
    at.a?.answer('X0');
    at.a?.answer('X1');
    expect(at.b?.taken).toEqual(['I0', 'X2']);
  });

  test('messages that wait for it alone: those of a hash go elsewhere, those of a table go on waiting', () => {
    for (const [mode, elsewhere] of [
      ['hash', ['W']],
      ['table', []],
    ] as const) {
      const pool = fakePool(
        2,
        { persistence: { by: ['MSH-3'], mode }, connections: { max: 1 } },
        { backups: false },
      );
      const { nodes, at, send } = pool;
      const key = mode === 'hash' ? keyOf(pool, 'a') : 'k';
      send(new FakeSender(), 'X', key);
      const own = at.a?.taken.length === 1 ? 'a' : 'b';
      const other = own === 'a' ? 'b' : 'a';
      send(new FakeSender(), 'W', key);
      expect([pool.queue.queued, nodes[other]?.hasRoom, at[other]?.taken]).toEqual([1, true, []]);
      nodes[own]?.drain();
      expect(at[other]?.taken).toEqual(elsewhere);
      at[own]?.answer();
      expect(at[own]?.taken).toEqual(mode === 'hash' ? ['X'] : ['X', 'W']);
    }
  });

  test.each(['drain', 'weight 0'])('a connection that never falls silent is led away, too (%s)', (how) => {
    const pool = fakePool(2, { connections: { pipelining: 2 }, balance: 'round-robin' }, { backups: false });
    const { nodes, at, send } = pool;
    const sender = new FakeSender();
    for (const id of ids(2)) send(sender, id);
    expect(at.a?.taken).toEqual(ids(2));
    if (how === 'drain') nodes.a?.drain();
    else nodes.a?.setWeight(0);
    for (const id of ['X2', 'X3']) send(sender, id);
    at.a?.answer('X0');
    expect(at.a?.taken).toEqual(ids(2));
    at.a?.answer('X1');
    expect(at.b?.taken).toEqual(['X2', 'X3']);
  });

  test('the backup takes the new ones when the only primary drains; ready brings them back', () => {
    const { nodes, at, send } = fakePool(2, {});
    nodes.a?.drain();
    send(new FakeSender(), 'X0');
    expect(at.b?.taken).toEqual(['X0']);
    nodes.a?.ready();
    send(new FakeSender(), 'X1');
    expect(at.a?.taken).toEqual(['X1']);
  });
});

describe('F46 maintenance', () => {
  test('what it has is answered, what waits for it and what comes goes elsewhere, in order', () => {
    const pool = fakePool(2, { ...HASH, connections: { max: 1 } }, { backups: false });
    const { queue, nodes, at, send } = pool;
    const key = keyOf(pool, 'a');
    const [first, second] = [new FakeSender(), new FakeSender()];
    send(first, 'X0', key);
    send(first, 'X1', key);
    send(second, 'W', key);
    expect(queue.queued).toBe(1);
    nodes.a?.maintenance();
    expect([at.a?.taken, at.b?.taken]).toEqual([['X0'], ['W']]);
    at.a?.answer('X0');
    expect(first.outcome('X0')).toBe('answered');
    at.b?.answer('W');
    expect([at.a?.taken, at.b?.taken]).toEqual([['X0'], ['W', 'X1']]);
  });

  test('of the only node: messages wait, and go when it is ready', () => {
    const { queue, nodes, at, send } = fakePool(1, { queue: { timeout: '3s' } });
    nodes.a?.maintenance();
    for (const id of ids(3)) send(new FakeSender(), id);
    expect(queue.queued).toBe(3);
    nodes.a?.ready();
    expect(at.a?.taken).toEqual(ids(3));
  });

  test('a weight that becomes more than 0 lets in what waits', () => {
    const { nodes, at, send } = fakePool(1, {});
    nodes.a?.setWeight(0);
    send(new FakeSender(), 'X0');
    expect(at.a?.taken).toEqual([]);
    nodes.a?.setWeight(1);
    expect(at.a?.taken).toEqual(['X0']);
  });
});

test('messages that fail are counted where they failed, by code', () => {
  const { nodes, at, send } = fakePool(2, {}, { fall: 10 });
  send(new FakeSender(), 'X0');
  send(new FakeSender(), 'X1');
  at.a?.fail('GW_ERR_NODE_CONNECT');
  at.a?.fail('GW_ERR_ACK_TIMEOUT');
  expect(nodes.a?.status.failures).toEqual({ GW_ERR_NODE_CONNECT: 1, GW_ERR_ACK_TIMEOUT: 1 });
});
