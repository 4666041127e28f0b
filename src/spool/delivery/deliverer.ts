// Brings what a pool has stored to its nodes: of each ordering key the oldest first and one at a time, of different keys several at
// once, through the pool's own queue. Promises that nothing is sent again that is known to be delivered, that a key that waits holds up
// no other, and that the next of a key goes out when it is on the disk what became of the one before.
import type { SpoolConfig } from '../../config/config.ts';
import { asGatewayError } from '../../errors.ts';
import { clearInterval, clearTimeout, delay, setInterval, setTimeout } from '../../platform/time.ts';
import type { Message, Outcome } from '../../relay/message.ts';
import type { PoolQueue } from '../../relay/pool-queue.ts';
import { Ring } from '../../ring.ts';
import type { SpoolStore, StoredChange, StoredContent, StoredMessage } from '../spool-store.ts';
import { backoffMs, DeliveryPace } from './pace.ts';
import { roomOf } from './stored-message.ts';
import { type DeliveryVerdict, verdictOf } from './verdict.ts';

/** What the deliverer needs of its pool's spool. */
export interface DelivererParts {
  readonly pool: string;
  queue(): PoolQueue;
  config(): SpoolConfig;
  /** @throws GatewayError where it can be sent to nobody */
  prepare(content: StoredContent, onSettled: (message: Message, outcome: Outcome) => void): Message;
  /** There is a message of this key that was not counted. */
  found(key: string): void;
  /** One of this key does not wait any more. Returns whether others may. */
  released(key: string): boolean;
  onVerdict(stored: StoredMessage, verdict: DeliveryVerdict, attempts: number): void;
}

/** One whose turn it is, as soon as there is room. */
interface Ready {
  readonly head: StoredMessage;
  /** Where it was stored a moment ago: it need not be read. */
  readonly content: StoredContent | undefined;
  /** In a row, up to now. */
  readonly failures: number;
}

/** A key of which one is under way, or pauses. */
interface Turn {
  id: number;
  /** Another one of it was stored meanwhile. */
  hasMore: boolean;
  pause: { readonly timer: NodeJS.Timeout; readonly ready: Ready; readonly wasSent: boolean } | undefined;
}

/** Heads that are asked for at once. */
const PAGE = 256;
/** Of messages that are under way; one may be larger. */
const MOST_BYTES = 64 * 2 ** 20;
/** Of messages that wait for their turn and need not be read. */
const MOST_FRESH_BYTES = 16 * 2 ** 20;
/** How often it is looked whether something can go on that nobody told of. */
const POLL_MS = 1_000;

export class Deliverer {
  readonly #parts: DelivererParts;
  readonly #pace = new DeliveryPace();
  #store: SpoolStore | undefined;
  readonly #turns = new Map<string, Turn>();
  readonly #ready = new Ring<Ready>();
  /** Keys in `#ready`. */
  readonly #listed = new Set<string>();
  /** What is held of them need not be read from the store, which does not have them any more. */
  readonly #forgotten = new Set<number>();
  #freshBytes = 0;
  #underWay = 0;
  #bytes = 0;
  /** Heads behind `#cursor` are not in `#ready`. */
  #hasMore = false;
  #cursor = 0;
  #isLoading = false;
  /** Heads that are being asked for are not all that there are. */
  #isOutdated = false;
  #poll: NodeJS.Timeout | undefined;

  constructor(parts: DelivererParts) {
    this.#parts = parts;
  }

  get underWay(): number {
    return this.#underWay;
  }

