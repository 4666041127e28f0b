// Metrics that are pushed: a collector gets the same ones as Prometheus, one that is away costs a count, and the standard
// variables win over the config.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { METRICS } from '../../../../src/observe/metrics/catalogue.ts';
import { COUNTED, SHARED_COUNTED } from '../../../cluster/cluster-config.ts';
import { storeOfDead } from '../../../helpers/dead-letters.ts';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { simpleConfig, startGateway, type TestGateway } from '../../../helpers/gateway.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import {
  labelsOf,
  type OtlpExemplar,
  type OtlpMetric,
  type Pushed,
  startGrpcCollector,
  startOtlpCollector,
} from '../../../helpers/otlp-metrics-collector.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { until } from '../../../helpers/until.ts';
import { scrape } from './scrape.ts';

afterEach(() => vi.unstubAllEnvs());

async function start(node: { url: string }, otlp: object): Promise<TestGateway> {
  const config = JSON.parse(simpleConfig({ nodes: [node.url] }));
  config.pools.pool.spool = { store: { path: '/spool' } };
  config.pools.pool.duplicates = {};
  return startGateway(JSON.stringify({ ...config, telemetry: { metrics: { otlp } } }), {
    openStore: () => storeOfDead('kept', 1),
  });
}

function metric({ metrics }: Pushed, name: string): OtlpMetric {
  const found = metrics.filter((one) => one.name === name);
  expect(found).toHaveLength(1);
  return found[0] as OtlpMetric;
}

test('a collector gets all of them, at each interval', async () => {
  vi.stubEnv('OTEL_SERVICE_NAME', 'gateway-of-the-test');
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test');
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-tenant=hospital');
  await using node = await startFaultyNode();
  await using collector = await startOtlpCollector();
  await using gw = await start(node, { endpoint: collector.url, interval: '50ms' });
  gw.gateway.metrics.cluster = () => COUNTED;
  gw.gateway.metrics.shared = () => SHARED_COUNTED;
  await using sender = await connectSender(gw.port());
  for (let i = 0; i < 3; i++) await sender.exchange(message());
  const before = collector.pushes.length;
  await until(() => collector.pushes.length >= before + 2);
  const last = collector.pushes.at(-1) as Pushed;
  expect(last.path).toBe('/v1/metrics');
  expect(last.headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'x-tenant': 'hospital' });
  expect(last.resource).toMatchObject({
    'service.name': 'gateway-of-the-test',
    'deployment.environment.name': 'test',
    'telemetry.sdk.language': 'nodejs',
  });
  expect(last.metrics.map(({ name }) => name).toSorted()).toEqual(Object.keys(METRICS).toSorted());
  for (const { name, unit, gauge, sum, histogram } of last.metrics) {
    const { kind, unit: wanted } = METRICS[name as keyof typeof METRICS];
    expect({ counter: sum, gauge, histogram }[kind], name).toBeDefined();
    expect(unit, name).toBe(wanted);
    if (kind === 'counter') expect(sum, name).toMatchObject({ aggregationTemporality: 2, isMonotonic: true });
    if (kind === 'histogram') expect(histogram?.aggregationTemporality, name).toBe(2);
  }
  const messages = metric(last, 'hl7_gateway_messages_total').sum?.dataPoints ?? [];
  const accepted = messages.filter((point) => labelsOf(point).outcome === 'accepted');
  expect(accepted.map((point) => [labelsOf(point), point.asDouble])).toEqual([
    [{ listener: 'in', route: 'all', pool: 'pool', node: 'a', outcome: 'accepted' }, 3],
  ]);
  const [ack] = metric(last, 'hl7_gateway_ack_seconds').histogram?.dataPoints ?? [];
  expect(ack?.count).toBe(3);
  expect(ack?.bucketCounts?.reduce((sum, one) => sum + one, 0)).toBe(3);
  expect(ack?.bucketCounts?.length).toBe((ack?.explicitBounds?.length ?? 0) + 1);
  expect((await scrape(gw)).value('hl7_gateway_metrics_pushes_total', { result: 'ok' })).toBeGreaterThan(0);
});

