// A span that is over, in the shape that opentelemetry-js exports: made at once with all that it has, as its message has
// been over for some time. The SDK's own tracer takes five times as long for each (it copies, checks and locks).
import type { Attributes, AttributeValue, HrTime, Link, SpanContext, SpanStatus } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace';

/** The numbers of opentelemetry-js' SpanKind and SpanStatusCode, which would have to be loaded for them. */
export const SERVER = 1;
export const CLIENT = 2;
export const INTERNAL = 0;
const UNSET = 0;
const FAILED = 2;
const SAMPLED = 1;

/** What all spans of a gateway have in common. */
export interface SpanSource {
  readonly resource: Resource;
  readonly scope: { readonly name: string; readonly version: string };
}

export interface SpanParts {
  readonly name: string;
  readonly kind: typeof SERVER | typeof CLIENT | typeof INTERNAL;
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: a root. */
  readonly parentId: string | undefined;
  /** The parent is another process's. */
  readonly isRemote?: boolean;
  /** performance.now() milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly attributes: Attributes;
  readonly events?: TimedEvent[];
  readonly links?: Link[] | undefined;
  /** The code of what went wrong, and it in one sentence. */
  readonly error?: { readonly type: string; readonly text: string | undefined } | undefined;
}

const NO_EVENTS: TimedEvent[] = [];
const NO_LINKS: Link[] = [];
const OK: SpanStatus = { code: UNSET };

export class FinishedSpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanParts['kind'];
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links: Link[];
  readonly events: TimedEvent[];
  readonly ended = true;
  readonly resource: Resource;
  readonly instrumentationScope: SpanSource['scope'];
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #context: SpanContext;

  constructor(parts: SpanParts, { resource, scope }: SpanSource) {
    const { traceId, spanId, parentId, from, to, error } = parts;
    this.name = parts.name;
    this.kind = parts.kind;
    this.#context = { traceId, spanId, traceFlags: SAMPLED };
    if (parentId !== undefined)
      this.parentSpanContext = {
        traceId,
        spanId: parentId,
        traceFlags: SAMPLED,
        isRemote: parts.isRemote === true,
      };
    this.startTime = wallTime(from);
    // What was measured out of order would be a span of negative length.
    this.endTime = to <= from ? this.startTime : wallTime(to);
    this.attributes = parts.attributes;
    this.events = parts.events ?? NO_EVENTS;
    this.links = parts.links ?? NO_LINKS;
    this.resource = resource;
    this.instrumentationScope = scope;
    if (error === undefined) this.status = OK;
    else {
      this.attributes['error.type'] = error.type;
      this.status = error.text === undefined ? { code: FAILED } : { code: FAILED, message: error.text };
    }
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  get duration(): HrTime {
    const [s, ns] = this.startTime;
    const [endS, endNs] = this.endTime;
    return endNs < ns ? [endS - s - 1, endNs - ns + 1e9] : [endS - s, endNs - ns];
  }
}

/** Undefined values are left out: OTLP has no such thing. */
export function attributesOf(values: Readonly<Record<string, AttributeValue | undefined>>): Attributes {
  const attributes: Attributes = {};
  for (const name in values) {
    const value = values[name];
    if (value !== undefined && value !== '') attributes[name] = value;
  }
  return attributes;
}

/**
 * The clock of spans may be so far off the wall clock before it is set anew. Less would make neighbouring spans jump by
 * the wall clock's own coarseness (1 ms); the process's own start is no anchor, as NTP moves the wall clock for days.
 */
const MAX_DRIFT_MS = 5;
let offset = Date.now() - performance.now();

/** To be called before the spans of one message are made: within them the clock does not jump. */
export function alignClock(now: number): void {
  const wanted = Date.now() - now;
  if (Math.abs(wanted - offset) > MAX_DRIFT_MS) offset = wanted;
}

export function wallTime(at: number): HrTime {
  const ms = at + offset;
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}
