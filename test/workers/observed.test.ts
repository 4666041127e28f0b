// What is told of several processes: one audit trail, one push of metrics, the spans of each process as its own instance.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { startCollector } from '../helpers/otlp-collector.ts';
import { labelsOf, startOtlpCollector } from '../helpers/otlp-metrics-collector.ts';
import { connectSender } from '../helpers/sender.ts';
import { auditRecord } from '../helpers/syslog-receiver.ts';
import { until } from '../helpers/until.ts';
import { startSeveral } from './several.ts';

const LONG = { deadlineMs: 20_000 };

function configOf(url: string, more: object) {
  return {
    listeners: { in: { bind: '127.0.0.1:0', allow: [{ 'MSH-3': 'SENDAPP', source: '127.0.0.0/8' }] } },
    pools: { pool: { nodes: { a: { url } }, health: { interval: '1h', fastInterval: '1h' } } },
    routes: [{ name: 'all', to: 'pool' }],
    ...more,
  };
}

test('an audit trail has the start and the end once, and what each worker met', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-audit-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'audit.log');
  await using node = await startFaultyNode();
  await using gateway = await startSeveral(configOf(node.url, { audit: { file } }));
  // One to each worker, neither of which may say what it says.
  for (const controlId of ['N1', 'N2']) {
    const sender = await connectSender(gateway.port);
    await sender.send(message({ controlId, app: 'STRANGER' }));
    await sender.nextAck(LONG.deadlineMs);
  }
  const types = (): string[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => auditRecord(line).type)
      : [];
  await until(() => types().length === 3, LONG);
  gateway.kill('SIGTERM');
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
  // Start, two that are not authenticated, stop.
  expect(types()).toEqual(['110120', '110126', '110126', '110121']);
  const workers = gateway.lines
    .filter(({ code }) => code === 'GW_ERR_SENDER_NOT_ALLOWED')
    .map(({ worker }) => worker);
  expect(new Set(workers)).toEqual(new Set([1, 2]));
});

test('spans come from each worker as an instance of its own; metrics are pushed once, of all', async () => {
  await using spans = await startCollector();
  await using pushed = await startOtlpCollector();
  await using node = await startFaultyNode();
  await using gateway = await startSeveral(
    configOf(node.url, {
      telemetry: {
        traces: { endpoint: spans.url },
        metrics: { otlp: { endpoint: pushed.url, interval: '1s' } },
      },
    }),
  );
  const senders = await Promise.all(Array.from({ length: 4 }, () => connectSender(gateway.port)));
  for (const [i, sender] of senders.entries())
    expect(msaOf(await sender.exchange(message({ controlId: `I${i}` })))?.code).toBe('AA');
  const traces = await spans.traces(4, LONG.deadlineMs);
  const instances = new Set(traces.map(({ root }) => root.resource['service.instance.id']));
  expect(instances.size).toBe(2);
  const accepted = (): number | undefined =>
    pushed.pushes
      .at(-1)
      ?.metrics.find(({ name }) => name === 'hl7_gateway_messages_total')
      ?.sum?.dataPoints?.find((point) => labelsOf(point).outcome === 'accepted')?.asDouble;
  await until(() => accepted() === 4, LONG);
  const pushers = new Set(pushed.pushes.map(({ resource }) => resource['service.instance.id']));
  expect(pushers.size).toBe(1);
});

test('the last messages and the last hour are those of all workers', async () => {
  await using node = await startFaultyNode();
  await using gateway = await startSeveral(configOf(node.url, {}));
  const sent = ['M1', 'M2', 'M3', 'M4'];
  for (const controlId of sent) {
    const sender = await connectSender(gateway.port);
    await sender.send(message({ controlId }));
    await sender.nextAck(LONG.deadlineMs);
  }
  interface Page {
    readonly messages: readonly { readonly id: string; readonly controlId: string }[];
    readonly next?: string;
  }
  const page = async (query: string): Promise<Page> =>
    (await (await gateway.ask(`/messages${query}`)).json()) as Page;
  const first = await page('?limit=3');
  const second = await page(`?limit=3&before=${first.next}`);
  const all = [...first.messages, ...second.messages];
  expect(all.map(({ controlId }) => controlId).toSorted()).toEqual(sent);
  expect(second.next).toBeUndefined();
  expect(new Set(all.map(({ id }) => id.split('-')[0]))).toEqual(new Set(['1', '2']));
  const overview = (await (await gateway.ask('/overview')).json()) as {
    readonly history: { readonly points: readonly { readonly messages: number }[] };
  };
  expect(overview.history.points.reduce((sum, { messages }) => sum + messages, 0)).toBe(4);
});
