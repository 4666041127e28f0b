// The share of traces: the same ones that opentelemetry-js would take, and whose word on it counts.
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { describe, expect, it, test } from 'vitest';
import { newTraceId } from '../../../src/observe/traces/random-ids.ts';
import { type ParentRule, Sampling, withThreshold } from '../../../src/observe/traces/sampling.ts';
import { parseTraceparent, TraceContext } from '../../../src/observe/traces/trace-context.ts';

const SPAN = 'b7ad6b7169203331';

function context(traceId: string, flags = '01', trusted = false): TraceContext {
  return new TraceContext(parseTraceparent(`00-${traceId}-${SPAN}-${flags}`, undefined, trusted));
}

test.each([0, 0.001, 0.01, 0.3, 0.5, 0.999, 1])('a share of %d is that of opentelemetry-js', (share) => {
  const ours = new Sampling({ share, parent: 'never' });
  const theirs = new TraceIdRatioBasedSampler(share);
  let taken = 0;
  for (let i = 0; i < 5000; i++) {
    const traceId = newTraceId();
    const expected =
      theirs.shouldSample(ROOT_CONTEXT, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED;
    expect(ours.takes(context(traceId))).toBe(expected);
    if (expected) taken++;
  }
  // Six standard deviations.
  expect(Math.abs(taken - 5000 * share)).toBeLessThanOrEqual(6 * Math.sqrt(5000 * share * (1 - share)));
});

describe('whose flag counts', () => {
  const cases: readonly (readonly [ParentRule, trusted: boolean, counts: boolean])[] = [
    ['trusted', true, true],
    ['trusted', false, false],
    ['always', true, true],
    ['always', false, true],
    ['never', true, false],
    ['never', false, false],
  ];
  test.each(cases)('%s, trusted: %s: %s', (parent, trusted, counts) => {
    const none = new Sampling({ share: 0, parent });
    const all = new Sampling({ share: 1, parent });
    const id = newTraceId();
    expect(none.takes(context(id, '01', trusted))).toBe(counts);
    expect(all.takes(context(id, '00', trusted))).toBe(!counts);
  });

  it('without a parent the share alone', () => {
    expect(new Sampling({ share: 1, parent: 'always' }).takes(new TraceContext())).toBe(true);
    expect(new Sampling({ share: 0, parent: 'always' }).takes(new TraceContext())).toBe(false);
  });

  it('a message of a batch goes by its batch', () => {
    const sampling = new Sampling({ share: 0.5, parent: 'never' });
    for (let i = 0; i < 100; i++) {
      const batch = new TraceContext();
      const part = new TraceContext(undefined, batch);
      expect(part.traceId).not.toBe(batch.traceId);
      expect(sampling.takes(part)).toBe(sampling.takes(batch));
    }
    const named = new TraceContext();
    named.sampled = true;
    expect(new Sampling({ share: 0, parent: 'never' }).takes(new TraceContext(undefined, named))).toBe(true);
  });
});

it.each([
  [1, '0'],
  [0.5, '80000001'],
  [0.25, 'c0000001'],
  [0.05, 'f3333334'],
])('a share of %d is told as the threshold %s', (share, threshold) => {
  const sampling = new Sampling({ share, parent: 'trusted' });
  expect(sampling.threshold(new TraceContext())).toBe(threshold);
  const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, state: undefined };
  expect(sampling.threshold(new TraceContext({ ...remote, trusted: true }))).toBeUndefined();
  expect(sampling.threshold(new TraceContext({ ...remote, trusted: false }))).toBe(threshold);
  const told = 1 - Number.parseInt(threshold.padEnd(14, '0'), 16) / 2 ** 56;
  expect(told).toBeCloseTo(share, 8);
});

it('the threshold takes the place of the one before it, and of nothing else', () => {
  expect(withThreshold(undefined, '0')).toBe('ot=th:0');
  expect(withThreshold('a=1,ot=th:8;rv:abcdef01234567,b=2', 'c')).toBe('ot=th:c;rv:abcdef01234567,a=1,b=2');
});
