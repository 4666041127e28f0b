// A message's way as bars: whatever its times are, they stay on the line and follow one another.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hopsOf } from '../../console/words/waterfall.ts';

test('waiting, a node that refuses, and one that answers', () => {
  const hops = hopsOf({
    queueMs: 10,
    totalMs: 100,
    attempts: [
      { node: 'a', reason: 'its turn', startMs: 10, connectMs: 5, endMs: 15, code: 'GW_ERR_NODE_CONNECT' },
      { node: 'b', reason: 'a failed', startMs: 20, connectMs: 10, writtenMs: 40, endMs: 100 },
    ],
  });
  expect(hops.map(({ name, note, failed }) => [name, note, failed])).toEqual([
    ['gateway', '', false],
    ['a', 'its turn; GW_ERR_NODE_CONNECT', true],
    ['b', 'a failed', false],
  ]);
  expect(hops.map(({ bars }) => bars.map(({ part, left, width }) => [part, left, width]))).toEqual([
    [['queue', 0, 10]],
    [['connect', 10, 5]],
    [
      ['connect', 20, 10],
      ['write', 30, 10],
      ['answer', 40, 60],
    ],
  ]);
});

test('a message that no node was tried for waits all the time', () => {
  const [only, ...others] = hopsOf({ queueMs: 0, totalMs: 30_000, attempts: [] });
  expect(others).toEqual([]);
  expect(only?.bars).toEqual([{ part: 'queue', fromMs: 0, toMs: 30_000, left: 0, width: 100 }]);
});

test('any times stay on the line, in their order', () => {
  const ms = fc.integer({ min: -10_000, max: 1e8 }).map((us) => us / 1000);
  const attempt = fc.record(
    { node: fc.string(), reason: fc.string(), startMs: ms, connectMs: ms, writtenMs: ms, endMs: ms },
    { requiredKeys: ['node', 'reason', 'startMs', 'connectMs'] },
  );
  fc.assert(
    fc.property(ms, ms, fc.array(attempt, { maxLength: 4 }), (queueMs, totalMs, attempts) => {
      for (const { bars } of hopsOf({ queueMs, totalMs, attempts })) {
        let end = 0;
        for (const { left, width, fromMs, toMs } of bars) {
          expect(left).toBeGreaterThanOrEqual(end - 1e-6);
          expect(width).toBeGreaterThan(0);
          expect(toMs).toBeGreaterThan(fromMs);
          end = left + width;
          expect(end).toBeLessThanOrEqual(100 + 1e-6);
        }
      }
    }),
    { numRuns: 200 },
  );
});
