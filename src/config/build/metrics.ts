// `telemetry.metrics`, and what OpenTelemetry's standard environment variables say of it, which win. Promises that a
// variable that makes no sense is warned about and left out, as OpenTelemetry's specification asks.
import type { OtlpMetricsConfig } from '../../observe/metrics/otlp-config.ts';
import type { MetricsConfig } from '../config.ts';
import { LONGEST_MS, parseCount } from '../formats.ts';
import type { TOP_KEYS } from '../keys/top.ts';
import { joined, type Section } from '../read/section.ts';
import type { ReadContext } from '../source/value.ts';

type Protocol = OtlpMetricsConfig['protocol'];

type TopSection = Section<typeof TOP_KEYS>;

const KEY = 'telemetry.metrics.otlp';

export function buildMetrics(top: TopSection, reading: ReadContext): MetricsConfig {
  return { prometheus: top.values.telemetry.metrics.prometheus, otlp: buildOtlp(top, reading) };
}

/** Undefined: not pushed. */
function buildOtlp(top: TopSection, reading: ReadContext): OtlpMetricsConfig | undefined {
  const { env } = reading;
  const exporters = env.OTEL_METRICS_EXPORTER?.split(',').map((one) => one.trim());
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return undefined;
  if (exporters !== undefined && exporters.join() !== '' && !exporters.includes('otlp')) return undefined;
  const protocol = protocolOf(top, reading);
  const given = top.values.telemetry.metrics.otlp.endpoint;
  const own = present(env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT);
  // The common endpoint alone is there for traces as often as not, and would make a collector of traces refuse metrics.
  if (own === undefined && given === undefined && exporters?.includes('otlp') !== true) return undefined;
  const common = present(env.OTEL_EXPORTER_OTLP_ENDPOINT) ?? given ?? DEFAULTS[protocol];
  const endpoint = own ?? (protocol === 'grpc' ? common : withPath(common));
  if (!URL.canParse(endpoint)) {
    warn(
      top,
      reading,
      'endpoint',
      'the OTEL_EXPORTER_OTLP_… variable for it is no URL, so metrics are not pushed',
    );
    return undefined;
  }
  return { endpoint, protocol, intervalMs: intervalOf(top, reading) };
}

const DEFAULTS: Readonly<Record<Protocol, string>> = {
  'http/protobuf': 'http://localhost:4318',
  grpc: 'http://localhost:4317',
};

/** OpenTelemetry's OTLP exporter specification: the common endpoint is a base for each signal's path. */
function withPath(base: string): string {
  if (/\/v1\/metrics\/?$/.test(base)) return base;
  return `${base.replace(/\/$/, '')}/v1/metrics`;
}

function protocolOf(top: TopSection, reading: ReadContext): Protocol {
  const { env } = reading;
  const wanted = present(env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL) ?? present(env.OTEL_EXPORTER_OTLP_PROTOCOL);
  if (wanted === 'grpc' || wanted === 'http/protobuf') return wanted;
  if (wanted !== undefined)
    warn(
      top,
      reading,
      'protocol',
      'the OTEL_EXPORTER_OTLP_… variable for it is neither grpc nor http/protobuf',
    );
  return top.values.telemetry.metrics.otlp.protocol;
}

function intervalOf(top: TopSection, reading: ReadContext): number {
  const text = present(reading.env.OTEL_METRIC_EXPORT_INTERVAL);
  if (text !== undefined) {
    const ms = parseCount(text);
    if (ms !== undefined && ms > 0 && ms <= LONGEST_MS) return ms;
    warn(top, reading, 'interval', 'OTEL_METRIC_EXPORT_INTERVAL is no number of milliseconds');
  }
  return top.values.telemetry.metrics.otlp.intervalMs;
}

function present(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

function warn(top: TopSection, reading: ReadContext, key: string, message: string): void {
  reading.problems.warn(top.at(`${KEY}.${key}`), joined(KEY, key), message);
}
