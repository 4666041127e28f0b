// F97: does a node keep a connection open behind an answer? (Mirth: Keep Connection Open = No.) A message that is written while the
// node closes is ambiguous, so until it is known, and where the node closes, a connection takes no message right behind an answer.

/** Mirth closes with its answer, and both come in one packet or two; this much is for a busy host and a slow link. */
export const WATCH_MS = 50;
/** Closed so soon after an answer: it is that answer's doing, and not an idle limit. */
const SOON_MS = 100;

export interface EndedConnection {
  /** Answers that came on it. */
  readonly answered: number;
  /** When the last of them came, in performance.now() milliseconds. */
  readonly answeredAt: number;
}

export class ConnectionReuse {
  #state: 'unknown' | 'kept' | 'closes' = 'unknown';

  /** A connection is to be watched for a close behind each answer. */
  get isWatched(): boolean {
    return this.#state !== 'kept';
  }

  /** The node closes behind its answers: each message has a connection to itself. */
  get closes(): boolean {
    return this.#state === 'closes';
  }

  /** It was kept for as long as it was watched. */
  onKept(): void {
    this.#state = 'kept';
  }

  /** The node has closed it. True: behind an answer, so that it must be watched again. */
  onClosed({ answered, answeredAt }: EndedConnection): boolean {
    if (answered === 0 || performance.now() - answeredAt > SOON_MS) return false;
    // One that has had several may have been closed because the node stops.
    this.#state = answered === 1 ? 'closes' : 'unknown';
    return true;
  }
}
