// Pushes metrics by OTLP at an interval, by OpenTelemetry's own reader and exporters. Promises that a collector that is
// away costs nothing but a count and one line of log.
import { ExportResultCode } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { version } from '../../version.ts';
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
    // gRPC takes some time to load, and most do without.
    const { OTLPMetricExporter } =
      protocol === 'grpc'
        ? await import('@opentelemetry/exporter-metrics-otlp-grpc')
        : await import('@opentelemetry/exporter-metrics-otlp-proto');
    const timeoutMs = Math.min(TIMEOUT_MS, intervalMs);
    const exporter = new OTLPMetricExporter({ url: endpoint });
    const reader = new PeriodicExportingMetricReader({
      exporter: this.#counting(exporter),
      exportIntervalMillis: intervalMs,
      exportTimeoutMillis: timeoutMs,
      metricProducers: [producerOf(this.#collect)],
    });
    const own = resourceFromAttributes({
      [ATTR_SERVICE_NAME]: 'hl7-gateway',
      [ATTR_SERVICE_VERSION]: version,
    });
    const named = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] });
    return new MeterProvider({ resource: defaultResource().merge(own).merge(named), readers: [reader] });
  }

  /** The reader hands failures to a handler of the whole process; here they are counted instead. */
  #counting(exporter: PushMetricExporter): PushMetricExporter {
    return {
      export: (metrics, done) => {
        exporter.export(metrics, ({ code, error }) => {
          if (code === ExportResultCode.SUCCESS) this.#note('ok', '');
          else this.#note('failed', reasonOf(error));
          done({ code: ExportResultCode.SUCCESS });
        });
      },
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
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
