// One world at a time, and none beside what uses the machine.
import { expect, test } from 'vitest';
import { platform } from '../../../src/platform/current.ts';
import { delay, monotonicMs } from '../../../src/platform/time.ts';
import { inWorld, isMachineInUse, useMachine } from '../../../src/tools/world/in-world.ts';

const DAY_MS = 24 * 3_600_000;

test('time passes when nothing is left to do, and the platform is its own again', async () => {
  const before = platform;
  const played = await inWorld(async () => {
    const from = monotonicMs();
    await delay(12 * 3_600_000);
    return { passed: monotonicMs() - from, isOther: platform !== before };
  }, DAY_MS);
  expect(played).toEqual({ passed: 12 * 3_600_000, isOther: true });
  expect(platform).toBe(before);
});

test('worlds are lived in one after the other', async () => {
  const order: string[] = [];
  const live = (name: string): Promise<unknown> =>
    inWorld(async () => {
      order.push(`${name} begins at ${monotonicMs()}`);
      await delay(1_000);
      order.push(`${name} ends`);
    }, DAY_MS);
  await Promise.all([live('one'), live('another')]);
  expect(order).toEqual(['one begins at 0', 'one ends', 'another begins at 0', 'another ends']);
});

test.each([
  ['what is played', () => Promise.reject(new Error('it went wrong')), 'it went wrong'],
  [
    'a callback that it left behind',
    () =>
      new Promise<void>(() => {
        platform.setTimeout(() => {
          throw new Error('a timer went wrong');
        }, 10);
      }),
    'a timer went wrong',
  ],
  ['nothing that is still to come', () => new Promise<void>(() => {}), 'it waits for what never comes'],
  ['more time than there is', () => delay(2 * DAY_MS), `it takes longer than ${DAY_MS} ms`],
])('%s fails it, and not the next', async (_, play, why) => {
  const before = platform;
  await expect(inWorld(play, DAY_MS)).rejects.toThrow(why);
  expect(platform).toBe(before);
  expect(await inWorld(async () => 'good', DAY_MS)).toBe('good');
});

test('beside what uses the machine there is none, and the machine is not had while there is one', async () => {
  const before = platform;
  const leave = await useMachine();
  expect(isMachineInUse()).toBe(true);
  expect(await inWorld(async () => 'played', DAY_MS)).toBeUndefined();
  leave();
  leave();
  expect(isMachineInUse()).toBe(false);
  const lived = inWorld(() => delay(1_000), DAY_MS);
  const leaveAgain = await useMachine();
  expect(platform).toBe(before);
  await lived;
  leaveAgain();
  expect(await inWorld(async () => 'played', DAY_MS)).toBe('played');
});

test('timers from before the world can be cleared in it', async () => {
  let isDue = false;
  const timer = platform.setTimeout(() => {
    isDue = true;
  }, 1);
  await inWorld(async () => platform.clearTimeout(timer), DAY_MS);
  // Of two timers of one length the older is due first.
  await delay(1);
  expect(isDue).toBe(false);
});
