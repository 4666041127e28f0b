// The collector's troubles are its own: down, slow, refusing, restarted under load. And the ways to it: HTTP, gRPC, the
// standard variables, what is sent at the end, what a reload changes.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../../../src/config/load.ts';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { connectSender, type Sender } from '../../../helpers/sender.ts';
import { until } from '../../../helpers/until.ts';
import { startTraced, tracedConfig } from './room.ts';

const PATIENCE = { deadlineMs: 30_000 };
const LONG = { timeout: 60_000 };

afterEach(() => vi.unstubAllEnvs());

/** One after the other; throws where one is not answered AA. */
async function sendMany(sender: Sender, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const ack = await sender.exchange(message(), PATIENCE.deadlineMs);
    expect(ack.includes('MSA|AA|')).toBe(true);
  }
}

describe('trouble with the collector', () => {
  it(
    'killed and restarted under load: every message is answered, the queue stays in its bound',
    LONG,
    async () => {
      await using collector = await startCollector();
      await using node = await startFaultyNode();
      const max = 200;
      await using gw = await startTraced(collector, {
        nodes: [node.url],
        traces: { queue: { max, batch: 20, delay: '5ms' } },
      });
      const { traces } = gw.gateway;
      const senders = await Promise.all(Array.from({ length: 4 }, () => connectSender(gw.port())));
      let isOver = false;
      let sent = 0;
      let most = 0;
      const load = senders.map(async (sender) => {
        while (!isOver) {
          await sendMany(sender, 1);
          sent++;
          most = Math.max(most, traces.stats.queued);
        }
      });
      await until(() => traces.stats.exported > 0, PATIENCE);
      await collector.kill();
      // The exporter tries again and again; meanwhile the queue fills up, and the rest is dropped.
      await until(() => traces.stats.dropped > 100, PATIENCE);
      const whileDown = sent;
      await until(() => sent > whileDown + 50, PATIENCE);
      await collector.start();
      const before = traces.stats.exported;
      await until(() => traces.stats.exported > before + 100, PATIENCE);
      isOver = true;
      await Promise.all(load);
      expect(gw.messages).toHaveLength(sent);
      expect(gw.messages.every(({ outcome }) => outcome?.kind === 'answered')).toBe(true);
      expect(most).toBeGreaterThan(max / 2);
      expect(most).toBeLessThanOrEqual(max);
      for (const sender of senders) await sender[Symbol.asyncDispose]();
      await until(() => traces.stats.queued === 0 && traces.underWay === 0, PATIENCE);
      // Every span that was due is in one of the two counts.
      const { exported, dropped } = traces.stats;
      expect(exported).toBeGreaterThanOrEqual(collector.spans.length);
      expect(exported + dropped).toBeGreaterThanOrEqual(5 * sent);
    },
  );

  it('one that never answers costs no message anything, nor the end more than its limit', LONG, async () => {
    await using collector = await startCollector();
    collector.mood = 'silent';
    await using node = await startFaultyNode();
    const gw = await startTraced(collector, {
      nodes: [node.url],
      traces: { queue: { max: 100, batch: 10, delay: '5ms' } },
    });
    const { traces } = gw.gateway;
    await using sender = await connectSender(gw.port());
    await sendMany(sender, 60);
    await until(() => traces.underWay === 4, PATIENCE);
    expect(traces.stats.dropped).toBeGreaterThan(0);
    await sender.end();
    expect(await gw.gateway.stop()).toBe(true);
    expect(traces.stats.queued).toBe(0);
    expect(traces.stats.exported).toBe(0);
  });

  it('one that refuses is said once, and again when it takes them', LONG, async () => {
    await using collector = await startCollector();
    collector.mood = 400;
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url] });
    const { traces } = gw.gateway;
    await using sender = await connectSender(gw.port());
    const said = () =>
      gw.log
        .filter(({ msg }) => String(msg).startsWith('traces: the collector'))
        .map(({ msg, cause }) => [msg, cause]);
    for (const failed of [1, 2]) {
      await sendMany(sender, 1);
      await until(() => traces.stats.failedExports === failed, PATIENCE);
    }
    expect(said()).toEqual([['traces: the collector does not take them', '400']]);
    expect(traces.stats).toMatchObject({ exported: 0, dropped: 10 });
    collector.mood = 'takes';
    await sendMany(sender, 1);
    await until(() => traces.stats.exported === 5, PATIENCE);
    expect(said()[1]).toEqual(['traces: the collector takes them again', undefined]);
  });
});

