// The bytes of one connection: what comes is handed on as it comes, what is to be sent is taken in order. Below it is a
// socket of Node.js, which says as ever when the peer has ended, and what became of the connection.

export interface Wire {
  /** Bytes that it was given and the operating system has not taken. */
  readonly unsentBytes: number;
  /** So many of them that no more should be given until it calls `onDrain`. */
  readonly isBackedUp: boolean;
  readonly isPaused: boolean;
  /** To be called first, and at once: from then on it reads. */
  open(user: WireUser): void;
  /**
   * Sends `first` and then `more`, `bytes` in all, behind what it was given before. True: the operating system has taken them.
   * Else `sent` is called once it has, or with an error if it never will.
   */
  write(first: Buffer, more: readonly Buffer[] | undefined, bytes: number, sent: Sent | undefined): boolean;
  /** Calls back when what it was given has been taken, or never will be. */
  whenSent(sent: Sent): void;
  /** Hands on no more until `resume`; the peer is held up once the operating system's buffers are full. */
  pause(): void;
  resume(): void;
  /** Sends FIN behind what it was given, and calls back when that has been sent. */
  end(done: () => void): void;
}

export type Sent = (error?: Error | null) => void;

export interface WireUser {
  /** `isBorrowed`: they hold until this returns; else they are its own from then on. */
  readonly onBytes: (bytes: Buffer, isBorrowed: boolean) => void;
  /** `isBackedUp` is over. */
  readonly onDrain?: () => void;
}
