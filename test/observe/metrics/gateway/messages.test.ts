// What the metrics say of messages that went through a real gateway: outcomes, times, retries, exemplars; what becomes of
// series when the config changes; and that nothing of a message is in them.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../../src/config/load.ts';
import { expectClosedUnanswered, said } from '../../../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { simpleConfig, startGateway } from '../../../helpers/gateway.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { until } from '../../../helpers/until.ts';
import { scrape } from './scrape.ts';

const MESSAGES = 'hl7_gateway_messages_total';

describe('the outcome of a message', () => {
  test.each([
    ['accepted', answers.aa(), {}],
    ['error', answers.ae(), {}],
    ['rejected', answers.ar(), {}],
    ['ambiguous', answers.close(), {}],
    ['unanswered', answers.none(), { acknowledgement: 'never' }],
  ])('%s', async (outcome, script, pool) => {
    await using node = await startFaultyNode(script);
    await using gw = await startGateway({ nodes: [node.url], pool });
    await using sender = await connectSender(gw.port());
    await sender.send(message());
    await until(() => gw.messages.length === 1);
    const scraped = await scrape(gw);
    const labels = { listener: 'in', route: 'all', pool: 'pool', node: 'a' };
    expect(scraped.value(MESSAGES, { ...labels, outcome })).toBe(1);
    expect(scraped.all(MESSAGES).reduce((sum, { value }) => sum + value, 0)).toBe(1);
  });

  test('unavailable: no node was there', async () => {
    const pool = { queue: { timeout: '1ms' }, retry: { budget: '0' } };
    await using gw = await startGateway({ nodes: ['mllp://127.0.0.1:1'], pool });
    await using sender = await connectSender(gw.port());
    await sender.send(message());
    await expectClosedUnanswered(sender);
    await until(() => gw.messages.length === 1);
    const scraped = await scrape(gw);
    const labels = { listener: 'in', route: 'all', pool: 'pool' };
    expect(scraped.value(MESSAGES, { ...labels, outcome: 'unavailable' })).toBe(1);
    expect(scraped.value('hl7_gateway_failures_total', { listener: 'in', pool: 'pool' })).toBe(1);
    expect(scraped.value('hl7_gateway_node_failures_total', { code: 'GW_ERR_NODE_CONNECT' })).toBeGreaterThan(
      0,
    );
  });

  test('unacceptable: no route takes it, and no pool or node is named', async () => {
    await using node = await startFaultyNode();
    const routes = [{ name: 'labs', when: { 'MSH-9.1': 'ORU' }, to: 'pool' }];
    await using gw = await startGateway({ nodes: [node.url], routes });
    await using sender = await connectSender(gw.port());
    expect(said(await sender.exchange(message({ controlId: 'X' })))).toBe('AR X');
    const scraped = await scrape(gw);
    const labels = { listener: 'in', route: '', pool: '', node: '' };
    expect(scraped.value(MESSAGES, { ...labels, outcome: 'unacceptable' })).toBe(1);
    expect(scraped.value('hl7_gateway_failures_total', { code: 'GW_ERR_ROUTE_NONE' })).toBe(1);
    expect(scraped.all('hl7_gateway_ack_seconds_count')).toEqual([]);
  });

  test('a batch that is split: its messages, and itself apart from them', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({ nodes: [node.url], listener: { batch: 'split' } });
    await using sender = await connectSender(gw.port());
    const parts = ['1', '2', '3'].map((controlId) => message({ controlId }));
    await sender.exchange(Buffer.concat([Buffer.from('BHS|^~\\&\r'), ...parts, Buffer.from('BTS|3\r')]));
    const scraped = await scrape(gw);
    expect(scraped.value(MESSAGES, { outcome: 'accepted' })).toBe(3);
    expect(scraped.value('hl7_gateway_batches_total', { listener: 'in', outcome: 'answered' })).toBe(1);
    expect(scraped.value('hl7_gateway_batches_total', { listener: 'in', outcome: 'failed' })).toBe(0);
  });
});

