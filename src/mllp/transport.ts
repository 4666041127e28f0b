// One connection as MLLP sees it, whatever carries its bytes. Promises that what is written goes out in order, and that the
// owner is told of nothing before `open`.

export interface Transport {
  /** Of what was handed over, the operating system has yet to take some. */
  readonly isBlocked: boolean;

  open(owner: TransportOwner): void;
  /** What one turn of the event loop brings goes out at its end, as one write. */
  write(bytes: Buffer): void;
  /** Forgets what has been gathered. */
  discard(): void;
  /** Calls back once, when the operating system has taken all that was handed over so far, or never will. */
  whenTaken(callback: () => void): void;
  /** Calls back once, never before it returns, when nothing goes either way any more. */
  whenClosed(callback: () => void): void;
  /** Ends the connection without a reset: what was written goes out first, within limits of its own. */
  end(): void;
}

/** Whom a transport tells. */
export interface TransportOwner {
  /** A field, and no method: it is called with nothing in between. */
  readonly onRead: (chunk: Buffer) => void;
  /** The peer has ended its side, and may still read. */
  onEnd(): void;
  /** It is over; `error`: it broke. */
  onClosed(error: Error | undefined): void;
  /** It has broken; `onClosed` follows. */
  onError?(error: Error): void;
  /** What was gathered is handed over now: from here on it may reach the peer. */
  onFlush?(): void;
}
