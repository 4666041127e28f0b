// Weighted rendezvous hashing: each sender's node, without any state. Of the nodes there are, each gets its share by
// weight; only the senders of a lost node move, and a node that gains weight only gains senders.
//
// The result depends on the key, the nodes' names and their weights, on nothing else: not on their order, the process or
// the time. So two gateways with the same config agree without talking. Changing this hash moves senders between nodes
// while one gateway of a pair is old and the other new: it is part of the contract, held by fixed values in its test.
import { type Candidate, Member } from './candidate.ts';

/** Multipliers of MurmurHash3 (public domain), whose 32-bit finaliser `mix` is. */
const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

// The two halves of the hash that `hashText` made last: an object or a BigInt for them would be made for each message.
let textHigh = 0;
let textLow = 0;

/** 64 bits in two lanes, over UTF-16 code units. */
function hashText(text: string): void {
  const { length } = text;
  let high = 0x9747b28c ^ length;
  let low = 0x3c6ef372;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ Math.imul(unit, C1), 0x9e3779b1);
    high = (high << 13) | (high >>> 19);
    low = Math.imul(low ^ unit, 0x5bd1e995) + Math.imul(high, C2);
    low = (low << 17) | (low >>> 15);
  }
  textHigh = mix(high ^ low);
  textLow = mix(low + Math.imul(textHigh, C1));
}

export function memberOf<N extends Candidate>(node: N): Member<N> {
  hashText(node.name);
  return new Member(node, textHigh, textLow);
}

/** 2^-52: with half a unit added, no fraction of 52 bits is 0 or 1. */
const UNIT = 2 ** -52;

/**
 * The member of the first `count` that `key` belongs to; undefined if none of them has weight.
 *
 * Each member draws a number `h` in (0, 1) from its name and the key, and the highest `-weight / ln(h)` wins
 * (Schindelhauer and Schomaker 2005, the logarithmic method). So it wins with a probability in proportion to its
 * weight; and as no member's score depends on another member, adding, removing or reweighting one moves none but its
 * own keys.
 */
export function rendezvous<N extends Candidate>(
  members: readonly Member<N>[],
  count: number,
  key: string,
): Member<N> | undefined {
  hashText(key);
  const keyHigh = textHigh;
  const keyLow = textLow;
  let best: Member<N> | undefined;
  let bestScore = 0;
  for (let i = 0; i < count; i++) {
    const member = members[i] as Member<N>;
    const { weight } = member.node;
    if (!(weight > 0)) continue;
    const high = mix(keyHigh ^ member.high);
    const low = mix(Math.imul(keyLow ^ member.low, C2) + high);
    const fraction = ((high >>> 6) * 67_108_864 + (low >>> 6) + 0.5) * UNIT;
    const score = -weight / Math.log(fraction);
    // The second half decides what happens once in 2^50 keys, so that it is not the order of the nodes.
    if (
      score > bestScore ||
      (score === bestScore && best !== undefined && member.node.name < best.node.name)
    ) {
      best = member;
      bestScore = score;
    }
  }
  return best;
}
