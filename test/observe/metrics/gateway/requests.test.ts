// What the metrics say of proxied HTTP requests, of health checks, and of what the gateway holds.
import { expect, test } from 'vitest';
import { expectNothingHeld } from '../../../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { simpleConfig, startGateway, type TestGateway } from '../../../helpers/gateway.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { type RawScript, startRawNode } from '../../../helpers/raw-http-node.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { gate, until } from '../../../helpers/until.ts';
import { scrape } from './scrape.ts';

const REQUESTS = 'hl7_gateway_http_requests_total';

/** Answers with the status that the path names. */
const byPath: RawScript = (connection, { target }) =>
  connection.write(Buffer.from(`HTTP/1.1 ${target.slice(1)} X\r\ncontent-length: 0\r\n\r\n`));

function web(url: string, pool: Record<string, unknown> = {}): Promise<TestGateway> {
  return startGateway({ nodes: [url], listener: { protocol: 'http' }, pool });
}

test('requests are counted by the class of their status', async () => {
  await using node = await startRawNode(byPath);
  await using gw = await web(node.url);
  for (const status of [200, 204, 302, 404, 500])
    await fetch(`http://127.0.0.1:${gw.port()}/${status}`, { redirect: 'manual' });
  await until(() => gw.proxied.length === 5);
  const scraped = await scrape(gw);
  const labels = { listener: 'in', route: 'all', pool: 'pool', node: 'a' };
  const counts = scraped.all(REQUESTS, labels).map(({ labels: { status }, value }) => [status, value]);
  expect(Object.fromEntries(counts)).toEqual({ '1xx': 0, '2xx': 2, '3xx': 1, '4xx': 1, '5xx': 1, none: 0 });
  expect(scraped.all(REQUESTS)).toHaveLength(6);
  expect(scraped.value('hl7_gateway_http_request_seconds_count', { pool: 'pool', node: 'a' })).toBe(5);
  expect(scraped.all('hl7_gateway_messages_total')).toEqual([]);
  expect(scraped.value('hl7_gateway_sender_connections', { listener: 'in' })).toBe(
    gw.gateway.listeners[0]?.connections,
  );
});

test('a request is an example of its bucket, and spans are counted by whoever has them', async () => {
  await using node = await startRawNode(byPath);
  await using collector = await startCollector();
  const config = JSON.parse(simpleConfig({ nodes: [node.url], listener: { protocol: 'http' } }));
  const telemetry = { traces: { endpoint: collector.url } };
  await using gw = await startGateway(JSON.stringify({ ...config, telemetry }));
  await fetch(`http://127.0.0.1:${gw.port()}/200`);
  await until(() => gw.proxied.length === 1);
  const scraped = await scrape(gw, 'openmetrics');
  const examples = scraped
    .all('hl7_gateway_http_request_seconds_bucket')
    .flatMap(({ exemplar }) => exemplar ?? []);
  expect(examples.map(({ traceId }) => traceId)).toEqual([gw.proxied[0]?.trace.traceId]);
  await until(() => gw.gateway.traces.stats.exported > 0);
  const { exported, dropped } = gw.gateway.traces.stats;
  const after = await scrape(gw);
  expect(after.value('hl7_gateway_spans_total', { result: 'exported' })).toBe(exported);
  expect(after.value('hl7_gateway_spans_total', { result: 'dropped' })).toBe(dropped);
});

test('a request that no node takes has the code of why', async () => {
  await using gw = await web('http://127.0.0.1:1', { queue: { timeout: '1ms' }, retry: { budget: '0' } });
  expect((await fetch(`http://127.0.0.1:${gw.port()}/`)).status).toBe(503);
  await until(() => gw.proxied.length === 1);
  const scraped = await scrape(gw);
  expect(scraped.value(REQUESTS, { status: '5xx' })).toBe(1);
  const [failure] = scraped.all('hl7_gateway_failures_total', { listener: 'in', pool: 'pool' });
  expect([failure?.labels.code, failure?.value]).toEqual([gw.proxied[0]?.error?.code, 1]);
});

test('health checks are counted by what they found, and the states of a node add up to one', async () => {
  await using node = await startFaultyNode();
  const health = { interval: '20ms', fastInterval: '20ms', rise: 1, fall: 1 };
  await using gw = await startGateway({ nodes: [node.url, 'mllp://127.0.0.1:1'], pool: { health } });
  const checks = async (name: string, result: string): Promise<number> =>
    (await scrape(gw)).value('hl7_gateway_node_checks_total', { node: name, result }) ?? 0;
  await until(async () => (await checks('a', 'passed')) > 1 && (await checks('b', 'failed')) > 1);
  expect(await checks('a', 'failed')).toBe(0);
  const scraped = await scrape(gw);
  const state = (name: string) =>
    scraped
      .all('hl7_gateway_node_state', { pool: 'pool', node: name })
      .filter(({ value }) => value === 1)
      .map(({ labels }) => labels.state);
  expect([state('a'), state('b')]).toEqual([['up'], ['down']]);
  expect(scraped.value('hl7_gateway_node_up', { node: 'a' })).toBe(1);
  expect(scraped.value('hl7_gateway_node_up', { node: 'b' })).toBe(0);
});

test('what is with a node, waits and is held, and nothing of it afterwards', async () => {
  const hold = gate();
  await using node = await startFaultyNode(answers.after(hold));
  await using gw = await startGateway({
    nodes: [node.url],
    pool: { connections: { max: 1 }, queue: { max: 7, timeout: '10s' } },
  });
  await using first = await connectSender(gw.port());
  await using second = await connectSender(gw.port());
  void first.send(message());
  await until(() => node.messages.length === 1);
  void second.send(message());
  await until(() => gw.held.queued === 1);
  const now = async (): Promise<(number | undefined)[]> => {
    const scraped = await scrape(gw);
    const value = (name: string) => scraped.value(`hl7_gateway_${name}`);
    return [
      value('in_flight'),
      value('connections'),
      value('queued'),
      value('queue_limit'),
      value('held_bytes'),
    ];
  };
  expect(await now()).toEqual([1, 1, 1, 7, gw.held.bytes]);
  expect(gw.held.bytes).toBeGreaterThan(0);
  hold.open();
  await first.nextAck();
  await second.nextAck();
  await expectNothingHeld(gw);
  expect(await now()).toEqual([0, 1, 0, 7, 0]);
});
