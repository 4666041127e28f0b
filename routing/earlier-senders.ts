// The nodes that senders had in an earlier process, by hashes of their sticky keys: a key may hold something of a patient, so it
// is stored nowhere. Promises to give each sender its node back once, and to forget it when it has been silent for too long.
import { createHmac } from 'node:crypto';
import { randomBytes } from '../src/platform/random.ts';

export interface SenderRecord {
  /** Of the sticky key, with the salt of its file. */
  readonly hash: string;
  /** The node's name. */
  readonly node: string;
  /** Since its last message. */
  readonly idleMs: number;
}

/** 16 bytes: two of a million senders have the same one with a chance below 1 in 10^26. */
const HASH_BYTES = 16;

export function newSalt(): string {
  return randomBytes(HASH_BYTES).toString('base64url');
}

export function hashSender(salt: string, key: string): string {
  return createHmac('sha256', salt).update(key).digest().subarray(0, HASH_BYTES).toString('base64url');
}

export class EarlierSenders {
  readonly #salt: string;
  readonly #now: () => number;
  /** `usedAt` by `now`, so mostly below 0. */
  readonly #entries = new Map<string, { readonly node: string; readonly usedAt: number }>();

  constructor(salt: string, records: Iterable<SenderRecord>, now: () => number) {
    this.#salt = salt;
    this.#now = now;
    for (const { hash, node, idleMs } of records) this.#entries.set(hash, { node, usedAt: now() - idleMs });
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The node that this sender had, unless that is `idleMs` ago or more. The second time it is not known any more. */
  take(key: string, idleMs: number): string | undefined {
    const hash = hashSender(this.#salt, key);
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    return this.#now() - entry.usedAt < idleMs ? entry.node : undefined;
  }

  /** Those that have not come back yet. */
  *records(): Iterable<SenderRecord> {
    const now = this.#now();
    for (const [hash, { node, usedAt }] of this.#entries) yield { hash, node, idleMs: now - usedAt };
  }
}
