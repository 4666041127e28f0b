// A spool's store on SQLite, in a thread of its own: decision 30. Promises that a message is on the disk when its `put` resolves, and
// that no failure of disk or thread ends the process: what is asked for is rejected, and the store opens itself again.
import { GatewayError } from '../../errors.ts';
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
} from '../spool-store.ts';
import { SEAL_ROOM } from './body-seal.ts';
import type { ListStretch } from './message-list.ts';
import { headTextOf, packedBytesOf, packInto } from './packed-message.ts';
import type { PoolUsageReport } from './store-counters.ts';
import { StoreLink } from './store-link.ts';
import {
  DEFAULT_BALLAST_BYTES,
  DEFAULT_MIN_FREE_BYTES,
  DEFAULT_SILENT_MS,
  type SqliteStoreOptions,
  type StoreState,
} from './store-options.ts';
import type { StoreRequest } from './store-protocol.ts';
import type { RequestLoad } from './store-requests.ts';

/** SQLite's own limit is 1 GB for a row. */
const MAX_PAYLOAD_BYTES = 900_000_000;

/** Ordering keys of one step: some 2 ms. */
const STEP_KEYS = 2_000;

export class SqliteStore implements SpoolStore {
  /** Rejects with why it could not be opened at first; it is tried again nevertheless. */
  readonly opened: Promise<void>;
  readonly #link: StoreLink;
  readonly #pools = new Map<string, StoredPoolUsage>();
  /** What is read in steps. */
  readonly #reading = new Set<Promise<unknown>>();
  #isClosing = false;
  #bytes = 0;
  #maxBytes: number;

