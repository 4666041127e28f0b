// A span that is over, in the shape that opentelemetry-js exports: made at once with all that it has, as its message has
// been over for some time, which the SDK's tracer is not made for: it has clocks, limits and processors of its own.
import type { Attributes, HrTime, Link, SpanContext, SpanStatus } from '@opentelemetry/api';
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
  /** performance.now() milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly attributes: Attributes;
  readonly events?: TimedEvent[] | undefined;
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
  readonly #context: SpanContext;
  readonly #source: SpanSource;

  /** `parent`: undefined for the root of a trace. */
  constructor(parts: SpanParts, context: SpanContext, parent: SpanContext | undefined, source: SpanSource) {
    const { from, to, error } = parts;
    this.name = parts.name;
    this.kind = parts.kind;
    this.#context = context;
    this.#source = source;
    if (parent !== undefined) this.parentSpanContext = parent;
    this.startTime = wallTime(from);
    // What was measured out of order would be a span of negative length.
    this.endTime = to <= from ? this.startTime : wallTime(to);
    this.attributes = parts.attributes;
    this.events = parts.events ?? NO_EVENTS;
    this.links = parts.links ?? NO_LINKS;
    if (error === undefined) this.status = OK;
    else {
      this.attributes['error.type'] = error.type;
      this.status = error.text === undefined ? { code: FAILED } : { code: FAILED, message: error.text };
    }
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  // What is the same for all takes no room in each.
  get resource(): Resource {
    return this.#source.resource;
  }

  get instrumentationScope(): SpanSource['scope'] {
    return this.#source.scope;
  }

  get ended(): boolean {
    return true;
  }

  get droppedAttributesCount(): number {
    return 0;
  }

  get droppedEventsCount(): number {
    return 0;
  }

  get droppedLinksCount(): number {
    return 0;
  }

  get duration(): HrTime {
    const [s, ns] = this.startTime;
    const [endS, endNs] = this.endTime;
    return endNs < ns ? [endS - s - 1, endNs - ns + 1e9] : [endS - s, endNs - ns];
  }
}

export function contextOf(traceId: string, spanId: string, isRemote?: true): SpanContext {
  return isRemote === undefined
    ? { traceId, spanId, traceFlags: SAMPLED }
    : { traceId, spanId, traceFlags: SAMPLED, isRemote };
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