  start(store: SpoolStore): void {
    this.#store = store;
    this.#poll = setInterval(() => {
      this.#pace.onSecond();
      this.#pump();
    }, POLL_MS);
    this.#poll.unref();
    this.rescan();
  }

  /** Nothing more is begun; what is under way ends, and is written down. */
  stop(): void {
    this.#store = undefined;
    clearInterval(this.#poll);
    for (const { pause } of this.#turns.values()) clearTimeout(pause?.timer);
  }

  /** Is a node about to have it? */
  isSending(id: number): boolean {
    for (const turn of this.#turns.values()) if (turn.id === id) return turn.pause === undefined;
    return false;
  }

  /** It is not to be delivered, though it may be the next of its key. */
  forget(id: number, key: string): void {
    if (this.#listed.has(key)) this.#forgotten.add(id);
  }

  /** It is in the store, and the last of its key. */
  added(head: StoredMessage, content: StoredContent): void {
    const { orderingKey } = head;
    const turn = this.#turns.get(orderingKey);
    if (turn !== undefined) turn.hasMore = true;
    else if (this.#isLoading || this.#ready.length >= PAGE) this.#hasMore = true;
    else if (!this.#hasMore && !this.#listed.has(orderingKey)) {
      const isFresh = this.#freshBytes + head.size <= MOST_FRESH_BYTES;
      this.#list({ head, content: isFresh ? content : undefined, failures: 0 });
      this.#pump();
    }
  }

  /** There may be heads that nobody told of. */
  rescan(): void {
    this.#hasMore = true;
    this.#cursor = 0;
    this.#isOutdated = true;
    this.#pump();
  }

  /** A node can be used now: those that no node had need not wait any longer. */
  onUsable(): void {
    for (const [key, { pause }] of this.#turns) if (pause?.wasSent === false) this.#resume(key);
    this.#pump();
  }

  #pump(): void {
    while (this.#store !== undefined && this.#hasRoom()) {
      const ready = this.#ready.shift();
      if (ready === undefined) {
        if (this.#hasMore && !this.#isLoading) void this.#load(this.#store);
        return;
      }
      this.#listed.delete(ready.head.orderingKey);
      if (ready.content !== undefined) this.#freshBytes -= ready.head.size;
      void this.#deliver(ready, this.#store);
    }
  }

  #hasRoom(): boolean {
    const room = roomOf(this.#parts.queue());
    if (room === 0) return false;
    // Messages that go straight through have the other half.
    const share = this.#parts.config().when === 'always' ? room : Math.ceil(room / 2);
    if (this.#underWay >= this.#pace.limit(share)) return false;
    const next = this.#ready.at(0)?.head.size ?? 0;
    return this.#underWay === 0 || this.#bytes + next <= MOST_BYTES;
  }

  #list(ready: Ready): void {
    if (this.#listed.size === 0) this.#forgotten.clear();
    this.#listed.add(ready.head.orderingKey);
    if (ready.content !== undefined) this.#freshBytes += ready.head.size;
    this.#ready.push(ready);
  }

  async #load(store: SpoolStore): Promise<void> {
    this.#isLoading = true;
    this.#isOutdated = false;
    this.#hasMore = false;
    try {
      const heads = await store.heads(this.#parts.pool, this.#cursor, PAGE);
      for (const head of heads) {
        const { orderingKey: key } = head;
        if (this.#turns.has(key) || this.#listed.has(key)) continue;
        this.#parts.found(key);
        this.#list({ head, content: undefined, failures: 0 });
      }
      const isLast = heads.length < PAGE;
      if (!isLast || this.#isOutdated) this.#hasMore = true;
      this.#cursor = isLast || this.#isOutdated ? 0 : (heads.at(-1)?.id ?? 0);
    } catch {
      // The store says by itself that it cannot be read; the next look is the poll's.
      this.#hasMore = true;
      this.#isLoading = false;
      return;
    }
    this.#isLoading = false;
    if (this.#hasMore || this.#ready.length > 0) this.#pump();
  }

  async #deliver({ head, content, failures }: Ready, store: SpoolStore): Promise<void> {
    const turn: Turn = { id: head.id, hasMore: false, pause: undefined };
    this.#turns.set(head.orderingKey, turn);
    this.#underWay++;
    this.#bytes += head.size;
    const end = await this.#send(head, content, store);
    let isGone = end === undefined;
    if (end !== undefined) isGone = await this.#conclude(head, end, turn, failures, store);
    this.#underWay--;
    this.#bytes -= head.size;
    if (isGone) await this.#follow(head, turn, end !== undefined, store);
    this.#pump();
  }

  /** Undefined: it is not in the store any more. */
  async #send(
    head: StoredMessage,
    fresh: StoredContent | undefined,
    store: SpoolStore,
  ): Promise<{ readonly verdict: DeliveryVerdict; readonly attempts: number } | undefined> {
    const { attempts, boundTo } = head;
    if (this.#forgotten.delete(head.id)) return undefined;
    const queue = this.#parts.queue();
    const node = boundTo === undefined ? undefined : queue.pool.nodes.find(({ name }) => name === boundTo);
    if (boundTo !== undefined && node === undefined)
      return {
        verdict: { kind: 'dead', error: head.lastError ?? 'GW_ERR_QUEUE_TIMEOUT', boundTo },
        attempts,
      };
    try {
      const content = fresh ?? (await store.content(head.id));
      if (content === undefined) return undefined;
      return await new Promise((resolve) => {
        const message = this.#parts.prepare(content, (one, outcome) => {
          const tried = attempts + Math.max(one.writes, hasAnswer(outcome) ? 1 : 0);
          resolve({
            verdict: verdictOf(head, one, outcome, tried, this.#parts.config().deliver),
            attempts: tried,
          });
        });
        if (node !== undefined) message.storedFor(node);
        queue.take(message);
      });
    } catch (thrown) {
      const { code } = asGatewayError(thrown);
      // The store may be well again in a moment. All else is about this message, and stays so.
      if (code !== 'GW_ERR_SPOOL_STORE') return { verdict: { kind: 'dead', error: code, boundTo }, attempts };
      return { verdict: { kind: 'again', error: code, wasSent: false, boundTo }, attempts };
    }
  }

  /** True: it does not wait any more. */
  async #conclude(
    head: StoredMessage,
    { verdict, attempts }: { readonly verdict: DeliveryVerdict; readonly attempts: number },
    turn: Turn,
    failures: number,
    store: SpoolStore,
  ): Promise<boolean> {
    if (verdict.kind === 'delivered') this.#pace.onTaken();
    if (verdict.kind === 'again' && !verdict.wasSent) this.#pace.onNotSent();
    const change = this.#changeBy(head, verdict, attempts);
    if (change !== undefined && !(await this.#write(head.id, change, store))) return false;
    this.#parts.onVerdict(head, verdict, attempts);
    if (verdict.kind !== 'again') return true;
    const { error: lastError, boundTo, wasSent } = verdict;
    const again = {
      head: { ...head, attempts, lastError, boundTo },
      content: undefined,
      failures: failures + 1,
    };
    const timer = setTimeout(
      () => {
        this.#resume(head.orderingKey);
        this.#pump();
      },
      backoffMs(this.#parts.config().deliver.backoff, failures + 1),
    );
    timer.unref();
    turn.pause = { timer, ready: again, wasSent };
    return false;
  }

  /** Undefined: the store knows it already. */
  #changeBy(head: StoredMessage, verdict: DeliveryVerdict, attempts: number): StoredChange | undefined {
    const done = { attempts, boundTo: undefined };
    switch (verdict.kind) {
      case 'delivered':
        if (this.#parts.config().keepMs === 0) return { to: 'discarded' };
        return { to: 'delivered', error: undefined, ...done };
      case 'dropped':
        return { to: 'discarded' };
      case 'dead':
        return { to: 'dead', error: verdict.error, attempts, boundTo: verdict.boundTo };
      case 'again': {
        const { error, boundTo } = verdict;
        if (!verdict.wasSent && error === head.lastError) return undefined;
        return { to: 'waiting', attempts, error, boundTo };
      }
    }
  }

  /** Until it is on the disk: else it would be delivered twice. False: the gateway ends before. */
  async #write(id: number, change: StoredChange, store: SpoolStore): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      try {
        await store.change(id, change);
        return true;
      } catch {
        if (this.#store === undefined) return false;
        await delay(backoffMs({ minMs: 100, maxMs: 5_000 }, failures));
      }
    }
  }

  /** The next of its key, if there is one. `isReleased`: nobody has said yet that this one does not wait any more. */
  async #follow(
    { orderingKey: key }: StoredMessage,
    turn: Turn,
    isReleased: boolean,
    store: SpoolStore,
  ): Promise<void> {
    let mayHaveMore = isReleased ? this.#parts.released(key) : true;
    while (mayHaveMore && this.#store !== undefined) {
      turn.hasMore = false;
      try {
        const head = await store.next(this.#parts.pool, key, 0);
        if (head !== undefined) {
          this.#turns.delete(key);
          this.#list({ head, content: undefined, failures: 0 });
          return;
        }
      } catch {
        // The poll's next look finds it.
        this.#hasMore = true;
        this.#cursor = 0;
      }
      mayHaveMore = turn.hasMore;
    }
    this.#turns.delete(key);
  }

  /** Its pause is over. */
  #resume(key: string): void {
    const pause = this.#turns.get(key)?.pause;
    if (pause === undefined) return;
    clearTimeout(pause.timer);
    this.#turns.delete(key);
    this.#list(pause.ready);
  }
}

/** A node that answers without that its bytes were seen to be written has them too. */
function hasAnswer({ kind }: Outcome): boolean {
  return kind === 'answered' || kind === 'unanswered';
}
