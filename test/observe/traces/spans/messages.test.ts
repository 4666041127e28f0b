// What becomes of a message that comes by MLLP, as a whole tree of spans in the collector's eyes.
import { describe, expect, it } from 'vitest';
import { file, one } from '../../../faults/batch-room.ts';
import { answers, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { startGateway } from '../../../helpers/gateway.ts';
import { frame, message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import type { ReadSpan } from '../../../helpers/otlp-messages.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { gate, until } from '../../../helpers/until.ts';
import { startFailover, startTraced, tracedConfig } from './room.ts';

const RECEIVED = ['server mllp all', '  internal parse', '  internal route'];

/** Each begins no sooner than its parent and ends no later. */
function expectWithin(root: ReadSpan, children: readonly ReadSpan[]): void {
  expect(children.length).toBeGreaterThan(0);
  for (const { name, from, to } of children) {
    expect(from >= root.from && to >= from && to <= root.to, name).toBe(true);
  }
}

describe('a message that a node takes', () => {
  it('has a root, the steps of the line, and one attempt, with all that is known of each', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    const pool = { persistence: { by: ['MSH-3', 'MSH-4'] } };
    await using gw = await startTraced(collector, { nodes: [node.url], pool });
    await using sender = await connectSender(gw.port());
    const startedAt = BigInt(Date.now()) * 1_000_000n;
    await sender.exchange(
      message({
        controlId: 'T-1',
        app: 'LAB',
        facility: 'NORTH',
        receivingApp: 'EHR',
        receivingFacility: 'MAIN',
        version: '2.5.1',
      }),
    );
    const trace = await collector.trace();
    expect(trace.tree).toEqual([...RECEIVED, '  client forward a [connect write ack]', '  internal reply']);
    expect(trace.spans).toHaveLength(5);
    const [exchange] = gw.messages;
    const { root } = trace;
    expect(root.traceId).toBe(exchange?.trace.traceId);
    expect(gw.log.find(({ msg }) => msg === 'message')?.trace_id).toBe(root.traceId);
    expect(root.parentId).toBe('');
    expect(root.status).toBe('unset');
    const { 'gateway.sticky.key': key, ...others } = root.attributes;
    expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect(others).toEqual({
      'hl7.message.type': 'ADT^A01',
      'hl7.message.structure': 'ADT_A01',
      'hl7.message.control_id': 'T-1',
      'hl7.version': '2.5.1',
      'hl7.sending.application': 'LAB',
      'hl7.sending.facility': 'NORTH',
      'hl7.receiving.application': 'EHR',
      'hl7.receiving.facility': 'MAIN',
      'hl7.ack.code': 'AA',
      'client.address': '127.0.0.1',
      'client.port': sender.localPort,
      'network.transport': 'tcp',
      'network.protocol.name': 'mllp',
      'gateway.listener': 'in',
      'gateway.route': 'all',
      'gateway.pool': 'pool',
      'gateway.node': 'a',
      'gateway.attempts': 1,
      'gateway.outcome': 'answered',
    });
    const [forward] = trace.named('forward');
    expect(forward?.attributes).toEqual({
      'gateway.attempt': 1,
      'gateway.node': 'a',
      'gateway.node.choice': 'sticky-hash',
      'service.peer.name': 'pool/a',
      'peer.service': 'pool/a',
      'gateway.pool': 'pool',
      'server.address': '127.0.0.1',
      'server.port': node.port,
      'network.transport': 'tcp',
      'network.protocol.name': 'mllp',
      'hl7.ack.code': 'AA',
    });
    expect(trace.named('route')[0]?.attributes).toEqual({ 'gateway.route': 'all' });
    expect(trace.named('reply')[0]?.attributes).toEqual({ 'hl7.ack.code': 'AA' });
    expectWithin(root, trace.children);
    expect(root.from >= startedAt - 50_000_000n).toBe(true);
    const times = forward?.events.map(({ at }) => at) ?? [];
    expect(times).toHaveLength(3);
    expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
    expect(root.resource['service.name']).toBe('hl7-gateway');
    expect(root.resource['service.instance.id']).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(root.scope).toBe('hl7-gateway');
  });

  it('an AE of the node is an error as one of the gateway is, and is recorded whatever the share', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode(answers.ae());
    await using gw = await startTraced(collector, { nodes: [node.url], traces: { sample: 0 } });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message());
    const { root, tree } = await collector.trace();
    expect(tree).toEqual([
      'server mllp all !AE',
      '  internal parse',
      '  internal route',
      '  client forward a !AE [connect write ack]',
      '  internal reply',
    ]);
    expect(root.attributes['hl7.ack.code']).toBe('AE');
  });

  it('what it waited for is a span: its turn behind another, and then a node', async () => {
    const hold = gate();
    await using collector = await startCollector();
    await using node = await startFaultyNode(
      answers.inSequence(answers.after(hold, answers.aa()), answers.aa()),
    );
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([message({ controlId: 'W-1' }), message({ controlId: 'W-2' })]);
    await until(() => node.messages.length === 1);
    hold.open();
    const traces = await collector.traces(2);
    const [first, second] = ['W-1', 'W-2'].map((id) =>
      traces.find(({ root }) => root.attributes['hl7.message.control_id'] === id),
    );
    expect(first?.named('queue')).toHaveLength(0);
    expect(second?.tree).toEqual([
      ...RECEIVED,
      '  internal queue',
      '  client forward a [connect write ack]',
      '  internal reply',
    ]);
    const queue = second?.named('queue')[0];
    expect(queue?.to).toBe(second?.named('forward')[0]?.from);
    expect(queue?.attributes).toEqual({ 'gateway.pool': 'pool' });
  });
});

