// What shared state needs of a store: buckets of keys, each put with a revision of its own, and a watch that tells every change in
// their order. NATS does it (nats-store.ts); tests do it in memory.

export interface BucketEntry {
  readonly key: string;
  /** Undefined: the key was deleted. */
  readonly value: string | undefined;
  /** Counts on with each put of any key in the bucket. */
  readonly revision: number;
  /** How long ago it was put, as far as the clocks of two machines tell. */
  readonly ageMs: number;
}

export interface SharedBucket {
  /** Another one after it was wiped and made anew: revisions then count from the beginning. */
  readonly identity: string;
  /** Resolves to the revision. `previous`: only if the key is at this one (0: not there). @throws BucketError */
  put(key: string, value: string, previous?: number): Promise<number>;
  /** First the last entry of each key, then `onCurrent`, then what changes. @throws BucketError */
  watch(watcher: BucketWatcher): Promise<void>;
  /** It is there, and the one that was opened: not wiped, not made anew. @throws BucketError */
  probe(): Promise<void>;
}

export interface BucketWatcher {
  onEntry(entry: BucketEntry): void;
  onCurrent(): void;
}

export interface OpenOptions {
  /** Entries are forgotten after this long; undefined: never. */
  readonly ttlMs?: number;
}

/** A connection; one that is lost is not used again. */
export interface SharedStore {
  /** Makes the bucket where there is none. @throws BucketError */
  open(bucket: string, options?: OpenOptions): Promise<SharedBucket>;
  /** Resolves when it is lost or closed, to why. */
  readonly closed: Promise<BucketReason>;
  close(): Promise<void>;
}

/** @throws BucketError */
export type Connect = () => Promise<SharedStore>;

export const BUCKET_REASONS = [
  'refused',
  'timeout',
  'authorization',
  'permission',
  'tls',
  'jetstream',
  'bucket',
  'wiped',
  'too large',
  'conflict',
  'closed',
  'other',
] as const;

export type BucketReason = (typeof BUCKET_REASONS)[number];

/** Never leaves the shared state: it goes on by what it knows. */
export class BucketError extends Error {
  readonly reason: BucketReason;

  constructor(reason: BucketReason, detail: string = reason) {
    super(detail);
    this.name = 'BucketError';
    this.reason = reason;
  }
}

export function reasonOf(thrown: unknown): BucketReason {
  return thrown instanceof BucketError ? thrown.reason : 'other';
}
