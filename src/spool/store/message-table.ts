// The rows of messages and their bodies. Promises, within the transaction that it is called in: `head` is 1 of the oldest waiting message
// of each ordering key and 0 of all others, so that what may be delivered next is found without a look at what may not; counters fit.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GatewayError } from '../../errors.ts';
import { wallMs } from '../../platform/time.ts';
import type { StoredChange, StoredContent, StoredMessage, StoredState } from '../spool-store.ts';
import type { BodySeal } from './body-seal.ts';
import { unpack } from './packed-message.ts';
import { DELIVERED, WAITING } from './schema.ts';
import type { StoreCounters } from './store-counters.ts';

/** By their number in the table. */
export const STORED_STATES: readonly StoredState[] = ['waiting', 'dead', 'delivered'];

type Row = Record<string, null | number | bigint | string | Uint8Array>;

/** What a message takes beside its bytes: its row, its places in indexes, its seal. */
export const ROW_BYTES = 700;

/** What may go in one step, and what went. */
export interface PurgeLimits {
  readonly rows: number;
  /** With ROW_BYTES for each. */
  readonly bytes: number;
}

export interface PutRow {
  readonly pool: string;
  readonly orderingKey: string;
  readonly receivedAt: number;
  readonly size: number;
  readonly controlId: string;
  readonly boundTo: string | undefined;
}

/** What a body is sealed for. The rest of what must fit is within it. */
export function bodyAbout(id: number): string {
  return `message ${id}`;
}

export class MessageTable {
  readonly #seal: BodySeal;
  readonly #counters: StoreCounters;
  readonly #insert: StatementSync;
  readonly #insertBody: StatementSync;
  readonly #oldestOfKey: StatementSync;
  readonly #get: StatementSync;
  readonly #getBody: StatementSync;
  readonly #update: StatementSync;
  readonly #setHead: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteBody: StatementSync;
  readonly #heads: StatementSync;
  readonly #next: StatementSync;
  readonly #keys: StatementSync;
  readonly #oldestDelivered: StatementSync;
  readonly #oldestDeliveredAt: StatementSync;

