// The buffer budget: readers that stopped for want of room are woken once, when there is some.
import { expect, it } from 'vitest';
import { BufferBudget } from '../../listeners/buffer-budget.ts';

function budget(): { budget: BufferBudget; woken: string[]; wake: (name: string) => () => void } {
  const woken: string[] = [];
  return { budget: new BufferBudget(100), woken, wake: (name) => () => woken.push(name) };
}

it('is spent from its size on, and not any more as soon as less is held', () => {
  const { budget: one } = budget();
  expect(one.isSpent).toBe(false);
  one.hold(99);
  expect([one.isSpent, one.heldBytes]).toEqual([false, 99]);
  one.hold(1);
  expect(one.isSpent).toBe(true);
  one.hold(50);
  one.hold(-50);
  expect(one.isSpent).toBe(true);
  one.hold(-1);
  expect([one.isSpent, one.heldBytes]).toEqual([false, 99]);
});

it('wakes all that wait, once, in order, and only when there is room', () => {
  const { budget: one, woken, wake } = budget();
  one.hold(150);
  one.onRoom(wake('a'));
  one.onRoom(wake('b'));
  one.hold(-50);
  expect(woken).toEqual([]);
  one.hold(-1);
  expect(woken).toEqual(['a', 'b']);
  one.hold(1);
  one.hold(-100);
  expect(woken).toEqual(['a', 'b']);
});

it('one that waits twice is woken once; one that is forgotten is not', () => {
  const { budget: one, woken, wake } = budget();
  const a = wake('a');
  const b = wake('b');
  one.hold(100);
  one.onRoom(a);
  one.onRoom(a);
  one.onRoom(b);
  one.forget(b);
  one.hold(-100);
  expect(woken).toEqual(['a']);
});

it('one that takes all the room and waits again is woken again, not for ever', () => {
  const { budget: one, woken } = budget();
  let again = 3;
  const greedy = (): void => {
    woken.push('greedy');
    if (again-- === 0) return;
    one.hold(100);
    one.onRoom(greedy);
  };
  one.hold(100);
  one.onRoom(greedy);
  for (let i = 0; i < 10; i++) one.hold(-100);
  expect(woken).toHaveLength(4);
});

it('favours one at a time, until that is over; then whoever waits may ask', () => {
  const { budget: one, woken, wake } = budget();
  const [a, b, c] = [{}, {}, {}];
  one.hold(100);
  expect([one.favours(a), one.favours(b), one.favours(a)]).toEqual([true, false, true]);
  one.onRoom(wake('b'));
  one.unfavour(c);
  expect([woken, one.favours(b)]).toEqual([[], false]);
  one.unfavour(a);
  expect(woken).toEqual(['b']);
  expect([one.favours(c), one.favours(b)]).toEqual([true, false]);
});

it('a larger one wakes those that wait, if there is room then', () => {
  const { budget: one, woken, wake } = budget();
  one.hold(150);
  one.onRoom(wake('a'));
  one.maxBytes = 150;
  expect(woken).toEqual([]);
  one.maxBytes = 151;
  expect([woken, one.maxBytes]).toEqual([['a'], 151]);
});
