// W3C Trace Context: what is taken for a parent, what is passed on, and ids that are drawn when they are asked for.
import { describe, expect, it, test } from 'vitest';
import { newSpanId, newTraceId } from '../../../src/observe/traces/random-ids.ts';
import {
  formatTraceparent,
  parseTraceparent,
  TraceContext,
} from '../../../src/observe/traces/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('traceparent', () => {
  test.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [` 00-${TRACE}-${SPAN}-01 `, true],
    // A later version may say more.
    [`cc-${TRACE}-${SPAN}-01-what-comes-later`, true],
    [`cc-${TRACE}-${SPAN}-00`, false],
  ])('%s', (text, sampled) => {
    expect(parseTraceparent(text, undefined, true)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      sampled,
      state: undefined,
      trusted: true,
    });
  });

  test.each([
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01.`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}0-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    'PID|1||4711',
  ])('none: %s', (text) => {
    expect(parseTraceparent(text, undefined, true)).toBeUndefined();
  });

  it('is written as it is read', () => {
    for (const sampled of [true, false]) {
      const text = formatTraceparent(TRACE, SPAN, sampled);
      expect(parseTraceparent(text, undefined, false)).toMatchObject({
        traceId: TRACE,
        spanId: SPAN,
        sampled,
      });
    }
  });
});

describe('tracestate', () => {
  const stateOf = (state: string) => parseTraceparent(`00-${TRACE}-${SPAN}-01`, state, false)?.state;

  test.each([
    ['a=1', 'a=1'],
    ['a=1, b=2', 'a=1,b=2'],
    ['a=1,,b=2 ,', 'a=1,b=2'],
    ['tenant@vendor=x y', 'tenant@vendor=x y'],
  ])('%s', (text, expected) => {
    expect(stateOf(text)).toBe(expected);
  });

  test.each([
    '',
    ',',
    'A=1',
    'a',
    'a=',
    'a=1=2',
    'a=\u00e9',
    'a=1\r\nx: y',
    `a=${'x'.repeat(520)}`,
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','),
  ])('is dropped whole: %j', (text) => {
    expect(stateOf(text)).toBeUndefined();
  });
});

describe('a context', () => {
  it('has ids of its own, the same each time', () => {
    const context = new TraceContext();
    expect(context.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(context.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect([context.traceId, context.spanId]).toEqual([context.traceId, context.spanId]);
  });

  it('is in the trace of its parent, unless somebody was told another id before', () => {
    const remote = parseTraceparent(`00-${TRACE}-${SPAN}-01`, undefined, false);
    if (remote === undefined) throw new Error('no parent');
    expect(new TraceContext(remote).traceId).toBe(TRACE);
    const late = new TraceContext();
    late.adopt(remote);
    expect([late.traceId, late.remote]).toEqual([TRACE, remote]);
    const told = new TraceContext();
    const { traceId } = told;
    told.adopt(remote);
    expect([told.traceId, told.remote]).toEqual([traceId, undefined]);
  });
});

it('ids do not repeat, also over the end of the buffer that they are cut from', () => {
  const ids = new Set<string>();
  for (let i = 0; i < 3000; i++) ids.add(newTraceId()).add(newSpanId());
  expect(ids.size).toBe(6000);
  for (const id of ids) expect(id).toMatch(/^([0-9a-f]{16}){1,2}$/);
});

describe('the lot', () => {
  const folded = (traceId: string) =>
    [0, 8, 16, 24].reduce((sum, at) => (sum ^ Number.parseInt(traceId.slice(at, at + 8), 16)) >>> 0, 0);

  it('is that of the id, whichever is asked for first', () => {
    for (let i = 0; i < 200; i++) {
      const before = new TraceContext();
      const { lot } = before;
      expect(folded(before.traceId)).toBe(lot);
      expect(before.lot).toBe(lot);
      const behind = new TraceContext();
      expect(folded(behind.traceId)).toBe(behind.lot);
    }
    const remote = parseTraceparent(`00-${TRACE}-${SPAN}-01`, undefined, false);
    expect(new TraceContext(remote).lot).toBe(folded(TRACE));
  });
});
