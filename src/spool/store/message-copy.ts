// Messages on their way from a damaged spool into a new one: each only if its body is what was stored. What a body says of its message
// is believed, as it is under its tag; what only its row says is taken where the row fits it.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { wallMs } from '../../platform/time.ts';
import type { BodySeal } from './body-seal.ts';
import { bodyAbout, STORED_STATES } from './message-table.ts';
import { type PackedHead, unpack } from './packed-message.ts';
import type { StoredRow } from './readable-rows.ts';
import { DEAD, DELIVERED, WAITING } from './schema.ts';

interface Body {
  readonly head: PackedHead;
  readonly size: number;
  readonly sealed: Uint8Array;
}

export class MessageCopy {
  readonly copied = new Set<number>();
  readonly unreadable = new Set<number>();
  readonly unknownState: number[] = [];
  readonly #to: DatabaseSync;
  readonly #seal: BodySeal;
  readonly #body: StatementSync;
  readonly #insert: StatementSync;
  readonly #insertBody: StatementSync;
  readonly #insertPool: StatementSync;
  readonly #pools = new Map<string, number>();

  constructor(from: DatabaseSync, to: DatabaseSync, seal: BodySeal) {
    this.#to = to;
    this.#seal = seal;
    this.#body = from.prepare('SELECT body FROM bodies WHERE id = ?');
    this.#insert = to.prepare('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)');
    this.#insertBody = to.prepare('INSERT INTO bodies VALUES (?, ?)');
    this.#insertPool = to.prepare('INSERT INTO pools VALUES (?, ?, 0, 0, 0, 0)');
  }

  copy(row: StoredRow): void {
    const id = Number(row.id);
    let body: Body | undefined;
    try {
      body = this.#bodyOf(id, this.#body.get(id)?.body);
    } catch {
      body = undefined;
    }
    if (body === undefined) this.unreadable.add(id);
    else if (fits(row, body)) this.#write(id, body, row);
    else this.#writeDead(id, body);
  }

  /** Of a body whose row is not there, or cannot be read. */
  rebuild(row: StoredRow): void {
    const id = Number(row.id);
    if (this.copied.has(id) || this.unreadable.has(id)) return;
    const body = this.#bodyOf(id, row.body);
    if (body === undefined) this.unreadable.add(id);
    else this.#writeDead(id, body);
  }

  /** After the last: what is not of one row alone. */
  count(): void {
    const count = (state: number): string =>
      `(SELECT count(*) FROM messages WHERE pool = pools.id AND state = ${state})`;
    this.#to.exec(
      `UPDATE messages SET head = 1 WHERE id IN
        (SELECT min(id) FROM messages WHERE state = ${WAITING} GROUP BY pool, ordering_key);
      UPDATE pools SET waiting = ${count(WAITING)}, dead = ${count(DEAD)}, delivered = ${count(DELIVERED)},
        bytes = (SELECT coalesce(sum(size), 0) FROM messages WHERE pool = pools.id)`,
    );
  }

  #bodyOf(id: number, sealed: unknown): Body | undefined {
    if (!(sealed instanceof Uint8Array)) return undefined;
    try {
      const name = `message ${id}`;
      const { head, payload } = unpack(this.#seal.open(sealed, bodyAbout(id), name), name);
      return { head, size: payload.length, sealed };
    } catch {
      return undefined;
    }
  }

  #writeDead(id: number, body: Body): void {
    this.unknownState.push(id);
    this.#write(id, body, {
      state: DEAD,
      attempts: 0,
      last_error: 'GW_ERR_SPOOL_CORRUPT',
      bound_to: null,
      changed_at: wallMs(),
      control_id: this.#seal.digest(body.head.label.controlId),
    });
  }

  #write(id: number, { head, size, sealed }: Body, row: StoredRow): void {
    const { state, attempts, last_error, bound_to, changed_at, control_id } = row;
    const { orderingKey, receivedAt } = head;
    const own = [state, attempts, last_error, bound_to, changed_at, control_id].map((one) => one ?? null);
    this.#insert.run(id, this.#poolId(head.pool), orderingKey, receivedAt, size, ...own);
    this.#insertBody.run(id, sealed);
    this.copied.add(id);
  }

  #poolId(name: string): number {
    let id = this.#pools.get(name);
    if (id === undefined) {
      id = this.#pools.size + 1;
      this.#insertPool.run(id, name);
      this.#pools.set(name, id);
    }
    return id;
  }
}

/** Each column of the row that is not in the body has a value that was ever written. */
function fits(row: StoredRow, { head, size }: Body): boolean {
  const isText = (value: unknown): boolean => value === null || typeof value === 'string';
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  return (
    row.ordering_key === head.orderingKey &&
    row.received_at === head.receivedAt &&
    row.size === size &&
    STORED_STATES[Number(row.state)] !== undefined &&
    isCount(row.attempts) &&
    isCount(row.changed_at) &&
    isText(row.last_error) &&
    isText(row.bound_to) &&
    row.control_id instanceof Uint8Array
  );
}
