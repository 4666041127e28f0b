// The fields of W3C Trace Context in a request for a node: the gateway's own, in place of whatever the client sent.
import type { HandedOn } from '../observe/traces/trace-context.ts';
import type { HeaderFields } from './fields.ts';

export function handOnTrace(fields: HeaderFields, { parent, state }: HandedOn): void {
  for (let i = fields.length - 2; i >= 0; i -= 2)
    if (fields[i] === 'traceparent' || fields[i] === 'tracestate') fields.splice(i, 2);
  fields.push('traceparent', parent);
  if (state !== undefined) fields.push('tracestate', state);
}
