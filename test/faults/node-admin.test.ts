// F46, F45: draining, maintenance and weights at run time, under load and on real sockets: nothing lost, nothing twice.
import { describe, expect, test } from 'vitest';
import type { Node } from '../../src/upstream/node.ts';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';

const SENDERS = 8;

function nodeOf(gw: TestGateway, name: string): Node {
  const found = [...gw.gateway.queues.values()][0]?.pool.nodes.find((node) => node.name === name);
  if (found === undefined) throw new Error(`no node ${name}`);
  return found;
}

interface Load {
  /** How many messages were answered so far. */
  readonly answered: () => number;
  /** Ends it, and resolves to what was said to each sender, in order. */
  stop(): Promise<string[][]>;
}

/** Each sender sends its next messages, `depth` at a time, when those before them are answered. */
async function load(gw: TestGateway, depth: number): Promise<Load> {
  let answered = 0;
  let stopped = false;
  const senders = await Promise.all(Array.from({ length: SENDERS }, () => connectSender(gw.port())));
  const runs = senders.map(async (sender, s) => {
    const heard: string[] = [];
    for (let n = 0; !stopped; n += depth) {
      const ids = Array.from({ length: depth }, (_, i) => `S${s}-${n + i}`);
      void sender.sendTogether(ids.map((controlId) => message({ controlId, app: `APP${s}` })));
      for (const ack of await sender.nextAcks(depth)) {
        heard.push(said(ack));
        answered++;
      }
    }
    await sender[Symbol.asyncDispose]();
    return heard;
  });
  const all = Promise.all(runs);
  // A test that fails before it asks for this has its own error to show.
  all.catch(() => {});
  return {
    answered: () => answered,
    stop: () => {
      stopped = true;
      return all;
    },
  };
}

/** All that was sent was answered AA, delivered once, and each sender's messages in order at each node. */
function expectClean(heard: readonly string[][], nodes: readonly FaultyNode[]): void {
  const sent = heard.flatMap((acks, s) => acks.map((_, n) => `S${s}-${n}`));
  expect(heard.flat()).toEqual(sent.map((id) => `AA ${id}`));
  const delivered = nodes
    .flatMap(({ messages }) => messages)
    .toSorted((one, other) => one.order - other.order)
    .map(({ controlId }) => controlId);
  expect(delivered.toSorted()).toEqual(sent.toSorted());
  for (let s = 0; s < SENDERS; s++) {
    const own = delivered.filter((id) => id.startsWith(`S${s}-`)).map((id) => Number(id.split('-')[1]));
    expect(own).toEqual(own.toSorted((one, other) => one - other));
  }
}

const POOLS = [
  ['no persistence', {}],
  ['hash', { persistence: { by: 'MSH-3' } }],
  ['table', { persistence: { by: 'MSH-3', mode: 'table' } }],
  ['hash, pipelining 4', { persistence: { by: 'MSH-3' }, connections: { max: 2, pipelining: 4 } }],
  ['by key', { persistence: { by: 'MSH-3' }, ordering: 'key' }],
] as const;

describe.each(POOLS)('%s', (_, pool) => {
  test('F46 maintenance and back, over and over, under load: not one lost, none twice, all in order', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gw = await startGateway({ nodes: [a.url, b.url], pool });
    const running = await load(gw, 4);
    for (let round = 0; round < 6; round++) {
      const name = round % 2 === 0 ? 'a' : 'b';
      const peer = name === 'a' ? a : b;
      nodeOf(gw, name).maintenance();
      // What it has is answered, then its connections end: it can be stopped.
      await until(() => nodeOf(gw, name).inFlight === 0 && peer.connections.open === 0);
      const before = peer.messages.length;
      const target = running.answered() + 100;
      await until(() => running.answered() >= target);
      expect(peer.messages.length).toBe(before);
      nodeOf(gw, name).ready();
      const later = running.answered() + 50;
      await until(() => running.answered() >= later);
    }
    expectClean(await running.stop(), [a, b]);
    await expectNothingHeld(gw);
    for (const peer of [a, b]) {
      for (const connection of peer.connections.all.filter(({ open }) => !open))
        expect(await connection.closed).toEqual({ code: undefined });
    }
  });
});

