// Where batches of spans go: one line to the collector, given bytes that are there already. Promises to tell of each batch
// what came of it, and how many of its spans the collector did not want.
import { hostname } from 'node:os';
import type { ExportResult } from '@opentelemetry/core';
import type { IExportTraceServiceResponse, ISerializer } from '@opentelemetry/otlp-transformer';
import { openDelegate } from '../otlp/delegate.ts';
import { gatewayResource, SCOPE } from '../otlp/resource.ts';
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

export async function openCollectorLine(effective: EffectiveTraces): Promise<OpenedLine> {
  const { ProtobufTraceSerializer } = await import('@opentelemetry/otlp-transformer');
  let rejected = 0;
  const serializer: ISerializer<SpanBatch, IExportTraceServiceResponse> = {
    serializeRequest: ({ bytes }) => bytes,
    deserializeResponse: (data) => {
      const response = ProtobufTraceSerializer.deserializeResponse(data);
      rejected = response.partialSuccess?.rejectedSpans ?? 0;
      return response;
    },
  };
  const { endpoint, protocol } = effective;
  const delegate = await openDelegate({ signal: 'traces', url: endpoint, protocol, serializer });
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
  const resource = await gatewayResource({ 'host.name': hostname(), 'process.pid': process.pid });
  return { line, source: { resource, scope: SCOPE } };
}
