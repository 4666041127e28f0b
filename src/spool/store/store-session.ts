// One opening of the database, from its lock to its close: what was asked for together is done in one transaction, so that one fsync is
// for all. Promises that no result is given before COMMIT has returned, and that a transaction that fails leaves no trace in memory.
import type { DatabaseSync } from 'node:sqlite';
import { GatewayError } from '../../errors.ts';
import { AnswerTable } from './answer-table.ts';
import { BodySeal } from './body-seal.ts';
import { DiskSpace } from './disk-space.ts';
import { HighWaterMark, writeMark } from './high-water-mark.ts';
import { listStretch } from './message-list.ts';
import { MessageTable } from './message-table.ts';
import { closeQuietly, openDatabase } from './open-database.ts';
import { RoomMaker } from './room-maker.ts';
import { storeErrorOf } from './sqlite-failure.ts';
import { type PoolUsageReport, StoreCounters } from './store-counters.ts';
import type { NumberedRequest, StoreRequest, StoreResult, StoreThreadOptions } from './store-protocol.ts';

/** A request, and the bytes of the packet that it came in. */
export interface SessionRequest extends NumberedRequest {
  readonly bytes: Uint8Array;
}

const WRITES: readonly StoreRequest['op'][] = ['put', 'change', 'remember'];

export class StoreSession {
  readonly #db: DatabaseSync;
  readonly #seal: BodySeal;
  readonly #counters: StoreCounters;
  readonly #table: MessageTable;
  readonly #answers: AnswerTable;
  readonly #space: DiskSpace;
  readonly #room: RoomMaker;
  readonly #mark: HighWaterMark;
  readonly #options: StoreThreadOptions;

  /** @throws GatewayError GW_ERR_SPOOL_STORE, GW_ERR_SPOOL_CORRUPT */
  constructor(options: StoreThreadOptions, { isSuspect }: { readonly isSuspect: boolean }) {
    this.#options = options;
    const { db, progress, keyId } = openDatabase(options.path, { isSuspect });
    try {
      this.#db = db;
      this.#seal = new BodySeal(options.keys);
      this.#counters = new StoreCounters(db, progress);
      this.#table = new MessageTable(db, this.#seal, this.#counters);
      this.#answers = new AnswerTable(db, this.#seal, this.#counters);
      this.#space = new DiskSpace(db, options.path, options);
      this.#room = new RoomMaker(
        { db, table: this.#table, answers: this.#answers, counters: this.#counters, space: this.#space },
        options,
      );
      this.#checkKey(keyId);
      writeMark(options.path, progress);
      this.#mark = new HighWaterMark(options.path);
      this.#space.keepBallast();
    } catch (thrown) {
      closeQuietly(db);
      throw storeErrorOf(thrown);
    }
  }

  get bytes(): number {
    return this.#space.used;
  }

