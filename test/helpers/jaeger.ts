// A trace as Jaeger's query API gives it (/api/traces/{id}), made from what OTLP carried: by the translation that the
// OpenTelemetry specification fixes for Jaeger (span.kind, otel.status_code, error), with times in microseconds.
import type { Trace } from './otlp-collector.ts';
import type { ReadSpan, Value } from './otlp-messages.ts';

export interface JaegerTag {
  readonly key: string;
  readonly type: 'string' | 'int64' | 'float64' | 'bool';
  readonly value: Value;
}

export interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly {
    readonly refType: 'CHILD_OF' | 'FOLLOWS_FROM';
    readonly traceID: string;
    readonly spanID: string;
  }[];
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly JaegerTag[];
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly JaegerTag[] }[];
  readonly processID: string;
}

export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<
    Record<string, { readonly serviceName: string; readonly tags: readonly JaegerTag[] }>
  >;
}

export function jaegerOf({ root, spans }: Trace): JaegerTrace {
  /** By what is the same of one resource: that of the gateway first. */
  const processes = new Map([[JSON.stringify(root.resource), root.resource]]);
  for (const { resource } of spans) processes.set(JSON.stringify(resource), resource);
  const ids = new Map([...processes.keys()].map((key, i) => [key, `p${i + 1}`]));
  const idOf = ({ resource }: ReadSpan): string => ids.get(JSON.stringify(resource)) ?? '';
  return {
    traceID: root.traceId,
    spans: spans.map((span) => spanOf(span, idOf(span))),
    processes: Object.fromEntries(
      [...processes].map(([key, { 'service.name': serviceName = '', ...resource }]) => [
        ids.get(key),
        { serviceName: String(serviceName), tags: tagsOf(resource) },
      ]),
    ),
  };
}

/** What System Architecture draws: for each span with a parent of another service, an arrow between the two, with its count. */
export function dependenciesOf(traces: readonly JaegerTrace[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { spans, processes } of traces) {
    const serviceOf = new Map(
      spans.map(({ spanID, processID }) => [spanID, processes[processID]?.serviceName ?? '']),
    );
    for (const { spanID, references } of spans) {
      for (const { refType, spanID: above } of references) {
        const parent = serviceOf.get(above);
        const child = serviceOf.get(spanID);
        if (refType !== 'CHILD_OF' || parent === undefined || parent === child) continue;
        const arrow = `${parent} → ${child}`;
        counts[arrow] = (counts[arrow] ?? 0) + 1;
      }
    }
  }
  return counts;
}

function spanOf(span: ReadSpan, processID: string): JaegerSpan {
  const parent = { refType: 'CHILD_OF', traceID: span.traceId, spanID: span.parentId } as const;
  const links = span.links.map(({ traceId, spanId }) => ({
    refType: 'FOLLOWS_FROM' as const,
    traceID: traceId,
    spanID: spanId,
  }));
  const status: Record<string, Value> =
    span.status === 'error'
      ? { 'otel.status_code': 'ERROR', error: true, 'otel.status_description': span.statusText }
      : span.status === 'ok'
        ? { 'otel.status_code': 'OK' }
        : {};
  return {
    traceID: span.traceId,
    spanID: span.spanId,
    operationName: span.name,
    references: span.parentId === '' ? links : [parent, ...links],
    startTime: micros(span.from),
    duration: micros(span.to - span.from),
    tags: tagsOf({ ...span.attributes, 'otel.scope.name': span.scope, 'span.kind': span.kind, ...status }),
    logs: span.events.map(({ name, at, attributes }) => ({
      timestamp: micros(at),
      fields: tagsOf({ event: name, ...attributes }),
    })),
    processID,
  };
}

function micros(nanos: bigint): number {
  return Number(nanos / 1000n);
}

function tagsOf(values: Readonly<Record<string, Value>>): JaegerTag[] {
  return Object.entries(values).map(([key, value]) => {
    if (typeof value === 'boolean') return { key, type: 'bool', value };
    if (typeof value === 'string') return { key, type: 'string', value };
    return { key, type: Number.isInteger(value) ? 'int64' : 'float64', value };
  });
}
