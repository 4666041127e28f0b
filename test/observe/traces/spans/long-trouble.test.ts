// F109: what a long outage costs: of the collector no span that the queue has room for, of a node no trace without an end.
import { resourceFromAttributes } from '@opentelemetry/resources';
import { afterEach, expect, it, vi } from 'vitest';
import { GatewayError } from '../../../../src/errors.ts';
import type { Log } from '../../../../src/observe/log/log.ts';
import { DropReport } from '../../../../src/observe/traces/drop-report.ts';
import { PLAIN_IDENTIFIERS } from '../../../../src/observe/traces/identifiers.ts';
import { SERVER, SpanWriter } from '../../../../src/observe/traces/span-writer.ts';
import { triesOf, writeAttempts } from '../../../../src/observe/traces/spans/attempt-spans.ts';
import { TraceContext } from '../../../../src/observe/traces/trace-context.ts';
import { type Attempt, newAttempt } from '../../../../src/relay/retry.ts';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { type ReadSpan, readExportRequest } from '../../../helpers/otlp-messages.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { until } from '../../../helpers/until.ts';
import { lineOf, startTraced } from './room.ts';

const PATIENCE = { deadlineMs: 60_000 };

afterEach(() => vi.useRealTimers());

it('F109 an outage that the queue can hold loses nothing', { timeout: 120_000 }, async () => {
  await using collector = await startCollector('grpc');
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, { nodes: [node.url], traces: { protocol: 'grpc' } });
  await using sender = await connectSender(gw.port());
  const { traces } = gw.gateway;
  await collector.kill();
  for (let i = 0; i < 8; i++) await sender.exchange(message(), 30_000);
  await until(() => traces.stats.failedExports > 0, PATIENCE);
  await collector.start();
  await until(() => traces.stats.exported === 40, PATIENCE);
  expect(traces.stats.dropped).toBe(0);
  expect(await collector.traces(8)).toHaveLength(8);
});

it('F109 spans dropped are said at once, then once a minute with a count and since when', () => {
  vi.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') });
  const said: unknown[] = [];
  const report = new DropReport({ warn: (fields: unknown) => said.push(fields) } as unknown as Log);
  report.note(5);
  vi.advanceTimersByTime(10_000);
  report.note(7);
  report.note(8);
  expect(said).toEqual([{ spans: 5, since: '2026-01-01T00:00:00.000Z' }]);
  vi.advanceTimersByTime(50_000);
  expect(said[1]).toEqual({ spans: 15, since: '2026-01-01T00:00:10.000Z' });
  vi.advanceTimersByTime(120_000);
  expect(said).toHaveLength(2);
  report.note(1);
  report.note(2);
  report.flush();
  expect(said.slice(2)).toMatchObject([{ spans: 1 }, { spans: 2 }]);
});

it('F109 spans that a collector refuses for good are said', async () => {
  await using collector = await startCollector();
  collector.mood = 400;
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, { nodes: [node.url] });
  await using sender = await connectSender(gw.port());
  await sender.exchange(message());
  const line = await lineOf(gw, 'traces: spans were dropped');
  expect(line).toMatchObject({ level: 'warn', spans: 5, since: expect.stringMatching(/^20.*Z$/) });
});

function failed(node: string, written: boolean): Attempt {
  const attempt = newAttempt(node, 'order', 1);
  attempt.endedAt = performance.now();
  if (written) attempt.writtenAt = attempt.startedAt;
  attempt.error = new GatewayError(written ? 'GW_ERR_ACK_TIMEOUT' : 'GW_ERR_NODE_CONNECT');
  return attempt;
}

function spansOf(attempts: readonly Attempt[]): readonly ReadSpan[] {
  const spans: ReadSpan[] = [];
  const source = { resource: resourceFromAttributes({}), scope: { name: 'test', version: '1' } };
  const out = new SpanWriter(source, 10_000, () => {});
  out.root(new TraceContext(), 'mllp all', SERVER, 0, 1);
  out.end();
  const record = {
    receivedAt: 0,
    settledAt: performance.now(),
    pool: undefined,
    attempts,
    waitingSince: undefined,
  };
  const context = { identifiers: PLAIN_IDENTIFIERS, encrypted: new Set<string>() };
  writeAttempts(out, record, context, () => {});
  spans.push(...readExportRequest(out.take().bytes));
  return spans.filter(({ name }) => name.startsWith('forward '));
}

it('F109 repeated dials to one node are one span with a count, from the first to the last', () => {
  const dials = Array.from({ length: 1000 }, (_, i) => failed(i % 2 === 0 ? 'a' : 'b', false));
  const answered = newAttempt('b', 'order', undefined);
  const forwards = spansOf([...dials, answered]);
  expect(
    forwards.map(({ name, attributes }) => [
      name,
      attributes['gateway.attempt'],
      attributes['gateway.attempt.count'],
    ]),
  ).toEqual([
    ['forward a', 1, 500],
    ['forward b', 2, 500],
    ['forward b', 1001, undefined],
  ]);
  const [first] = forwards;
  expect(first?.to).toBeGreaterThan(first?.from ?? 0n);
});

it('F109 attempts that were written are each a span, up to a bound', () => {
  expect(triesOf(Array.from({ length: 30 }, () => failed('a', true)))).toHaveLength(30);
  const [one, ...others] = triesOf(Array.from({ length: 300 }, () => failed('a', true)));
  expect([one?.count, others]).toEqual([300, []]);
});
