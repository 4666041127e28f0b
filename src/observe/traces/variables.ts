// The variables of OpenTelemetry's specification, and which of them this gateway heeds; docs/tracing.md has the same table.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables
import type { Environment } from './environment.ts';

const SIGNALS = ['', 'TRACES_', 'METRICS_'] as const;
const EXPORTER = [
  'ENDPOINT',
  'PROTOCOL',
  'HEADERS',
  'TIMEOUT',
  'COMPRESSION',
  'CERTIFICATE',
  'CLIENT_CERTIFICATE',
  'CLIENT_KEY',
] as const;

/** By the gateway, or by opentelemetry-js on its behalf. */
export const HEEDED: ReadonlySet<string> = new Set([
  'OTEL_SDK_DISABLED',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_TRACES_EXPORTER',
  'OTEL_METRICS_EXPORTER',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_BSP_SCHEDULE_DELAY',
  'OTEL_BSP_EXPORT_TIMEOUT',
  'OTEL_BSP_MAX_QUEUE_SIZE',
  'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
  'OTEL_METRIC_EXPORT_INTERVAL',
  ...SIGNALS.flatMap((signal) => EXPORTER.map((what) => `OTEL_EXPORTER_OTLP_${signal}${what}`)),
]);

/** Those that are set, and change nothing. */
export function unheededIn(env: Environment): readonly string[] {
  return Object.keys(env).filter(
    (name) => name.startsWith('OTEL_') && !HEEDED.has(name) && (env[name]?.trim() ?? '') !== '',
  );
}
