// `telemetry.traces` and how identifiers are shown: defaults, what is read, what is refused.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { folderOf, outcome } from './config-folder.ts';

const BASE = 'listeners: { l: { bind: ":0" }, m: { bind: ":0" } }\nroutes: [{ reject: {} }]\n';
const load = (telemetry: string) => parseConfig(`${BASE}telemetry: ${telemetry}`, { env: {} }).config;
const errors = (telemetry: string) => outcome(`${BASE}telemetry: ${telemetry}`, folderOf({})).errors;

test('without the section there are none; identifiers are plain', () => {
  expect(parseConfig(BASE, { env: {} }).config.traces).toBeUndefined();
  expect(load('{ log: { level: warn } }').traces).toBeUndefined();
  expect(load('{ log: { level: warn } }').identifiers).toEqual({ controlIds: 'plain', hashKey: undefined });
});

test.each([
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' },
  { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' },
  { OTEL_TRACES_EXPORTER: 'otlp' },
])('without the section, and with %j: all defaults', (env) => {
  expect(parseConfig(BASE, { env }).config.traces).toEqual(load('{ traces: {} }').traces);
  for (const [name, value] of [
    [Object.keys(env)[0] as string, ' '],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'http://c:1'],
  ])
    expect(parseConfig(BASE, { env: { [name as string]: value } }).config.traces).toBeUndefined();
});

test('an empty section is all defaults', () => {
  expect(load('{ traces: {} }').traces).toEqual({
    endpoint: 'http://127.0.0.1:4318',
    protocol: 'http/protobuf',
    sample: 1,
    parent: 'trusted',
    always: [],
    segment: undefined,
    nodes: 'attributes',
    queue: { maxSpans: 16_384, batchSpans: 512, delayMs: 1000, exportMs: 30_000 },
  });
  expect(load('{ traces: { protocol: grpc } }').traces?.endpoint).toBe('http://127.0.0.1:4317');
});

test('every key', () => {
  const { traces, identifiers } = load(
    '{ controlIds: hash, hashKey: k, traces: { endpoint: "https://c:1/x", sample: 0.05, parent: never, always: { MSH-3: [A, /B/], source: 10.0.0.0/8 }, mllp: { segment: ZTR }, queue: { max: 100, batch: 10, delay: 2s } } }',
  );
  expect(identifiers).toEqual({ controlIds: 'hash', hashKey: 'k' });
  expect(traces).toMatchObject({ endpoint: 'https://c:1/x', sample: 0.05, parent: 'never', segment: 'ZTR' });
  expect(traces?.queue).toEqual({ maxSpans: 100, batchSpans: 10, delayMs: 2000, exportMs: 30_000 });
  expect(traces?.always.map(({ text, test: { kind } }) => [text, kind])).toEqual([
    ['MSH-3', 'any'],
    ['source', 'cidr'],
  ]);
});

describe('refused', () => {
  test.each([
    ['{ traces: { sample: 2 } }', 'telemetry.traces.sample: must be a number from 0 to 1, not "2"'],
    ['{ traces: { always: { PID-3: X } } }', 'telemetry.traces.always: PID-3 is beyond the header'],
    ['{ traces: { always: { listener: n } } }', 'telemetry.traces.always.listener: no listener has the name'],
    [
      '{ traces: { mllp: { segment: PID } } }',
      'telemetry.traces.mllp.segment: must be the name of a Z segment',
    ],
    ['{ traces: { endpoint: "http://u:secret@h" } }', 'telemetry.traces.endpoint: must be'],
    ['{ traces: { samples: 1 } }', 'telemetry.traces.samples: unknown key; did you mean "sample"?'],
    ['{ controlIds: hashed }', 'telemetry.controlIds: must be'],
    ['{ traces: on }', 'telemetry.traces: must be a map'],
  ])('%s', (telemetry, text) => {
    const found = errors(telemetry);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(text);
    expect(found[0]).not.toContain('secret');
  });
});
