// Balancing where no sender is bound: order, shares and ties.
import { describe, expect, it } from 'vitest';
import { leastInFlight, roundRobin } from '../../routing/balance.ts';
import { memberOf } from '../../routing/rendezvous.ts';
import { type FakeNode, node, tally } from './views.ts';

function members(...nodes: FakeNode[]): ReturnType<typeof memberOf>[] {
  return nodes.map(memberOf);
}

describe('round-robin', () => {
  it('takes turns', () => {
    const three = members(node('a'), node('b'), node('c'));
    expect(Array.from({ length: 7 }, () => roundRobin(three, 3)?.node.name).join('')).toBe('abcabca');
  });

  it('by weight, spread out as nginx does it', () => {
    const three = members(node('a', { weight: 5 }), node('b'), node('c'));
    expect(Array.from({ length: 14 }, () => roundRobin(three, 3)?.node.name).join('')).toBe('aabacaaaabacaa');
  });

  it('with fractions of a weight', () => {
    const two = members(node('a', { weight: 0.25 }), node('b', { weight: 0.75 }));
    expect(tally(400, () => roundRobin(two, 2)?.node.name)).toEqual(
      new Map([
        ['b', 300],
        ['a', 100],
      ]),
    );
  });

  it('looks at the first members only', () => {
    const three = members(node('a'), node('b'), node('c'));
    expect(new Set(Array.from({ length: 6 }, () => roundRobin(three, 2)?.node.name))).toEqual(
      new Set(['a', 'b']),
    );
    expect(roundRobin(three, 0)).toBeUndefined();
  });
});

describe('least in flight', () => {
  it('is the lowest, for its weight', () => {
    expect(leastInFlight(members(node('a', { inFlight: 3 }), node('b', { inFlight: 2 })), 2)?.node.name).toBe(
      'b',
    );
    const weighted = members(node('a', { inFlight: 3, weight: 4 }), node('b', { inFlight: 1 }));
    expect(leastInFlight(weighted, 2)?.node.name).toBe('a');
  });

  it('ties are broken in turn', () => {
    const three = members(node('a'), node('b'), node('c', { inFlight: 1 }));
    expect(Array.from({ length: 6 }, () => leastInFlight(three, 3)?.node.name).join('')).toBe('ababab');
  });

  it('ties are broken by weight', () => {
    const two = members(node('a', { weight: 3 }), node('b'));
    expect(tally(400, () => leastInFlight(two, 2)?.node.name)).toEqual(
      new Map([
        ['a', 300],
        ['b', 100],
      ]),
    );
  });

  it('is none of none', () => {
    expect(leastInFlight([], 0)).toBeUndefined();
  });
});
