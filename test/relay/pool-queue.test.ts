// Queues, deadlines and what is sent again, on fake nodes and a fake clock.
import { describe, expect, test, vi } from 'vitest';
import { ids, useFakeClock } from './fake-clock.ts';
import { FakeSender, fakePool } from './fake-pool.ts';

useFakeClock();

const BY = { by: ['MSH-3'] };

describe('the queue', () => {
  test('is bounded: one more is given up at once', () => {
    const { queue, at, send } = fakePool(1, {
      connections: { max: 1 },
      queue: { max: 2, timeout: '3s' },
    });
    const senders = ids(4).map(() => new FakeSender());
    for (const [i, sender] of senders.entries()) send(sender, `X${i}`);
    expect(queue.queued).toBe(2);
    expect(senders.map((sender, i) => sender.outcome(`X${i}`))).toEqual([
      undefined,
      undefined,
      undefined,
      'GW_ERR_QUEUE_FULL',
    ]);
    for (let i = 0; i < 3; i++) at.a?.answer();
    expect(at.a?.taken).toEqual(['X0', 'X1', 'X2']);
    expect(queue.queued).toBe(0);
  });

  test('has a deadline for each message, counted from when it began to wait', () => {
    const { queue, at, send } = fakePool(1, { connections: { max: 1 }, queue: { timeout: '3s' } });
    const [busy, first, second] = [new FakeSender(), new FakeSender(), new FakeSender()];
    send(busy, 'BUSY');
    send(first, 'X1');
    vi.advanceTimersByTime(1000);
    send(second, 'X2');
    vi.advanceTimersByTime(1999);
    expect(first.outcome('X1')).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(first.outcome('X1')).toBe('GW_ERR_QUEUE_TIMEOUT');
    expect(second.outcome('X2')).toBeUndefined();
    vi.advanceTimersByTime(1000);
    expect(second.outcome('X2')).toBe('GW_ERR_QUEUE_TIMEOUT');
    expect(queue.queued).toBe(0);
    // The turn of the event loop that told it has its end.
    vi.advanceTimersByTime(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(at.a?.taken).toEqual(['BUSY']);
  });

  test('is served oldest first, whatever the sticky key', () => {
    const { at, send } = fakePool(1, { connections: { max: 1 }, persistence: BY });
    send(new FakeSender(), 'BUSY');
    send(new FakeSender(), 'X0', 'k');
    send(new FakeSender(), 'X1');
    send(new FakeSender(), 'X2', 'l');
    send(new FakeSender(), 'X3');
    for (let i = 0; i < 4; i++) at.a?.answer();
    expect(at.a?.taken).toEqual(['BUSY', 'X0', 'X1', 'X2', 'X3']);
  });

  test('a node that goes down gives up its queue to the others', () => {
    const { queue, nodes, at, send } = fakePool(2, { connections: { max: 1 }, persistence: BY });
    const sender = new FakeSender();
    send(new FakeSender(), 'BUSY', 'k');
    send(sender, 'X1', 'k');
    expect(queue.queued).toBe(1);
    nodes.a?.failedBy('test');
    expect(at.b?.taken).toEqual(['X1']);
    expect(queue.queued).toBe(0);
  });

  test('without any node, messages are parked and go as soon as one is up', () => {
    const { queue, nodes, at, send } = fakePool(1, {});
    nodes.a?.failedBy('test');
    for (const id of ids(3)) send(new FakeSender(), id);
    expect(queue.queued).toBe(3);
    nodes.a?.passed();
    expect(at.a?.taken).toEqual(ids(3));
    expect(queue.queued).toBe(0);
  });

  test('a message that every node refuses is tried again after a pause, until its time is over', async () => {
    const { at, send } = fakePool(2, { queue: { timeout: '1s' }, retry: { budget: '0' } });
    const sender = new FakeSender();
    send(sender, 'X1');
    while (sender.outcome('X1') === undefined) {
      at.a?.refuse();
      await vi.advanceTimersByTimeAsync(1);
      at.b?.refuse();
      await vi.advanceTimersByTimeAsync(1);
    }
    const tries = (at.a?.taken.length ?? 0) + (at.b?.taken.length ?? 0);
    // A pause of 100 ms between rounds of two.
    expect(tries).toBeGreaterThan(14);
    expect(tries).toBeLessThan(24);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an ambiguous failure', () => {
  test('fail: given up at once', () => {
    const { at, send } = fakePool(2, { retry: { onAmbiguous: 'fail' } });
    const sender = new FakeSender();
    send(sender, 'X0');
    at.a?.break('GW_ERR_ACK_TIMEOUT');
    expect(sender.outcomes.get('X0')).toMatchObject({ kind: 'failed', ambiguous: true });
  });

  test('same-node: that one, also where it has refused in between, and no other ever', () => {
    const { queue, at, send } = fakePool(2, {
      retry: { onAmbiguous: 'same-node', attempts: 2 },
      queue: { timeout: '3s' },
    });
    const sender = new FakeSender();
    send(sender, 'X0');
    at.a?.break('GW_ERR_NODE_CLOSED');
    vi.advanceTimersByTime(0);
    at.a?.refuse();
    vi.advanceTimersByTime(0);
    expect(queue.queued).toBe(1);
    vi.advanceTimersByTime(100);
    expect([at.a?.taken.length, at.b?.taken.length]).toEqual([3, 0]);
    at.a?.answer();
    expect(sender.outcome('X0')).toBe('answered');
  });

  test('other-node: the other, then given up when it was written as often as allowed', () => {
    const { at, send } = fakePool(3, { retry: { onAmbiguous: 'other-node', attempts: 2 } });
    const sender = new FakeSender();
    send(sender, 'X0');
    at.a?.break('GW_ERR_NODE_CLOSED');
    vi.advanceTimersByTime(0);
    const second = [at.b, at.c].find((upstream) => upstream?.taken.length === 1);
    second?.break('GW_ERR_NODE_CLOSED');
    vi.advanceTimersByTime(1000);
    expect(sender.outcome('X0')).toBe('GW_ERR_NODE_CLOSED');
    expect([at.a, at.b, at.c].map((upstream) => upstream?.taken.length).sort()).toEqual([0, 1, 1]);
  });

  test('other-node, after the budget: given up', () => {
    const { at, send } = fakePool(2, { retry: { onAmbiguous: 'other-node', budget: '1s' } });
    const sender = new FakeSender();
    send(sender, 'X0');
    vi.advanceTimersByTime(1000);
    at.a?.break('GW_ERR_ACK_TIMEOUT');
    expect(sender.outcome('X0')).toBe('GW_ERR_ACK_TIMEOUT');
    expect(at.b?.taken).toEqual([]);
  });
});
