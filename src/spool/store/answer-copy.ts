// Remembered answers on their way from a damaged spool into a new one: each only if it is what was remembered.
import type { DatabaseSync } from 'node:sqlite';
import { AnswerTable } from './answer-table.ts';
import { type BodySeal, SEAL_ROOM } from './body-seal.ts';
import type { StoredRow } from './readable-rows.ts';
import { StoreCounters } from './store-counters.ts';

export class AnswerCopy {
  copied = 0;
  readonly lastId: number;
  readonly #names = new Map<number, string>();
  readonly #to: AnswerTable;

  constructor(from: DatabaseSync, to: DatabaseSync, seal: BodySeal) {
    // Pools that messages have made are known to it.
    this.#to = new AnswerTable(to, seal, new StoreCounters(to, { commits: 0, lastId: 0 }));
    let lastId = 0;
    try {
      lastId = Number(from.prepare('SELECT max(id) AS id FROM answers').get()?.id ?? 0);
      for (const { id, name } of from.prepare('SELECT id, name FROM pools').all())
        this.#names.set(Number(id), String(name));
    } catch {
      // Without the names of pools none can be verified.
    }
    this.lastId = lastId;
  }

  copy(row: StoredRow): void {
    const pool = this.#names.get(Number(row.pool));
    const { hash, body } = row;
    if (pool === undefined || !(hash instanceof Uint8Array) || !(body instanceof Uint8Array)) return;
    const fields = { pool, key: String(row.key), hash, expiresAt: Number(row.expires_at) };
    try {
      const answer = this.#to.open(fields, body);
      this.#to.remember(fields, Buffer.concat([Buffer.alloc(SEAL_ROOM), answer]));
      this.copied++;
    } catch {
      // Damaged: the message is taken for a new one when it comes again.
    }
  }
}
