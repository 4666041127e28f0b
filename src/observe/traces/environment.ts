// What the standard OTEL_* variables say of traces, over what the config says. Headers, certificates, compression and
// time-outs of the exporter are read by opentelemetry-js itself.
import type { ParentRule } from './sampling.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Protocol = 'http/protobuf' | 'grpc';

/** The part of the config that the variables can change. */
export interface TracesOptions {
  /** Where OTLP is spoken; over HTTP, `/v1/traces` is appended. */
  readonly endpoint: string;
  readonly protocol: Protocol;
  readonly sample: number;
  readonly parent: ParentRule;
  readonly queue: QueueLimits;
}

export interface QueueLimits {
  readonly maxSpans: number;
  readonly batchSpans: number;
  readonly delayMs: number;
  /** A batch that is not taken by then is given up, whatever is still tried for it. */
  readonly exportMs: number;
}

export interface EffectiveTraces extends Omit<TracesOptions, 'endpoint'> {
  /** Undefined: opentelemetry-js finds it in the environment. */
  readonly endpoint: string | undefined;
}

/** Whoever sets one of these wants traces, whether or not the config has a section on them. */
export function namesCollector(env: Environment): boolean {
  const names = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
  return (
    env.OTEL_TRACES_EXPORTER?.trim() === 'otlp' || names.some((name) => (env[name]?.trim() ?? '') !== '')
  );
}

/** Undefined: a variable switches traces off. What a variable says that makes no sense is told to `warn`, and ignored. */
export function underEnvironment(
  options: TracesOptions,
  env: Environment,
  warn: (variable: string) => void,
): EffectiveTraces | undefined {
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;
  if (read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined;
  const exporter = read('OTEL_TRACES_EXPORTER');
  if (exporter === 'none') return undefined;
  if (exporter !== undefined && exporter !== 'otlp') warn('OTEL_TRACES_EXPORTER');
  const number = (name: string, fallback: number): number => {
    const text = read(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (Number.isInteger(value) && value > 0) return value;
    warn(name);
    return fallback;
  };
  const placed =
    read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== undefined ||
    read('OTEL_EXPORTER_OTLP_ENDPOINT') !== undefined;
  const protocol = protocolOf(read, warn) ?? options.protocol;
  const maxSpans = number('OTEL_BSP_MAX_QUEUE_SIZE', options.queue.maxSpans);
  return {
    endpoint: placed ? undefined : signalEndpoint(options.endpoint, protocol),
    protocol,
    ...samplerOf(options, read, warn),
    queue: {
      maxSpans,
      batchSpans: Math.min(maxSpans, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', options.queue.batchSpans)),
      delayMs: number('OTEL_BSP_SCHEDULE_DELAY', options.queue.delayMs),
      exportMs: number('OTEL_BSP_EXPORT_TIMEOUT', options.queue.exportMs),
    },
  };
}

type Read = (name: string) => string | undefined;

function protocolOf(read: Read, warn: (variable: string) => void): Protocol | undefined {
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const value = read(name);
    if (value === undefined) continue;
    if (value === 'grpc' || value === 'http/protobuf') return value;
    // http/json: Jaeger refuses what opentelemetry-js makes of it.
    warn(name);
  }
  return undefined;
}

/** The base of all signals, as OTEL_EXPORTER_OTLP_ENDPOINT is; gRPC has no path. */
function signalEndpoint(endpoint: string, protocol: Protocol): string {
  if (protocol === 'grpc' || endpoint.endsWith('/v1/traces')) return endpoint;
  return `${endpoint.replace(/\/+$/, '')}/v1/traces`;
}

/** As opentelemetry-js finds it: that of traces as it is, the one of all signals with a path. */
export function namedEndpoint(env: Environment, protocol: Protocol): string {
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim();
  if (own !== undefined && own !== '') return own;
  const common = env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim() ?? '';
  return protocol === 'grpc' ? common : `${common.replace(/\/+$/, '')}/v1/traces`;
}

/** `parentbased_…` means every parent, as the variable has no word for trust. */
function samplerOf(
  { sample, parent }: TracesOptions,
  read: Read,
  warn: (variable: string) => void,
): { readonly sample: number; readonly parent: ParentRule } {
  const name = read('OTEL_TRACES_SAMPLER');
  if (name === undefined) return { sample, parent };
  const [, based, kind] = /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(name) ?? [];
  if (kind === undefined) {
    warn('OTEL_TRACES_SAMPLER');
    return { sample, parent };
  }
  const rule: ParentRule = based === undefined ? 'never' : 'always';
  if (kind !== 'traceidratio') return { sample: kind === 'always_on' ? 1 : 0, parent: rule };
  const text = read('OTEL_TRACES_SAMPLER_ARG');
  const share = text === undefined ? 1 : Number(text);
  if (share >= 0 && share <= 1) return { sample: share, parent: rule };
  warn('OTEL_TRACES_SAMPLER_ARG');
  return { sample: 1, parent: rule };
}
