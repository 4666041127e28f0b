// The way to a collector: opentelemetry-js' own over HTTP or gRPC, with its retries, time-outs, compression, TLS and
// variables. Promises to load what it is made of when it is opened, and not before: a gateway that sends nothing starts a
// tenth of a second sooner.
import type { IOtlpExportDelegate } from '@opentelemetry/otlp-exporter-base';
import type { ISerializer } from '@opentelemetry/otlp-transformer';

export interface DelegateOptions<Batch, Response> {
  readonly signal: 'traces' | 'metrics';
  /** Undefined: opentelemetry-js finds it in the environment. */
  readonly url: string | undefined;
  readonly protocol: 'http/protobuf' | 'grpc';
  readonly serializer: ISerializer<Batch, Response>;
}

/** What opentelemetry-js calls them: for its variables, for gRPC, and for metrics of its own, which nobody reads here. */
const SIGNALS = {
  traces: {
    variables: 'TRACES',
    path: 'v1/traces',
    client: 'TraceExportService',
    method: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    item: 'span',
    component: 'span_exporter',
  },
  metrics: {
    variables: 'METRICS',
    path: 'v1/metrics',
    client: 'MetricsExportService',
    method: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    item: 'metric_data_point',
    component: 'metric_exporter',
  },
} as const;

export async function openDelegate<Batch, Response>({
  signal,
  url,
  protocol,
  serializer,
}: DelegateOptions<Batch, Response>): Promise<IOtlpExportDelegate<Batch>> {
  const { variables, path, client, method, item, component } = SIGNALS[signal];
  const options = url === undefined ? {} : { url };
  const counts = { name: item, countItems: () => 0 };
  if (protocol === 'grpc') {
    const grpc = await import('@opentelemetry/otlp-grpc-exporter-base');
    return grpc.createOtlpGrpcExportDelegate(
      grpc.convertLegacyOtlpGrpcOptions(options, variables),
      serializer,
      `otlp_grpc_${component}`,
      counts,
      undefined,
      client,
      method,
    );
  }
  const http = await import('@opentelemetry/otlp-exporter-base/node-http');
  return http.createOtlpHttpExportDelegate(
    http.convertLegacyHttpOptions(options, variables, path, { 'Content-Type': 'application/x-protobuf' }),
    serializer,
    `otlp_http_${component}`,
    counts,
    undefined,
  );
}
