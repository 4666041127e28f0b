// Messages that wait for a node: each in one queue, the oldest first, and nothing held of one that has been taken out.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Waitable, type WaitPlace, WaitQueue } from '../../src/relay/wait-queue.ts';

class Waits implements Waitable<Waits> {
  readonly serial: number;
  waitPlace: WaitPlace<Waits> | undefined;
  queuedMs = 0;

  constructor(serial: number) {
    this.serial = serial;
  }

  wasQueued(ms: number): void {
    this.queuedMs += ms;
  }
}

const [nodeA, nodeB] = [{}, {}];
const never = (): void => {};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('gives a node the one that was received first of those it may take', () => {
  const queue = new WaitQueue<Waits>();
  const [one, two, three, four] = [1, 2, 3, 4].map((serial) => new Waits(serial));
  queue.add(two as Waits, queue.any, 100, never);
  queue.add(four as Waits, queue.any, 100, never);
  queue.add(one as Waits, queue.queueOf(nodeB), 100, never);
  queue.add(three as Waits, queue.queueOf(nodeA), 100, never);
  expect(queue.oldestFor(nodeA)).toBe(two);
  expect(queue.oldestFor(nodeB)).toBe(one);
  queue.remove(two as Waits);
  expect(queue.oldestFor(nodeA)).toBe(three);
  expect([queue.size, queue.sizeOf(nodeA), queue.sizeOf(nodeB), queue.sizeOf({})]).toEqual([3, 1, 1, 0]);
});

it('lists all in the order in which they came to wait, whichever queue they are in', () => {
  const queue = new WaitQueue<Waits>();
  const all = Array.from({ length: 9 }, (_, i) => new Waits(9 - i));
  for (const [i, message] of all.entries()) {
    const places = [queue.any, queue.parked, queue.queueOf(i % 2 === 0 ? nodeA : nodeB)];
    queue.add(message, places[i % 3] ?? queue.any, 100, never);
  }
  expect(queue.all).toEqual(all);
  for (const message of all) queue.remove(message);
  expect([queue.all, queue.size]).toEqual([[], 0]);
  // A node's queue that was empty for a while is one again.
  queue.queueOf({});
  queue.add(all[0] as Waits, queue.queueOf(nodeA), 100, never);
  expect(queue.all).toEqual([all[0]]);
});

it('counts how long one waited, and has no timer for it then', () => {
  const queue = new WaitQueue<Waits>();
  const message = new Waits(1);
  const onTime = vi.fn();
  queue.add(message, queue.any, 100, onTime);
  vi.advanceTimersByTime(40);
  queue.remove(message);
  queue.remove(message);
  expect([message.queuedMs, queue.size, vi.getTimerCount()]).toEqual([40, 0, 0]);
  queue.add(message, queue.parked, 100, onTime);
  vi.advanceTimersByTime(101);
  expect(onTime).toHaveBeenCalledTimes(1);
});

it('holds nothing of one that was taken out, nor its neighbours', () => {
  const queue = new WaitQueue<Waits>();
  const all = [1, 2, 3].map((serial) => new Waits(serial));
  for (const message of all) queue.add(message, queue.any, 100, never);
  const place = all[1]?.waitPlace;
  queue.remove(all[1] as Waits);
  expect([all[1]?.waitPlace, place?.ahead, place?.behind]).toEqual([undefined, undefined, undefined]);
  expect([...queue.any].map(({ message }) => message)).toEqual([all[0], all[2]]);
});

it('leaves alone what waits in the queue of another pool', () => {
  const [mine, other] = [new WaitQueue<Waits>(), new WaitQueue<Waits>()];
  const message = new Waits(1);
  other.add(message, other.any, 100, never);
  expect([mine.has(message), other.has(message)]).toEqual([false, true]);
  mine.remove(message);
  expect([mine.size, other.size, other.has(message)]).toEqual([0, 1, true]);
});
