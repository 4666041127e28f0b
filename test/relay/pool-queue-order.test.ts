// The order of a connection and of a key, also through failures, on fake nodes and a fake clock.
import { describe, expect, test, vi } from 'vitest';
import { ids, useFakeClock } from './fake-clock.ts';
import { FakeSender, fakePool } from './fake-pool.ts';

useFakeClock();

const BY = { by: ['MSH-3'] };

describe('the order of one connection', () => {
  test('pipelining 1: the next goes when the one before it is answered', () => {
    const { at, send } = fakePool(1, { connections: { max: 8, pipelining: 1 } });
    const sender = new FakeSender();
    for (const id of ids(3)) send(sender, id);
    expect(at.a?.taken).toEqual(['X0']);
    at.a?.answer();
    expect(at.a?.taken).toEqual(['X0', 'X1']);
  });

  test('pipelining 4: four follow one another on one connection, the fifth waits', () => {
    const { at, send } = fakePool(1, { connections: { max: 8, pipelining: 4 } });
    const sender = new FakeSender();
    for (const id of ids(6)) send(sender, id);
    expect(at.a?.taken).toEqual(ids(4));
    at.a?.answer('X0');
    expect(at.a?.taken).toEqual(ids(5));
  });

  test('two connections do not wait for each other', () => {
    const { at, send } = fakePool(1, { connections: { max: 8 } });
    send(new FakeSender(), 'X0');
    send(new FakeSender(), 'X1');
    expect(at.a?.taken).toEqual(['X0', 'X1']);
  });

  test.each([1, 4])(
    'pipelining %i: after a failover the other node gets them in order, each once',
    (pipelining) => {
      const { at, send } = fakePool(2, {
        connections: { max: 2, pipelining },
        retry: { onAmbiguous: 'other-node' },
      });
      const sender = new FakeSender();
      for (const id of ids(8)) send(sender, id);
      at.a?.answer('X0');
      at.a?.break('GW_ERR_NODE_CLOSED');
      vi.runAllTicks();
      vi.advanceTimersToNextTimer();
      for (let served = 0; served < 40 && sender.settledIds.length < 8; served++) {
        if ((at.b?.inFlight ?? 0) > 0) at.b?.answer();
        else at.a?.answer();
        vi.advanceTimersByTime(0);
      }
      expect(sender.settledIds).toEqual(ids(8));
      expect([...sender.outcomes.values()].every(({ kind }) => kind === 'answered')).toBe(true);
      const lost = at.a?.taken.slice(1, 1 + pipelining);
      expect(at.b?.taken.slice(0, pipelining)).toEqual(lost);
    },
  );

  test('pipelining 4: written and unwritten ones of a broken connection are told apart, and keep their order', () => {
    const { at, send } = fakePool(2, { connections: { max: 1, pipelining: 4 } });
    const sender = new FakeSender();
    for (const id of ids(4)) send(sender, id);
    at.a?.break('GW_ERR_NODE_CLOSED', 2);
    vi.advanceTimersByTime(0);
    expect(ids(4).map((id) => sender.outcome(id))).toEqual([
      'GW_ERR_NODE_CLOSED',
      'GW_ERR_NODE_CLOSED',
      undefined,
      undefined,
    ]);
    // F31: the node itself is asked again, it was only the connection that had gone.
    expect(at.a?.taken).toEqual([...ids(4), 'X2', 'X3']);
    expect(at.b?.taken).toEqual([]);
  });

  test('a sticky sender stays with its node when a pooled connection had gone; a second time in a row it is moved', () => {
    const { at, send } = fakePool(2, { persistence: BY });
    send(new FakeSender(), 'X0', 'k');
    at.a?.break('GW_ERR_NODE_CLOSED', 0);
    vi.advanceTimersByTime(0);
    expect([at.a?.taken, at.b?.taken]).toEqual([['X0', 'X0'], []]);
    at.a?.break('GW_ERR_NODE_CLOSED', 0);
    vi.advanceTimersByTime(0);
    expect([at.a?.taken, at.b?.taken]).toEqual([['X0', 'X0'], ['X0']]);
  });

  test('the connection is closed at a failed message: none behind it is sent, also not one that was not yet written', () => {
    const { queue, at, send } = fakePool(2, { connections: { max: 1, pipelining: 2 } });
    const sender = new FakeSender();
    const all = ids(6).map((id) => send(sender, id));
    sender.onSettled = (exchange, { kind }) => {
      if (kind === 'failed' && exchange === all[0]) for (const other of all.slice(1)) other.abandon();
    };
    at.a?.break('GW_ERR_NODE_CLOSED', 1);
    vi.runAllTimers();
    expect(at.a?.taken).toEqual(['X0', 'X1']);
    expect(at.b?.taken).toEqual([]);
    expect(ids(6).map((id) => sender.outcome(id))).toEqual([
      'GW_ERR_NODE_CLOSED',
      'abandoned',
      'abandoned',
      'abandoned',
      'abandoned',
      'abandoned',
    ]);
    expect(queue.queued).toBe(0);
  });
});

describe('ordering by key', () => {
  const KEYED = { ordering: 'key', persistence: BY, connections: { max: 8, pipelining: 4 } };

  test('one message in flight for each key, over all connections, in the order of arrival', () => {
    const { at, send } = fakePool(1, KEYED);
    for (const id of ids(4)) send(new FakeSender(), id, 'k');
    send(new FakeSender(), 'OTHER', 'l');
    expect(at.a?.taken).toEqual(['X0', 'OTHER']);
    at.a?.answer('X0');
    at.a?.answer('X1');
    expect(at.a?.taken).toEqual(['X0', 'OTHER', 'X1', 'X2']);
  });

  test('a message without a key keeps its connection’s order only', () => {
    const { at, send } = fakePool(1, KEYED);
    send(new FakeSender(), 'X0');
    send(new FakeSender(), 'X1');
    expect(at.a?.taken).toEqual(['X0', 'X1']);
  });

  test('one that is abandoned does not hold up the others of its key', () => {
    const { at, send } = fakePool(1, KEYED);
    send(new FakeSender(), 'X0', 'k');
    const gone = send(new FakeSender(), 'X1', 'k');
    send(new FakeSender(), 'X2', 'k');
    gone.abandon();
    vi.advanceTimersByTime(0);
    expect(at.a?.taken).toEqual(['X0']);
    at.a?.answer('X0');
    expect(at.a?.taken).toEqual(['X0', 'X2']);
  });

  test('a key’s lane that was emptied and begun anew still lets only one through', () => {
    const { at, send } = fakePool(2, KEYED);
    send(new FakeSender(), 'X0', 'k');
    at.a?.refuse();
    // In the turn of its failure it is sent again, answered, and so is the next: the lane is empty. Then others come.
    send(new FakeSender(), 'X1', 'k');
    at.b?.answer('X0');
    at.a?.answer('X1');
    send(new FakeSender(), 'X2', 'k');
    vi.advanceTimersByTime(0);
    send(new FakeSender(), 'X3', 'k');
    expect([at.a?.taken, at.b?.taken]).toEqual([['X0', 'X1', 'X2'], ['X0']]);
  });
});
