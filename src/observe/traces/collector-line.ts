// Where batches of spans go: one line to the collector, given bytes that are there already. Promises to tell of each batch
// what came of it, and how many of its spans the collector did not want.
import { hostname } from 'node:os';
import type { ExportResult } from '@opentelemetry/core';
import type { IExportTraceServiceResponse, ISerializer } from '@opentelemetry/otlp-transformer';
import { platform } from '../../platform/current.ts';
import { openDelegate } from '../otlp/delegate.ts';
import { gatewayResource, SCOPE } from '../otlp/resource.ts';
import { isExportResponse, isRetryable, NoCollector, readableUrl } from './collector-answer.ts';
import { type EffectiveTraces, namedEndpoint } from './environment.ts';
import type { SpanBatch, SpanSource } from './span-writer.ts';

/** What came of a batch. `rejected`: spans of it that the collector took note of and did not want (partial success). */
export interface BatchOutcome {
  readonly error: Error | undefined;
  readonly isTaken: boolean;
  readonly rejected: number;
  /** The collector may take the same batch later. */
  readonly isRetryable?: boolean;
}

/** Where batches go. `done` is called once for each. */
export interface CollectorLine {
  send(batch: SpanBatch, done: (sent: BatchOutcome) => void): void;
  shutdown(): Promise<void>;
}

export interface OpenedLine {
  /** Where it leads, without a password. */
  readonly url: string;
  readonly line: CollectorLine;
  readonly source: SpanSource;
}

export async function openCollectorLine(effective: EffectiveTraces): Promise<OpenedLine> {
  const simulated = platform.openSpanLine?.();
  // Where it is from depends on the machine, which a simulated world does not have.
  if (simulated !== undefined)
    return { url: '', line: simulated, source: { resource: { attributes: {} }, scope: SCOPE } };
  const { ProtobufTraceSerializer } = await import('@opentelemetry/otlp-transformer');
  let rejected = 0;
  let stranger: Error | undefined;
  const serializer: ISerializer<SpanBatch, IExportTraceServiceResponse> = {
    serializeRequest: ({ bytes }) => bytes,
    deserializeResponse: (data) => {
      if (!isExportResponse(data)) {
        stranger = new NoCollector(data);
        return {};
      }
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
        const failure = stranger ?? error;
        const sent = {
          error: failure,
          isTaken: code === 0 && stranger === undefined,
          rejected: Math.min(rejected, batch.spans),
          isRetryable: stranger === undefined && isRetryable(error, protocol),
        };
        rejected = 0;
        stranger = undefined;
        done(sent);
      });
    },
    shutdown: () => delegate.shutdown(),
  };
  const url = readableUrl(endpoint ?? namedEndpoint(process.env, protocol));
  const resource = await gatewayResource({ 'host.name': hostname(), 'process.pid': process.pid });
  return { url, line, source: { resource, scope: SCOPE } };
}
