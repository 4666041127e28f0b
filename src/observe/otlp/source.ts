// The messages that traces and metrics both begin with: the resource that sends them, and the scope (opentelemetry-proto 1.x,
// common/v1 and resource/v1). Promises that attributes are written as opentelemetry-js' own serialiser writes them.
import type { Attributes } from '@opentelemetry/api';
import { attributeKey, BYTES, type ProtoWriter, tag } from './proto-writer.ts';

/** Field 1 of ResourceSpans and ResourceMetrics. */
const RESOURCE = tag(1, BYTES);
const RESOURCE_ATTRIBUTES = tag(1, BYTES);
/** Field 1 of ScopeSpans and ScopeMetrics. */
const SCOPE = tag(1, BYTES);
const SCOPE_NAME = tag(1, BYTES);
const SCOPE_VERSION = tag(2, BYTES);

export function writeResource(out: ProtoWriter, attributes: Attributes): void {
  const start = out.open(RESOURCE);
  writeAttributes(out, RESOURCE_ATTRIBUTES, attributes);
  out.close(start);
}

export function writeScope(
  out: ProtoWriter,
  { name, version = '' }: { readonly name: string; readonly version?: string },
): void {
  const start = out.open(SCOPE);
  out.string(SCOPE_NAME, name);
  out.string(SCOPE_VERSION, version);
  out.close(start);
}

/** Those of the gateway's resource and of its metrics are all of these types. */
export function writeAttributes(out: ProtoWriter, fieldTag: number, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes))
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      out.attribute(fieldTag, attributeKey(name), value);
}
