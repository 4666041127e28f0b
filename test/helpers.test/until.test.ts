// Waiting: resolves when it should, and says what it waited for when it should not.
import { describe, expect, test } from 'vitest';
import { gate, until, Waits, within } from '../helpers/until.ts';

describe('until', () => {
  test('resolves with the first truthy value', async () => {
    let round = 0;
    expect(await until(() => (++round < 3 ? undefined : `round ${round}`))).toBe('round 3');
  });

  test('goes on after an error of the check, and after it has become slow', async () => {
    let round = 0;
    const value = await until(async () => {
      round += 1;
      if (round < 60) throw new Error('not yet');
      return round;
    });
    expect(value).toBe(60);
  });

  test('rejects at the deadline, with what it waited for and the last error', async () => {
    const failing = until(
      () => {
        throw new Error('why');
      },
      { deadlineMs: 1, what: 'the node’s return' },
    );
    await expect(failing).rejects.toThrow('the node’s return did not hold within 1 ms');
    await expect(failing).rejects.toHaveProperty('cause.message', 'why');
  });
});

test('within hands on the outcome, and rejects if there is none', async () => {
  expect(await within(Promise.resolve(1), 1_000, () => 'x')).toBe(1);
  await expect(within(Promise.reject(new Error('own')), 1_000, () => 'x')).rejects.toThrow('own');
  await expect(within(gate().opened, 1, () => 'nothing came')).rejects.toThrow(
    'nothing came (deadline 1 ms)',
  );
});

test('a gate opens once, for all that wait', async () => {
  const hold = gate();
  const waiting = Promise.all([hold.opened, hold.opened]);
  hold.open();
  hold.open();
  await waiting;
});

test('waits look again at each change, and end at once when there is no hope', async () => {
  const waits = new Waits();
  let count = 0;
  const reached = waits.when(
    () => count === 2,
    1_000,
    () => 'count',
  );
  for (count = 1; count < 3; count++) waits.changed();
  await reached;
  const never = waits.when(
    () => false,
    1_000,
    () => 'count',
    () => (count > 2 ? 'too many' : undefined),
  );
  await expect(never).rejects.toThrow('count: too many');
});
