// Sticky tables and order by key, with real processes: what one worker has decided of a sender, the others go by.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';
import { startSeveral } from './several.ts';

const LONG = { deadlineMs: 20_000 };
const NO_CHECKS = { health: { interval: '1h', fastInterval: '1h' } };

function configOf(nodes: object, pool: object, more: object = {}) {
  return {
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: {
      pool: { nodes, ...NO_CHECKS, persistence: { by: ['MSH-3'] }, queue: { timeout: '20s' }, ...pool },
    },
    routes: [{ to: 'pool' }],
    ...more,
  };
}

const of = (application: string, controlId: string): Buffer => message({ controlId, app: application });

async function acked(sender: Sender, application: string, controlId: string): Promise<void> {
  const msa = msaOf(await sender.exchange(of(application, controlId), LONG.deadlineMs));
  expect(`${msa?.code} ${msa?.controlId}`).toBe(`AA ${controlId}`);
}

test('ordering: key: of one key one message is with a node, whichever workers have its connections', async () => {
  const hold = gate();
  await using a = await startFaultyNode(answers.after(hold));
  await using b = await startFaultyNode(answers.after(hold));
  await using gateway = await startSeveral(
    configOf({ a: { url: a.url }, b: { url: b.url } }, { ordering: 'key' }),
  );
  const senders = await Promise.all(Array.from({ length: 4 }, () => connectSender(gateway.port)));
  for (const [i, sender] of senders.entries()) void sender.send(of('ONE', `K${i}`));
  const other = await connectSender(gateway.port);
  void other.send(of('OTHER', 'O1'));
  const both = (): number => a.messages.length + b.messages.length;
  await until(() => both() === 2, LONG);
  expect([...a.controlIds, ...b.controlIds]).toContain('O1');
  hold.open();
  for (const [i, sender] of senders.entries()) {
    const msa = msaOf(await sender.nextAck(LONG.deadlineMs));
    expect(`${msa?.code} ${msa?.controlId}`).toBe(`AA K${i}`);
  }
  await other.nextAck(LONG.deadlineMs);
  // As the nodes saw it: never a second one of the key before the first was answered.
  for (let round = 0; round < 5; round++)
    await Promise.all(senders.map((sender, i) => acked(sender, 'ONE', `R${round}-${i}`)));
  const events = [
    ...a.events.map((one) => ({ ...one, node: 'a' })),
    ...b.events.map((one) => ({ ...one, node: 'b' })),
  ];
  events.sort((one, two) => one.order - two.order);
  const open = new Map<string, string>();
  for (const { kind, controlId = '', node, connection } of events) {
    const at = `${node} ${connection}`;
    if (kind === 'message' && controlId !== 'O1') {
      expect([...open.values()]).toEqual([]);
      open.set(at, controlId);
    } else if (kind === 'answer') open.delete(at);
  }
  expect(open.size).toBe(0);
});

test('ordering: key: a worker that dies frees its keys', async () => {
  const hold = gate();
  await using a = await startFaultyNode(answers.after(hold));
  await using gateway = await startSeveral(
    configOf({ a: { url: a.url } }, { ordering: 'key', connections: { max: 4 } }),
  );
  const first = await connectSender(gateway.port);
  const second = await connectSender(gateway.port);
  void first.send(of('ONE', 'F1'));
  await a.received(1, LONG.deadlineMs);
  void second.send(of('ONE', 'F2'));
  // It may be the worker that has the key or the one that waits for it: either way the other one's message goes on.
  const [worker] = await gateway.workers();
  process.kill(worker?.pid ?? 0, 'SIGKILL');
  await until(() => first.ended || second.ended, LONG);
  const left = first.ended ? second : first;
  hold.open();
  const msa = msaOf(await left.nextAck(LONG.deadlineMs));
  expect(msa?.controlId).toBe(left === second ? 'F2' : 'F1');
  const more = await connectSender(gateway.port);
  await acked(more, 'ONE', 'F3');
});

test('persistence.mode: table: a sender keeps its node over all workers, moves with all, and is remembered over a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-state-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const state = { state: { file: join(folder, 'state.json') } };
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  await using c = await startFaultyNode();
  const nodes = { a: { url: a.url }, b: { url: b.url }, c: { url: c.url } };
  const pool = { balance: 'round-robin', persistence: { by: ['MSH-3'], mode: 'table' } };
  const all = { a, b, c };
  const nodeOf = (controlId: string): string =>
    Object.entries(all).find(([, node]) => node.controlIds.includes(controlId))?.[0] ?? '';
  const applications = ['ONE', 'TWO', 'THREE', 'FOUR', 'FIVE', 'SIX'];
  const bound = new Map<string, string>();
  {
    await using gateway = await startSeveral(configOf(nodes, pool, state));
    const senders = await Promise.all(Array.from({ length: 4 }, () => connectSender(gateway.port)));
    expect((await gateway.workers()).map(({ connections }) => connections)).toEqual([2, 2]);
    // All at once, each key from all workers: whoever comes first decides.
    for (const application of applications)
      await Promise.all(senders.map((sender, i) => acked(sender, application, `${application}-${i}`)));
    for (const application of applications) {
      const used = new Set(senders.map((_, i) => nodeOf(`${application}-${i}`)));
      expect(used.size).toBe(1);
      bound.set(application, [...used][0] as string);
    }
    expect(new Set(bound.values()).size).toBeGreaterThan(1);
    // One node goes: its senders move, each as one.
    const gone = bound.get('ONE') as 'a' | 'b' | 'c';
    expect((await gateway.ask(`/nodes/pool/${gone}/maintenance`, 'POST')).status).toBe(200);
    for (const application of applications)
      await Promise.all(senders.map((sender, i) => acked(sender, application, `M-${application}-${i}`)));
    for (const application of applications) {
      const used = new Set(senders.map((_, i) => nodeOf(`M-${application}-${i}`)));
      expect(used.size).toBe(1);
      const [node] = used;
      if (bound.get(application) === gone) expect(node).not.toBe(gone);
      else expect(node).toBe(bound.get(application));
      bound.set(application, node as string);
    }
    expect((await gateway.ask(`/nodes/pool/${gone}/ready`, 'POST')).status).toBe(200);
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  }
  await using again = await startSeveral(configOf(nodes, pool, state));
  const sender = await connectSender(again.port);
  for (const application of applications) {
    await acked(sender, application, `S-${application}`);
    expect(nodeOf(`S-${application}`)).toBe(bound.get(application));
  }
});