test('F46 draining under load, mode table: its senders stay until they leave, new ones go elsewhere', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  const persistence = { by: 'MSH-3', mode: 'table' };
  await using gw = await startGateway({ nodes: [a.url, b.url], pool: { persistence } });
  const running = await load(gw, 2);
  await until(() => running.answered() > 50 && a.messages.length > 0 && b.messages.length > 0);
  const bound = new Set(a.controlIds.map((id) => id.split('-')[0]));
  nodeOf(gw, 'a').drain('upgrade');
  expect(nodeOf(gw, 'a').status).toMatchObject({ state: 'draining', reason: 'upgrade' });
  const before = a.messages.length;
  await until(() => a.messages.length > before + 50);
  expect(new Set(a.controlIds.map((id) => id.split('-')[0]))).toEqual(bound);
  await using fresh = await connectSender(gw.port());
  for (let i = 0; i < 4; i++) {
    const bytes = message({ controlId: `N${i}`, app: `NEW${i}` });
    expect(said(await fresh.exchange(bytes))).toBe(`AA N${i}`);
  }
  expect(a.controlIds.filter((id) => id.startsWith('N'))).toEqual([]);
  await running.stop();
  await until(() => nodeOf(gw, 'a').inFlight === 0);
});

test('F46 the primaries are taken out one by one: the backup comes in, and goes when one is ready', async () => {
  const nodes = [await startFaultyNode(), await startFaultyNode(), await startFaultyNode()] as const;
  const [a, b, spare] = nodes;
  await using gw = await startGateway({
    nodes: [a.url, b.url, { url: spare.url, backup: true } as { url: string }],
  });
  await using sender = await connectSender(gw.port());
  const where = async (controlId: string): Promise<string> => {
    expect(said(await sender.exchange(message({ controlId })))).toBe(`AA ${controlId}`);
    return ['a', 'b', 'spare'][nodes.findIndex((node) => node.controlIds.includes(controlId))] ?? '';
  };
  nodeOf(gw, 'a').maintenance();
  expect([await where('X1'), await where('X2')]).toEqual(['b', 'b']);
  nodeOf(gw, 'b').drain();
  expect([await where('X3'), await where('X4')]).toEqual(['spare', 'spare']);
  nodeOf(gw, 'a').ready();
  expect([await where('X5'), await where('X6')]).toEqual(['a', 'a']);
  for (const node of nodes) await node.close();
});

test('F46 a message that waits for a connection when its node is taken out goes to another one', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  await using gw = await startGateway({
    nodes: [a.url, { url: b.url, backup: true } as { url: string }],
    // So long is a new connection watched before it is written to: the message waits.
    pool: { connections: { settle: '5s' }, retry: { budget: '10s' } },
  });
  await using sender = await connectSender(gw.port());
  void sender.send(message({ controlId: 'X1' }));
  await a.connected(1);
  nodeOf(gw, 'a').maintenance();
  await b.connected(1);
  await a.openConnections(0);
  expect(a.bytes.length).toBe(0);
});

test('F45 slow start: a node that comes back is given few senders at first, then its share', async () => {
  const hold = gate();
  await using a = await startFaultyNode(answers.after(hold));
  await using b = await startFaultyNode(answers.after(hold));
  await using gw = await startGateway({
    nodes: [a.url, b.url],
    pool: { slowStart: '1h', connections: { max: 100 }, persistence: { by: 'MSH-3' } },
  });
  const sender = await connectSender(gw.port());
  nodeOf(gw, 'a').maintenance();
  nodeOf(gw, 'a').ready();
  const others = await Promise.all(Array.from({ length: 60 }, () => connectSender(gw.port())));
  for (const [i, other] of others.entries()) void other.send(message({ controlId: `X${i}`, app: `APP${i}` }));
  await until(() => a.messages.length + b.messages.length === 60);
  // 1 in 11, with weight 0.1 beside 1: 5.5 of 60 on average, and 17 in one of a million cases.
  expect(a.messages.length).toBeLessThan(17);
  expect(nodeOf(gw, 'a').status).toMatchObject({ weight: 1, effectiveWeight: expect.closeTo(0.1, 2) });
  hold.open();
  for (const one of [sender, ...others]) await one[Symbol.asyncDispose]();
});
