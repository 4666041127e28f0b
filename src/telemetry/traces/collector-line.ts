// The way to the collector: opentelemetry-js' own over HTTP or gRPC, with its retries, time-outs, compression, TLS and
// variables, given bytes that are there already; and what is said of this process. Loaded when traces are switched on,
// and not before: without them the gateway starts a tenth of a second sooner.
import { hostname } from 'node:os';
import type { ExportResult } from '@opentelemetry/core';
import type { IOtlpExportDelegate } from '@opentelemetry/otlp-exporter-base';
import type { IExportTraceServiceResponse, ISerializer } from '@opentelemetry/otlp-transformer';
import { version } from '../../version.ts';
import type { EffectiveTraces } from './environment.ts';
import type { SpanBatch, SpanSource } from './span-writer.ts';

/** What came of a batch. `rejected`: spans of it that the collector took note of and did not want (partial success). */
export interface Sent {
  readonly error: Error | undefined;
  readonly isTaken: boolean;
  readonly rejected: number;
}

/** Where batches go. `done` is called once for each. */
export interface CollectorLine {
  send(batch: SpanBatch, done: (sent: Sent) => void): void;
  shutdown(): Promise<void>;
}

export interface OpenedLine {
  readonly line: CollectorLine;
  readonly source: SpanSource;
}

type Serializer = ISerializer<SpanBatch, IExportTraceServiceResponse>;
const METRICS_HELPER = { name: 'span', countItems: ({ spans }: SpanBatch) => spans } as const;

export async function openCollectorLine(effective: EffectiveTraces): Promise<OpenedLine> {
  const [{ ProtobufTraceSerializer }, resources] = await Promise.all([
    import('@opentelemetry/otlp-transformer'),
    import('@opentelemetry/resources'),
  ]);
  let rejected = 0;
  const serializer: Serializer = {
    serializeRequest: ({ bytes }) => bytes,
    deserializeResponse: (data) => {
      const response = ProtobufTraceSerializer.deserializeResponse(data);
      rejected = response.partialSuccess?.rejectedSpans ?? 0;
      return response;
    },
  };
  const delegate = await openDelegate(effective, serializer);
  const line: CollectorLine = {
    send(batch, done) {
      delegate.export(batch, ({ code, error }: ExportResult) => {
        // The response was read in this same turn, right before.
        const sent = { error, isTaken: code === 0, rejected: Math.min(rejected, batch.spans) };
        rejected = 0;
        done(sent);
      });
    },
    shutdown: () => delegate.shutdown(),
  };
  const { defaultResource, detectResources, resourceFromAttributes } = resources;
  const own = resourceFromAttributes({
    'service.name': 'hl7-gateway',
    'service.version': version,
    'host.name': hostname(),
    'process.pid': process.pid,
  });
  // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
  const detectors = [resources.resourceAttributesEnvDetector, resources.serviceNameEnvDetector];
  const resource = defaultResource().merge(own).merge(detectResources({ detectors }));
  return { line, source: { resource, scope: { name: 'hl7-gateway', version } } };
}

async function openDelegate(
  { endpoint, protocol }: EffectiveTraces,
  serializer: Serializer,
): Promise<IOtlpExportDelegate<SpanBatch>> {
  const options = endpoint === undefined ? {} : { url: endpoint };
  if (protocol === 'grpc') {
    const grpc = await import('@opentelemetry/otlp-grpc-exporter-base');
    return grpc.createOtlpGrpcExportDelegate(
      grpc.convertLegacyOtlpGrpcOptions(options, 'TRACES'),
      serializer,
      'otlp_grpc_span_exporter',
      METRICS_HELPER,
      undefined,
      'TraceExportService',
      '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    );
  }
  const http = await import('@opentelemetry/otlp-exporter-base/node-http');
  const headers = { 'Content-Type': 'application/x-protobuf' };
  return http.createOtlpHttpExportDelegate(
    http.convertLegacyHttpOptions(options, 'TRACES', 'v1/traces', headers),
    serializer,
    'otlp_http_span_exporter',
    METRICS_HELPER,
    undefined,
  );
}
