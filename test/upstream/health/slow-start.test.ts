import { expect, test } from 'vitest';
import { SlowStart } from '../../../src/upstream/health/slow-start.ts';

test('grows from a tenth to all, never shrinks, and is over then', () => {
  const slowStart = new SlowStart(1000);
  expect([slowStart.isOver, slowStart.share(0)]).toEqual([true, 1]);
  slowStart.begin(5000);
  expect(slowStart.isOver).toBe(false);
  const shares = [5000, 5050, 5100, 5400, 5999].map((now) => slowStart.share(now));
  expect(shares).toEqual([0.1, 0.1, 0.1, 0.4, 0.999]);
  expect(slowStart.isOver).toBe(false);
  expect([slowStart.share(6000), slowStart.isOver]).toEqual([1, true]);
});

test('0: none', () => {
  const slowStart = new SlowStart(0);
  slowStart.begin(5000);
  expect(slowStart.isOver).toBe(true);
});