  constructor(db: DatabaseSync, seal: BodySeal, counters: StoreCounters) {
    this.#seal = seal;
    this.#counters = counters;
    this.#insert = db.prepare(`INSERT INTO messages VALUES (?, ?, ?, ?, ?, ${WAITING}, ?, 0, NULL, ?, ?, ?)`);
    this.#insertBody = db.prepare('INSERT INTO bodies VALUES (?, ?)');
    const ofKey = `FROM messages INDEXED BY waiting WHERE pool = ? AND ordering_key = ? AND state = ${WAITING}`;
    this.#oldestOfKey = db.prepare(`SELECT id ${ofKey} ORDER BY id LIMIT 1`);
    this.#next = db.prepare(`SELECT * ${ofKey} AND id > ? ORDER BY id LIMIT 1`);
    this.#get = db.prepare('SELECT * FROM messages WHERE id = ?');
    this.#getBody = db.prepare('SELECT body FROM bodies WHERE id = ?');
    this.#update = db.prepare(
      'UPDATE messages SET state = ?, head = ?, attempts = ?, last_error = ?, bound_to = ?, changed_at = ? WHERE id = ?',
    );
    this.#setHead = db.prepare('UPDATE messages SET head = ? WHERE id = ?');
    this.#delete = db.prepare('DELETE FROM messages WHERE id = ?');
    this.#deleteBody = db.prepare('DELETE FROM bodies WHERE id = ?');
    this.#heads = db.prepare(
      'SELECT * FROM messages INDEXED BY heads WHERE pool = ? AND head = 1 AND id > ? ORDER BY id LIMIT ?',
    );
    this.#keys = db.prepare(
      `SELECT ordering_key, count(*) AS messages FROM messages INDEXED BY waiting
      WHERE pool = ? AND state = ${WAITING} AND ordering_key >= ? GROUP BY ordering_key LIMIT ?`,
    );
    // A million objects would take twice as long.
    this.#keys.setReturnArrays(true);
    this.#oldestDelivered = db.prepare(
      `SELECT id, size FROM messages INDEXED BY delivered WHERE pool = ? AND state = ${DELIVERED} AND changed_at < ?
      ORDER BY changed_at LIMIT ?`,
    );
    this.#oldestDeliveredAt = db.prepare(
      `SELECT changed_at FROM messages INDEXED BY delivered WHERE pool = ? AND state = ${DELIVERED} ORDER BY changed_at LIMIT 1`,
    );
  }

  /** `packed`: see packed-message.ts, with room for the seal. */
  put(row: PutRow, packed: Uint8Array): number {
    const { pool, orderingKey, receivedAt, size, controlId, boundTo } = row;
    const poolId = this.#counters.poolIdFor(pool);
    const id = this.#counters.takeId();
    const head = this.#oldestOfKey.get(poolId, orderingKey) === undefined ? 1 : 0;
    const control = this.#seal.digest(controlId);
    this.#insert.run(id, poolId, orderingKey, receivedAt, size, head, boundTo ?? null, wallMs(), control);
    this.#insertBody.run(id, this.#seal.seal(packed, bodyAbout(id)));
    this.#counters.count(poolId, 'waiting', 1, size);
    return id;
  }

  change(id: number, change: StoredChange): void {
    const row = this.#get.get(id);
    if (row === undefined) return;
    const { orderingKey, state, size } = this.messageOf(row);
    const poolId = Number(row.pool);
    if (change.to === 'discarded') {
      this.#remove(id, poolId, state, size);
    } else {
      const { to, attempts, error, boundTo } = change;
      const head = to === 'waiting' ? this.#becomesHead(id, poolId, orderingKey, row.head === 1) : 0;
      this.#update.run(
        STORED_STATES.indexOf(to),
        head,
        attempts,
        error ?? null,
        boundTo ?? null,
        wallMs(),
        id,
      );
      this.#counters.count(poolId, state, -1, 0);
      this.#counters.count(poolId, to, 1, 0);
    }
    if (row.head === 1 && change.to !== 'waiting') this.#passHead(poolId, orderingKey);
  }

  heads(pool: string, afterId: number, limit: number): StoredMessage[] {
    const poolId = this.#counters.poolId(pool);
    return poolId === undefined
      ? []
      : this.#heads.all(poolId, afterId, limit).map((row) => this.messageOf(row));
  }

  next(pool: string, orderingKey: string, afterId: number): StoredMessage | undefined {
    const poolId = this.#counters.poolId(pool);
    const row = poolId === undefined ? undefined : this.#next.get(poolId, orderingKey, afterId);
    return row && this.messageOf(row);
  }

  /** Up to `limit` keys from `first` on, with how many waiting messages they have, in an order of their own: pairs. */
  keys(pool: string, first: string, limit: number): unknown[] {
    const poolId = this.#counters.poolId(pool);
    return poolId === undefined ? [] : this.#keys.all(poolId, first, limit);
  }

  /** @throws GatewayError GW_ERR_SPOOL_CORRUPT */
  content(id: number): StoredContent | undefined {
    const row = this.#get.get(id);
    if (row === undefined) return undefined;
    const { pool, orderingKey, receivedAt, size } = this.messageOf(row);
    const body = this.#getBody.get(id)?.body;
    if (!(body instanceof Uint8Array))
      throw new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail: `message ${id} has lost its body` });
    const name = `message ${id}`;
    const { head, payload } = unpack(this.#seal.open(body, bodyAbout(id), name), name);
    if (
      head.pool !== pool ||
      head.orderingKey !== orderingKey ||
      head.receivedAt !== receivedAt ||
      payload.length !== size
    )
      throw new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail: `the row of message ${id} is damaged` });
    return { label: head.label, payload };
  }

  /** Removes delivered messages of a pool that were delivered before that, the oldest first, until one limit is reached. */
  purge(poolId: number, before: number, { rows: most, bytes: mostBytes }: PurgeLimits): PurgeLimits {
    let [rows, bytes] = [0, 0];
    for (const row of this.#oldestDelivered.all(poolId, before, most)) {
      if (bytes >= mostBytes) break;
      const size = Number(row.size);
      this.#remove(Number(row.id), poolId, 'delivered', size);
      rows++;
      bytes += size + ROW_BYTES;
    }
    return { rows, bytes };
  }

  /** When the one that is next to go was delivered. */
  oldestDeliveredAt(poolId: number): number | undefined {
    const at = this.#oldestDeliveredAt.get(poolId)?.changed_at;
    return at === undefined ? undefined : Number(at);
  }

  messageOf(row: Row): StoredMessage {
    const state = STORED_STATES[Number(row.state)];
    if (state === undefined)
      throw new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail: `the row of message ${row.id} is damaged` });
    return {
      id: Number(row.id),
      pool: this.#counters.poolName(Number(row.pool)),
      orderingKey: String(row.ordering_key),
      receivedAt: Number(row.received_at),
      size: Number(row.size),
      state,
      attempts: Number(row.attempts),
      lastError: row.last_error === null ? undefined : String(row.last_error),
      boundTo: row.bound_to === null ? undefined : String(row.bound_to),
      changedAt: Number(row.changed_at),
    };
  }

  #remove(id: number, poolId: number, state: StoredState, size: number): void {
    this.#delete.run(id);
    this.#deleteBody.run(id);
    this.#counters.count(poolId, state, -1, -size);
  }

  /** Of one that is waiting or comes back to it. */
  #becomesHead(id: number, poolId: number, orderingKey: string, isHead: boolean): 0 | 1 {
    if (isHead) return 1;
    const oldest = this.#oldestOfKey.get(poolId, orderingKey)?.id;
    if (oldest === undefined) return 1;
    if (Number(oldest) < id) return 0;
    this.#setHead.run(0, oldest);
    return 1;
  }

  #passHead(poolId: number, orderingKey: string): void {
    const oldest = this.#oldestOfKey.get(poolId, orderingKey)?.id;
    if (oldest !== undefined) this.#setHead.run(1, oldest);
  }
}
