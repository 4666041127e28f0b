// The standard OTEL_* variables over the config: each that the gateway itself reads.
import { describe, expect, it, test } from 'vitest';
import {
  type EffectiveTraces,
  type Environment,
  type TracesOptions,
  underEnvironment,
} from '../../../src/observe/traces/environment.ts';

const CONFIG: TracesOptions = {
  endpoint: 'http://config:4318',
  protocol: 'http/protobuf',
  sample: 0.25,
  parent: 'trusted',
  queue: { maxSpans: 1000, batchSpans: 100, delayMs: 50, exportMs: 30_000 },
};
const AS_CONFIGURED: EffectiveTraces = { ...CONFIG, endpoint: 'http://config:4318/v1/traces' };

function under(env: Environment, over: Partial<TracesOptions> = {}) {
  const ignored: string[] = [];
  const effective = underEnvironment({ ...CONFIG, ...over }, env, (variable) => ignored.push(variable));
  return { effective, ignored };
}

test('without any, the config goes', () => {
  expect(under({})).toEqual({ effective: AS_CONFIGURED, ignored: [] });
  expect(under({ OTEL_TRACES_SAMPLER: ' ', OTEL_SDK_DISABLED: '' }).effective).toEqual(AS_CONFIGURED);
});

test.each([{ OTEL_SDK_DISABLED: 'true' }, { OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }])(
  'switched off by %o',
  (env) => {
    expect(under(env).effective).toBeUndefined();
  },
);

test.each<[Environment, Partial<EffectiveTraces>]>([
  [{ OTEL_SDK_DISABLED: 'false', OTEL_TRACES_EXPORTER: 'otlp' }, {}],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:1' }, { endpoint: undefined }],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://env:1/x' }, { endpoint: undefined }],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, { protocol: 'grpc', endpoint: 'http://config:4318' }],
  [
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' },
    { protocol: 'http/protobuf' },
  ],
  [{ OTEL_TRACES_SAMPLER: 'always_on' }, { sample: 1, parent: 'never' }],
  [{ OTEL_TRACES_SAMPLER: 'always_off' }, { sample: 0, parent: 'never' }],
  [
    { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' },
    { sample: 0.01, parent: 'never' },
  ],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio' }, { sample: 1, parent: 'never' }],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_always_on' }, { sample: 1, parent: 'always' }],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, { sample: 0, parent: 'always' }],
  [
    { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
    { sample: 0, parent: 'always' },
  ],
  [{ OTEL_BSP_MAX_QUEUE_SIZE: '50' }, { queue: { ...CONFIG.queue, maxSpans: 50, batchSpans: 50 } }],
  [
    { OTEL_BSP_SCHEDULE_DELAY: '7', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '8', OTEL_BSP_EXPORT_TIMEOUT: '9' },
    { queue: { maxSpans: 1000, batchSpans: 8, delayMs: 7, exportMs: 9 } },
  ],
])('%o', (env, changes) => {
  expect(under(env)).toEqual({ effective: { ...AS_CONFIGURED, ...changes }, ignored: [] });
});

test.each<[Environment, Partial<EffectiveTraces>]>([
  [{ OTEL_TRACES_EXPORTER: 'zipkin' }, {}],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, {}],
  [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, {}],
  [{ OTEL_BSP_SCHEDULE_DELAY: '-1' }, {}],
  [{ OTEL_BSP_MAX_QUEUE_SIZE: 'many' }, {}],
])('makes no sense, is named and ignored: %o', (env, changes) => {
  expect(under(env)).toEqual({ effective: { ...AS_CONFIGURED, ...changes }, ignored: Object.keys(env) });
});

describe('the endpoint of the config', () => {
  it('is the base of all signals over HTTP, and the whole address for gRPC', () => {
    expect(under({}, { endpoint: 'http://h:1/base/' }).effective?.endpoint).toBe('http://h:1/base/v1/traces');
    expect(under({}, { endpoint: 'http://h:1/v1/traces' }).effective?.endpoint).toBe('http://h:1/v1/traces');
    expect(under({}, { endpoint: 'http://h:1', protocol: 'grpc' }).effective?.endpoint).toBe('http://h:1');
  });
});
