// The messages of OTLP's trace export (opentelemetry-proto 1.x, collector/trace/v1 and trace/v1), written down here by
// their field numbers, so that what the gateway sends is read by another hand than wrote it.
import protobuf from 'protobufjs';

const root = protobuf.Root.fromJSON({
  nested: {
    otlp: {
      nested: {
        ExportTraceServiceRequest: { fields: { resourceSpans: list('ResourceSpans', 1) } },
        ResourceSpans: { fields: { resource: one('Resource', 1), scopeSpans: list('ScopeSpans', 2) } },
        Resource: { fields: { attributes: list('KeyValue', 1) } },
        ScopeSpans: { fields: { scope: one('InstrumentationScope', 1), spans: list('Span', 2) } },
        InstrumentationScope: { fields: { name: one('string', 1), version: one('string', 2) } },
        Span: {
          fields: {
            traceId: one('bytes', 1),
            spanId: one('bytes', 2),
            traceState: one('string', 3),
            parentSpanId: one('bytes', 4),
            name: one('string', 5),
            kind: one('int32', 6),
            startTimeUnixNano: one('fixed64', 7),
            endTimeUnixNano: one('fixed64', 8),
            attributes: list('KeyValue', 9),
            events: list('Event', 11),
            links: list('Link', 13),
            status: one('Status', 15),
            flags: one('fixed32', 16),
          },
        },
        Event: {
          fields: {
            timeUnixNano: one('fixed64', 1),
            name: one('string', 2),
            attributes: list('KeyValue', 3),
          },
        },
        Link: {
          fields: {
            traceId: one('bytes', 1),
            spanId: one('bytes', 2),
            attributes: list('KeyValue', 4),
            flags: one('fixed32', 6),
          },
        },
        Status: { fields: { message: one('string', 2), code: one('int32', 3) } },
        KeyValue: { fields: { key: one('string', 1), value: one('AnyValue', 2) } },
        AnyValue: {
          oneofs: { value: { oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue'] } },
          fields: {
            stringValue: one('string', 1),
            boolValue: one('bool', 2),
            intValue: one('int64', 3),
            doubleValue: one('double', 4),
          },
        },
      },
    },
  },
});

function one(type: string, id: number) {
  return { type, id };
}

function list(type: string, id: number) {
  return { rule: 'repeated', type, id };
}

export type Value = string | number | boolean;

export interface ReadEvent {
  readonly name: string;
  readonly at: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
}

export interface ReadSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: none. */
  readonly parentId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  readonly from: bigint;
  readonly to: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly ReadEvent[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: 'unset' | 'ok' | 'error';
  readonly statusText: string;
  /** The parent is said to be another process's. */
  readonly parentIsRemote: boolean;
  readonly resource: Readonly<Record<string, Value>>;
  readonly scope: string;
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUSES = ['unset', 'ok', 'error'] as const;
/** SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK. */
const IS_REMOTE = 0x200;

interface KeyValue {
  readonly key: string;
  readonly value?: Readonly<Record<string, Value>>;
}

interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly events: readonly {
    readonly name: string;
    readonly timeUnixNano: string;
    readonly attributes: readonly KeyValue[];
  }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code: number; readonly message: string };
  readonly flags: number;
}

interface RawRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly RawSpan[];
    }[];
  }[];
}

/** @throws Error for bytes that are no such request */
export function readExportRequest(bytes: Uint8Array): ReadSpan[] {
  const type = root.lookupType('otlp.ExportTraceServiceRequest');
  const options = { longs: String, bytes: String, arrays: true, defaults: true, oneofs: false };
  const request = type.toObject(type.decode(bytes), options) as RawRequest;
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => readSpan(span, values(resource.attributes), scope.name)),
    ),
  );
}

function readSpan(span: RawSpan, resource: Record<string, Value>, scope: string): ReadSpan {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentId: hex(span.parentSpanId),
    traceState: span.traceState,
    name: span.name,
    kind: KINDS[span.kind] ?? 'unknown',
    from: BigInt(span.startTimeUnixNano),
    to: BigInt(span.endTimeUnixNano),
    attributes: values(span.attributes),
    events: span.events.map((event) => ({
      name: event.name,
      at: BigInt(event.timeUnixNano),
      attributes: values(event.attributes),
    })),
    links: span.links.map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
    status: STATUSES[span.status?.code ?? 0] ?? 'unset',
    statusText: span.status?.message ?? '',
    parentIsRemote: (span.flags & IS_REMOTE) !== 0,
    resource,
    scope,
  };
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

function values(list: readonly KeyValue[]): Record<string, Value> {
  return Object.fromEntries(
    list.map(({ key, value = {} }) => {
      // `defaults` fills in all of a oneof's fields but the one that was sent last; what was sent is what has no default.
      const { stringValue, boolValue, intValue, doubleValue } = value;
      if (stringValue !== undefined) return [key, stringValue];
      if (boolValue !== undefined) return [key, boolValue];
      return [key, intValue === undefined ? (doubleValue ?? '') : Number(intValue)];
    }),
  );
}
