// Spans of messages that are over, written as OTLP's ExportTraceServiceRequest at once, without being objects before.
// Promises that opentelemetry-js' own serialiser makes the same of the same spans (docs/decisions/0010-own-span-writer.md);
// field numbers are those of opentelemetry-proto 1.x, trace/v1.
import type { Resource } from '@opentelemetry/resources';
import { MAX_IDENTIFIER } from '../log/loggable.ts';
import {
  type AttributeKey,
  type AttributeValue,
  attributeKey,
  BYTES,
  FIXED64,
  ProtoWriter,
  putVarint,
  tag,
  VARINT,
  varintSize,
} from '../otlp/proto-writer.ts';
import { writeResource, writeScope } from '../otlp/source.ts';
import { PeerSpans, REPORTED } from './peer-spans.ts';
import { drawSpanId, RANDOM } from './random-ids.ts';
import { writeTime } from './span-clock.ts';
import type { TraceContext } from './trace-context.ts';

/** Span.kind. */
export const INTERNAL = 1;
export const SERVER = 2;
export const CLIENT = 3;
export type SpanKind = typeof INTERNAL | typeof SERVER | typeof CLIENT;

/** What all spans of a gateway have in common. */
export interface SpanSource {
  readonly resource: Pick<Resource, 'attributes'>;
  readonly scope: { readonly name: string; readonly version: string };
}

/** The code of what went wrong, and it in one sentence. */
export interface SpanError {
  readonly type: string;
  readonly text: string | undefined;
  /** An answer that says no: its type is told, and the span has not failed. */
  readonly isAnswer?: boolean;
}

/** One request to the collector. */
export interface SpanBatch {
  readonly spans: number;
  /** ExportTraceServiceRequest. */
  readonly bytes: Uint8Array;
}

/** ScopeSpans.spans */
const SPAN = tag(2, BYTES);
const TRACE_ID = tag(1, BYTES);
const SPAN_ID = tag(2, BYTES);
const TRACE_STATE = tag(3, BYTES);
const PARENT_ID = tag(4, BYTES);
const NAME = tag(5, BYTES);
const KIND = tag(6, VARINT);
const STARTED = tag(7, FIXED64);
const ENDED = tag(8, FIXED64);
const ATTRIBUTES = tag(9, BYTES);
const EVENTS = tag(11, BYTES);
const LINKS = tag(13, BYTES);
const STATUS = tag(15, BYTES);
const STATUS_MESSAGE = tag(2, BYTES);
/** Status.code: STATUS_CODE_ERROR. */
const FAILED = Uint8Array.of(tag(3, VARINT), 2);
const EVENT_TIME = tag(1, FIXED64);
const EVENT_NAME = tag(2, BYTES);
const LINK_ATTRIBUTES = tag(4, BYTES);
/** Link.flags: sampled, and whether it is remote is known: it is not. */
const LINK_FLAGS = Uint8Array.of(tag(6, 5), 1, 1, 0, 0);
/** Span.flags: the same of its parent; field 16, whose tag has two bytes. */
const FLAGS = Uint8Array.of(0x85, 0x01, 1, 1, 0, 0);
const FLAGS_OF_REMOTE = Uint8Array.of(0x85, 0x01, 1, 3, 0, 0);

const ERROR_TYPE = attributeKey('error.type');

const RESOURCE_SPANS = tag(1, BYTES);
const SCOPE_SPANS = tag(2, BYTES);

/** Of a message's some 300; a batch that needs more grows, and the next begins with as much. */
const FIRST_SPAN_BYTES = 400;
/** A batch that once had very long spans is no reason to keep as much for ever. */
const MAX_KEPT_BYTES = 1 << 20;
/** As many batches as are under way, and the one that is being filled. */
const MAX_SPARE = 5;

/** A span that the gateway tells of for another service. */
export interface PeerSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: SpanKind;
  readonly from: number;
  readonly to: number;
  readonly spanId: string;
  /** Undefined: the trace begins with it. */
  readonly parentId: string | undefined;
  readonly state?: string | undefined;
}

