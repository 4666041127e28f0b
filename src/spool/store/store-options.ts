// What a store on SQLite is given, and what it tells of itself.

export interface SqliteStoreOptions {
  /** A folder, made where it is not there. One process at a time has it open. */
  readonly path: string;
  readonly maxBytes: number;
  /** How long delivered messages are kept, by pool; pools that are not in it: DEFAULT_KEEP_MS. */
  readonly keepMs?: Readonly<Record<string, number>> | undefined;
  /** 32 bytes each. The first encrypts, all decrypt; none: messages have a checksum alone. */
  readonly keys?: readonly Uint8Array[] | undefined;
  /** For another process to close it: at a hot restart the old one delivers for a while yet. */
  readonly waitMs?: number | undefined;
  /** With less left on the disk, nothing new is stored. */
  readonly minFreeBytes?: number | undefined;
  /** A file that is given up when the disk is full all the same, so that deliveries can be recorded. */
  readonly ballastBytes?: number | undefined;
  readonly onState?: ((state: StoreState) => void) | undefined;
  /** Without an answer of the disk for so long, what waits for it is rejected. */
  readonly silentMs?: number | undefined;
  /** Tests put a thread here that does what none should. */
  readonly workerFile?: URL | undefined;
}

/**
 * `opening`: what is asked for waits. `open`. `full`: the disk is; changes are taken, new messages are not. `failed`: all is
 * rejected, and it is opened again in a while. `closed`: for good.
 */
export type StoreStatus = 'opening' | 'open' | 'full' | 'failed' | 'closed';

export interface StoreState {
  readonly status: StoreStatus;
  /** Why it failed: for people, and without anything of a message. */
  readonly detail?: string | undefined;
}

/** A week: long enough to find out on Monday what happened on Friday. */
export const DEFAULT_KEEP_MS = 7 * 24 * 3_600_000;

/** The write-ahead log, a checkpoint and what others do to the disk meanwhile fit in it several times. */
export const DEFAULT_MIN_FREE_BYTES = 128 * 1024 * 1024;

/** Some 10,000 changes of state. */
export const DEFAULT_BALLAST_BYTES = 16 * 1024 * 1024;

/** An fsync of a disk that is overloaded takes a second; a sender's own limit is 30 s or more. */
export const DEFAULT_SILENT_MS = 20_000;

/** Names of its files. */
export const DATABASE_FILE = 'spool.db';
export const MARK_FILE = 'spool.mark';
export const OWNER_FILE = 'spool.owner';
export const BALLAST_FILE = 'spool.ballast';
