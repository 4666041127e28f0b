// Which of several members is next, where no sender is bound to one. Each takes the first `count` of an array that the
// caller reuses, all with weight above 0, and keeps nothing but the members' credit.
import type { Candidate, Member } from './candidate.ts';

/**
 * Smooth weighted round-robin, as nginx does it: each member earns its weight, the richest is next and pays what all
 * earned. Weights 5, 1, 1 give a a b a c a a, not a a a a a b c.
 */
export function roundRobin<N extends Candidate>(
  members: readonly Member<N>[],
  count: number,
): Member<N> | undefined {
  return inTurn(members, count, undefined);
}

/** `taker` has had `turns` without being picked for them: it pays as if it had been. */
export function charge<N extends Candidate>(
  members: readonly Member<N>[],
  count: number,
  taker: Member<N>,
  turns: number,
): void {
  for (let i = 0; i < count; i++) {
    const member = members[i] as Member<N>;
    const earned = member.node.weight * turns;
    member.credit += earned;
    taker.credit -= earned;
  }
}

/** Among those whose load equals that of `like`; undefined: among all. */
function inTurn<N extends Candidate>(
  members: readonly Member<N>[],
  count: number,
  like: N | undefined,
): Member<N> | undefined {
  let best: Member<N> | undefined;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const member = members[i] as Member<N>;
    if (like !== undefined && compareLoad(member.node, like) !== 0) continue;
    const { weight } = member.node;
    member.credit += weight;
    total += weight;
    if (best === undefined || member.credit > best.credit) best = member;
  }
  if (best !== undefined) best.credit -= total;
  return best;
}

/**
 * The member with the fewest messages in flight for its weight. Ties, which an idle pool has always, are broken by
 * round-robin among the tied, so that weights count there too.
 */
export function leastInFlight<N extends Candidate>(
  members: readonly Member<N>[],
  count: number,
): Member<N> | undefined {
  let least: Member<N> | undefined;
  let ties = 0;
  for (let i = 0; i < count; i++) {
    const member = members[i] as Member<N>;
    const order = least === undefined ? -1 : compareLoad(member.node, least.node);
    if (order < 0) {
      least = member;
      ties = 1;
    } else if (order === 0) ties++;
  }
  return least === undefined || ties === 1 ? least : inTurn(members, count, least.node);
}

/** Compares in flight ÷ weight without dividing. */
function compareLoad(a: Candidate, b: Candidate): number {
  return a.inFlight * b.weight - b.inFlight * a.weight;
}