describe('a message that needs more than one attempt', () => {
  it('a failover shows the dead node, and the one that answered', async () => {
    await using collector = await startCollector();
    await using failover = await startFailover(collector, { traces: { sample: 0 } });
    const { dead, gw } = failover;
    await using sender = await connectSender(gw.port());
    await sender.exchange(message());
    const trace = await collector.trace();
    expect(trace.tree).toEqual([
      ...RECEIVED,
      '  client forward a !GW_ERR_NODE_CONNECT',
      '  client forward b [connect write ack]',
      '  internal reply',
    ]);
    const [first, second] = trace.named('forward');
    expect([first?.attributes['gateway.attempt'], second?.attributes['gateway.attempt']]).toEqual([1, 2]);
    expect(first?.attributes['server.port']).toBe(dead.port);
    expect(first?.attributes['hl7.ack.code']).toBeUndefined();
    expect(first?.statusText).not.toBe('');
    expect(trace.root.status).toBe('unset');
    expect(trace.root.attributes['gateway.attempts']).toBe(2);
    expect(trace.root.attributes['gateway.node']).toBe('b');
  });
});

describe('a message that no node answers', () => {
  it('is ambiguous where the node closes behind it', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode(answers.close());
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.send(message());
    await sender.closed;
    const trace = await collector.trace();
    expect(trace.tree).toEqual([
      'server mllp all !GW_ERR_NODE_CLOSED',
      '  internal parse',
      '  internal route',
      '  client forward a !GW_ERR_NODE_CLOSED [connect write]',
      '  internal reply',
    ]);
    expect(trace.root.attributes).toMatchObject({ 'gateway.ambiguous': true, 'gateway.reply': 'close' });
    expect(trace.named('forward')[0]?.attributes['gateway.ambiguous']).toBe(true);
  });

  it('is ambiguous where the node is silent', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode(answers.none());
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      pool: { timeouts: { ack: '100ms' } },
      listener: { onUnavailable: 'AE' },
    });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message());
    const trace = await collector.trace();
    expect(trace.tree).toEqual([
      'server mllp all !GW_ERR_ACK_TIMEOUT',
      '  internal parse',
      '  internal route',
      '  client forward a !GW_ERR_ACK_TIMEOUT [connect write]',
      '  internal reply',
    ]);
    // The gateway's own answer.
    expect(trace.root.attributes['hl7.ack.code']).toBe('AE');
    expect(trace.named('forward')[0]?.attributes['hl7.ack.code']).toBeUndefined();
    const { from, to } = trace.named('forward')[0] ?? trace.root;
    expect(to - from >= 90_000_000n).toBe(true);
  });

  it('waits at its end where no node is up', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      pool: { queue: { timeout: '100ms' } },
    });
    for (const one of gw.gateway.queues.get('pool')?.pool.nodes ?? []) one.maintenance();
    await using sender = await connectSender(gw.port());
    await sender.send(message());
    await sender.closed;
    const { tree, root } = await collector.trace();
    expect(tree).toEqual([
      'server mllp all !GW_ERR_QUEUE_TIMEOUT',
      '  internal parse',
      '  internal route',
      '  internal queue',
      '  internal reply',
    ]);
    expect(root.attributes['gateway.ambiguous']).toBeUndefined();
  });
});

