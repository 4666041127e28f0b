// Which messages are recorded, and what nodes are told of it before that is known.
import { describe, expect, it } from 'vitest';
import { request } from '../../../faults/http-room.ts';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { connectClient } from '../../../helpers/raw-http-client.ts';
import { startRawNode } from '../../../helpers/raw-http-node.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { value } from '../../../helpers/strict-http.ts';
import { acks, ask, httpAnswer, post } from '../../../http-hl7/room.ts';
import { startTraced } from './room.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';
const ids = (collector: {
  spans: readonly { kind: string; attributes: Readonly<Record<string, unknown>> }[];
}) =>
  collector.spans
    .filter(({ kind }) => kind === 'server')
    .map(({ attributes }) => attributes['hl7.message.control_id'])
    .toSorted();

describe('with a share of nothing', () => {
  it('named senders and control ids are recorded, and what fails', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    const gw = await startTraced(collector, {
      nodes: [node.url],
      traces: { sample: 0, always: { 'MSH-3': ['NEWLAB', '/^X/'], 'MSH-10': '/^TEST/' } },
      routes: [{ name: 'all', when: { 'MSH-11': 'P' }, to: 'pool' }],
    });
    const sender = await connectSender(gw.port());
    await sender.exchange(message({ controlId: 'C-1' }));
    await sender.exchange(message({ controlId: 'C-2', app: 'NEWLAB' }));
    await sender.exchange(message({ controlId: 'C-3', app: 'XRAY' }));
    await sender.exchange(message({ controlId: 'TEST-4' }));
    await sender.exchange(message({ controlId: 'C-5', processingId: 'T' }));
    await sender[Symbol.asyncDispose]();
    await gw.gateway.stop();
    expect(ids(collector)).toEqual(['C-2', 'C-3', 'C-5', 'TEST-4']);
  });

  it('an HTTP node is told so, and to record what is named', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode(acks());
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      pool: { health: { type: 'none' } },
      traces: { sample: 0, always: { 'MSH-10': 'NAMED' } },
    });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message({ controlId: 'C-1' }));
    await sender.exchange(message({ controlId: 'NAMED' }));
    const flags = node.requests.map((one) => value(one, 'traceparent')?.slice(-3));
    expect(flags).toEqual(['-00', '-01']);
  });

  it('what fails behind an HTTP node is recorded here, though the node was told 00', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode((connection) => connection.write(httpAnswer(500)));
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      pool: { health: { type: 'none' } },
      traces: { sample: 0 },
      listener: { onUnavailable: 'AE' },
    });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message());
    const trace = await collector.trace();
    expect(value(node.request, 'traceparent')).toBe(
      `00-${trace.root.traceId}-${trace.named('forward')[0]?.spanId}-00`,
    );
  });
});

describe.each(['a message', 'a proxied request'])('a client that has decided on %s', (kind) => {
  const roomFor = async (trustedProxies: readonly string[], sample: number, flags: string) => {
    await using collector = await startCollector();
    await using node = await startRawNode(kind === 'a message' ? acks() : undefined);
    const gw = await startTraced(collector, {
      nodes: [node.url],
      listener: { protocol: 'http', ...(trustedProxies.length > 0 && { trustedProxies }) },
      pool: { health: { type: 'none' } },
      traces: { sample },
    });
    const client = await connectClient(gw.port());
    const fields = [`traceparent: 00-${TRACE_ID}-${SPAN_ID}-${flags}`];
    if (kind === 'a message') await ask(client, post(message({ controlId: 'D-1' }), { fields }));
    else await ask(client, request('GET / HTTP/1.1', fields));
    await client[Symbol.asyncDispose]();
    await gw.gateway.stop();
    return [ids(collector).length, value(node.request, 'traceparent')?.slice(-2)];
  };

  it('is followed where it is trusted', async () => {
    expect(await roomFor(['127.0.0.1'], 0, '01')).toEqual([1, '01']);
    expect(await roomFor(['127.0.0.1'], 1, '00')).toEqual([0, '00']);
  });

  it('and not otherwise', async () => {
    expect(await roomFor([], 0, '01')).toEqual([0, '00']);
    expect(await roomFor(['10.0.0.0/8'], 1, '00')).toEqual([1, '01']);
  });
});

describe('a trace context in a message that comes by MLLP', () => {
  const segment = `ZTR|00-${TRACE_ID}-${SPAN_ID}-01|vendor=1`;

  it('is read from the configured segment, and no byte is changed', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      traces: { mllp: { segment: 'ZTR' } },
    });
    await using sender = await connectSender(gw.port());
    const bytes = message({ segments: ['PID|1||4711', segment] });
    await sender.exchange(bytes);
    const { root } = await collector.trace();
    expect(root).toMatchObject({ traceId: TRACE_ID, parentId: SPAN_ID, parentIsRemote: true });
    expect(node.messages[0]?.payload.equals(bytes)).toBe(true);
    expect(gw.messages[0]?.trace.traceId).toBe(TRACE_ID);
  });

  it('goes on to an HTTP node', async () => {
    await using collector = await startCollector();
    await using node = await startRawNode(acks());
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      pool: { health: { type: 'none' } },
      traces: { mllp: { segment: 'ZTR' } },
    });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message({ segments: [segment] }));
    expect(value(node.request, 'traceparent')).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`));
    expect(value(node.request, 'tracestate')).toBe('vendor=1');
  });

  it('is not looked for without the option, and anything else in its place is none', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    for (const [traces, segments] of [
      [{}, [segment]],
      [{ mllp: { segment: 'ZTR' } }, ['ZTR|ZEBRAFINCH|x']],
      [{ mllp: { segment: 'ZTX' } }, [segment]],
    ] as const) {
      await using gw = await startTraced(collector, { nodes: [node.url], traces });
      await using sender = await connectSender(gw.port());
      await sender.exchange(message({ segments }));
      expect(gw.messages[0]?.trace.traceId).not.toBe(TRACE_ID);
    }
  });
});
