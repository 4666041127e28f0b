// One trace of each kind that messages.test.ts and requests.test.ts have none of, as a whole tree; and that the spans of one
// message go to the collector together.
import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect, it } from 'vitest';
import { INTERNAL, SERVER, type SpanBatch, SpanWriter } from '../../../../src/observe/traces/span-writer.ts';
import { TraceContext } from '../../../../src/observe/traces/trace-context.ts';
import { answers, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { readExportRequest } from '../../../helpers/otlp-messages.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { gate, until } from '../../../helpers/until.ts';
import { startTraced } from './room.ts';

it('rejected by a route: an error as a refusal of a node is, with the code of the gateway', async () => {
  await using collector = await startCollector();
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, {
    nodes: [node.url],
    routes: [{ name: 'no', reject: { code: 'AR' } }],
    traces: { sample: 0 },
  });
  await using sender = await connectSender(gw.port());
  await sender.exchange(message());
  const { tree, root } = await collector.trace();
  expect(tree).toEqual([
    'server mllp no !GW_ERR_ROUTE_REJECTED',
    '  internal parse',
    '  internal route !GW_ERR_ROUTE_REJECTED',
    '  internal reply',
  ]);
  expect(root.attributes).toMatchObject({ 'hl7.ack.code': 'AR', 'gateway.route': 'no' });
});

it('parsed in the pool: says so, and how long it waited for a thread', async () => {
  await using collector = await startCollector();
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, {
    nodes: [node.url],
    pool: { persistence: { by: ['PID-3'] } },
    parsing: { inlineLimit: '1KiB', workers: 1 },
  });
  await using sender = await connectSender(gw.port());
  const note = `NTE|1||${'x'.repeat(4_000)}`;
  await sender.exchange(message({ controlId: 'L-1', segments: [note, 'PID|1||4711'] }), 30_000);
  const trace = await collector.trace();
  expect(trace.tree).toEqual([
    'server mllp all',
    '  internal parse',
    '  internal route',
    '  client forward a [connect write ack]',
    '  internal reply',
  ]);
  const { attributes } = trace.named('parse')[0] ?? trace.root;
  expect(attributes['gateway.parse.worker']).toBe(true);
  expect(attributes['gateway.parse.wait_ms']).toEqual(expect.any(Number));
  expect(Number(attributes['gateway.parse.wait_ms'])).toBeGreaterThanOrEqual(0);
});

it('reply undelivered: the node took it, and nobody could be told', async () => {
  const hold = gate();
  await using collector = await startCollector();
  await using node = await startFaultyNode(answers.after(hold, answers.aa()));
  await using gw = await startTraced(collector, { nodes: [node.url], traces: { sample: 0 } });
  await using sender = await connectSender(gw.port());
  await sender.send(message({ controlId: 'U-1' }));
  await until(() => node.messages.length === 1);
  sender.reset();
  await gw.logged('GW_ERR_SENDER_RESET');
  hold.open();
  await until(() => collector.spans.some(({ attributes }) => attributes['hl7.message.control_id'] === 'U-1'));
  const [trace] = (await collector.traces(1)).filter(
    ({ root }) => root.attributes['hl7.message.control_id'] === 'U-1',
  );
  expect(trace?.root.attributes).toMatchObject({
    'gateway.outcome': 'answered',
    'error.type': 'GW_ERR_REPLY_UNDELIVERED',
  });
  expect(trace?.root.status).toBe('error');
  expect(trace?.named('forward')[0]?.status).toBe('unset');
});

it('the spans of one message are in one batch', () => {
  const batches: SpanBatch[] = [];
  const source = { resource: resourceFromAttributes({}), scope: { name: 'test', version: '1' } };
  const out = new SpanWriter(source, 4, (batch) => batches.push(batch));
  for (let i = 0; i < 4; i++) {
    out.root(new TraceContext(), 'root', SERVER, 0, 1);
    out.end();
    for (let child = 0; child < 2; child++) {
      out.child('child', INTERNAL, 0, 1);
      out.end();
    }
  }
  out.cut();
  expect(batches.map(({ spans }) => spans)).toEqual([6, 6]);
  for (const { bytes } of batches) {
    const spans = readExportRequest(bytes);
    const roots = spans.filter(({ parentId }) => parentId === '').map(({ spanId }) => spanId);
    for (const { parentId } of spans) if (parentId !== '') expect(roots).toContain(parentId);
  }
});
