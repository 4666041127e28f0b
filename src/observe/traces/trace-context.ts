// The place of one message in its trace (W3C Trace Context): ids, who is above it, and whether its nodes are told to
// record it. Promises that nothing is drawn before it is asked for: a message that nobody traces or logs has no id.
import { newLot, newSpanId, newTraceId } from './random-ids.ts';

/** What a peer says of the span that caused its message. */
export interface RemoteContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** `tracestate` as it came; undefined: none, or one that may not be passed on. */
  readonly state: string | undefined;
  /** Its word on sampling may count: it came from one of `trustedProxies`. */
  readonly trusted: boolean;
}

/** For each hop that takes a message on: what the next one reads as its parent. */
export interface HandedOn {
  readonly parent: string;
  readonly state: string | undefined;
}

export class TraceContext {
  #traceId: string | undefined;
  #lot: number | undefined;
  #spanId: string | undefined;
  #remote: RemoteContext | undefined;
  /** Of the batch that it was split from: what goes for that goes for its messages. */
  readonly batch: TraceContext | undefined;
  /** Decided when it was first handed on, or when it ended; before that undefined. */
  sampled: boolean | undefined;

  constructor(remote?: RemoteContext, batch?: TraceContext) {
    this.#remote = remote;
    this.batch = batch;
  }

  /** 32 hexadecimal digits. */
  get traceId(): string {
    this.#traceId ??= this.#remote?.traceId ?? newTraceId(this.#lot);
    return this.#traceId;
  }

  /**
   * The number by which opentelemetry's samplers go: its id's four words, each by exclusive or with the next. Where there
   * is no id yet it is drawn, and the id will have it.
   */
  get lot(): number {
    const known = this.#traceId ?? this.#remote?.traceId;
    if (known !== undefined) return folded(known);
    this.#lot ??= newLot();
    return this.#lot;
  }

  /** Of the message's root span here. */
  get spanId(): string {
    this.#spanId ??= newSpanId();
    return this.#spanId;
  }

  get remote(): RemoteContext | undefined {
    return this.#remote;
  }

  /** Its sender says in the message itself where it belongs. Too late where somebody has been told another id. */
  adopt(remote: RemoteContext): void {
    if (this.#traceId === undefined) this.#remote ??= remote;
  }
}

function folded(traceId: string): number {
  let lot = 0;
  for (let at = 0; at < 32; at += 8) lot ^= Number.parseInt(traceId.slice(at, at + 8), 16);
  return lot >>> 0;
}

/** 3.2.2: lower-case only; a version after 00 may have more behind the flags. */
const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
/** 3.3.1.3.1: entries beyond 32 may be dropped, and 512 characters must be carried; longer ones are dropped whole. */
const MAX_STATE_LENGTH = 512;
const MAX_STATE_ENTRIES = 32;
/** 3.3.1.3: `key=value`, the key in lower case, perhaps with a tenant. */
const ENTRY =
  /^[a-z0-9][a-z0-9_*/-]{0,255}(@[a-z0-9][a-z0-9_*/-]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;

/** Undefined: there is none, or none that can be gone by; then a new trace begins (4.3). */
export function parseTraceparent(
  parent: string | undefined,
  state: string | undefined,
  trusted: boolean,
): RemoteContext | undefined {
  if (parent === undefined) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = PARENT.exec(parent.trim()) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  return { traceId, spanId, sampled, state: readState(state), trusted };
}

function readState(state: string | undefined): string | undefined {
  if (state === undefined || state.length > MAX_STATE_LENGTH) return undefined;
  const entries = state
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length === 0 || entries.length > MAX_STATE_ENTRIES) return undefined;
  return entries.every((entry) => ENTRY.test(entry)) ? entries.join(',') : undefined;
}

export function formatTraceparent(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