  constructor(options: SqliteStoreOptions) {
    const { path, maxBytes, keepMs = {}, keys = [], waitMs = 0, onState } = options;
    const { minFreeBytes = DEFAULT_MIN_FREE_BYTES, ballastBytes = DEFAULT_BALLAST_BYTES } = options;
    this.#maxBytes = maxBytes;
    const opened = Promise.withResolvers<void>();
    this.opened = opened.promise;
    this.opened.catch(() => {});
    const settleOpened = ({ status, detail }: StoreState): void => {
      if (status === 'open' || status === 'full') opened.resolve();
      else if (status !== 'opening') opened.reject(new GatewayError('GW_ERR_SPOOL_STORE', { detail }));
    };
    this.#link = new StoreLink(
      {
        thread: { path, maxBytes, keepMs, keys, waitMs, minFreeBytes, ballastBytes },
        silentMs: options.silentMs ?? DEFAULT_SILENT_MS,
        workerFile: options.workerFile ?? ownWorkerFile(),
      },
      {
        onState: (state) => {
          settleOpened(state);
          onState?.(state);
        },
        onUsage: (pools, bytes, isAll) => this.#count(pools, bytes, isAll),
      },
    );
  }

  get state(): StoreState {
    return this.#link.state;
  }

  get usage(): StoreUsage {
    return { pools: this.#pools, bytes: this.#bytes, maxBytes: this.#maxBytes };
  }

  /** In force from the next message on. */
  limit(limits: { readonly maxBytes: number; readonly keepMs: Readonly<Record<string, number>> }): void {
    this.#maxBytes = limits.maxBytes;
    this.#link.limit(limits);
  }

  async put(message: NewStoredMessage): Promise<number> {
    const { pool, orderingKey, receivedAt, payload, boundTo, label } = message;
    if (payload.length > MAX_PAYLOAD_BYTES)
      throw new GatewayError('GW_ERR_SPOOL_FULL', { detail: 'the message is too large for it' });
    const headText = headTextOf(message);
    const row = {
      pool,
      orderingKey,
      receivedAt,
      size: payload.length,
      controlId: label.controlId,
      boundTo,
    };
    const id = await this.#ask(
      { op: 'put', row, at: 0, end: 0 },
      {
        bytes: packedBytesOf(headText, payload),
        write: (into, at) => packInto(into, at, headText, payload),
      },
    );
    return id as number;
  }

  async change(id: number, change: StoredChange): Promise<void> {
    await this.#ask({ op: 'change', id, change });
  }

  async heads(pool: string, afterId: number, limit: number): Promise<readonly StoredMessage[]> {
    return (await this.#ask({ op: 'heads', pool, afterId, limit })) as StoredMessage[];
  }

  async next(pool: string, orderingKey: string, afterId: number): Promise<StoredMessage | undefined> {
    return (await this.#ask({ op: 'next', pool, orderingKey, afterId })) as StoredMessage | undefined;
  }

  keys(pool: string): Promise<ReadonlyMap<string, number>> {
    return this.#inSteps(async () => {
      const keys = new Map<string, number>();
      for (let first = ''; ; ) {
        const request = { op: 'keys', pool, first, limit: STEP_KEYS } as const;
        const found = (await this.#link.ask(request)) as [string, number][];
        for (const [key, messages] of found) keys.set(key, messages);
        // The last one begins the next step: what comes behind it is not known.
        if (found.length < STEP_KEYS) return keys;
        first = found.at(-1)?.[0] ?? '';
      }
    });
  }

  async content(id: number): Promise<StoredContent | undefined> {
    const content = (await this.#ask({ op: 'content', id })) as StoredContent | undefined;
    return content && { label: content.label, payload: bufferOf(content.payload) };
  }

  list(filter: StoredFilter, afterId: number, limit: number): Promise<readonly StoredMessage[]> {
    return this.#inSteps(async () => {
      const found: StoredMessage[] = [];
      for (let after = afterId; ; ) {
        const request = { op: 'list', filter, afterId: after, limit: limit - found.length } as const;
        const stretch = (await this.#link.ask(request)) as ListStretch;
        for (const message of stretch.found) found.push(message);
        if (stretch.afterId === undefined || found.length >= limit) return found;
        after = stretch.afterId;
      }
    });
  }

  async remember({ answer, ...row }: RememberedAnswer): Promise<void> {
    await this.#ask(
      { op: 'remember', row: { ...row, hash: new Uint8Array(row.hash) }, at: 0, end: 0 },
      {
        bytes: SEAL_ROOM + answer.length,
        write: (into, at) => {
          answer.copy(into, at + SEAL_ROOM);
          return at + SEAL_ROOM + answer.length;
        },
      },
    );
  }

  async recall(pool: string, key: string): Promise<RememberedAnswer | undefined> {
    const answer = (await this.#ask({ op: 'recall', pool, key })) as RememberedAnswer | undefined;
    return answer && { ...answer, hash: bufferOf(answer.hash), answer: bufferOf(answer.answer) };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled(this.#reading);
    return this.#link.close();
  }

  #ask(request: StoreRequest, load?: RequestLoad): Promise<unknown> {
    return this.#isClosing ? Promise.reject(closedError()) : this.#link.ask(request, load);
  }

  /** What takes long for the thread is asked for piece by piece, so that those who store do not wait for it. */
  #inSteps<T>(read: () => Promise<T>): Promise<T> {
    if (this.#isClosing) return Promise.reject(closedError());
    const reading = read();
    this.#reading.add(reading);
    const done = (): void => void this.#reading.delete(reading);
    reading.then(done, done);
    return reading;
  }

  #count(reports: readonly PoolUsageReport[], bytes: number, isAll: boolean): void {
    if (isAll) this.#pools.clear();
    this.#bytes = bytes;
    for (const [name, waiting, dead, delivered, size, oldestWaitingAt] of reports) {
      if (waiting + dead + delivered === 0) this.#pools.delete(name);
      else this.#pools.set(name, { waiting, dead, delivered, bytes: size, oldestWaitingAt });
    }
  }
}

function closedError(): GatewayError {
  return new GatewayError('GW_ERR_SPOOL_STORE', { detail: 'it is closed' });
}

/** What has crossed from another thread is a plain Uint8Array. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Beside this file: .ts in a checkout, .js in the package. */
function ownWorkerFile(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./store-worker.${extension}`, import.meta.url);
}
