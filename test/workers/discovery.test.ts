// Nodes that are discovered, with several processes: the main one looks, and all workers have what it finds, also one that is started later.
import { expect, test } from 'vitest';
import { startDnsServer } from '../helpers/dns-server.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { startSeveral } from './several.ts';

const LONG = { deadlineMs: 20_000 };

function portOf(url: string): number {
  return Number(url.split(':').at(-1));
}

test('what is found is in force in all workers, and in one that is started later', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  await using dns = await startDnsServer();
  const name = '_mllp._tcp.mirth.example';
  dns.addresses.set('mirth.example', ['127.0.0.1']);
  dns.services.set(name, [{ target: 'mirth.example', port: portOf(a.url) }]);
  const discover = { srv: name, servers: [dns.place], minTtl: '100ms', maxTtl: '100ms' };
  await using gateway = await startSeveral({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: { p: { discover, health: { type: 'none' }, queue: { timeout: '10s' } } },
    routes: [{ to: 'p' }],
  });
  const sendMany = async (prefix: string): Promise<void> => {
    const senders = await Promise.all(Array.from({ length: 4 }, () => connectSender(gateway.port)));
    for (const [i, sender] of senders.entries())
      await sender.exchange(message({ controlId: `${prefix}${i}` }), LONG.deadlineMs);
    for (const sender of senders) await sender.end();
  };
  await sendMany('A');
  expect(a.messages.length).toBe(4);

  dns.services.set(name, [{ target: 'mirth.example', port: portOf(b.url) }]);
  const found = `mirth.example-${portOf(b.url)}`;
  await until(async () => {
    const nodes = await gateway.json<readonly { node: string }[]>('/nodes');
    return nodes.length === 1 && nodes[0]?.node === found;
  }, LONG);
  expect(await gateway.json('/nodes')).toMatchObject([{ node: found, origin: 'srv', runtime: false }]);
  // Workers are told at the same time as the report changes, and a sender may be sooner.
  await until(async () => {
    await using sender = await connectSender(gateway.port);
    await sender.exchange(message({ controlId: 'PROBE' }), LONG.deadlineMs);
    return b.messages.length > 0;
  }, LONG);
  const [first] = await gateway.workers();
  process.kill(first?.pid ?? 0, 'SIGKILL');
  await until(async () => {
    const workers = await gateway.workers();
    return workers.length === 2 && workers.every(({ pid }) => pid !== first?.pid);
  }, LONG);
  await sendMany('B');
  expect(b.controlIds.filter((id) => id.startsWith('B'))).toHaveLength(4);
}, 60_000);
