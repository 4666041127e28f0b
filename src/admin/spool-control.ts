// What the admin API shows and can do of spools, as the API's own words: the shapes here are those of docs/openapi.yaml. Promises nothing
// of a message's content in any of them but `content`.
import type { StoredState } from '../spool/spool-store.ts';

/** As RFC 3339, UTC. */
type Time = string;
/** Who asks: as `By` in control.ts, which has this as a part. */
type By = string;

/** What of one pool is in a store. */
export interface SpoolReport {
  readonly pool: string;
  /** Folder of the store. */
  readonly path: string;
  /** The config has a pool of this name with this store: what waits is delivered. */
  readonly configured: boolean;
  readonly waiting: number;
  /** Dead letters. */
  readonly dead: number;
  /** Kept for looking up and sending again. */
  readonly delivered: number;
  readonly bytes: number;
  /** Of the message that has waited longest. */
  readonly oldestWaiting: Time | undefined;
  /** Of the whole store, with those of other pools. */
  readonly storeBytes: number;
  readonly storeMaxBytes: number;
  /** Messages whose senders wait for the disk, and those that are with a node. */
  readonly storing: number;
  readonly delivering: number;
}

export interface StoredReport {
  /** Within its store, in the order of storing. */
  readonly id: number;
  readonly pool: string;
  readonly state: StoredState;
  readonly receivedAt: Time;
  /** Of its last change of state. */
  readonly changedAt: Time;
  readonly bytes: number;
  /** How often a node has had it. */
  readonly attempts: number;
  /** Code of its last failure, or the acknowledgement code of a node's refusal. */
  readonly lastError: string | undefined;
  /** The only node that may have it. */
  readonly boundTo: string | undefined;
  /** A digest: messages with the same one are delivered one after the other. */
  readonly orderingKey: string;
}

/** With what the log shows of it. */
export interface StoredDetails extends StoredReport {
  readonly listener: string;
  readonly route: string;
  readonly source: string;
  readonly controlId: string;
  readonly type: string;
  readonly sender: string;
  readonly traceId: string;
}

export interface StoredQuery {
  readonly limit: number;
  /** Those behind this id. */
  readonly after: number;
  readonly state: StoredState | undefined;
  readonly controlId: string | undefined;
  /** Received then or later, and before. */
  readonly since: number | undefined;
  readonly until: number | undefined;
}

/** Each method throws or rejects with a GatewayError GW_ERR_ADMIN_… for what cannot be done. */
export interface SpoolControl {
  /** Of each pool that has a spool, and of each that has something in one. */
  report(): readonly SpoolReport[];
  list(pool: string, query: StoredQuery): Promise<readonly StoredReport[]>;
  details(pool: string, id: number): Promise<StoredDetails>;
  /** The message, byte for byte. */
  content(pool: string, id: number, by: By, reason?: string): Promise<Buffer>;
  /** It is delivered again, whatever became of it. */
  retry(pool: string, id: number, by: By, reason?: string): Promise<StoredReport>;
  /** The same of all dead letters of a pool. Returns how many. */
  retryAll(pool: string, by: By, reason?: string): Promise<number>;
  /** It is forgotten. */
  discard(pool: string, id: number, by: By, reason?: string): Promise<void>;
}