test('a message that is traced is an exemplar of its bucket', async () => {
  await using node = await startFaultyNode();
  await using collector = await startOtlpCollector();
  await using traces = await startCollector();
  const config = JSON.parse(simpleConfig({ nodes: [node.url] }));
  const telemetry = {
    metrics: { otlp: { endpoint: collector.url, interval: '50ms' } },
    traces: { endpoint: traces.url, queue: { delay: '10ms' } },
  };
  await using gw = await startGateway(JSON.stringify({ ...config, telemetry }));
  await using sender = await connectSender(gw.port());
  const before = Date.now();
  await sender.exchange(message());
  const { root } = await traces.trace();
  const pushed = (): readonly OtlpExemplar[] => {
    const last = collector.pushes.at(-1);
    const points =
      last === undefined ? [] : (metric(last, 'hl7_gateway_ack_seconds').histogram?.dataPoints ?? []);
    return points.flatMap(({ exemplars = [] }) => exemplars);
  };
  await until(() => pushed().length > 0);
  const [exemplar] = pushed();
  expect(pushed()).toHaveLength(1);
  expect(Buffer.from(exemplar?.traceId ?? []).toString('hex')).toBe(root.traceId);
  expect(exemplar?.asDouble).toBeGreaterThan(0);
  expect(exemplar?.asDouble).toBeLessThan(30);
  const at = Number(exemplar?.timeUnixNano) / 1e6;
  expect(at).toBeGreaterThan(before - 100);
  expect(at).toBeLessThan(Date.now() + 100);
});

test('a collector that speaks gRPC gets them too', async () => {
  await using node = await startFaultyNode();
  await using collector = await startGrpcCollector();
  await using gw = await start(node, { endpoint: collector.url, interval: '50ms', protocol: 'grpc' });
  await until(() => collector.pushes.length > 1);
  const last = collector.pushes.at(-1) as Pushed;
  expect(last.path).toBe('/opentelemetry.proto.collector.metrics.v1.MetricsService/Export');
  expect(last.resource['service.name']).toBe('hl7-gateway');
  expect(metric(last, 'hl7_gateway_build_info').gauge?.dataPoints).toHaveLength(1);
  await until(
    async () => ((await scrape(gw)).value('hl7_gateway_metrics_pushes_total', { result: 'ok' }) ?? 0) > 0,
  );
});

test('what was counted last is pushed at the end', async () => {
  await using node = await startFaultyNode();
  await using collector = await startOtlpCollector();
  {
    await using gw = await start(node, { endpoint: collector.url, interval: '1h' });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message());
    expect(collector.pushes).toHaveLength(0);
  }
  const points = metric(collector.pushes[0] as Pushed, 'hl7_gateway_messages_total').sum?.dataPoints ?? [];
  expect(points.reduce((sum, { asDouble = 0 }) => sum + asDouble, 0)).toBe(1);
});

test('a collector that refuses is logged once, counted each time, and taken up again', async () => {
  await using node = await startFaultyNode();
  await using collector = await startOtlpCollector();
  collector.status = 400;
  await using gw = await start(node, { endpoint: collector.url, interval: '20ms' });
  const failed = async () =>
    (await scrape(gw)).value('hl7_gateway_metrics_pushes_total', { result: 'failed' });
  await until(async () => ((await failed()) ?? 0) >= 3);
  const lines = () => gw.log.filter(({ msg }) => String(msg).startsWith('metrics by OTLP'));
  expect(lines().map(({ msg, level }) => [msg, level])).toEqual([['metrics by OTLP: failed', 'warn']]);
  collector.status = 200;
  await until(() => collector.pushes.length > 0 && lines().length === 2);
  expect(lines()[1]).toMatchObject({ msg: 'metrics by OTLP: ok', level: 'info' });
});

describe('a reload', () => {
  test('begins, moves and ends it', async () => {
    await using node = await startFaultyNode();
    await using first = await startOtlpCollector();
    await using second = await startOtlpCollector();
    await using gw = await start(node, {});
    const { config } = gw.gateway;
    const to = (endpoint: string | undefined) =>
      gw.gateway.reload({
        ...config,
        metrics: {
          prometheus: true,
          otlp: endpoint === undefined ? undefined : { endpoint, protocol: 'http/protobuf', intervalMs: 20 },
        },
      });
    await to(`${first.url}/v1/metrics`);
    await until(() => first.pushes.length > 0);
    await to(`${second.url}/v1/metrics`);
    // What the first had left is pushed once more.
    await until(() => second.pushes.length > 3);
    const before = first.pushes.length;
    await until(() => second.pushes.length > 8);
    expect(first.pushes).toHaveLength(before);
    await to(undefined);
    expect((await scrape(gw)).value('hl7_gateway_build_info')).toBe(1);
  });
});
