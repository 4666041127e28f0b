// Ways into a spool and out of it: HTTP senders and nodes, batches, traces.
import { expect, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { simpleConfig, startGateway } from '../helpers/gateway.ts';
import { MemoryStore } from '../helpers/memory-store.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { startCollector } from '../helpers/otlp-collector.ts';
import { startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { acks } from '../http-hl7/room.ts';
import { openSpoolRoom, spoolConfig } from './spool-room.ts';

const ALWAYS = { spool: { when: 'always' } };
const TYPE = { 'content-type': 'x-application/hl7-v2+er7' };

test('a client over HTTP has its acknowledgement in a 200, an empty one where nothing is to be said', async () => {
  await using room = await openSpoolRoom({ ...ALWAYS, listener: { protocol: 'http' } });
  const post = (body: Buffer) =>
    fetch(`http://127.0.0.1:${room.gw.port()}/`, {
      method: 'POST',
      headers: TYPE,
      body: new Uint8Array(body),
    });
  const original = await post(message({ controlId: 'O' }));
  expect([original.status, msaOf(Buffer.from(await original.arrayBuffer()))]).toEqual([
    200,
    { code: 'AA', controlId: 'O' },
  ]);
  const silent = await post(message({ controlId: 'N', acceptAck: 'NE', applicationAck: 'NE' }));
  expect([silent.status, await silent.text()]).toEqual([200, '']);
  await room.node.received(2);
  room.disk.isBroken = true;
  const refused = await post(message({ controlId: 'R' }));
  expect(msaOf(Buffer.from(await refused.arrayBuffer()))?.code).toBe('AE');
});

test('a node over HTTP gets what was stored of an MLLP sender', async () => {
  await using node = await startRawNode(acks({}, []));
  const store = new MemoryStore();
  await using gw = await startGateway(
    spoolConfig(`${node.url}/hl7`, { ...ALWAYS, pool: { health: { type: 'none' } } }),
    {
      openStore: async () => store,
    },
  );
  await using sender = await connectSender(gw.port());
  const bytes = message({ controlId: 'H' });
  expect(msaOf(await sender.exchange(bytes))?.code).toBe('AA');
  await until(() => store.usage.pools.get('pool')?.delivered === 1);
  expect(node.requests.filter(({ body }) => body.length > 0).map(({ body }) => body)).toEqual([bytes]);
});

test('each message of a batch that is split is stored by itself, and the batch is answered as one', async () => {
  await using room = await openSpoolRoom({ ...ALWAYS, listener: { batch: 'split' } });
  const sender = await room.sender();
  const parts = ['B1', 'B2', 'B3'].map((controlId) => message({ controlId }));
  const batch = Buffer.concat([Buffer.from('BHS|^~\\&\r'), ...parts, Buffer.from('BTS|3\r')]);
  const answer = (await sender.exchange(batch)).toString('latin1');
  expect([...answer.matchAll(/MSA\|AA\|(\w+)/g)].map(([, id]) => id)).toEqual(['B1', 'B2', 'B3']);
  await room.node.received(3);
  expect(room.node.controlIds).toEqual(['B1', 'B2', 'B3']);
});

test('its delivery goes on in the trace that it was stored in', async () => {
  await using node = await startFaultyNode();
  await using collector = await startCollector();
  const config = spoolConfig(node.url, ALWAYS);
  if (typeof config === 'string') throw new Error('a config in parts');
  const text = JSON.parse(simpleConfig(config));
  text.telemetry = { ...text.telemetry, traces: { endpoint: collector.url, sample: 1 } };
  await using gw = await startGateway(JSON.stringify(text), { openStore: async () => new MemoryStore() });
  await using sender = await connectSender(gw.port());
  await sender.exchange(message({ controlId: 'T' }));
  const [received, delivered] = await until(() => {
    const servers = collector.spans.filter(({ name }) => name === 'mllp all');
    return servers.length === 2 && servers.toSorted((a, b) => (a.from < b.from ? -1 : 1));
  });
  expect(received?.attributes['gateway.outcome']).toBe('stored');
  expect(delivered?.attributes['gateway.outcome']).toBe('answered');
  expect(delivered?.traceId).toBe(received?.traceId);
  expect(delivered?.parentId).toBe(received?.spanId);
  const lines = gw.log.filter(({ msg }) => msg === 'message');
  expect(new Set(lines.map(({ trace_id }) => trace_id))).toEqual(new Set([received?.traceId]));
});
