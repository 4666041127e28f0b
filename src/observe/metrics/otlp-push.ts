// Pushes metrics by OTLP at an interval, by OpenTelemetry's own reader and exporters. Promises that a collector that is
// away costs nothing but a count and one line of log.
import { ExportResultCode } from '@opentelemetry/core';
import type { IOtlpExportDelegate } from '@opentelemetry/otlp-exporter-base';
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { openDelegate } from '../otlp/delegate.ts';
import { gatewayResource } from '../otlp/resource.ts';
import { metricBytes } from './metric-bytes.ts';
import { type Collect, producerOf } from './metric-data.ts';
import type { OtlpMetricsConfig } from './otlp-config.ts';

export interface PushCounts {
  ok: number;
  failed: number;
}

/** For the log: only when it changes. */
export type OnPush = (state: 'ok' | 'failed', reason: string) => void;

/** A push that takes longer is given up; the next one has all that was in it. */
const TIMEOUT_MS = 10_000;
/** At the end the last counts are pushed, if the collector takes them within this time. */
const STOP_MS = 2_000;

export class OtlpPush {
  readonly counts: PushCounts = { ok: 0, failed: 0 };
  readonly #collect: Collect;
  readonly #onPush: OnPush;
  #provider: Promise<MeterProvider> | undefined;
  #state: 'ok' | 'failed' | undefined;

  constructor(collect: Collect, onPush: OnPush) {
    this.#collect = collect;
    this.#onPush = onPush;
  }

  start(config: OtlpMetricsConfig): void {
    this.#provider = this.#open(config);
    this.#provider.catch((thrown: Error) => this.#note('failed', thrown.name));
  }

  /** Pushes what there is once more. */
  async stop(): Promise<void> {
    const provider = this.#provider;
    this.#provider = undefined;
    try {
      await (await provider)?.shutdown({ timeoutMillis: STOP_MS });
    } catch {
      // The collector is away, and nobody is there any more to be told.
    }
  }

  async #open({ endpoint, protocol, intervalMs }: OtlpMetricsConfig): Promise<MeterProvider> {
    const timeoutMs = Math.min(TIMEOUT_MS, intervalMs);
    const { ProtobufMetricsSerializer } = await import('@opentelemetry/otlp-transformer');
    const delegate = await openDelegate({
      signal: 'metrics',
      url: endpoint,
      protocol,
      serializer: {
        serializeRequest: (metrics: ResourceMetrics) => metricBytes(metrics),
        deserializeResponse: (data) => ProtobufMetricsSerializer.deserializeResponse(data),
      },
    });
    const reader = new PeriodicExportingMetricReader({
      exporter: this.#counting(delegate),
      exportIntervalMillis: intervalMs,
      exportTimeoutMillis: timeoutMs,
      metricProducers: [producerOf(this.#collect)],
    });
    return new MeterProvider({ resource: await gatewayResource(), readers: [reader] });
  }

  /** The reader hands failures to a handler of the whole process; here they are counted instead. */
  #counting(delegate: IOtlpExportDelegate<ResourceMetrics>): PushMetricExporter {
    return {
      export: (metrics, done) => {
        delegate.export(metrics, ({ code, error }) => {
          if (code === ExportResultCode.SUCCESS) this.#note('ok', '');
          else this.#note('failed', reasonOf(error));
          done({ code: ExportResultCode.SUCCESS });
        });
      },
      // The counts themselves are cumulative.
      selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
      forceFlush: () => delegate.forceFlush(),
      shutdown: () => delegate.shutdown(),
    };
  }

  #note(state: 'ok' | 'failed', reason: string): void {
    this.counts[state]++;
    if (state === this.#state) return;
    this.#state = state;
    this.#onPush(state, reason);
  }
}

/** What answered may have said anything: only codes and the class of the error are told. */
function reasonOf(error: Error | undefined): string {
  const code: unknown = error === undefined ? undefined : Reflect.get(error, 'code');
  return code === undefined ? (error?.name ?? 'unknown') : String(code);
}