test('times are counted in the right buckets, and add up', async () => {
  await using node = await startFaultyNode();
  await using gw = await startGateway({ nodes: [node.url] });
  await using sender = await connectSender(gw.port());
  for (let i = 0; i < 5; i++) await sender.exchange(message());
  const scraped = await scrape(gw);
  const labels = { pool: 'pool', node: 'a' };
  const buckets = scraped.all('hl7_gateway_ack_seconds_bucket', labels);
  expect(buckets.map(({ labels: { le } }) => Number(le?.replace('Inf', 'Infinity')))).toEqual([
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    Number.POSITIVE_INFINITY,
  ]);
  const spent = gw.messages.map(
    ({ attempts: [one] }) => ((one?.endedAt ?? 0) - (one?.writtenAt ?? 0)) / 1000,
  );
  for (const { labels: own, value } of buckets) {
    const bound = Number(own.le?.replace('Inf', 'Infinity'));
    expect(value, own.le).toBe(spent.filter((seconds) => seconds <= bound).length);
  }
  expect(scraped.value('hl7_gateway_ack_seconds_count', labels)).toBe(5);
  expect(scraped.value('hl7_gateway_ack_seconds_sum', labels)).toBeCloseTo(spent.reduce((a, b) => a + b));
  expect(scraped.value('hl7_gateway_message_seconds_count', { listener: 'in', pool: 'pool' })).toBe(5);
});

test('each further attempt is a retry of its class', async () => {
  await using gone = await startFaultyNode();
  await using closing = await startFaultyNode(answers.close());
  await using good = await startFaultyNode();
  await gone.close();
  await using gw = await startGateway({
    nodes: [gone.url, closing.url, { url: good.url, backup: true } as { url: string }],
    pool: { retry: { onAmbiguous: 'other-node', attempts: 3 }, balance: 'round-robin' },
  });
  await using sender = await connectSender(gw.port());
  expect(said(await sender.exchange(message({ controlId: 'X' })))).toBe('AA X');
  const errors = gw.messages[0]?.attempts.map(({ error }) => error?.resend);
  const scraped = await scrape(gw);
  expect(errors?.at(-1)).toBeUndefined();
  expect(errors?.length).toBeGreaterThan(1);
  const of = (resend: string) => errors?.filter((one) => one === resend).length;
  expect(scraped.value('hl7_gateway_retries_total', { class: 'ambiguous' })).toBe(of('unsafe'));
  expect(scraped.value('hl7_gateway_retries_total', { class: 'not_sent' })).toBe(of('safe'));
});

test('OpenMetrics has the last trace of each bucket', async () => {
  await using node = await startFaultyNode();
  await using collector = await startCollector();
  const config = JSON.parse(simpleConfig({ nodes: [node.url] }));
  const telemetry = { traces: { endpoint: collector.url } };
  await using gw = await startGateway(JSON.stringify({ ...config, telemetry }));
  await using sender = await connectSender(gw.port());
  for (let i = 0; i < 20; i++) await sender.exchange(message());
  const traces = gw.messages.map(({ trace }) => trace.traceId);
  const scraped = await scrape(gw, 'openmetrics');
  expect(traces).toHaveLength(20);
  const buckets = scraped.all('hl7_gateway_ack_seconds_bucket');
  const examples = buckets.flatMap(({ labels, exemplar }) =>
    exemplar ? [{ le: labels.le, ...exemplar }] : [],
  );
  expect(examples.map(({ traceId }) => traceId)).toContain(traces.at(-1));
  for (const { le, traceId, value, at } of examples) {
    expect(traces).toContain(traceId);
    expect(value).toBeLessThanOrEqual(Number(le?.replace('Inf', 'Infinity')));
    expect(at * 1000).toBeGreaterThan(Date.now() - 60_000);
  }
  // The other format has no place for them.
  expect((await scrape(gw)).samples.every(({ exemplar }) => exemplar === undefined)).toBe(true);
  expect(scraped.types.get('hl7_gateway_messages')).toBe('counter');
});

describe('a reload', () => {
  test('that takes out a node, a pool and a listener: gauges are gone, counts stay for a while, nothing fails', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const config = (rest: object, routes: readonly object[]): string =>
      JSON.stringify({
        listeners: {
          in: { bind: '127.0.0.1:0' },
          ...('two' in rest ? { two: { bind: '127.0.0.1:0' } } : {}),
        },
        pools: {
          pool: {
            nodes: { a: { url: a.url }, ...('two' in rest ? { b: { url: b.url } } : {}) },
            balance: 'round-robin',
          },
          ...('two' in rest ? { other: { nodes: { o: { url: b.url } } } } : {}),
        },
        routes,
      });
    const both = [
      { name: 'labs', when: { 'MSH-9.1': 'ORU' }, to: 'other' },
      { name: 'all', to: 'pool' },
    ];
    await using gw = await startGateway(config({ two: true }, both));
    for (const listener of ['in', 'two']) {
      await using sender = await connectSender(gw.port(listener));
      for (const type of ['ADT^A01', 'ADT^A01', 'ORU^R01']) await sender.exchange(message({ type }));
    }
    const before = await scrape(gw);
    expect(before.value('hl7_gateway_node_up', { pool: 'other', node: 'o' })).toBe(1);
    expect(before.all(MESSAGES, { node: 'b', outcome: 'accepted' }).length).toBeGreaterThan(0);

    const { config: smaller } = parseConfig(config({}, [{ name: 'all', to: 'pool' }]), { env: {} });
    await gw.gateway.reload(smaller);
    const after = await scrape(gw);
    const names = (label: string) =>
      new Set(
        after.samples
          .filter(({ name }) => !/_(total|bucket|sum|count)$/.test(name))
          .map(({ labels }) => labels[label]),
      );
    expect(names('node')).toEqual(new Set([undefined, 'a']));
    expect(names('pool')).toEqual(new Set([undefined, 'pool']));
    expect(names('listener')).toEqual(new Set([undefined, 'in']));
    expect(after.all(MESSAGES, { outcome: 'accepted' }).map(({ value }) => value)).toEqual(
      before.all(MESSAGES, { outcome: 'accepted' }).map(({ value }) => value),
    );
    await using sender = await connectSender(gw.port('in'));
    await sender.exchange(message());
    const labels = { listener: 'in', route: 'all', pool: 'pool', node: 'a', outcome: 'accepted' };
    expect((await scrape(gw)).value(MESSAGES, labels)).toBe((before.value(MESSAGES, labels) ?? 0) + 1);
  });
});

