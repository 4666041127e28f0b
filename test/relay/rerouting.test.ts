// Which messages a reload has met, who waits for them, and for how long.
import { describe, expect, test } from 'vitest';
import { Message } from '../../src/relay/message.ts';
import { ReloadGuard } from '../../src/relay/ordering.ts';
import { message } from '../helpers/mllp.ts';
import { FakeSender } from './fake-pool.ts';

const LISTENERS = new Set(['in']);

function exchange(sender = new FakeSender(), stickyKey?: string): Message {
  const made = new Message(message(), sender);
  made.routed(undefined, stickyKey, 'answer', made.epoch);
  return made;
}

/** One that a pool has taken. */
function taken(sender?: FakeSender, stickyKey?: string): Message {
  const made = exchange(sender, stickyKey);
  made.takeSequence();
  return made;
}

describe('after a reload', () => {
  test('what comes waits for all of its sender that was taken, what was taken for what is before it', () => {
    const rerouting = new ReloadGuard();
    const sender = new FakeSender();
    const [first, second] = [taken(sender), taken(sender)];
    rerouting.reload(LISTENERS, [second, first]);
    const later = exchange(sender);
    const blocked = (): boolean[] => [first, second, later].map((one) => rerouting.blocks(one, false));
    expect([blocked(), rerouting.blocks(exchange(), false)]).toEqual([[false, true, true], false]);
    rerouting.release(first);
    expect(blocked()).toEqual([false, false, true]);
    rerouting.release(second);
    expect([blocked(), rerouting.isActive]).toEqual([[false, false, false], false]);
  });

  test('the same of a sticky key, where order is kept by it', () => {
    const rerouting = new ReloadGuard();
    const other = taken(new FakeSender(), 'K');
    rerouting.reload(LISTENERS, [other, taken(new FakeSender(), 'L'), taken()]);
    const one = exchange(new FakeSender(), 'K');
    expect([rerouting.blocks(one, true), rerouting.blocks(one, false)]).toEqual([true, false]);
    rerouting.release(other);
    expect(rerouting.blocks(one, true)).toBe(false);
  });

  test('whoever waits looks again whenever one is out of the way, and once', () => {
    const rerouting = new ReloadGuard();
    const sender = new FakeSender();
    const [first, second] = [taken(sender), taken(sender, 'K')];
    rerouting.reload(LISTENERS, [first, second]);
    let looks = 0;
    rerouting.wait(exchange(sender), false, () => void looks++);
    rerouting.release(first);
    rerouting.release(first);
    rerouting.release(second);
    expect([looks, rerouting.isActive]).toEqual([1, false]);
  });

  test('another one adds those that were taken since, and those that were are there once', () => {
    const rerouting = new ReloadGuard();
    const sender = new FakeSender();
    const first = taken(sender);
    rerouting.reload(LISTENERS, [first]);
    const second = taken(sender);
    rerouting.reload(LISTENERS, [first, second]);
    rerouting.release(first);
    expect(rerouting.blocks(exchange(sender), false)).toBe(true);
    rerouting.release(second);
    expect([rerouting.isActive, rerouting.epoch]).toEqual([false, 2]);
  });

  test('that changes no ways nobody waits, and nothing is routed anew', () => {
    const rerouting = new ReloadGuard();
    const one = taken();
    rerouting.reload(LISTENERS, undefined);
    expect([rerouting.isOutdated(one), rerouting.isActive, rerouting.epoch]).toEqual([false, false, 0]);
  });
});

test('what is to be routed anew: neither what a node may have, nor what came by a listener that is gone', () => {
  const rerouting = new ReloadGuard();
  const one = taken();
  rerouting.reload(LISTENERS, [one]);
  expect(rerouting.isOutdated(one)).toBe(true);
  one.routed(undefined, undefined, 'answer', rerouting.epoch);
  expect(rerouting.isOutdated(one)).toBe(false);
  rerouting.reload(new Set(), [one]);
  expect([rerouting.isOutdated(one), rerouting.isGone('in')]).toEqual([false, true]);
});