describe('the way to the collector', () => {
  it('what has not been sent when the gateway stops is sent then', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    const gw = await startTraced(collector, { nodes: [node.url], traces: { queue: { delay: '1h' } } });
    const sender = await connectSender(gw.port());
    await sendMany(sender, 3);
    expect(collector.spans).toEqual([]);
    await sender[Symbol.asyncDispose]();
    await gw.gateway.stop();
    expect(collector.spans).toHaveLength(15);
    expect(gw.gateway.traces.stats).toEqual({ exported: 15, dropped: 0, failedExports: 0, queued: 0 });
  });

  it('a message that is over in the very turn in which the gateway stops is sent as well', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sendMany(sender, 1);
    await collector.trace();
    const [exchange] = gw.messages;
    if (exchange === undefined) throw new Error('no message');
    gw.gateway.traces.onReply(exchange, true);
    await gw.gateway.traces.stop();
    expect(collector.spans).toHaveLength(10);
  });

  it('over HTTP it is protobuf, at /v1/traces', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sendMany(sender, 1);
    await collector.trace();
    expect(collector.requests[0]?.path).toBe('/v1/traces');
    expect(collector.requests[0]?.headers['content-type']).toBe('application/x-protobuf');
  });

  it('gRPC by option', async () => {
    await using collector = await startCollector('grpc');
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url], traces: { protocol: 'grpc' } });
    await using sender = await connectSender(gw.port());
    await sendMany(sender, 1);
    const { tree } = await collector.trace();
    expect(tree).toHaveLength(5);
    expect(collector.requests[0]?.path).toBe('/opentelemetry.proto.collector.trace.v1.TraceService/Export');
  });

  it('the standard variables win: endpoint, headers, name and attributes of the service', async () => {
    await using configured = await startCollector();
    await using named = await startCollector();
    await using node = await startFaultyNode();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `${named.url}/base`);
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-team=lab,authorization=Basic%20eA%3D%3D');
    vi.stubEnv('OTEL_SERVICE_NAME', 'vip-1');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test');
    await using gw = await startTraced(configured, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sendMany(sender, 1);
    const { root } = await named.trace();
    expect(root.resource).toMatchObject({ 'service.name': 'vip-1', 'deployment.environment.name': 'test' });
    expect(named.requests[0]?.path).toBe('/base/v1/traces');
    expect(named.requests[0]?.headers).toMatchObject({ 'x-team': 'lab', authorization: 'Basic eA==' });
    expect(configured.requests).toEqual([]);
  });

  it.each(['OTEL_SDK_DISABLED', 'OTEL_TRACES_EXPORTER'])('%s switches traces off', async (name) => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    vi.stubEnv(name, name === 'OTEL_SDK_DISABLED' ? 'true' : 'none');
    await using gw = await startTraced(collector, { nodes: [node.url] });
    expect(gw.gateway.traces.isOn).toBe(false);
  });

  it('a variable that makes no sense is named in the log', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'xray');
    await using gw = await startTraced(collector, { nodes: [node.url] });
    expect(gw.log.filter(({ variable }) => variable === 'OTEL_TRACES_SAMPLER')).toHaveLength(1);
  });
});

describe('a reload', () => {
  it('takes up another collector, and off, and on', async () => {
    await using first = await startCollector();
    await using second = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(first, { nodes: [node.url], traces: { queue: { delay: '1h' } } });
    await using sender = await connectSender(gw.port());
    const { traces } = gw.gateway;
    const load = (text: string) => gw.gateway.reload(parseConfig(text, { env: {} }).config);
    await sendMany(sender, 1);
    await load(tracedConfig(second, { nodes: [node.url] }));
    // What the first was owed still goes there.
    expect((await first.trace()).spans).toHaveLength(5);
    await until(() => traces.stats.exported === 5, PATIENCE);
    await sendMany(sender, 1);
    expect((await second.trace()).spans).toHaveLength(5);
    await load(tracedConfig(second, { nodes: [node.url], telemetry: { traces: undefined } }));
    await until(() => !traces.isOn, PATIENCE);
    await sendMany(sender, 1);
    await load(tracedConfig(first, { nodes: [node.url] }));
    await until(() => traces.isOn, PATIENCE);
    await sendMany(sender, 1);
    expect(await first.traces(2)).toHaveLength(2);
    await until(() => traces.stats.exported === 15, PATIENCE);
    expect(second.spans).toHaveLength(5);
  });

  it('the share and the names alone touch no queue', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      traces: { always: { 'MSH-3': 'A' } },
    });
    await using sender = await connectSender(gw.port());
    const config = tracedConfig(collector, {
      nodes: [node.url],
      traces: { sample: 0, always: { 'MSH-3': 'B' } },
    });
    await gw.gateway.reload(parseConfig(config, { env: {} }).config);
    await sender.exchange(message({ app: 'A', controlId: 'N-1' }));
    await sender.exchange(message({ app: 'B', controlId: 'N-2' }));
    const { root } = await collector.trace();
    expect(root.attributes['hl7.message.control_id']).toBe('N-2');
    await until(() => gw.gateway.traces.stats.queued === 0, PATIENCE);
    expect(collector.spans).toHaveLength(5);
  });
});