test('what senders do that is no message', async () => {
  await using node = await startFaultyNode();
  await using gw = await startGateway({ nodes: [node.url], listener: { limits: { maxConnections: 1 } } });
  await using sender = await connectSender(gw.port());
  await sender.write('\x0b\x1c\r   \r\n\x0b\x1c\r');
  await sender.exchange(message());
  const counts = async (): Promise<(number | undefined)[]> => {
    const scraped = await scrape(gw);
    return [
      scraped.value('hl7_gateway_empty_frames_total', { listener: 'in' }),
      scraped.value('hl7_gateway_skipped_bytes_total', { listener: 'in' }),
      scraped.value('hl7_gateway_sender_connections', { listener: 'in' }),
    ];
  };
  expect(await counts()).toEqual([2, 5, 1]);
  await using another = await connectSender(gw.port());
  await another.closed;
  await gw.logged('GW_ERR_SENDER_LIMIT');
  await sender.write('\x0bMSH|^~\\&|half');
  sender.socket.destroy();
  await gw.logged('GW_ERR_FRAME_TRUNCATED');
  await until(() => gw.gateway.listeners[0]?.connections === 0);
  // What ended connections had is still counted.
  expect(await counts()).toEqual([2, 5, 0]);
  const scraped = await scrape(gw);
  expect(scraped.value('hl7_gateway_frames_rejected_total', { reason: 'GW_ERR_FRAME_TRUNCATED' })).toBe(1);
  expect(scraped.value('hl7_gateway_frames_rejected_total', { reason: 'GW_ERR_FRAME_TIMEOUT' })).toBe(0);
  expect(scraped.value('hl7_gateway_connections_refused_total', { reason: 'GW_ERR_SENDER_LIMIT' })).toBe(1);
});

test('nothing of a message or a sender is in any metric', async () => {
  await using node = await startFaultyNode(answers.ae());
  await using gw = await startGateway({ nodes: [node.url] });
  await using sender = await connectSender(gw.port());
  const planted = ['PLANTEDNAME', 'PLANTEDAPP', 'PLANTEDID'];
  const text = `MSH|^~\\&|PLANTEDAPP|PLANTEDAPP|R|F|20260101||ADT^A01|PLANTEDID|P|2.5\rPID|1||1||PLANTEDNAME^X\r`;
  await sender.exchange(Buffer.from(text));
  await using stranger = await connectSender(gw.port());
  await stranger.send(Buffer.from('PLANTEDNAME|no header\r'));
  await stranger.closed;
  await sender.write('\x0bMSH|^~\\&|PLANTEDAPP');
  sender.socket.destroy();
  await gw.logged('GW_ERR_FRAME_TRUNCATED');
  for (const format of ['prometheus', 'openmetrics'] as const) {
    const told = (await gw.gateway.metrics.text(format)) ?? '';
    expect(told).toContain(`${MESSAGES}{listener="in",route="all",pool="pool",node="a",outcome="error"} 1`);
    for (const one of planted) expect(told).not.toContain(one);
    expect(told).not.toContain('127.0.0.1');
  }
});

test('telemetry.metrics.prometheus: false serves none', async () => {
  await using node = await startFaultyNode();
  const config = {
    ...JSON.parse(simpleConfig({ nodes: [node.url] })),
    telemetry: { metrics: { prometheus: false } },
  };
  await using gw = await startGateway(JSON.stringify(config));
  expect(await gw.gateway.metrics.text('prometheus')).toBeUndefined();
});
