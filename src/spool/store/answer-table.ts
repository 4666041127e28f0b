// Answers that are given again to the same message, until their time is over.
import { hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { wallMs } from '../../platform/time.ts';
import type { RememberedAnswer } from '../spool-store.ts';
import type { BodySeal } from './body-seal.ts';
import type { StoreCounters } from './store-counters.ts';

/** `hash` loses its class on its way between threads. */
export type AnswerFields = Omit<RememberedAnswer, 'answer' | 'hash'> & { readonly hash: Uint8Array };

export class AnswerTable {
  readonly #seal: BodySeal;
  readonly #counters: StoreCounters;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #find: StatementSync;
  readonly #purge: StatementSync;

  constructor(db: DatabaseSync, seal: BodySeal, counters: StoreCounters) {
    this.#seal = seal;
    this.#counters = counters;
    this.#insert = db.prepare(
      'INSERT INTO answers (place, pool, key, hash, expires_at, body) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#delete = db.prepare('DELETE FROM answers WHERE place = ? AND pool = ? AND key = ?');
    this.#find = db.prepare('SELECT * FROM answers WHERE place = ? AND pool = ? AND key = ?');
    this.#purge = db.prepare(
      'DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)',
    );
  }

  /** `room`: the answer behind SEAL_ROOM free bytes. */
  remember(fields: AnswerFields, room: Uint8Array): void {
    const { pool, key, expiresAt } = fields;
    const poolId = this.#counters.poolIdFor(pool);
    const place = placeOf(pool, key);
    this.#delete.run(place, poolId, key);
    this.#insert.run(place, poolId, key, fields.hash, expiresAt, this.#seal.seal(room, aboutOf(fields)));
  }

  /** @throws GatewayError GW_ERR_SPOOL_CORRUPT */
  recall(pool: string, key: string): RememberedAnswer | undefined {
    const poolId = this.#counters.poolId(pool);
    const row = poolId === undefined ? undefined : this.#find.get(placeOf(pool, key), poolId, key);
    if (row === undefined) return undefined;
    const fields = {
      pool,
      key,
      hash: Buffer.from(row.hash as Uint8Array),
      expiresAt: Number(row.expires_at),
    };
    if (fields.expiresAt <= wallMs()) return undefined;
    return { ...fields, answer: this.open(fields, row.body as Uint8Array) };
  }

  /** @throws GatewayError GW_ERR_SPOOL_CORRUPT */
  open(fields: AnswerFields, body: Uint8Array): Buffer {
    return this.#seal.open(body, aboutOf(fields), 'a remembered answer');
  }

  /** Removes up to `limit` whose time is over; returns how many. */
  purge(now: number, limit: number): number {
    return Number(this.#purge.run(now, limit).changes);
  }
}

function aboutOf({ pool, key, hash: sum, expiresAt }: AnswerFields): string {
  return JSON.stringify(['answer', pool, key, Buffer.from(sum).toString('base64'), expiresAt]);
}

/** Six bytes: as many as a number holds. */
function placeOf(pool: string, key: string): number {
  return hash('sha256', JSON.stringify([pool, key]), 'buffer').readUIntBE(0, 6);
}
