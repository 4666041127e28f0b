// Messages of one pool that come again: answered as the first was, byte for byte, as long as that is remembered. Promises that only a
// positive answer is given again, only to the very same bytes, and that whatever is not known for sure goes to a node.
import { createHash } from 'node:crypto';
import { stickyKey } from '../../../routing/sticky-key.ts';
import type { DuplicatesConfig } from '../../config/config.ts';
import { isNegative, readAck } from '../../hl7/ack.ts';
import { payloadOf } from '../../mllp/frame.ts';
import { setImmediate, wallMs } from '../../platform/time.ts';
import type { Message, Outcome } from '../../relay/message.ts';
import type { PoolDuplicates } from '../../relay/pool-duplicates.ts';
import type { PoolQueue } from '../../relay/pool-queue.ts';
import type { RememberedAnswer, SpoolStore } from '../spool-store.ts';
import { StoredOrigin } from './stored-origin.ts';

/** `answered`: as the first was. `forwarded`: sent again, as the config says. `other_bytes`: the same fields, another message. */
export interface DuplicateCounts {
  answered: number;
  forwarded: number;
  other_bytes: number;
}

/** A first one that is under way, and those that wait for what it is told. */
interface Pending {
  readonly first: Message;
  readonly hash: Buffer;
  readonly waiting: Message[];
}

type Known = Pick<RememberedAnswer, 'hash' | 'answer' | 'expiresAt'>;

/** An answer has some 200 bytes: 40 MB. With a store, what gives way here is still known there. */
const MOST_ANSWERS = 100_000;
const MOST_BYTES = 64 * 2 ** 20;

export class Duplicates implements PoolDuplicates {
  readonly counts: DuplicateCounts = { answered: 0, forwarded: 0, other_bytes: 0 };
  readonly #queue: PoolQueue;
  readonly #store: () => SpoolStore | undefined;
  #config: DuplicatesConfig;
  readonly #pending = new Map<string, Pending>();
  /** The one that came first is first. */
  readonly #known = new Map<string, Known>();
  #knownBytes = 0;
  /** Of those that are looked up, or were and may be sent. */
  readonly #seen = new WeakMap<Message, 'asked' | 'free'>();

  constructor(queue: PoolQueue, config: DuplicatesConfig, store: () => SpoolStore | undefined) {
    this.#queue = queue;
    this.#config = config;
    this.#store = store;
  }

  reconfigure(config: DuplicatesConfig): void {
    this.#config = config;
  }

  holds(message: Message): boolean {
    const seen = this.#seen.get(message);
    if (seen !== undefined) return seen === 'asked';
    // What comes from the store was looked at when it was stored.
    if (message.origin instanceof StoredOrigin) return false;
    const key = keyOf(message, this.#config);
    if (key === undefined) return false;
    const hash = createHash('sha256').update(message.payload).digest();
    const known = this.#recalled(key);
    if (known !== undefined) return this.#meet(message, key, hash, known);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return this.#join(message, hash, pending);
    const store = this.#store();
    if (store === undefined) return this.#begin(message, key, hash);
    this.#ask(message, key, hash, store);
    return true;
  }

  #ask(message: Message, key: string, hash: Buffer, store: SpoolStore): void {
    this.#seen.set(message, 'asked');
    const goOn = (known: Known | undefined): void => {
      this.#seen.delete(message);
      if (message.phase === 'over') return;
      const pending = this.#pending.get(key);
      const isHeld =
        known !== undefined
          ? this.#meet(message, key, hash, known)
          : pending !== undefined
            ? this.#join(message, hash, pending)
            : this.#begin(message, key, hash);
      if (!isHeld) this.#queue.goOn(message);
    };
    store.recall(this.#queue.config.name, key).then(goOn, () => goOn(undefined));
  }

  /** The first of its kind, as far as anybody knows. */
  #begin(message: Message, key: string, hash: Buffer): boolean {
    const pending: Pending = { first: message, hash, waiting: [] };
    this.#pending.set(key, pending);
    this.#seen.set(message, 'free');
    message.whenOver = (outcome) => this.#over(key, pending, outcome);
    return false;
  }

