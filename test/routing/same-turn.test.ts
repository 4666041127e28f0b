// What one turn of the event loop brings goes to one node, unless something promises more; and over the turns each node has its
// share all the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeSelector } from '../../routing/node-selector.ts';
import { type FakeNode, node, poolOf } from './views.ts';

type Joining = FakeNode & { joinsTurn: boolean };

function joining(name: string, weight = 1): Joining {
  return Object.assign(node(name), { weight, joinsTurn: false });
}

/** So many messages in one turn, each taken by the node that was chosen; what they were chosen by. */
function turn(pool: NodeSelector<FakeNode>, nodes: readonly Joining[], messages: number, key?: string) {
  const chosen = [];
  for (let i = 0; i < messages; i++) {
    const choice = pool.choose(key);
    if (choice === undefined) break;
    chosen.push([choice.node.name, choice.selectionReason]);
    choice.node.inFlight++;
    (choice.node as Joining).joinsTurn = true;
  }
  for (const one of nodes) one.joinsTurn = false;
  return chosen;
}

describe.each(['round-robin', 'least-in-flight'] as const)('balance %s', (balance) => {
  it('those behind the first follow it', () => {
    const nodes = [joining('a'), joining('b')];
    const pool = poolOf(nodes, balance);
    expect(turn(pool, nodes, 3)).toEqual([
      ['a', balance],
      ['a', 'same-turn'],
      ['a', 'same-turn'],
    ]);
    expect(turn(pool, nodes, 2)).toEqual([
      ['b', balance],
      ['b', 'same-turn'],
    ]);
  });

  it.each([
    ['has no room', { hasRoom: false }],
    ['cannot be used', { usable: false }],
    ['is draining', { draining: true }],
    ['has no weight any more', { weight: 0 }],
    ['takes no more of this turn', { joinsTurn: false }],
  ])('they do not where it %s', (_, change) => {
    const nodes = [joining('a'), joining('b')];
    const pool = poolOf(nodes, balance);
    const first = pool.choose(undefined)?.node as Joining;
    first.inFlight++;
    Object.assign(first, { joinsTurn: true }, change);
    expect(pool.choose(undefined)).toMatchObject({ node: { name: 'b' }, selectionReason: balance });
  });

  it('one that the node has failed goes elsewhere', () => {
    const nodes = [joining('a'), joining('b')];
    const pool = poolOf(nodes, balance);
    const first = pool.choose(undefined)?.node as Joining;
    first.joinsTurn = true;
    expect(pool.choose(undefined, new Set([first]))?.node.name).toBe('b');
  });

  it('a sender that is bound to a node goes there, and a new one of a table is spread as ever', () => {
    const nodes = [joining('a'), joining('b')];
    const hash = poolOf(nodes, balance, 'hash');
    const own = hash.choose('lab')?.node as Joining;
    const other = nodes.find((one) => one !== own) as Joining;
    other.joinsTurn = true;
    expect(hash.choose('lab')).toMatchObject({ node: own, selectionReason: 'sticky-hash' });
    other.joinsTurn = false;
    const table = poolOf(nodes, balance, 'table');
    const names = ['k', 'l', 'm', 'n'].map((key) => turn(table, nodes, 1, key)[0]?.[0]);
    expect(new Set(names)).toEqual(new Set(['a', 'b']));
  });
});

it('a node that is gone is not followed', () => {
  const nodes = [joining('a'), joining('b')];
  const pool = poolOf(nodes, 'round-robin');
  const first = pool.choose(undefined)?.node as Joining;
  first.joinsTurn = true;
  pool.setNodes([nodes[1] as Joining]);
  expect(pool.choose(undefined)?.node.name).toBe('b');
});

it('round-robin: over many turns each node has its share, whatever a turn brings (fast-check)', () => {
  const turns = fc.array(fc.integer({ min: 1, max: 32 }), { minLength: 200, maxLength: 400 });
  fc.assert(
    fc.property(turns, fc.integer({ min: 1, max: 5 }), (sizes, weight) => {
      const nodes = [joining('a', weight), joining('b', 1), joining('c', 1)];
      const pool = poolOf(nodes, 'round-robin');
      for (const size of sizes) turn(pool, nodes, size);
      const all = sizes.reduce((sum, size) => sum + size, 0);
      const share = all / (weight + 2);
      // What one turn gives to one node is made good in those that follow.
      for (const one of nodes) expect(Math.abs(one.inFlight - share * one.weight)).toBeLessThan(100);
    }),
    { numRuns: 50 },
  );
});
