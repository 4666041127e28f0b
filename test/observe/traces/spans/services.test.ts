// `telemetry.traces.nodes: services`: senders and nodes are services of their own, so that Jaeger's map of services has them.
import { expect, it } from 'vitest';
import { PeerSpans } from '../../../../src/observe/traces/peer-spans.ts';
import { request } from '../../../faults/http-room.ts';
import { answers, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { dependenciesOf, jaegerOf } from '../../../helpers/jaeger.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector, type Trace } from '../../../helpers/otlp-collector.ts';
import type { ReadSpan } from '../../../helpers/otlp-messages.ts';
import { connectClient } from '../../../helpers/raw-http-client.ts';
import { startRawNode } from '../../../helpers/raw-http-node.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { acks, ask, post } from '../../../http-hl7/room.ts';
import { startFailover, startTraced } from './room.ts';

const SERVICES = { nodes: 'services' };
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const serviceOf = (span: ReadSpan) => String(span.resource['service.name']);
const spansOf = (trace: Trace, service: string) => trace.spans.filter((span) => serviceOf(span) === service);
const arrows = (...traces: Trace[]) => dependenciesOf(traces.map(jaegerOf));

it('sender → gateway → node, and the node that was tried before', async () => {
  await using collector = await startCollector();
  await using first = await startFaultyNode(answers.close());
  await using second = await startFaultyNode();
  await using gw = await startTraced(collector, {
    nodes: [first.url, { url: second.url, backup: true } as { url: string }],
    pool: { retry: { onAmbiguous: 'other-node' } },
    traces: SERVICES,
  });
  await using sender = await connectSender(gw.port());
  await sender.exchange(message({ app: 'LAB', controlId: 'S-1' }));
  const trace = await collector.trace();
  expect(arrows(trace)).toEqual({
    'LAB → hl7-gateway': 1,
    'hl7-gateway → pool/a': 1,
    'hl7-gateway → pool/b': 1,
  });
  const [root, ...more] = trace.spans.filter(({ parentId }) => parentId === '');
  expect(more).toEqual([]);
  expect(root).toMatchObject({
    name: 'mllp all',
    kind: 'client',
    status: 'unset',
    resource: { 'service.name': 'LAB' },
  });
  expect(root?.attributes).toMatchObject({
    'gateway.reported': true,
    'gateway.listener': 'in',
    'hl7.message.control_id': 'S-1',
  });
  expect(trace.root).toMatchObject({ kind: 'server', parentId: root?.spanId, parentIsRemote: true });
  expect([root?.from, root?.to]).toEqual([trace.root.from, trace.root.to]);
  expect(trace.tree).toEqual([
    'server mllp all',
    '  internal parse',
    '  internal route',
    '  client forward a !GW_ERR_NODE_CLOSED [connect write]',
    '  client forward b [connect write ack]',
    '  internal reply',
  ]);
  const forwards = trace.named('forward');
  for (const [i, node] of ['a', 'b'].entries()) {
    const [received, ...others] = spansOf(trace, `pool/${node}`);
    expect(others).toEqual([]);
    expect(received).toMatchObject({ name: 'receive', kind: 'server', parentId: forwards[i]?.spanId });
    expect(received?.resource).toEqual({ 'service.name': `pool/${node}` });
    expect(received?.status).toBe(forwards[i]?.status);
    expect(received?.from).toBe(forwards[i]?.events.find(({ name }) => name === 'write')?.at);
    expect(received?.to).toBe(forwards[i]?.to);
  }
});

it('none of a node that was given nothing, nor of a sender that has no name', async () => {
  await using collector = await startCollector();
  await using failover = await startFailover(collector, { traces: SERVICES });
  const { gw } = failover;
  await using sender = await connectSender(gw.port());
  await sender.exchange(message({ app: '' }));
  const trace = await collector.trace();
  expect(arrows(trace)).toEqual({ 'hl7-gateway → pool/b': 1 });
  expect(trace.root.parentId).toBe('');
});

it('an HTTP node has its own below the span that it is told of, a client with a trace is not told of', async () => {
  await using collector = await startCollector();
  await using node = await startRawNode(acks());
  await using gw = await startTraced(collector, {
    nodes: [node.url],
    listener: { protocol: 'http' },
    pool: { health: { type: 'none' } },
    traces: SERVICES,
  });
  await using client = await connectClient(gw.port());
  await ask(client, post(message({ app: 'LAB' }), { fields: [`traceparent: ${PARENT}`] }));
  await ask(client, request('GET /form HTTP/1.1', []));
  await ask(client, post(message({ app: 'LAB' }), {}));
  const traces = await collector.traces(3);
  expect(traces.map((one) => arrows(one))).toEqual([
    { 'hl7-gateway → pool/a': 1 },
    { 'hl7-gateway → pool/a': 1 },
    { 'LAB → hl7-gateway': 1, 'hl7-gateway → pool/a': 1 },
  ]);
  for (const trace of traces) {
    const [forward] = trace.named('forward');
    expect(spansOf(trace, 'pool/a').map(({ parentId }) => parentId)).toEqual([forward?.spanId]);
  }
});

it('without the option nothing has changed: one service', async () => {
  await using collector = await startCollector();
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, { nodes: [node.url] });
  await using sender = await connectSender(gw.port());
  await sender.exchange(message({ app: 'LAB' }));
  const trace = await collector.trace();
  expect(new Set(collector.spans.map(serviceOf))).toEqual(new Set(['hl7-gateway']));
  expect(arrows(trace)).toEqual({});
});

it('no sender makes more than 500 services', async () => {
  await using collector = await startCollector();
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, { nodes: [node.url], traces: SERVICES });
  await using sender = await connectSender(gw.port());
  const count = 520;
  for (let i = 0; i < count; i++) await sender.exchange(message({ app: `APP${i}`, controlId: `M-${i}` }));
  await collector.traces(count, 60_000);
  const services = new Set(collector.spans.map(serviceOf));
  // With the gateway, the node among the first, and what all others are called.
  expect(services.size).toBe(502);
  expect(services).toContain('pool/a');
  expect(services).toContain('other services');
});

it('is the export that it was where there is no span of another service', () => {
  expect(new PeerSpans(Buffer.alloc(0)).take()).toHaveLength(0);
});
