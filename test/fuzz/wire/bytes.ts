// Random bytes by seed: mutations of what a grammar made, and cuts. Promises: what comes out is told by the generator's state alone.
import { createHash } from 'node:crypto';
import type { Prng } from '../../../src/tools/world/prng.ts';

/** Identifies bytes in an answer. */
export function digestOf(bytes: Buffer | string): string {
  return createHash('sha1').update(bytes).digest('hex').slice(0, 20);
}

/** A generator of its own for each input, so that one can be run without those before it. */
export function seedOf(seed: number, index: number): number {
  let z = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(index + 1, 0xc2b2ae35)) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x45d9f3b) >>> 0;
  return (z ^ (z >>> 16)) >>> 0;
}

/** `spice`: what this protocol's parsers take special notice of. */
export function mutate(prng: Prng, bytes: Buffer, spice: readonly Buffer[]): Buffer {
  let out = bytes;
  for (let n = prng.int(1, 3); n > 0; n--) out = mutateOnce(prng, out, spice);
  return out;
}

function mutateOnce(prng: Prng, bytes: Buffer, spice: readonly Buffer[]): Buffer {
  const at = prng.int(0, bytes.length);
  const to = Math.min(bytes.length, at + prng.int(1, 8));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(to)];
  switch (prng.int(0, 7)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, prng.pick(spice), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([before, prng.pick(spice), after]);
    case 3:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 4:
      return before;
    case 5: {
      const flipped = Buffer.from(bytes);
      if (at < bytes.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << prng.int(0, 7));
      return flipped;
    }
    case 6:
      return Buffer.concat([before, randomBytes(prng, prng.int(1, 6)), bytes.subarray(at)]);
    default: {
      const other = prng.int(0, bytes.length);
      return Buffer.concat([before, bytes.subarray(other, other + prng.int(1, 24)), bytes.subarray(at)]);
    }
  }
}

export function randomBytes(prng: Prng, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = prng.int(0, 255);
  return bytes;
}

/** Most in one piece, some byte by byte. */
export function cut(prng: Prng, bytes: Buffer): Buffer[] {
  const kind = prng.next();
  if (kind < 0.5 || bytes.length < 2) return [bytes];
  if (kind > 0.97 && bytes.length < 300) return [...bytes].map((byte) => Buffer.from([byte]));
  const cuts = Array.from({ length: prng.int(1, 5) }, () => prng.int(1, bytes.length - 1)).toSorted(
    (a, b) => a - b,
  );
  const pieces: Buffer[] = [];
  let from = 0;
  for (const to of [...new Set(cuts), bytes.length]) {
    pieces.push(bytes.subarray(from, to));
    from = to;
  }
  return pieces;
}

/** As a string literal, for a report: what was sent is the fuzzer's own, so nobody's data is in it. */
export function shown(bytes: Buffer, most = 1_500): string {
  const text = JSON.stringify(bytes.toString('latin1', 0, most));
  return bytes.length > most ? `${text}… (${bytes.length} bytes)` : text;
}
