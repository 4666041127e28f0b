// What the writer makes of a span beside what opentelemetry-js' own serialiser makes of the same one, both read by a
// third hand; and the wire format where it is at its limits.
import type { Attributes, HrTime } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { loggable } from '../../../src/observe/log/loggable.ts';
import { attributeKey, ProtoWriter, tag } from '../../../src/observe/otlp/proto-writer.ts';
import { alignClock, writeTime } from '../../../src/observe/traces/span-clock.ts';
import {
  CLIENT,
  INTERNAL,
  SERVER,
  type SpanBatch,
  type SpanKind,
  SpanWriter,
} from '../../../src/observe/traces/span-writer.ts';
import { TraceContext } from '../../../src/observe/traces/trace-context.ts';
import { anyCharacter } from '../../helpers/any-text.ts';
import { readExportRequest } from '../../helpers/otlp-messages.ts';

const SOURCE = {
  resource: resourceFromAttributes({ 'service.name': 'gâteway', 'process.pid': 4711, odd: 1.5, on: true }),
  scope: { name: 'hl7-gateway', version: '1.2.3' },
};

interface Plan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly from: number;
  readonly lasts: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly events: readonly { readonly name: string; readonly after: number }[];
  readonly links: number;
  readonly error: { readonly type: string; readonly text: string | undefined } | undefined;
}

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: anyCharacter, maxLength: 200 }),
  fc.constantFrom('a'.repeat(127), 'a'.repeat(128), 'é'.repeat(64), 'x'.repeat(16_400), '\ud800', 'ä'),
);
const value = fc.oneof(
  text.filter((one) => one !== ''),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => (Object.is(one, -0) ? 0 : one)),
  fc.constantFrom(
    0,
    127,
    128,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    -1,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ),
);
const plan: fc.Arbitrary<Plan> = fc.record({
  name: text,
  kind: fc.constantFrom<SpanKind>(INTERNAL, SERVER, CLIENT),
  from: fc.nat({ max: 1e9 }),
  lasts: fc.nat({ max: 60_000 }),
  attributes: fc.dictionary(fc.stringMatching(/^[a-z._]{1,140}$/), value, { maxKeys: 12 }),
  events: fc.array(fc.record({ name: text, after: fc.nat({ max: 1000 }) }), { maxLength: 3 }),
  links: fc.nat({ max: 2 }),
  error: fc.option(
    fc.record({ type: text.filter((one) => one !== ''), text: fc.option(text, { nil: undefined }) }),
    {
      nil: undefined,
    },
  ),
});

const REMOTE = {
  traceId: 'ab'.repeat(16),
  spanId: 'CD'.repeat(8).toLowerCase(),
  sampled: true,
  state: undefined,
  trusted: true,
};

function contextsOf(plans: readonly Plan[]) {
  return plans.map(() => new TraceContext());
}

/** As the gateway writes them: the first is a root, the others its children. */
function writeAll(
  trace: TraceContext,
  plans: readonly Plan[],
  linked: readonly TraceContext[],
  ids: readonly string[],
) {
  const batches: SpanBatch[] = [];
  const out = new SpanWriter(SOURCE, 1000, (batch) => batches.push(batch));
  plans.forEach(({ name, kind, from, lasts, attributes, events, links, error }, i) => {
    if (i === 0) out.root(trace, name, kind, from, from + lasts);
    else out.child(name, kind, from, from + lasts, ids[i]);
    for (const [key, one] of Object.entries(attributes)) out.put(attributeKey(key), one);
    for (const event of events) out.event(event.name, from + event.after);
    for (let link = 0; link < links; link++)
      out.link(linked[i] as TraceContext, attributeKey('why'), 'because');
    out.end(error);
  });
  expect(out.spans).toBe(plans.length);
  return out.take();
}

/** The clock as the writer has it, by a way of its own. */
function nanosAt(at: number): bigint {
  const out = new ProtoWriter(Buffer.alloc(16));
  writeTime(out, 0, at);
  return out.take(Buffer.alloc(0)).readBigUInt64LE(1);
}

function hrTime(at: number): HrTime {
  const nanos = nanosAt(at);
  return [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)];
}

