// One connection as MLLP sees it, whatever carries its bytes. Promises that what is written goes out in order, that the
// owner is told of nothing before `open`, and of the end exactly once.

export interface Transport {
  /** The peer sends no more, and all that it has sent has been read. */
  readonly hasEnded: boolean;
  /** Nothing goes either way any more: `onClosed` follows, or has been called. */
  readonly isDestroyed: boolean;
  readonly isPaused: boolean;
  /** The peer does not take what is written: `onDrain` is called when it has. */
  readonly needsDrain: boolean;
  /** Of what was handed over, the operating system has yet to take some. */
  readonly isBlocked: boolean;

  open(owner: TransportOwner): void;
  /** What one turn of the event loop brings goes out at its end, as one write. */
  write(bytes: Buffer): void;
  /** Writes now what has been gathered. */
  flush(): void;
  /** Forgets what has been gathered. */
  discard(): void;
  /** `onRead` and `onEnd` are not called until `resume`; bytes that have been read already may still come. */
  pause(): void;
  resume(): void;
  /** `onIdle` is called once when nothing has been read or written for so long, and again only after something was; 0: never. */
  setIdleTimeout(ms: number): void;
  /** The idle time begins now. */
  restartIdleTime(): void;
  /** `onWriteTimeout` is called when the peer has not taken what was written for so long; 0: never. */
  setWriteTimeout(ms: number): void;
  /** Calls back once, when the operating system has taken all that was handed over so far, or never will. */
  whenTaken(callback: () => void): void;
  /** Calls back once, never before it returns, when nothing goes either way any more. */
  whenClosed(callback: () => void): void;
  /** Whether the peer has answered what was written behind its end with a reset, as the operating system knows it. */
  wasReset(): boolean;
  /** Ends the connection without a reset: what was written goes out first, within limits of its own. */
  end(): void;
  /** Ends it at once, whatever has not been written. */
  destroy(): void;
}

/** Whom a transport tells. */
export interface TransportOwner {
  /**
   * A field, and no method: it is called with nothing in between. `isBorrowed`: the chunk holds until this returns; else it is
   * the owner's from then on.
   */
  readonly onRead: (chunk: Buffer, isBorrowed: boolean) => void;
  /** The peer has ended its side, and may still read. */
  onEnd(): void;
  /** It is over; `error`: it broke. */
  onClosed(error: Error | undefined): void;
  /** It has broken; `onClosed` follows. */
  onError?(error: Error): void;
  onDrain?(): void;
  onIdle?(): void;
  onWriteTimeout?(): void;
  /** What was gathered is handed over now: from here on it may reach the peer. */
  onFlush?(): void;
  /** It has been handed over. */
  onHanded?(): void;
  /** Once for each `onFlush`, in their order: the operating system has taken the bytes, or, with an error, never will. */
  onWritten?(error?: Error | null): void;
}
