// Order over a reload (F46): no message overtakes another of its sender or of its sticky key, whatever is changed of routes,
// pools, `ordering`, `persistence` and `pipelining`, and however often.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { allTo, type EditablePool, pending, poolOf, reload } from './room.ts';

const of = (app: string, controlId: string, facility = 'F'): Buffer => message({ app, facility, controlId });

const KEYED = { persistence: { by: ['MSH-3'] }, ordering: 'key' };

describe('one sticky key', () => {
  test.each<[string, string, Record<string, unknown>, Record<string, unknown>]>([
    ['its pool is gone', 'new', KEYED, KEYED],
    ['its pool is ordered by connection no longer', 'pool', KEYED, { persistence: { by: ['MSH-3'] } }],
    ['its pool is ordered by key from now on', 'pool', { persistence: { by: ['MSH-3'] } }, KEYED],
    [
      'it is remembered in a table',
      'pool',
      KEYED,
      { ...KEYED, persistence: { by: ['MSH-3'], mode: 'table' } },
    ],
  ])('F46 has one message in flight, over connections too: %s', async (_, name, before, after) => {
    const hold = gate();
    await using a = await startFaultyNode(answers.after(hold));
    await using b = await startFaultyNode();
    await using gw = await startGateway(allTo('pool', poolOf([a.url], before)));
    await using first = await connectSender(gw.port());
    await using second = await connectSender(gw.port());
    await using other = await connectSender(gw.port());
    await first.send(of('K', 'ONE'));
    await a.received(1);
    await reload(gw, allTo(name, poolOf([b.url], after)));
    await second.send(of('K', 'TWO'));
    await first.send(of('K', 'THREE'));
    await until(() => pending(gw) === 3);
    expect(said(await other.exchange(of('ELSE', 'OTHER')))).toBe('AA OTHER');
    await turns();
    // Without `ordering: key` another connection's message is free to go.
    const free = after.ordering === 'key' ? [] : ['TWO'];
    expect(b.controlIds.toSorted()).toEqual(['OTHER', ...free]);
    hold.open();
    expect(said(await second.nextAck())).toBe('AA TWO');
    expect((await first.nextAcks(2)).map(said)).toEqual(['AA ONE', 'AA THREE']);
    await expectNothingHeld(gw);
  });
});

test('F46 a sender that is known by something else does not overtake itself', async () => {
  const hold = gate();
  await using a = await startFaultyNode(answers.after(hold));
  a.inTurn = false;
  await using gw = await startGateway(allTo('pool', poolOf([a.url], KEYED)));
  await using sender = await connectSender(gw.port());
  await sender.send(of('K', 'ONE'));
  await a.received(1);
  const by = { persistence: { by: ['MSH-4'] }, ordering: 'key' };
  await reload(gw, allTo('pool', poolOf([a.url], by)));
  await sender.send(of('K', 'TWO'));
  await until(() => pending(gw) === 2);
  await turns();
  expect(a.controlIds).toEqual(['ONE']);
  hold.open();
  expect((await sender.nextAcks(2)).map(said)).toEqual(['AA ONE', 'AA TWO']);
});

test('`pipelining` is taken up by connections that are there', async () => {
  await using a = await startFaultyNode();
  const pool = (pipelining: number): EditablePool => poolOf([a.url], { connections: { max: 1, pipelining } });
  await using gw = await startGateway(allTo('pool', pool(1)));
  await using sender = await connectSender(gw.port());
  await sender.exchange(message());
  await reload(gw, allTo('pool', pool(3)));
  const hold = gate();
  a.inTurn = false;
  a.script = answers.after(hold);
  await sender.sendTogether(['ONE', 'TWO', 'THREE', 'FOUR'].map((controlId) => message({ controlId })));
  await a.received(4);
  expect(a.controlIds.slice(1)).toEqual(['ONE', 'TWO', 'THREE']);
  hold.open();
  await sender.nextAcks(4);
  const again = gate();
  a.script = answers.after(again);
  await reload(gw, allTo('pool', pool(1)));
  await sender.sendTogether(['FIVE', 'SIX'].map((controlId) => message({ controlId })));
  await a.received(6);
  await turns();
  expect(a.controlIds.slice(5)).toEqual(['FIVE']);
  again.open();
  await sender.nextAcks(2);
});

