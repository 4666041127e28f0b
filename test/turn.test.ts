// One turn of the event loop: its time, and what is done at its end.
import { expect, it, vi } from 'vitest';
import { atTurnEnd, TurnEnd, turnTime } from '../src/turn.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** So that no two readings of the clock are alike. */
function busy(): void {
  const from = performance.now();
  while (performance.now() - from < 0.1);
}

it('has one time, which the end of the turn and the next turn do not share', async () => {
  await nextTurn();
  const before = performance.now();
  const time = turnTime();
  busy();
  await Promise.resolve();
  expect(turnTime()).toBe(time);
  expect(time).toBeGreaterThanOrEqual(before);
  let atItsEnd = 0;
  atTurnEnd(() => {
    atItsEnd = turnTime();
  });
  busy();
  await nextTurn();
  const next = turnTime();
  expect(atItsEnd).toBeGreaterThan(time);
  expect(next).toBeGreaterThan(atItsEnd);
});

it('what a timer does is not told the time of the turn that set it', async () => {
  const set = turnTime();
  const told = await new Promise<number>((resolve) => setTimeout(() => resolve(turnTime()), 5));
  expect(told - set).toBeGreaterThan(3);
});

it('calls each once, in their order; one that is given at the end at the end of the next turn', async () => {
  const calls: string[] = [];
  atTurnEnd(() => {
    calls.push('a');
    atTurnEnd(() => calls.push('later'));
  });
  atTurnEnd(() => calls.push('b'));
  await nextTurn();
  expect(calls).toEqual(['a', 'b']);
  await nextTurn();
  expect(calls).toEqual(['a', 'b', 'later']);
});

it('one that throws does not take the end from the others', async () => {
  const thrown: unknown[] = [];
  const calls: string[] = [];
  // Vitest has a listener of its own, which would fail the run.
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => thrown.push(error));
  const error = new Error('first');
  try {
    atTurnEnd(() => {
      throw error;
    });
    atTurnEnd(() => calls.push('second'));
    await nextTurn();
    await nextTurn();
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
  expect(thrown).toEqual([error]);
  expect(calls).toEqual(['second']);
  const after = turnTime();
  await nextTurn();
  busy();
  expect(turnTime()).toBeGreaterThan(after);
});

it('flushes each that was added in the order of their first adding', async () => {
  const flushed: number[] = [];
  const end = new TurnEnd<{ flush(): void }>();
  const spy = vi.fn();
  for (const n of [1, 2, 3]) end.add({ flush: () => flushed.push(n) });
  end.add({ flush: spy });
  await nextTurn();
  expect(flushed).toEqual([1, 2, 3]);
  expect(spy).toHaveBeenCalledTimes(1);
});
