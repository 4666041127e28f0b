// Traces over HTTP: context taken and handed on, HL7 over both kinds of bridge, proxied requests, upgrades, refusals.
import { describe, expect, it } from 'vitest';
import { file, one } from '../../../faults/batch-room.ts';
import { GET, request } from '../../../faults/http-room.ts';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { type OtlpCollector, startCollector, type Trace } from '../../../helpers/otlp-collector.ts';
import { connectClient } from '../../../helpers/raw-http-client.ts';
import { type RawScript, startRawNode } from '../../../helpers/raw-http-node.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { values } from '../../../helpers/strict-http.ts';
import { acks, ask, httpAnswer, post, told } from '../../../http-hl7/room.ts';
import { startTraced, type TracedConfig } from './room.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';
const PARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;
const HTTP = { protocol: 'http' };
const NO_CHECKS = { health: { type: 'none' } };

function start(collector: OtlpCollector, url: string, more: Partial<TracedConfig> = {}) {
  return startTraced(collector, { nodes: [url], listener: HTTP, pool: NO_CHECKS, ...more });
}

/** What the node was told is its parent: one of the trace's spans. */
function expectHandedOn(parents: readonly string[], trace: Trace, flags = '01'): void {
  const [forward] = trace.named('forward');
  expect(parents).toEqual([`00-${trace.root.traceId}-${forward?.spanId}-${flags}`]);
}

/** Its root and its only attempt. */
async function traceOf(collector: OtlpCollector) {
  const trace = await collector.trace();
  return { root: trace.root, named: trace.named('forward')[0] };
}

describe('HL7 over HTTP', () => {
  it('takes the trace of its client, and hands it on to an HTTP node', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode(acks());
    await using gw = await start(collector, node.url);
    await using client = await connectClient(gw.port());
    const fields = [`traceparent: ${PARENT}`, 'tracestate: vendor=1', 'TraceState: other=x'];
    const body = message({ controlId: 'H-1' });
    expect(told(await ask(client, post(body, { fields })))).toBe('200 AA H-1');
    const trace = await collector.trace();
    expect(trace.tree).toEqual([
      'server POST all',
      '  internal parse',
      '  internal route',
      '  client forward a [connect write ack]',
      '  internal reply',
    ]);
    expect(trace.root).toMatchObject({ traceId: TRACE_ID, parentId: SPAN_ID, parentIsRemote: true });
    expect(trace.root.traceState).toBe('ot=th:0,vendor=1,other=x');
    expect(trace.root.attributes).toMatchObject({
      'network.protocol.name': 'http',
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'hl7.ack.code': 'AA',
      'hl7.message.control_id': 'H-1',
    });
    expect(trace.named('forward')[0]?.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'network.protocol.name': 'http',
      'server.port': node.port,
    });
    expectHandedOn(values(node.request, 'traceparent'), trace);
    expect(values(node.request, 'tracestate')).toEqual(['vendor=1,other=x']);
    expect(node.request.body.equals(body)).toBe(true);
  });

  it('MLLP to HTTP begins a trace that the node goes on with', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode(acks());
    await using gw = await startTraced(collector, { nodes: [node.url], pool: NO_CHECKS });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message());
    const trace = await collector.trace();
    expect(trace.tree[0]).toBe('server mllp all');
    expectHandedOn(values(node.request, 'traceparent'), trace);
    expect(values(node.request, 'tracestate')).toEqual([]);
  });

  it('HTTP to MLLP changes no byte of the message', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url], listener: HTTP });
    await using client = await connectClient(gw.port());
    const body = message({ controlId: 'H-2' });
    await ask(client, post(body, { fields: [`traceparent: ${PARENT}`] }));
    const { root } = await collector.trace();
    expect(root.traceId).toBe(TRACE_ID);
    expect(node.messages[0]?.payload.equals(body)).toBe(true);
  });

  it('a retry is another span, and its node is told so', async () => {
    const busy: RawScript = (connection) => connection.write(httpAnswer(503));
    await using collector = await startCollector();
    await using first = await startRawNode(busy);
    await using second = await startRawNode(acks());
    await using gw = await startTraced(collector, {
      nodes: [first.url, { url: second.url, backup: true } as { url: string }],
      listener: HTTP,
      pool: NO_CHECKS,
    });
    await using client = await connectClient(gw.port());
    await ask(client, post(message()));
    const trace = await collector.trace();
    const forwards = trace.named('forward');
    expect(forwards.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([503, 200]);
    const parents = [first, second].flatMap((node) => values(node.request, 'traceparent'));
    expect(parents).toEqual(forwards.map(({ spanId }) => `00-${trace.root.traceId}-${spanId}-01`));
  });

  it.each([
    ['two of them', [`traceparent: ${PARENT}`, `traceparent: ${PARENT}`]],
    ['upper case', [`traceparent: ${PARENT.toUpperCase()}`]],
    ['no trace', [`traceparent: 00-${'0'.repeat(32)}-${SPAN_ID}-01`]],
  ])('a traceparent that is none begins a new trace: %s', async (_, fields) => {
    await using collector = await startCollector();
    await using node = await startRawNode(acks());
    await using gw = await start(collector, node.url);
    await using client = await connectClient(gw.port());
    await ask(client, post(message(), { fields: [...fields, 'tracestate: a=b'] }));
    const trace = await collector.trace();
    expect(trace.root.traceId).not.toBe(TRACE_ID);
    expect(trace.root.parentId).toBe('');
    expectHandedOn(values(node.request, 'traceparent'), trace);
    expect(values(node.request, 'tracestate')).toEqual([]);
  });
});

