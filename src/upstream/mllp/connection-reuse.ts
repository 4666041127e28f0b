// F97: does a node keep a connection open behind an answer? (Mirth: Keep Connection Open = No.) A message that is written while the
// node closes is ambiguous, so until it is known, and where the node closes, a connection takes no message right behind an answer.
// Promises that a node which closes is not believed to keep its connections before it has kept several for long.
import { monotonicMs } from '../../platform/time.ts';

/** Mirth closes with its answer, and both come in one packet or two; this much is for a busy host and a slow link. */
export const WATCH_MS = 50;
/** Closed so soon after an answer: it is that answer's doing, and not an idle limit. */
const SOON_MS = 100;
/** A node that is known to close has kept a connection when it has not closed it for so long. */
export const PROBE_MS = 1_000;
/** So many in a row show that it does not close any more: a node that was slow to close was not slow three times over. */
const PROBES = 3;
/** Between the first two of them; twice as long before each further one. */
const FIRST_PAUSE_MS = 1_000;

export interface WatchedConnection {
  /** Answers that came on it. */
  readonly answered: number;
  /** When the last of them came, in monotonicMs() milliseconds. */
  readonly answeredAt: number;
  /** It was closed while it was watched for that. */
  readonly isClosedInWatch: boolean;
}

/**
 * What to do with a connection that was not closed while it was watched. `use`: it takes messages again. `watch`: it is to be
 * watched for `PROBE_MS` more. `end`: it is used up.
 */
export type Kept = 'use' | 'watch' | 'end';

export class ConnectionReuse {
  #state: 'unknown' | 'kept' | 'closes' = 'unknown';
  /** Where the node closes, the connection that is watched for longer. */
  #probe: WatchedConnection | undefined;
  /** Of those, how many were kept since a connection was closed last. */
  #probesKept = 0;
  #nextProbeAt = 0;

  /** A connection is to be watched for a close behind each answer. */
  get isWatched(): boolean {
    return this.#state !== 'kept';
  }

  /** The node closes behind its answers: each message has a connection to itself. */
  get closes(): boolean {
    return this.#state === 'closes';
  }

  /** It was kept for as long as it was watched. */
  onKept(connection: WatchedConnection): Kept {
    if (this.#state !== 'closes') {
      this.#state = 'kept';
      return 'use';
    }
    const now = monotonicMs();
    if (connection === this.#probe) {
      this.#probe = undefined;
      if (++this.#probesKept === PROBES) {
        this.#state = 'kept';
        return 'use';
      }
      this.#nextProbeAt = now + FIRST_PAUSE_MS * 2 ** (this.#probesKept - 1);
      return 'end';
    }
    if (this.#probe !== undefined || now < this.#nextProbeAt) return 'end';
    this.#probe = connection;
    return 'watch';
  }

  /**
   * It has ended; `byNode`: the node closed it. True: right behind its first answer, which is the node's way and no failure of
   * it.
   */
  onClosed(connection: WatchedConnection, byNode: boolean): boolean {
    if (connection === this.#probe) this.#probe = undefined;
    const { answered, answeredAt, isClosedInWatch } = connection;
    if (!byNode || answered === 0) return false;
    if (!isClosedInWatch && monotonicMs() - answeredAt > SOON_MS) return false;
    this.#probesKept = 0;
    if (answered === 1) this.#state = 'closes';
    // One that has had several may have been closed because the node stops.
    else if (this.#state === 'kept') this.#state = 'unknown';
    return answered === 1;
  }
}
