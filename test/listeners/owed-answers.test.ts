// The answers that a connection owes: in order, cut at its end, and how many messages wait for them.
import { describe, expect, it } from 'vitest';
import { ReplyQueue } from '../../listeners/mllp/reply-queue.ts';
import { Message, type Origin } from '../../src/relay/message.ts';

const ORIGIN: Origin = {
  listener: 'in',
  peer: { address: '192.0.2.1', port: 1 },
  lanes: new WeakMap(),
  settled: () => {},
  partSettled: () => null,
  hold: () => {},
};

function exchange(parts = 0): Message & { abandoned: number } {
  const one = Object.assign(new Message(Buffer.alloc(0), ORIGIN), { abandoned: 0, parts });
  one.abandon = () => void one.abandoned++;
  return one;
}

const bytes = Buffer.from('x');

describe('how many messages wait', () => {
  it('a batch that was split counts each of its own', () => {
    const owed = new ReplyQueue();
    const [single, batch] = [exchange(), exchange(5)];
    owed.expect(single);
    owed.weigh(single);
    expect(owed.count).toBe(1);
    owed.expect(batch);
    owed.weigh(batch);
    owed.weigh(batch);
    expect(owed.count).toBe(6);
    owed.add(bytes);
    expect(owed.count).toBe(7);
    owed.settle(batch, bytes);
    expect([owed.next(), owed.count]).toEqual([undefined, 7]);
    owed.settle(single, bytes);
    expect([owed.next(), owed.count]).toEqual([bytes, 6]);
    expect([owed.next(), owed.count]).toEqual([bytes, 1]);
    expect([owed.next(), owed.count, owed.next()]).toEqual([bytes, 0, undefined]);
  });

  it('one that was settled and paid meanwhile does not', () => {
    const owed = new ReplyQueue();
    const batch = exchange(5);
    owed.expect(batch);
    owed.settle(batch, bytes);
    owed.next();
    owed.weigh(batch);
    expect(owed.count).toBe(0);
  });

  it('what is cut off counts no more', () => {
    const owed = new ReplyQueue();
    const [first, batch, last] = [exchange(), exchange(5), exchange()];
    for (const one of [first, batch, last]) {
      owed.expect(one);
      owed.weigh(one);
    }
    owed.settle(first, null);
    expect([owed.count, first.abandoned, batch.abandoned, last.abandoned]).toEqual([1, 0, 1, 1]);
    expect([owed.next(), owed.count]).toEqual([null, 0]);
    owed.expect(last);
    owed.abandon();
    expect([owed.count, last.abandoned]).toEqual([0, 2]);
  });
});
