// What a spool keeps its messages in: the interface between the store (SQLite in a thread, JetStream) and the spool that stores and
// delivers. A store knows nothing of pools' nodes, of HL7 or of retries.
import type { ErrorCode } from '../errors.ts';

/** What a store's promises reject with. */
export type StoreFailure = Extract<
  ErrorCode,
  'GW_ERR_SPOOL_FULL' | 'GW_ERR_SPOOL_STORE' | 'GW_ERR_SPOOL_CORRUPT'
>;

/** What of a stored message may be searched and shown: nothing here is a patient's. Encrypted with the body where there is a key. */
export interface StoredLabel {
  readonly listener: string;
  readonly route: string;
  /** Address of the sender. */
  readonly source: string;
  /** MSH-10, MSH-9 and MSH-3, as the log shows them. */
  readonly controlId: string;
  readonly type: string;
  readonly sender: string;
  /** W3C trace id and span id of the message that was stored: its delivery goes on from there. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface NewStoredMessage {
  readonly pool: string;
  /** Messages with the same one are delivered one after the other, by `id`. Already a digest: the key itself may hold a patient's number. */
  readonly orderingKey: string;
  /** Wall clock, ms. */
  readonly receivedAt: number;
  readonly label: StoredLabel;
  /** The message without framing, byte for byte. Not to be changed before `put` is settled: until then it may be read. */
  readonly payload: Buffer;
  /** Not undefined: a node may have it already (ambiguous), and only this one may have it again. */
  readonly boundTo: string | undefined;
}

/** `waiting`: is to be delivered; `dead`: waits for a person; `delivered`: kept for looking up until `keep` is over. */
export type StoredState = 'waiting' | 'dead' | 'delivered';

/** What the spool needs of each stored message without its body. */
export interface StoredMessage {
  /** In the order of storing, from 1, over all pools of the store; never given twice, not even after a restart. */
  readonly id: number;
  readonly pool: string;
  readonly orderingKey: string;
  readonly receivedAt: number;
  /** Bytes of the payload. */
  readonly size: number;
  readonly state: StoredState;
  readonly attempts: number;
  /** Code of the last failure, or the acknowledgement code of a negative answer. */
  readonly lastError: string | undefined;
  readonly boundTo: string | undefined;
  /** Wall clock of its last change of state, ms. */
  readonly changedAt: number;
}

export interface StoredContent {
  readonly label: StoredLabel;
  readonly payload: Buffer;
}

/** What becomes of a stored message, from any state. Discarded ones are gone at once, content and all. */
export type StoredChange =
  | {
      readonly to: StoredState;
      readonly attempts: number;
      readonly error: string | undefined;
      readonly boundTo: string | undefined;
    }
  | { readonly to: 'discarded' };

export interface StoredFilter {
  readonly pool?: string | undefined;
  readonly state?: StoredState | undefined;
  readonly controlId?: string | undefined;
  readonly orderingKey?: string | undefined;
  /** Received then or later: wall clock, ms. */
  readonly since?: number | undefined;
  /** Received before. */
  readonly until?: number | undefined;
}

export interface StoredPoolUsage {
  readonly waiting: number;
  readonly dead: number;
  readonly delivered: number;
  /** Of the payloads of all three. */
  readonly bytes: number;
  /** Of the one with the lowest id. */
  readonly oldestWaitingAt: number | undefined;
}

/** In memory, kept up to date: reading it costs nothing. */
export interface StoreUsage {
  /** By pool; those that have messages. */
  readonly pools: ReadonlyMap<string, StoredPoolUsage>;
  /** Of the files, with what is kept for delivered ones; free pages within them do not count. */
  readonly bytes: number;
  readonly maxBytes: number;
}

/** One answer that is given again to the same message (`duplicates`). */
export interface RememberedAnswer {
  readonly pool: string;
  /** Digest of the fields of `duplicates.by`. */
  readonly key: string;
  /** SHA-256 of the message's bytes. */
  readonly hash: Buffer;
  /** Framed as it was sent to the sender. */
  readonly answer: Buffer;
  /** Wall clock, ms: forgotten then. */
  readonly expiresAt: number;
}

/** All may reject with GW_ERR_SPOOL_STORE: the store cannot be written or read. Then it is not known whether what was asked for is done. */
export interface SpoolStore {
  /** Resolves to its id when it is on the disk (fsync, or what the server promises). Rejects with GW_ERR_SPOOL_FULL where it has no place. */
  put(message: NewStoredMessage): Promise<number>;
  /** Resolves when the change is on the disk. Changes of messages that are gone are ignored. */
  change(id: number, change: StoredChange): Promise<void>;
  /** The oldest waiting message of each ordering key of the pool, by id, from `afterId`, at most `limit`: what may be delivered next. */
  heads(pool: string, afterId: number, limit: number): Promise<readonly StoredMessage[]>;
  /** The next waiting one of that key behind `afterId`; undefined: none. */
  next(pool: string, orderingKey: string, afterId: number): Promise<StoredMessage | undefined>;
  /** Ordering keys of a pool that have waiting messages, with how many: read once at start. */
  keys(pool: string): Promise<ReadonlyMap<string, number>>;
  /** Undefined: it is gone. Rejects with GW_ERR_SPOOL_CORRUPT where its bytes are not those that were stored. */
  content(id: number): Promise<StoredContent | undefined>;
  /** By id, from behind `afterId`. */
  list(filter: StoredFilter, afterId: number, limit: number): Promise<readonly StoredMessage[]>;
  /** Resolves when it is on the disk. An earlier one of that pool and key is replaced. */
  remember(answer: RememberedAnswer): Promise<void>;
  /** Undefined: there is none, or its time is over. */
  recall(pool: string, key: string): Promise<RememberedAnswer | undefined>;
  readonly usage: StoreUsage;
  /** Resolves when all that was asked for before is done and its files are closed. What is asked for later is rejected. */
  close(): Promise<void>;
}
