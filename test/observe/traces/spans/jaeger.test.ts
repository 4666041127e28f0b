// What a person sees in Jaeger: a failover as its query API would give it, so that nothing that matters is lost there.
import { expect, it } from 'vitest';
import { type JaegerSpan, jaegerOf } from '../../../helpers/jaeger.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { startFailover } from './room.ts';

const tag = ({ tags }: JaegerSpan, name: string) => tags.find(({ key }) => key === name)?.value;

it('a failover: the dead node in red, the one that answered, and the message to search for', async () => {
  await using collector = await startCollector();
  await using failover = await startFailover(collector);
  const { alive, gw } = failover;
  await using sender = await connectSender(gw.port());
  await sender.exchange(message({ controlId: 'J-4711', app: 'LAB' }));
  const trace = await collector.trace();
  const { spans, processes, traceID } = jaegerOf(trace);
  expect(processes.p1?.serviceName).toBe('hl7-gateway');
  const [root] = spans.filter(({ references }) => references.length === 0);
  if (root === undefined) throw new Error('no root');
  expect(root.operationName).toBe('mllp all');
  expect(tag(root, 'span.kind')).toBe('server');
  expect(tag(root, 'hl7.message.control_id')).toBe('J-4711');
  expect(tag(root, 'hl7.sending.application')).toBe('LAB');
  expect(tag(root, 'error')).toBeUndefined();
  const forwards = spans.filter(({ operationName }) => operationName.startsWith('forward '));
  expect(
    forwards.map((one) => [tag(one, 'gateway.node'), tag(one, 'error'), tag(one, 'otel.status_code')]),
  ).toEqual([
    ['a', true, 'ERROR'],
    ['b', undefined, undefined],
  ]);
  expect(forwards.map((one) => tag(one, 'error.type'))).toEqual(['GW_ERR_NODE_CONNECT', undefined]);
  expect(tag(forwards[0] ?? root, 'otel.status_description')).toEqual(expect.any(String));
  for (const one of forwards) {
    expect(tag(one, 'span.kind')).toBe('client');
    expect(one.references).toEqual([{ refType: 'CHILD_OF', traceID, spanID: root.spanID }]);
    expect(one.startTime).toBeGreaterThanOrEqual(root.startTime);
    expect(one.duration).toBeGreaterThanOrEqual(0);
  }
  expect(forwards[1]?.logs.map(({ fields }) => fields[0]?.value)).toEqual(['connect', 'write', 'ack']);
  expect(tag(forwards[1] ?? root, 'server.port')).toBe(alive.port);
  expect(spans).toHaveLength(6);
});
