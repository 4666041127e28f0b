// `telemetry.metrics` and the standard variables of OpenTelemetry, which win.
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import type { Environment } from '../../src/config/source/interpolate.ts';

function metrics(section: object | undefined, env: Environment = {}) {
  const { config, warnings } = parseConfig(
    stringify({
      listeners: { l: { bind: '127.0.0.1:2575' } },
      pools: { p: { nodes: { a: { url: 'mllp://h:1' } } } },
      routes: [{ to: 'p' }],
      ...(section === undefined ? {} : { telemetry: { metrics: section } }),
    }),
    { env },
  );
  return { ...config.metrics, warnings: warnings.map(({ key, message }) => `${key}: ${message}`) };
}

const OFF = { prometheus: true, otlp: undefined, warnings: [] };
const http = (endpoint: string, intervalMs = 60_000) => ({
  prometheus: true,
  otlp: { endpoint, protocol: 'http/protobuf', intervalMs },
  warnings: [],
});

test('are served and not pushed by default', () => {
  expect(metrics(undefined)).toEqual(OFF);
  expect(metrics({ prometheus: false })).toEqual({ ...OFF, prometheus: false });
  expect(metrics({ otlp: { interval: '5s' } })).toEqual(OFF);
});

test.each([
  ['http://c:4318', 'http://c:4318/v1/metrics'],
  ['http://c:4318/', 'http://c:4318/v1/metrics'],
  ['http://c:4318/otlp', 'http://c:4318/otlp/v1/metrics'],
  ['http://c:4318/v1/metrics', 'http://c:4318/v1/metrics'],
])('the endpoint %s is asked for %s', (endpoint, asked) => {
  expect(metrics({ otlp: { endpoint, interval: '5s' } })).toEqual(http(asked, 5000));
});

test('gRPC has no path', () => {
  expect(metrics({ otlp: { endpoint: 'http://c:4317', protocol: 'grpc' } }).otlp).toEqual({
    endpoint: 'http://c:4317',
    protocol: 'grpc',
    intervalMs: 60_000,
  });
});

describe('the environment', () => {
  const given = { otlp: { endpoint: 'http://c:4318' } };
  test.each<[string, object | undefined, Environment, object]>([
    ['a base', given, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://e:1' }, http('http://e:1/v1/metrics')],
    ['its own', given, { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://e:1/x' }, http('http://e:1/x')],
    [
      'its own without a section',
      undefined,
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://e:1/x' },
      http('http://e:1/x'),
    ],
    [
      'its own before the base',
      undefined,
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://m:1', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://e:1' },
      http('http://m:1'),
    ],
    ['a base alone, which is for traces', undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://e:1' }, OFF],
    [
      'a base with the exporter',
      undefined,
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://e:1', OTEL_METRICS_EXPORTER: 'otlp' },
      http('http://e:1/v1/metrics'),
    ],
    [
      'the exporter alone',
      undefined,
      { OTEL_METRICS_EXPORTER: 'prometheus, otlp' },
      http('http://localhost:4318/v1/metrics'),
    ],
    ['no exporter', given, { OTEL_METRICS_EXPORTER: 'none' }, OFF],
    ['another exporter', given, { OTEL_METRICS_EXPORTER: 'prometheus' }, OFF],
    ['everything off', given, { OTEL_SDK_DISABLED: 'TRUE' }, OFF],
    ['an interval', given, { OTEL_METRIC_EXPORT_INTERVAL: '1500' }, http('http://c:4318/v1/metrics', 1500)],
    [
      'nothing in them',
      given,
      { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_METRICS_EXPORTER: '', OTEL_METRIC_EXPORT_INTERVAL: ' ' },
      http('http://c:4318/v1/metrics'),
    ],
  ])('%s', (_, section, env, expected) => expect(metrics(section, env)).toEqual(expected));

  test('its protocol', () => {
    const common = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    expect(metrics(given, common).otlp).toMatchObject({ protocol: 'grpc', endpoint: 'http://c:4318' });
    expect(metrics(given, { ...common, OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf' })).toEqual(
      http('http://c:4318/v1/metrics'),
    );
    expect(metrics(undefined, { ...common, OTEL_METRICS_EXPORTER: 'otlp' }).otlp?.endpoint).toBe(
      'http://localhost:4317',
    );
  });

  test('what makes no sense in it is left out, with a warning that does not repeat it', () => {
    const wrong = { OTEL_EXPORTER_OTLP_PROTOCOL: 'secret/json', OTEL_METRIC_EXPORT_INTERVAL: 'secret' };
    const { otlp, warnings } = metrics(given, wrong);
    expect(otlp).toEqual(http('http://c:4318/v1/metrics').otlp);
    expect(warnings).toEqual([
      expect.stringMatching(/^telemetry\.metrics\.otlp\.protocol: .*neither grpc nor http\/protobuf$/),
      expect.stringMatching(/^telemetry\.metrics\.otlp\.interval: OTEL_METRIC_EXPORT_INTERVAL is no number/),
    ]);
    const none = metrics(given, { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'secret' });
    expect(none.otlp).toBeUndefined();
    expect(none.warnings).toEqual([
      expect.stringMatching(/^telemetry\.metrics\.otlp\.endpoint: .*is no URL/),
    ]);
    expect(JSON.stringify([warnings, none.warnings])).not.toContain('secret');
  });
});