export class SpanWriter {
  /** Where the span that is begun goes: with the gateway's own, or with those of peers. */
  #out: ProtoWriter;
  readonly #own: ProtoWriter;
  readonly #peers: PeerSpans;
  readonly #batchSpans: number;
  readonly #onFull: (batch: SpanBatch) => void;
  readonly #resource: Uint8Array;
  readonly #scope: Uint8Array;
  readonly #headRoom: number;
  readonly #spare: Buffer[] = [];
  /** Their fields 1 and 4, the same for all children of one root. */
  readonly #traceId = Buffer.alloc(18);
  readonly #parentId = Buffer.alloc(10);
  #bytesNeeded: number;
  #spans = 0;
  #span = 0;
  #flags = FLAGS;

  /** `onFull` is called in `root` and in `cut`, with each batch of so many spans. */
  constructor({ resource, scope }: SpanSource, batchSpans: number, onFull: (batch: SpanBatch) => void) {
    this.#resource = written((out) => writeResource(out, resource.attributes));
    this.#scope = written((out) => writeScope(out, scope));
    // Two tags and their lengths, of five bytes at most.
    this.#headRoom = 2 * (1 + 5) + this.#resource.length + this.#scope.length;
    this.#batchSpans = batchSpans;
    this.#onFull = onFull;
    this.#bytesNeeded = this.#headRoom + batchSpans * FIRST_SPAN_BYTES;
    this.#own = new ProtoWriter(this.#buffer(), this.#headRoom);
    this.#out = this.#own;
    this.#peers = new PeerSpans(this.#scope);
    this.#traceId[0] = TRACE_ID;
    this.#traceId[1] = 16;
    this.#parentId[0] = PARENT_ID;
    this.#parentId[1] = 8;
  }

  /** In the batch that is not full yet. */
  get spans(): number {
    return this.#spans;
  }

