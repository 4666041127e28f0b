// Rendezvous hashing: shares by weight, and that no key moves that need not.
import { describe, expect, it } from 'vitest';
import { memberOf, rendezvous } from '../../routing/rendezvous.ts';
import { type FakeNode, node, tally } from './views.ts';

const KEYS = Array.from({ length: 100_000 }, (_, i) => `APP${i % 317}|HOSPITAL-${Math.floor(i / 317)}`);

function choose(nodes: readonly FakeNode[], key: string): string | undefined {
  return rendezvous(nodes.map(memberOf), nodes.length, key)?.node.name;
}

function placements(nodes: readonly FakeNode[]): (string | undefined)[] {
  const members = nodes.map(memberOf);
  return KEYS.map((key) => rendezvous(members, members.length, key)?.node.name);
}

describe('shares', () => {
  it.each([[[1, 1, 1]], [[1, 2, 3]], [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]], [[256, 128]], [[0.5, 1]]])(
    'with weights %j are within 2 %% of the weight',
    (weights) => {
      const nodes = weights.map((weight, i) => node(`mirth-${i}`, { weight }));
      const total = weights.reduce((sum, weight) => sum + weight);
      const placed = placements(nodes);
      const counts = tally(placed.length, (i) => placed[i]);
      for (const { name, weight } of nodes) {
        const expected = (KEYS.length * weight) / total;
        expect(Math.abs((counts.get(name) ?? 0) - expected) / expected).toBeLessThan(0.02);
      }
    },
  );

  it('of one node say nothing of another: the keys of a lost node spread evenly', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((name) => node(name));
    const before = placements(nodes);
    const after = placements(nodes.slice(1));
    const moved = after.filter((_, i) => before[i] === 'a');
    const counts = tally(moved.length, (i) => moved[i]);
    for (const name of ['b', 'c', 'd']) {
      expect(Math.abs((counts.get(name) ?? 0) / (moved.length / 3) - 1)).toBeLessThan(0.03);
    }
  });
});

describe('movement', () => {
  const nodes = ['a', 'b', 'c', 'd'].map((name) => node(name));

  it('only the keys of a removed node move', () => {
    const before = placements(nodes);
    const after = placements(nodes.filter(({ name }) => name !== 'b'));
    expect(after).not.toContain('b');
    expect(before.every((name, i) => name === 'b' || after[i] === name)).toBe(true);
  });

  it('raising a weight only moves keys to that node, lowering it only from there', () => {
    const low = placements(nodes);
    const high = placements(nodes.map((one) => (one.name === 'c' ? { ...one, weight: 2 } : one)));
    const moved = high.filter((name, i) => low[i] !== name);
    expect(new Set(moved)).toEqual(new Set(['c']));
    // From a quarter to two fifths.
    expect(moved.length / KEYS.length).toBeCloseTo(0.15, 2);
  });

  it('the order of the nodes is nothing to it', () => {
    expect(placements(nodes.toReversed())).toEqual(placements(nodes));
  });
});

describe('the contract between gateways', () => {
  it('the same key and names always give these nodes', () => {
    const three = ['mirth-a', 'mirth-b', 'mirth-c'].map((name, i) => node(name, { weight: i + 1 }));
    const keys = ['LAB|NORTH', 'ADT|SOUTH', 'RIS|', '山田', '', 'x'.repeat(300)];
    expect(keys.map((key) => choose(three, key))).toEqual([
      'mirth-b',
      'mirth-c',
      'mirth-a',
      'mirth-b',
      'mirth-c',
      'mirth-c',
    ]);
  });
});

describe('weight 0', () => {
  it('is never chosen, nor a weight that is no number', () => {
    const nodes = [
      node('a', { weight: 0 }),
      node('b'),
      node('c', { weight: Number.NaN }),
      node('d', { weight: -1 }),
    ];
    expect(new Set(placements(nodes))).toEqual(new Set(['b']));
    expect(choose([node('a', { weight: 0 })], 'key')).toBeUndefined();
    expect(choose([], 'key')).toBeUndefined();
  });
});