it('a batch over HTTP is in the trace of its client; its messages have their own, linked to it', async () => {
  await using collector = await startCollector();
  await using node = await startRawNode(acks());
  await using gw = await start(collector, node.url, { listener: { ...HTTP, batch: 'split' } });
  await using client = await connectClient(gw.port());
  await ask(client, post(file(one('B-1'), one('B-2')), { fields: [`traceparent: ${PARENT}`] }));
  const traces = await collector.traces(3);
  const [batch] = traces.filter(({ root }) => root.attributes['gateway.outcome'] === 'gathered');
  expect(batch?.root.traceId).toBe(TRACE_ID);
  expect(new Set(traces.map(({ root }) => root.traceId)).size).toBe(3);
  for (const trace of traces.filter((one) => one !== batch))
    expect(trace.named('parse')[0]?.links.map(({ traceId }) => traceId)).toEqual([TRACE_ID]);
});

describe('a proxied request', () => {
  it('has a trace of its own, without a word of its target', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode();
    await using gw = await start(collector, node.url);
    await using client = await connectClient(gw.port());
    const response = await ask(
      client,
      request('GET /patients/ZEBRAFINCH?q=Quillon HTTP/1.1', [`traceparent: ${PARENT}`]),
    );
    expect(response.status).toBe(200);
    const trace = await collector.trace();
    expect(trace.tree).toEqual([
      'server GET all',
      '  client forward a [connect write ack]',
      '  internal reply',
    ]);
    expect(trace.root).toMatchObject({ traceId: TRACE_ID, parentId: SPAN_ID });
    expect(trace.root.attributes).toEqual({
      'gateway.listener': 'in',
      'gateway.route': 'all',
      'gateway.pool': 'pool',
      'gateway.node': 'a',
      'gateway.attempts': 1,
      'client.address': '127.0.0.1',
      'client.port': expect.any(Number),
      'network.transport': 'tcp',
      'network.protocol.name': 'http',
      'network.protocol.version': '1.1',
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'http.request.body.size': 0,
      'http.response.body.size': response.body.length,
    });
    expectHandedOn(values(node.request, 'traceparent'), trace);
    expect(JSON.stringify(collector.spans, noBigints)).not.toMatch(/ZEBRAFINCH|Quillon/);
    expect(gw.log.find(({ msg }) => msg === 'request')?.trace_id).toBe(TRACE_ID);
  });

  it('an error of the node is one of the server', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode((connection) => connection.write(httpAnswer(500)));
    await using gw = await start(collector, node.url, { traces: { sample: 0 } });
    await using client = await connectClient(gw.port());
    await ask(client, GET);
    const { root, named } = await traceOf(collector);
    expect([root.status, root.attributes['error.type']]).toEqual(['error', '500']);
    expect([named?.status, named?.attributes['error.type']]).toEqual(['error', '500']);
  });

  it('a 404 of the node is none of the server, and one of the client', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode((connection) => connection.write(httpAnswer(404)));
    await using gw = await start(collector, node.url);
    await using client = await connectClient(gw.port());
    await ask(client, GET);
    const { root, named } = await traceOf(collector);
    expect([root.status, named?.status, named?.attributes['error.type']]).toEqual(['unset', 'error', '404']);
  });

  it('one that no node answers has the error, and so has its attempt', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode((connection) => connection.end());
    await using gw = await start(collector, node.url);
    await using client = await connectClient(gw.port());
    await ask(client, request('POST /form HTTP/1.1', ['Content-Length: 1'], 'x'));
    const { tree } = await collector.trace();
    expect(tree).toEqual([
      'server POST all !GW_ERR_NODE_CLOSED',
      '  client forward a !GW_ERR_NODE_CLOSED [connect write]',
      '  internal reply',
    ]);
  });

  it('an upgrade lasts as long as its tunnel', async () => {
    const AGREES = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    await using collector = await startCollector();
    await using node = await startRawNode((connection) => connection.write(`${AGREES}hello`));
    await using gw = await start(collector, node.url);
    await using client = await connectClient(gw.port());
    const lines = ['Connection: Upgrade', 'Upgrade: websocket', `traceparent: ${PARENT}`];
    void client.send(request('GET /ws HTTP/1.1', lines));
    await client.when(() => client.text.includes('hello'), 'the tunnel');
    expect(collector.spans).toEqual([]);
    node.connections[0]?.end();
    await client.end();
    client.finish();
    const trace = await collector.trace();
    expect(trace.tree).toEqual([
      'server GET all',
      '  client forward a [connect write ack]',
      '  internal reply',
    ]);
    expect(trace.root.attributes).toMatchObject({
      'gateway.upgraded': true,
      'http.response.status_code': 101,
    });
    expectHandedOn(values(node.request, 'traceparent'), trace);
  });

  it('one that is refused is a trace with its error', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode();
    await using gw = await start(collector, node.url, {
      routes: [{ name: 'no', reject: { code: 'AR' } }],
      traces: { sample: 0 },
    });
    await using client = await connectClient(gw.port());
    await ask(client, GET);
    const { tree, root } = await collector.trace();
    expect(tree).toEqual(['server HTTP']);
    expect(root.attributes).toMatchObject({
      'error.type': 'GW_ERR_ROUTE_REJECTED',
      'http.response.status_code': 403,
    });
  });

  const fields = [`traceparent: ${PARENT}`, 'tracestate: vendor=1'];
  it.each([
    ['by its route', request('GET / HTTP/1.1', fields), 'GW_ERR_ROUTE_REJECTED'],
    ['for its head', request('GET / HTTP/1.1', [...fields, 'Host: again.test']), 'GW_ERR_HTTP_REQUEST'],
    ['for its size', post('MSH|'.repeat(1000), { fields }), 'GW_ERR_FRAME_TOO_LARGE'],
    [
      'for its charset',
      post('MSH|', { fields, type: 'application/hl7-v2; charset=none' }),
      'GW_ERR_HTTP_CHARSET',
    ],
    [
      'for its body',
      `${post('', { fields, chunked: true }).toString().split('\r\n\r\n')[0]}\r\n\r\nzz\r\n`,
      'GW_ERR_HTTP_REQUEST',
    ],
  ])(
    'one that is refused %s is in the trace of its client, recorded whatever that says',
    async (_, bytes, code) => {
      await using collector = await startCollector();
      await using node = await startRawNode();
      await using gw = await start(collector, node.url, {
        listener: { ...HTTP, limits: { maxFrame: '1KiB' } },
        routes: [{ name: 'no', reject: { code: 'AR' } }],
        traces: { sample: 0 },
      });
      await using client = await connectClient(gw.port());
      await ask(client, bytes.toString('latin1').replace(PARENT, PARENT.replace(/01$/, '00')));
      const { tree, root } = await collector.trace();
      expect(tree).toEqual(['server HTTP']);
      expect(root.attributes['error.type']).toBe(code);
      expect(root).toMatchObject({ traceId: TRACE_ID, parentId: SPAN_ID, parentIsRemote: true });
      expect(gw.log.find(({ code: said }) => said === code)?.trace_id).toBe(TRACE_ID);
    },
  );
});

describe('without traces', () => {
  it('what the client says of its own goes through as it is', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      listener: HTTP,
      pool: NO_CHECKS,
      telemetry: { traces: undefined },
    });
    await using client = await connectClient(gw.port());
    await ask(client, request('GET / HTTP/1.1', [`traceparent: ${PARENT}`, 'tracestate: a=b']));
    expect(values(node.request, 'traceparent')).toEqual([PARENT]);
    expect(values(node.request, 'tracestate')).toEqual(['a=b']);
    expect(gw.log.find(({ msg }) => msg === 'request')?.trace_id).toBe(TRACE_ID);
    expect(gw.gateway.traces.isOn).toBe(false);
  });
});

function noBigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