  /**
   * The root of a trace, and of what `child` begins from now on. Times are monotonicMs() milliseconds. `above`: the span of a
   * peer that it is a child of, if no remote one is.
   */
  root(
    { traceId, spanId, remote }: TraceContext,
    name: string,
    kind: SpanKind,
    from: number,
    to: number,
    state = remote?.state,
    above?: string,
  ): void {
    this.cut();
    this.#traceId.write(traceId, 2, 'hex');
    this.#parentId.write(spanId, 2, 'hex');
    const out = this.#out;
    this.#span = out.open(SPAN);
    out.raw(this.#traceId);
    out.hex(SPAN_ID, spanId);
    if (state !== undefined) out.string(TRACE_STATE, state);
    const parentId = remote?.spanId ?? above;
    if (parentId !== undefined) out.hex(PARENT_ID, parentId);
    this.#flags = parentId === undefined ? FLAGS : FLAGS_OF_REMOTE;
    this.#head(name, kind, from, to);
  }

  /** `spanId`: where somebody has been told it. */
  child(name: string, kind: SpanKind, from: number, to: number, spanId?: string): void {
    const out = this.#out;
    this.#span = out.open(SPAN);
    out.raw(this.#traceId);
    if (spanId === undefined) out.copy(SPAN_ID, RANDOM, drawSpanId(), 8);
    else out.hex(SPAN_ID, spanId);
    out.raw(this.#parentId);
    this.#flags = FLAGS;
    this.#head(name, kind, from, to);
  }

  /** A span of another service in the trace of the last root. */
  peer({ service, name, kind, from, to, spanId, parentId, state }: PeerSpan): void {
    this.#peers.open(service);
    const { out } = this.#peers;
    this.#out = out;
    this.#span = out.open(SPAN);
    out.raw(this.#traceId);
    out.hex(SPAN_ID, spanId);
    if (state !== undefined) out.string(TRACE_STATE, state);
    if (parentId !== undefined) out.hex(PARENT_ID, parentId);
    this.#flags = parentId === undefined ? FLAGS : FLAGS_OF_REMOTE;
    this.#head(name, kind, from, to);
    this.put(REPORTED, true);
  }

  /** Nothing of a value that is unknown or empty. */
  put(key: AttributeKey, value: AttributeValue | undefined): void {
    if (value !== undefined && value !== '') this.#out.attribute(ATTRIBUTES, key, value);
  }

  /** The same of bytes that are an identifier; false, and nothing, where they have to be escaped or cut (`loggable`). */
  putPrintable(key: AttributeKey, bytes: Uint8Array, from: number, to: number): boolean {
    return from >= to || this.#out.printable(ATTRIBUTES, key, bytes, from, to, MAX_IDENTIFIER);
  }

  event(name: string, at: number): void {
    const out = this.#out;
    const start = out.open(EVENTS);
    writeTime(out, EVENT_TIME, at);
    out.string(EVENT_NAME, name);
    out.close(start);
  }

  link({ traceId, spanId }: TraceContext, key: AttributeKey, value: AttributeValue): void {
    const out = this.#out;
    const start = out.open(LINKS);
    out.hex(TRACE_ID, traceId);
    out.hex(SPAN_ID, spanId);
    out.attribute(LINK_ATTRIBUTES, key, value);
    out.raw(LINK_FLAGS);
    out.close(start);
  }

  /** What `root`, `child` or `peer` began is whole. */
  end(error?: SpanError): void {
    const out = this.#out;
    if (error !== undefined) {
      out.attribute(ATTRIBUTES, ERROR_TYPE, error.type);
      if (error.isAnswer !== true) {
        const start = out.open(STATUS);
        if (error.text !== undefined) out.string(STATUS_MESSAGE, error.text);
        out.raw(FAILED);
        out.close(start);
      }
    }
    out.raw(this.#flags);
    out.close(this.#span);
    this.#spans++;
    if (out === this.#own) return;
    this.#peers.close();
    this.#out = this.#own;
  }

  /** The spans of one message are whole: they go in one batch, which may have some more than it should for that. */
  cut(): void {
    if (this.#spans >= this.#batchSpans) this.#onFull(this.take());
  }

  /** What there is, as one batch. */
  take(): SpanBatch {
    const spans = this.#spans;
    this.#spans = 0;
    const body = this.#own.length;
    // Further fields of the same message, behind the gateway's own ResourceSpans.
    this.#own.raw(this.#peers.take());
    const needed = this.#headRoom + this.#own.length;
    this.#bytesNeeded = Math.min(MAX_KEPT_BYTES, Math.max(this.#bytesNeeded, needed));
    const bytes = this.#own.take(this.#buffer());
    return { spans, bytes: bytes.subarray(this.#putHead(bytes, body)) };
  }

  /** Its bytes are needed no more: those of a later batch will be where they were. */
  giveBack({ bytes }: SpanBatch): void {
    if (this.#spare.length >= MAX_SPARE || bytes.buffer.byteLength > MAX_KEPT_BYTES) return;
    this.#spare.push(Buffer.from(bytes.buffer));
  }

  #head(name: string, kind: SpanKind, from: number, to: number): void {
    const out = this.#out;
    out.string(NAME, name);
    out.varint(KIND, kind);
    writeTime(out, STARTED, from);
    // What was measured out of order would be a span of negative length.
    writeTime(out, ENDED, Math.max(from, to));
  }

  #buffer(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#bytesNeeded);
  }

  /** What stands before the spans, put right in front of them; where it begins. */
  #putHead(bytes: Buffer, body: number): number {
    const scopeSpans = this.#scope.length + body;
    const resourceSpans = this.#resource.length + 1 + varintSize(scopeSpans) + scopeSpans;
    const begin = this.#headRoom - (1 + varintSize(resourceSpans) + resourceSpans - body);
    bytes[begin] = RESOURCE_SPANS;
    let at = putVarint(bytes, begin + 1, resourceSpans);
    bytes.set(this.#resource, at);
    at += this.#resource.length;
    bytes[at] = SCOPE_SPANS;
    at = putVarint(bytes, at + 1, scopeSpans);
    bytes.set(this.#scope, at);
    return begin;
  }
}

function written(write: (out: ProtoWriter) => void): Uint8Array {
  const out = new ProtoWriter(Buffer.alloc(1024));
  write(out);
  return out.take(Buffer.alloc(0));
}