/** As opentelemetry-js has them. */
function readable(
  trace: TraceContext,
  plans: readonly Plan[],
  linked: readonly TraceContext[],
  ids: readonly string[],
): ReadableSpan[] {
  return plans.map(({ name, kind, from, lasts, attributes, events, links, error }, i) => {
    const all: Attributes = { ...attributes };
    if (error !== undefined) all['error.type'] = error.type;
    const { traceId } = trace;
    const parent =
      i > 0
        ? { traceId, spanId: trace.spanId, traceFlags: 1 }
        : trace.remote && { traceId, spanId: trace.remote.spanId, traceFlags: 1, isRemote: true };
    const { traceId: linkTrace, spanId: linkSpan } = linked[i] as TraceContext;
    return {
      name,
      kind: kind - 1,
      spanContext: () => ({ traceId, spanId: i === 0 ? trace.spanId : (ids[i] ?? ''), traceFlags: 1 }),
      ...(parent === undefined ? {} : { parentSpanContext: parent }),
      startTime: hrTime(from),
      endTime: hrTime(from + lasts),
      status: error === undefined ? { code: 0 } : { code: 2, message: error.text ?? '' },
      attributes: all,
      links: Array.from({ length: links }, () => ({
        context: { traceId: linkTrace, spanId: linkSpan, traceFlags: 1 },
        attributes: { why: 'because' },
      })),
      events: events.map((event) => ({ name: event.name, time: hrTime(from + event.after) })),
      duration: [0, 0],
      ended: true,
      resource: SOURCE.resource,
      instrumentationScope: SOURCE.scope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  });
}

test('any spans read as opentelemetry-js would have sent them', () => {
  fc.assert(
    fc.property(fc.array(plan, { minLength: 1, maxLength: 6 }), fc.boolean(), (plans, isRemote) => {
      const trace = new TraceContext(isRemote ? REMOTE : undefined);
      const linked = contextsOf(plans);
      const ids = plans.map((_, i) => `${i}`.padStart(16, 'f'));
      const { bytes, spans } = writeAll(trace, plans, linked, ids);
      expect(spans).toBe(plans.length);
      const theirs = ProtobufTraceSerializer.serializeRequest(readable(trace, plans, linked, ids));
      expect(readExportRequest(bytes)).toEqual(readExportRequest(theirs as Uint8Array));
    }),
    { numRuns: 150 },
  );
});

test('what is put as bytes reads as what `loggable` makes of it', () => {
  const identifier = fc.oneof(
    fc.uint8Array({ maxLength: 70 }),
    fc.string({ maxLength: 80 }).map((one) => Buffer.from(one)),
    fc.constantFrom(
      Buffer.from('x'.repeat(64)),
      Buffer.from('x'.repeat(65)),
      Buffer.from('M\x7fX'),
      Buffer.alloc(0),
    ),
  );
  const longName = attributeKey('a'.repeat(100));
  fc.assert(
    fc.property(identifier, fc.nat({ max: 5 }), fc.boolean(), (bytes, before, isLong) => {
      const key = isLong ? longName : attributeKey('k');
      const source = Buffer.concat([Buffer.alloc(before, 'z'), bytes, Buffer.from('z')]);
      const out = new SpanWriter(SOURCE, 10, () => {});
      out.root(new TraceContext(), 'root', SERVER, 0, 0);
      const shown = loggable(Buffer.from(bytes).toString('latin1'));
      const isPut = out.putPrintable(key, source, before, before + bytes.length);
      if (!isPut) out.put(key, shown);
      out.end();
      const [span] = readExportRequest(out.take().bytes);
      expect(span?.attributes).toEqual(bytes.length === 0 ? {} : { [key.name]: shown });
    }),
  );
});

it('lengths are as short as they can be', () => {
  const out = new ProtoWriter(Buffer.alloc(4), 0);
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 2_097_152]) {
    const start = out.open(tag(1, 2));
    for (let i = 0; i < length; i += 2 ** 20) out.raw(Buffer.alloc(Math.min(2 ** 20, length - i), 1));
    out.close(start);
    const bytes = out.take(Buffer.alloc(4));
    const prefix = [0x0a];
    let rest = length;
    for (; rest >= 0x80; rest >>>= 7) prefix.push((rest & 0x7f) | 0x80);
    prefix.push(rest);
    expect([...bytes.subarray(0, prefix.length)]).toEqual(prefix);
    expect(bytes.length).toBe(prefix.length + length);
    expect(bytes.subarray(prefix.length).every((byte) => byte === 1)).toBe(true);
  }
});

it('hands over each batch when it is full, and begins the next', () => {
  const batches: SpanBatch[] = [];
  const out = new SpanWriter(SOURCE, 3, (batch) => batches.push(batch));
  for (let i = 0; i < 8; i++) {
    out.root(new TraceContext(), `span ${i}`, SERVER, 1, 2);
    out.end();
  }
  batches.push(out.take());
  expect(batches.map(({ spans }) => spans)).toEqual([3, 3, 2]);
  expect(batches.flatMap(({ bytes }) => readExportRequest(bytes).map(({ name }) => name))).toEqual(
    Array.from({ length: 8 }, (_, i) => `span ${i}`),
  );
});

it('a child whose id nobody was told has one of its own', () => {
  const out = new SpanWriter(SOURCE, 10_000, () => {});
  out.root(new TraceContext(), 'root', SERVER, 0, 0);
  out.end();
  for (let i = 0; i < 3000; i++) {
    out.child('child', INTERNAL, 0, 0);
    out.end();
  }
  const [root, ...children] = readExportRequest(out.take().bytes);
  expect(new Set(children.map(({ spanId }) => spanId)).size).toBe(3000);
  expect(
    children.every(({ spanId, parentId }) => /^[0-9a-f]{16}$/.test(spanId) && parentId === root?.spanId),
  ).toBe(true);
});

it('a moment is told to the microsecond, and none comes before an earlier one', () => {
  alignClock(performance.now());
  const now = performance.now();
  const off = nanosAt(now) - BigInt(Date.now()) * 1_000_000n;
  expect(off < 20_000_000n && off > -20_000_000n).toBe(true);
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 - 1 }), fc.nat({ max: 10_000_000 }), (ms, nanos) => {
      const difference = nanosAt(ms + nanos / 1e6) - nanosAt(ms) - BigInt(nanos);
      expect(difference < 1000n && difference > -1000n).toBe(true);
    }),
  );
});