  /** One like it is under way. */
  #join(message: Message, hash: Buffer, pending: Pending): boolean {
    if (!hash.equals(pending.hash)) return this.#free(message, 'other_bytes');
    if (this.#config.on === 'forward') return this.#free(message, 'forwarded');
    this.counts.answered++;
    this.#queue.withdraw(message);
    pending.waiting.push(message);
    return true;
  }

  /** One like it was answered. */
  #meet(message: Message, key: string, hash: Buffer, known: Known): boolean {
    if (!hash.equals(known.hash)) {
      // The newer one is what its sender would send again.
      this.#forget(key);
      this.counts.other_bytes++;
      return this.#begin(message, key, hash);
    }
    if (this.#config.on === 'forward') return this.#free(message, 'forwarded');
    this.counts.answered++;
    this.#queue.withdraw(message);
    message.settle(outcomeOf(known.answer));
    return true;
  }

  #free(message: Message, why: 'forwarded' | 'other_bytes'): boolean {
    this.counts[why]++;
    this.#seen.set(message, 'free');
    return false;
  }

  #over(key: string, pending: Pending, outcome: Outcome): void {
    if (this.#pending.get(key) === pending) this.#pending.delete(key);
    const answer = positiveAnswer(outcome);
    if (answer !== undefined) this.#remember(key, pending.hash, answer);
    // No answer is known of it, so the next one of them is the first now.
    if (outcome.kind === 'abandoned' || outcome.kind === 'failed')
      setImmediate(() => {
        for (const message of pending.waiting) if (message.phase !== 'over') this.#queue.take(message);
      });
    else for (const message of pending.waiting) message.settle(outcome);
  }

  #remember(key: string, hash: Buffer, answer: Buffer): void {
    const expiresAt = wallMs() + this.#config.windowMs;
    // A view would keep all that came with it.
    const own = Buffer.from(answer);
    this.#forget(key);
    this.#known.set(key, { hash, answer: own, expiresAt });
    this.#knownBytes += own.length;
    for (const [oldest] of this.#known) {
      if (this.#known.size <= MOST_ANSWERS && this.#knownBytes <= MOST_BYTES) break;
      this.#forget(oldest);
    }
    const { name: pool } = this.#queue.config;
    // One that is not remembered is sent again: that is no reason to tell its sender anything else.
    this.#store()
      ?.remember({ pool, key, hash, answer: own, expiresAt })
      .catch(() => {});
  }

  #recalled(key: string): Known | undefined {
    const known = this.#known.get(key);
    if (known === undefined || known.expiresAt > wallMs()) return known;
    this.#forget(key);
    return undefined;
  }

  #forget(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.#knownBytes -= known.answer.length;
  }
}

/** Undefined: it says nothing of who it is. */
function keyOf({ header, origin }: Message, { by }: DuplicatesConfig): string | undefined {
  if (!header.has(10)) return undefined;
  const key = stickyKey({ header, listener: origin.listener, peer: origin.peer }, by);
  return key && createHash('sha256').update(key).digest('base64url');
}

/** Empty: nothing was to be said. Undefined: it is not to be said again, as another try may end otherwise. */
function positiveAnswer(outcome: Outcome): Buffer | undefined {
  switch (outcome.kind) {
    case 'answered':
      return isNegative(outcome.ack.code) ? undefined : outcome.frame;
    case 'stored':
      return outcome.frame;
    case 'unanswered':
      return Buffer.alloc(0);
    default:
      return undefined;
  }
}

function outcomeOf(answer: Buffer): Outcome {
  const ack = answer.length === 0 ? undefined : readAck(payloadOf(answer));
  return ack === undefined
    ? { kind: 'unanswered', node: '' }
    : { kind: 'answered', ack, frame: answer, node: '' };
}