describe('a message whose answer nobody gets', () => {
  it('because its sender is gone has its trace when a node has answered', async () => {
    const hold = gate();
    await using collector = await startCollector();
    await using node = await startFaultyNode(answers.after(hold, answers.aa()));
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.send(message({ controlId: 'G-1' }));
    await until(() => node.messages.length === 1);
    sender.reset();
    await gw.logged('GW_ERR_SENDER_RESET');
    hold.open();
    const traces = await collector.traces(2);
    const [trace] = traces.filter(({ root }) => root.attributes['hl7.message.control_id'] === 'G-1');
    expect(trace?.root.attributes['gateway.outcome']).toBe('answered');
  });

  it('because the connection ends at an earlier message has its trace', async () => {
    const hold = gate();
    await using collector = await startCollector();
    await using slow = await startFaultyNode(answers.after(hold, answers.close()));
    const later = gate();
    await using quick = await startFaultyNode(
      answers.inSequence(answers.aa(), answers.after(later, answers.aa())),
    );
    const pools = { slow: slow.url, quick: quick.url };
    const config = JSON.parse(tracedConfig(collector, { nodes: [slow.url] }));
    config.pools = Object.fromEntries(
      Object.entries(pools).map(([name, url]) => [name, { nodes: { a: { url } }, health: { type: 'none' } }]),
    );
    config.routes = [{ when: { 'MSH-3': 'SLOW' }, to: 'slow' }, { to: 'quick' }];
    await using gw = await startGateway(JSON.stringify(config));
    await using sender = await connectSender(gw.port());
    await sender.send(message({ app: 'SLOW', controlId: 'E-1' }));
    await sender.send(message({ controlId: 'E-2' }));
    await sender.send(message({ controlId: 'E-3' }));
    await until(() => quick.messages.length === 2 && gw.messages.length === 1);
    hold.open();
    await sender.closed;
    later.open();
    const traces = await collector.traces(3);
    const found = traces.map(({ root: { attributes } }) => [
      attributes['hl7.message.control_id'],
      attributes['gateway.outcome'],
    ]);
    expect(found.toSorted()).toEqual([
      ['E-1', 'failed'],
      ['E-2', 'answered'],
      ['E-3', 'answered'],
    ]);
  });
});

describe('a message that is not taken', () => {
  it('for want of a route has its error at that step', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      routes: [{ name: 'one', when: { 'MSH-3': 'ONE' }, to: 'pool' }],
      traces: { sample: 0 },
    });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message({ controlId: 'R-1' }));
    const trace = await collector.trace();
    expect(trace.tree).toEqual([
      'server mllp in !GW_ERR_ROUTE_NONE',
      '  internal parse',
      '  internal route !GW_ERR_ROUTE_NONE',
      '  internal reply',
    ]);
    expect(trace.root.attributes).toMatchObject({ 'hl7.ack.code': 'AR', 'hl7.message.control_id': 'R-1' });
  });

  it('for want of a header has its error at the first step', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.send('this is no HL7 at all');
    const { tree } = await collector.trace();
    expect(tree.slice(0, 2)).toEqual([
      'server mllp in !GW_ERR_HEADER_MSH',
      '  internal parse !GW_ERR_HEADER_MSH',
    ]);
  });

  it('a fault of framing is a trace of its own, with what could be read of the header', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url], traces: { sample: 0 } });
    await using sender = await connectSender(gw.port());
    const whole = frame(message({ controlId: 'F-1' }));
    await sender.write(Buffer.concat([whole.subarray(0, -8), Buffer.from('\x0b'), whole.subarray(-8)]));
    const { root, tree } = await collector.trace();
    expect(tree).toEqual(['server mllp in !GW_ERR_FRAME_START_BLOCK']);
    expect(root.attributes).toMatchObject({
      'gateway.listener': 'in',
      'hl7.message.control_id': 'F-1',
      'client.address': '127.0.0.1',
    });
    const line = await gw.logged('GW_ERR_FRAME_START_BLOCK');
    expect(line.trace_id).toBe(root.traceId);
  });
});

describe('a batch that is split', () => {
  it('has a trace, and so has each message; they name each other', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url], listener: { batch: 'split' } });
    await using sender = await connectSender(gw.port());
    await sender.exchange(file(one('P-1'), one('P-2')));
    const traces = await collector.traces(3);
    const batch = traces.find(({ root }) => root.attributes['gateway.outcome'] === 'gathered');
    const parts = traces.filter((one) => one !== batch);
    expect(batch?.tree).toEqual(['server mllp in', '  internal parse', '  internal reply']);
    expect(batch?.root.attributes['gateway.batch.size']).toBe(2);
    const place = ({ traceId, spanId }: { traceId: string; spanId: string }) => ({ traceId, spanId });
    expect([batch?.root, ...parts.map(({ root }) => root)].flatMap((one) => one?.links)).toEqual([]);
    expect(batch?.named('parse')[0]?.links.map(place)).toEqual(
      parts
        .map(({ root }) => root)
        .toSorted(
          (a, b) =>
            Number(a.attributes['gateway.batch.position']) - Number(b.attributes['gateway.batch.position']),
        )
        .map(place),
    );
    for (const { root, tree, named } of parts.map((one) => ({
      root: one.root,
      tree: one.tree,
      named: one.named('parse'),
    }))) {
      expect(named[0]?.links.map(place)).toEqual([place(batch?.root ?? root)]);
      expect(root.attributes).toMatchObject({ 'gateway.batch.control_id': 'F-1', 'gateway.batch.size': 2 });
      expect(tree.filter((line) => !line.includes('queue'))).toEqual([
        ...RECEIVED,
        '  client forward a [connect write ack]',
        '  internal reply',
      ]);
    }
    expect(parts.map(({ root }) => root.attributes['hl7.message.control_id']).toSorted()).toEqual([
      'P-1',
      'P-2',
    ]);
  });
});
