// One trace of each kind, as the JSON that golden/ has of it: the whole tree with names, kinds, statuses, attributes, events and
// links. After a change that is meant: UPDATE_GOLDEN=1 npx vitest run test/observe/traces/spans/golden.test.ts, and read the difference.
import { readdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { file, one } from '../../../faults/batch-room.ts';
import { request } from '../../../faults/http-room.ts';
import { answers, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { type OtlpCollector, startCollector, type Trace } from '../../../helpers/otlp-collector.ts';
import { connectClient } from '../../../helpers/raw-http-client.ts';
import { startRawNode } from '../../../helpers/raw-http-node.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { gate, until } from '../../../helpers/until.ts';
import { ask, post } from '../../../http-hl7/room.ts';
import { goldenFile, goldenOf, readGolden } from './golden.ts';
import { startFailover, startTraced } from './room.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

type Play = (collector: OtlpCollector) => Promise<void>;

/** With a control id for each, so that it can be found among others. */
const KINDS: Readonly<Record<string, Play>> = {
  accepted: async (collector) => {
    await using node = await startFaultyNode();
    const pool = { persistence: { by: ['MSH-3', 'MSH-4'] } };
    await using gw = await startTraced(collector, { nodes: [node.url], pool });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message({ controlId: 'accepted' }));
    await collector.traces(1);
  },
  'by-http': async (collector) => {
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url], listener: { protocol: 'http' } });
    await using client = await connectClient(gw.port());
    await ask(client, post(message({ controlId: 'by-http' }), {}));
    await collector.traces(1);
  },
  resent: async (collector) => {
    await using failover = await startFailover(collector);
    const { gw } = failover;
    await using sender = await connectSender(gw.port());
    await sender.exchange(message({ controlId: 'resent' }));
    await collector.traces(1);
  },
  ambiguous: async (collector) => {
    await using node = await startFaultyNode(answers.close());
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.send(message({ controlId: 'ambiguous' }));
    await sender.closed;
    await collector.traces(1);
  },
  'rejected-by-a-route': async (collector) => {
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      routes: [{ name: 'no', reject: { code: 'AR' } }],
    });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message({ controlId: 'rejected-by-a-route' }));
    await collector.traces(1);
  },
  'rejected-by-a-node': async (collector) => {
    await using node = await startFaultyNode(answers.ar());
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message({ controlId: 'rejected-by-a-node' }));
    await collector.traces(1);
  },
  waited: async (collector) => {
    const hold = gate();
    await using node = await startFaultyNode(
      answers.inSequence(answers.after(hold, answers.aa()), answers.aa()),
    );
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([message({ controlId: 'first' }), message({ controlId: 'waited' })]);
    await until(() => node.messages.length === 1);
    hold.open();
    await collector.traces(2);
  },
  split: async (collector) => {
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url], listener: { batch: 'split' } });
    await using sender = await connectSender(gw.port());
    await sender.exchange(file(one('part-1'), one('part-2')));
    await collector.traces(3);
  },
  proxied: async (collector) => {
    await using node = await startRawNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      listener: { protocol: 'http' },
      pool: { health: { type: 'none' } },
    });
    await using client = await connectClient(gw.port());
    const fields = [`traceparent: ${PARENT}`, 'tracestate: vendor=1'];
    await ask(client, request('GET /patients/4711 HTTP/1.1', fields));
    await collector.traces(1);
  },
  'parsed-in-the-pool': async (collector) => {
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      pool: { persistence: { by: ['PID-3'] } },
      parsing: { inlineLimit: '1KiB', workers: 1 },
    });
    await using sender = await connectSender(gw.port());
    const segments = [`NTE|1||${'x'.repeat(4_000)}`, 'PID|1||4711'];
    await sender.exchange(message({ controlId: 'parsed-in-the-pool', segments }), 30_000);
    await collector.traces(1);
  },
  'reply-undelivered': async (collector) => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold, answers.aa()));
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.send(message({ controlId: 'reply-undelivered' }));
    await until(() => node.messages.length === 1);
    sender.reset();
    await gw.logged('GW_ERR_SENDER_RESET');
    hold.open();
    await collector.traces(2);
  },
};

/** That of the batch, of the message by its name, or the only one. */
function found(kind: string, traces: readonly Trace[]): Trace | undefined {
  if (traces.length === 1) return traces[0];
  return traces.find(({ root: { attributes } }) =>
    kind === 'split'
      ? attributes['gateway.outcome'] === 'gathered'
      : attributes['hl7.message.control_id'] === kind,
  );
}

it.each(Object.entries(KINDS))('%s', { timeout: 60_000 }, async (kind, play) => {
  await using collector = await startCollector();
  await play(collector);
  const trace = found(kind, await collector.traces(1));
  if (trace === undefined) throw new Error(`no trace of ${kind}`);
  const golden = goldenOf(trace);
  if (process.env.UPDATE_GOLDEN !== undefined)
    writeFileSync(goldenFile(kind), `${JSON.stringify(golden, null, 2)}\n`);
  expect(golden).toEqual(readGolden(kind));
  // Every span of it hangs on the tree: nothing is left over.
  expect(JSON.stringify(golden).match(/"kind":/g)).toHaveLength(trace.spans.length);
});

it('one file for each kind, and no two alike', () => {
  const files = readdirSync(new URL('golden/', import.meta.url)).map((name) => name.replace(/\.json$/, ''));
  expect(files.toSorted()).toEqual(Object.keys(KINDS).toSorted());
  const texts = files.map((kind) => JSON.stringify(readGolden(kind)).replaceAll(kind, ''));
  expect(new Set(texts).size).toBe(files.length);
});
