// A spool's store in memory, as plain as its interface: what other stores are held against, and what simulated days spool into.
// `isBroken` and `maxBytes` play a disk that fails and one that is full.
import { GatewayError } from '../../src/errors.ts';
import { wallMs } from '../../src/platform/time.ts';
import type {
  NewStoredMessage,
  RememberedAnswer,
  SpoolStore,
  StoredChange,
  StoredContent,
  StoredFilter,
  StoredMessage,
  StoredPoolUsage,
  StoreUsage,
} from '../../src/spool/spool-store.ts';

interface Kept {
  readonly message: StoredMessage;
  readonly content: StoredContent;
}

export class MemoryStore implements SpoolStore {
  /** Everything is rejected with GW_ERR_SPOOL_STORE. */
  isBroken = false;
  readonly #maxBytes: number;
  /** By id, in its order. */
  readonly #kept = new Map<number, Kept>();
  readonly #answers = new Map<string, RememberedAnswer>();
  #lastId = 0;
  #closed = false;

  constructor({ maxBytes = Number.MAX_SAFE_INTEGER }: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = maxBytes;
  }

  async put({ payload, label, boundTo, ...message }: NewStoredMessage): Promise<number> {
    this.#use();
    for (const [id, kept] of this.#kept) {
      if (this.#bytes + payload.length <= this.#maxBytes) break;
      if (kept.message.state === 'delivered') this.#kept.delete(id);
    }
    if (this.#bytes + payload.length > this.#maxBytes) throw new GatewayError('GW_ERR_SPOOL_FULL');
    const id = ++this.#lastId;
    this.#kept.set(id, {
      message: {
        ...message,
        id,
        size: payload.length,
        state: 'waiting',
        attempts: 0,
        lastError: undefined,
        boundTo,
        changedAt: wallMs(),
      },
      content: { label: { ...label }, payload: Buffer.from(payload) },
    });
    return id;
  }

  async change(id: number, change: StoredChange): Promise<void> {
    this.#use();
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    if (change.to === 'discarded') {
      this.#kept.delete(id);
      return;
    }
    const { to, attempts, error, boundTo } = change;
    const message = { ...kept.message, state: to, attempts, lastError: error, boundTo, changedAt: wallMs() };
    this.#kept.set(id, { ...kept, message });
  }

  async heads(pool: string, afterId: number, limit: number): Promise<readonly StoredMessage[]> {
    this.#use();
    const heads = new Map<string, StoredMessage>();
    for (const message of this.#messages({ pool, state: 'waiting' }))
      if (!heads.has(message.orderingKey)) heads.set(message.orderingKey, message);
    return [...heads.values()].filter(({ id }) => id > afterId).slice(0, limit);
  }

  async next(pool: string, orderingKey: string, afterId: number): Promise<StoredMessage | undefined> {
    this.#use();
    return this.#messages({ pool, orderingKey, state: 'waiting' }).find(({ id }) => id > afterId);
  }

  async keys(pool: string): Promise<ReadonlyMap<string, number>> {
    this.#use();
    const keys = new Map<string, number>();
    for (const { orderingKey } of this.#messages({ pool, state: 'waiting' }))
      keys.set(orderingKey, (keys.get(orderingKey) ?? 0) + 1);
    return keys;
  }

  async content(id: number): Promise<StoredContent | undefined> {
    this.#use();
    const content = this.#kept.get(id)?.content;
    return content && { label: { ...content.label }, payload: Buffer.from(content.payload) };
  }

  async list(filter: StoredFilter, afterId: number, limit: number): Promise<readonly StoredMessage[]> {
    this.#use();
    return this.#messages(filter)
      .filter(({ id }) => id > afterId)
      .slice(0, limit);
  }

  async remember(answer: RememberedAnswer): Promise<void> {
    this.#use();
    this.#answers.set(JSON.stringify([answer.pool, answer.key]), {
      ...answer,
      hash: Buffer.from(answer.hash),
      answer: Buffer.from(answer.answer),
    });
  }

  async recall(pool: string, key: string): Promise<RememberedAnswer | undefined> {
    this.#use();
    const answer = this.#answers.get(JSON.stringify([pool, key]));
    return answer !== undefined && answer.expiresAt > wallMs() ? { ...answer } : undefined;
  }

  get usage(): StoreUsage {
    const pools = new Map<string, StoredPoolUsage>();
    for (const { pool, state, size, receivedAt } of this.#messages({})) {
      const before = pools.get(pool) ?? {
        waiting: 0,
        dead: 0,
        delivered: 0,
        bytes: 0,
        oldestWaitingAt: undefined,
      };
      const oldestWaitingAt = before.oldestWaitingAt ?? (state === 'waiting' ? receivedAt : undefined);
      pools.set(pool, {
        ...before,
        [state]: before[state] + 1,
        bytes: before.bytes + size,
        oldestWaitingAt,
      });
    }
    return { pools, bytes: this.#bytes, maxBytes: this.#maxBytes };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #use(): void {
    if (this.#closed || this.isBroken) throw new GatewayError('GW_ERR_SPOOL_STORE');
  }

  get #bytes(): number {
    let bytes = 0;
    for (const { message } of this.#kept.values()) bytes += message.size;
    return bytes;
  }

  #messages({ pool, state, controlId, orderingKey, since, until }: StoredFilter): StoredMessage[] {
    return [...this.#kept.values()]
      .filter(
        ({ message, content }) =>
          (pool === undefined || message.pool === pool) &&
          (state === undefined || message.state === state) &&
          (controlId === undefined || content.label.controlId === controlId) &&
          (orderingKey === undefined || message.orderingKey === orderingKey) &&
          (since === undefined || message.receivedAt >= since) &&
          (until === undefined || message.receivedAt < until),
      )
      .map(({ message }) => message);
  }
}
