// Health over several processes: checks are one, a verdict holds for all, and a node on trial gets one message, whoever sends it.
import { expect, test } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';
import { startSeveral } from './several.ts';

const LONG = { deadlineMs: 20_000 };

test('a node is checked once an interval, whatever number of processes there is', async () => {
  await using node = await startFaultyNode();
  await using watched = await startFaultyNode();
  const intervalMs = 300;
  const health = {
    type: 'tcp',
    port: watched.port,
    interval: `${intervalMs}ms`,
    fastInterval: `${intervalMs}ms`,
  };
  await using gateway = await startSeveral({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: { pool: { nodes: { a: { url: node.url } }, health } },
    routes: [{ to: 'pool' }],
    workers: 3,
  });
  await watched.connected(watched.connections.total + 1, LONG.deadlineMs);
  const before = watched.connections.total;
  const begunAt = performance.now();
  await watched.connected(before + 8, LONG.deadlineMs);
  // On a busy machine they are rarer, never more frequent: eight of three processes would take a third of this.
  expect(performance.now() - begunAt).toBeGreaterThan(8 * intervalMs * 0.75);
  const checks = await gateway.metric('hl7_gateway_node_checks_total');
  expect(checks.get('pool="pool",node="a",result="passed"')).toBeGreaterThanOrEqual(8);
});

test('what one worker meets at a node holds for all; back on trial it gets one message, and then all', async () => {
  const hold = gate();
  await using a = await startFaultyNode(answers.after(hold));
  await using b = await startFaultyNode();
  await using gateway = await startSeveral({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: {
      pool: {
        nodes: { a: { url: a.url }, b: { url: b.url } },
        health: { type: 'none', fall: 2 },
        ejection: { base: '1s' },
        balance: 'round-robin',
      },
    },
    routes: [{ to: 'pool' }],
  });
  await a.refuse();
  // The first goes to one worker, the second to the other.
  const first = await connectSender(gateway.port);
  const second = await connectSender(gateway.port);
  let count = 0;
  const exchange = async (sender: typeof first): Promise<string> => {
    const msa = msaOf(await sender.exchange(message({ controlId: `H${count++}` }), LONG.deadlineMs));
    return String(msa?.code);
  };
  const stateOfA = async () => {
    const [node] =
      await gateway.json<{ state: string; trial: boolean; failures: Record<string, number> }[]>('/nodes');
    return node;
  };
  await until(async () => {
    expect(await exchange(first)).toBe('AA');
    return (await stateOfA())?.state === 'down';
  }, LONG);
  const failures = (await stateOfA())?.failures.GW_ERR_NODE_CONNECT;
  for (let i = 0; i < 6; i++) expect(await exchange(second)).toBe('AA');
  // The other worker has tried none there.
  const tried = gateway.lines.find(({ controlId }) => controlId === 'H0')?.worker;
  const attempts = gateway.lines.filter(({ worker, msg }) => worker !== tried && msg === 'message');
  expect(attempts.every(({ attempts: tries }) => tries === 1)).toBe(true);
  expect((await stateOfA())?.failures.GW_ERR_NODE_CONNECT).toBe(failures);
  await a.listen();
  const senders = await Promise.all(Array.from({ length: 8 }, () => connectSender(gateway.port)));
  let isOver = false;
  const sending = senders.map(async (sender) => {
    while (!isOver) expect(await exchange(sender)).toBe('AA');
  });
  await a.received(1, LONG.deadlineMs);
  const passed = b.messages.length;
  await b.received(passed + 60, LONG.deadlineMs);
  expect(a.messages.length).toBe(1);
  hold.open();
  await a.received(10, LONG.deadlineMs);
  isOver = true;
  await Promise.all(sending);
  expect(await stateOfA()).toMatchObject({ state: 'up', trial: false });
  expect(
    (await gateway.metric('hl7_gateway_node_ejections_total')).get('pool="pool",node="a"'),
  ).toBeGreaterThan(0);
});
