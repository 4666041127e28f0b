// What is decided of a trace before its message is over: whether nodes are told of it, and told to record it. What the
// gateway itself records is decided at the end (src/observe/traces/spans/), where failures are known.

import { type FieldPath, parseFieldPath, readPath } from '../src/hl7/field-path.ts';
import type { Header } from '../src/hl7/header.ts';
import { fieldValue } from '../src/http/fields.ts';
import { newSpanId } from '../src/observe/traces/random-ids.ts';
import {
  formatTraceparent,
  type HandedOn,
  parseTraceparent,
  type RemoteContext,
  type TraceContext,
} from '../src/observe/traces/trace-context.ts';
import type { MessageView } from './message-view.ts';

export interface TraceSampler {
  /** Otherwise what clients say of their traces goes on as it is, and no times are taken for spans. */
  readonly isOn: boolean;
  /** Where a message that comes by MLLP may hold its context. */
  readonly fields: TraceFields | undefined;
  /** The same answer for a trace as long as it lives. */
  takes(trace: TraceContext, view: MessageView): boolean;
}

export interface TraceFields {
  readonly parent: FieldPath;
  readonly state: FieldPath;
}

/** Of a Z segment: `traceparent` in its first field, `tracestate` in its second. */
export function traceFields(segment: string): TraceFields | undefined {
  const parent = parseFieldPath(`${segment}-1`);
  const state = parseFieldPath(`${segment}-2`);
  return parent === undefined || state === undefined ? undefined : { parent, state };
}

/** What a sender over MLLP says of its trace, in the message itself. Its word to sample it is nobody's. */
export function remoteIn(header: Header, { parent, state }: TraceFields): RemoteContext | undefined {
  const text = readPath(header, parent);
  return text === undefined ? undefined : parseTraceparent(text, readPath(header, state), false);
}

/** What an HTTP client says of its trace, in the fields of its request. `trusted`: its word on sampling may count. */
export function remoteOf(rawFields: readonly string[], trusted: boolean): RemoteContext | undefined {
  return parseTraceparent(fieldValue(rawFields, 'traceparent'), fieldValue(rawFields, 'tracestate'), trusted);
}

export const NO_TRACES: TraceSampler = { isOn: false, fields: undefined, takes: () => false };

/** What the node of this attempt reads as its parent: the attempt's own span. */
export function handOn(
  sampler: TraceSampler,
  trace: TraceContext,
  attempt: { spanId: string | undefined } | undefined,
  view: MessageView,
): HandedOn | undefined {
  if (!sampler.isOn || attempt === undefined) return undefined;
  attempt.spanId ??= newSpanId();
  const sampled = sampler.takes(trace, view);
  return { parent: formatTraceparent(trace.traceId, attempt.spanId, sampled), state: trace.remote?.state };
}