/** A config by chance: a few pools that share nodes, one of which takes everything. */
interface Plan {
  readonly name: number;
  readonly nodes: readonly number[];
  readonly ordering: 'connection' | 'key';
  readonly persistence: 'hash' | 'table' | 'none';
  readonly pipelining: number;
  readonly balance: string;
  readonly ackSeconds: number;
}

const PLAN = fc.record<Plan>({
  name: fc.nat(2),
  nodes: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }),
  ordering: fc.constantFrom('connection', 'key'),
  persistence: fc.constantFrom('hash', 'table', 'none'),
  pipelining: fc.constantFrom(1, 1, 3),
  balance: fc.constantFrom('round-robin', 'least-in-flight'),
  // Another recipe: the nodes are made anew.
  ackSeconds: fc.constantFrom(30, 31),
});

function configFor(plan: Plan, nodes: readonly FaultyNode[]): string {
  const { persistence, ordering, ackSeconds, pipelining, balance } = plan;
  const pool = poolOf([], {
    balance,
    timeouts: { ack: `${ackSeconds}s` },
    connections: { max: 2, pipelining },
  });
  pool.nodes = Object.fromEntries(plan.nodes.map((at) => [`n${at}`, { url: nodes[at]?.url }]));
  if (persistence !== 'none')
    Object.assign(pool, { persistence: { by: ['MSH-3'], mode: persistence }, ordering });
  return allTo(`pool${plan.name}`, pool);
}

test('F46 whatever is reloaded, as often and as quickly as it may be: each message once, and in order', async () => {
  const nodes = [await startFaultyNode(), await startFaultyNode(), await startFaultyNode()];
  for (const node of nodes) {
    let turn = 0;
    // Some at once, some a few turns of the event loop later.
    node.script = async (exchange) => {
      await turns(turn++ % 7);
      await answers.aa()(exchange);
    };
  }
  const rounds = fc.array(fc.record({ plan: PLAN, burst: fc.nat(6), pause: fc.nat(4) }), {
    minLength: 4,
    maxLength: 12,
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(PLAN, rounds, async (begin, changes) => {
      run++;
      const before = nodes.map(({ messages }) => messages.length);
      await using gw = await startGateway(configFor(begin, nodes));
      const senders = [await connectSender(gw.port()), await connectSender(gw.port())];
      const sent = senders.map(() => 0);
      const next = (s: number): number => {
        const count = sent[s] ?? 0;
        sent[s] = count + 1;
        return count;
      };
      const reloads: Promise<unknown>[] = [];
      for (const { plan, burst, pause } of changes) {
        senders.forEach((sender, s) => {
          const messages = Array.from({ length: burst }, () => of(`S${s}`, `${run}-${s}-${next(s)}`));
          void sender.sendTogether(messages);
        });
        await turns(pause);
        reloads.push(reload(gw, configFor(plan, nodes)));
      }
      await Promise.all(reloads);
      for (const [s, sender] of senders.entries()) {
        const count = sent[s] ?? 0;
        const expected = Array.from({ length: count }, (_, i) => `${run}-${s}-${i}`);
        expect((await sender.nextAcks(count)).map(said)).toEqual(expected.map((id) => `AA ${id}`));
      }
      const got = nodes.flatMap(({ messages }, at) => messages.slice(before[at]));
      const inOrder = got.toSorted((x, y) => x.order - y.order).map(({ controlId }) => controlId);
      for (const [s, sender] of senders.entries()) {
        const mine = inOrder.filter((id) => id.startsWith(`${run}-${s}-`));
        expect(mine).toEqual(Array.from({ length: sent[s] ?? 0 }, (_, i) => `${run}-${s}-${i}`));
        await sender[Symbol.asyncDispose]();
      }
      await expectNothingHeld(gw);
    }),
    { numRuns: 12, seed: 46 },
  );
  for (const node of nodes) await node.close();
});