  get allPools(): PoolUsageReport[] {
    return [...this.#counters.pools()].map(([id]) => this.#counters.report(id));
  }

  /** Why the disk takes nothing new; undefined: it does. */
  get refusal(): string | undefined {
    return this.#space.diskRefuses(0);
  }

  limit(limits: { readonly maxBytes: number; readonly keepMs: Readonly<Record<string, number>> }): void {
    this.#room.maxBytes = limits.maxBytes;
    this.#room.keepMs = limits.keepMs;
    this.#space.limit({ ...this.#options, maxBytes: limits.maxBytes });
  }

  /** All in one transaction. `takesNew` false: what would need place is refused. @throws Error of SQLite: nothing is done */
  run(
    requests: readonly SessionRequest[],
    takesNew = true,
  ): { readonly results: StoreResult[]; readonly pools: PoolUsageReport[] } {
    const results: StoreResult[] = [];
    if (!requests.some(({ request }) => WRITES.includes(request.op))) {
      for (const one of requests) results.push(this.#resultOf(one, takesNew));
      return { results, pools: [] };
    }
    const pools = this.#transaction(() => {
      for (const one of requests) results.push(this.#resultOf(one, takesNew));
    });
    return { results, pools };
  }

  /** Gives up the ballast: whether there was any. */
  dropBallast(): boolean {
    return this.#space.dropBallast();
  }

  /** A step of what is done when there is time: what has changed, and whether more is left. */
  maintain(): { readonly pools: PoolUsageReport[]; readonly isMore: boolean } {
    let rows = 0;
    let pools: PoolUsageReport[] = [];
    try {
      pools = this.#transaction(() => {
        rows = this.#room.purge();
        if (rows === 0) throw NOTHING;
      });
    } catch (thrown) {
      if (thrown !== NOTHING) throw thrown;
    }
    const isMore = this.#room.vacuum() || rows >= this.#room.stepRows;
    this.#space.keepBallast();
    this.#space.measure();
    return { pools, isMore };
  }

  /** After it nothing of it is used. */
  async close(): Promise<void> {
    closeQuietly(this.#db);
    await this.#mark.close();
  }

  #transaction(perform: () => void): PoolUsageReport[] {
    this.#space.begin();
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      perform();
      this.#counters.save(this.#seal.keyId);
      this.#db.exec('COMMIT');
    } catch (thrown) {
      try {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      } finally {
        this.#counters.rollBack();
      }
      throw thrown;
    }
    const pools = this.#counters.committed();
    this.#mark.raise(this.#counters.progress);
    this.#space.measure();
    return pools;
  }

  #resultOf({ n, request, bytes }: SessionRequest, takesNew: boolean): StoreResult {
    try {
      return { n, value: this.#perform(request, bytes, takesNew) };
    } catch (thrown) {
      // Of one message. What SQLite throws is of all that are in its transaction.
      if (!(thrown instanceof GatewayError)) throw thrown;
      return failureOf(n, thrown);
    }
  }

  #perform(request: StoreRequest, bytes: Uint8Array, takesNew: boolean): unknown {
    switch (request.op) {
      case 'put': {
        const { at, end, row } = request;
        this.#refuseWithoutPlace(end - at, takesNew);
        return this.#table.put(row, bytes.subarray(at, end));
      }
      case 'change':
        return this.#table.change(request.id, request.change);
      case 'remember': {
        const { at, end, row } = request;
        this.#refuseWithoutPlace(end - at, takesNew);
        return this.#answers.remember(row, bytes.subarray(at, end));
      }
      case 'heads':
        return this.#table.heads(request.pool, request.afterId, request.limit);
      case 'next':
        return this.#table.next(request.pool, request.orderingKey, request.afterId);
      case 'content':
        return this.#table.content(request.id);
      case 'recall':
        return this.#answers.recall(request.pool, request.key);
      case 'keys':
        return this.#table.keys(request.pool, request.first, request.limit);
      case 'list': {
        const source = { db: this.#db, table: this.#table, seal: this.#seal, counters: this.#counters };
        return listStretch(source, request.filter, request.afterId, request.limit);
      }
    }
  }

  #refuseWithoutPlace(bytes: number, takesNew: boolean): void {
    const detail = takesNew ? this.#space.diskRefuses(bytes) : 'the disk is full';
    if (detail !== undefined) throw new GatewayError('GW_ERR_SPOOL_FULL', { detail });
    if (!this.#room.make(bytes))
      throw new GatewayError('GW_ERR_SPOOL_FULL', { detail: `${this.#options.path} has reached maxSize` });
    this.#space.take(bytes);
  }

  /** A key file without the key of what is stored: better said now than of each message. */
  #checkKey(keyId: string | undefined): void {
    if (keyId === undefined || this.#seal.has(keyId)) return;
    const hasMessages = this.#db
      .prepare('SELECT 1 FROM bodies UNION ALL SELECT 1 FROM answers LIMIT 1')
      .get();
    if (hasMessages !== undefined)
      throw new GatewayError('GW_ERR_SPOOL_CORRUPT', {
        detail: `${this.#options.path} was encrypted with the key ${keyId}, which the key file does not have`,
      });
  }
}

/** Ends a transaction in which nothing was done. */
const NOTHING = new Error('nothing to do');

export function failureOf(n: number, thrown: unknown): StoreResult {
  const { code, detail } = storeErrorOf(thrown);
  const isOwn = code === 'GW_ERR_SPOOL_FULL' || code === 'GW_ERR_SPOOL_CORRUPT';
  return { n, failure: isOwn ? code : 'GW_ERR_SPOOL_STORE', detail };
}
