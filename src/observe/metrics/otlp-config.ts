// Where and how metrics are pushed.

export interface OtlpMetricsConfig {
  /** As it is asked for, with its path for HTTP. Headers, certificates and compression are those of OTEL_EXPORTER_OTLP_…. */
  readonly endpoint: string;
  readonly protocol: 'http/protobuf' | 'grpc';
  readonly intervalMs: number;
}
