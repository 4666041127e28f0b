// One way to ask a node whether it is well, as whoever asks at intervals sees it. A check always comes to an end by
// itself, says why in words that hold nothing of an answer, and leaves no connection behind.

/** What passing a check shows of a node. */
export interface Proof {
  /** The port that messages go to takes connections, as messages need them. */
  readonly port: boolean;
  /** Something on it works and answers. */
  readonly answer: boolean;
}

/**
 * `full`: the node closed the connection at once (F32): it is there and at work, and has proven no more than that.
 * `note`: passed, but something about the check itself is not as it should be.
 */
export type Verdict =
  | { readonly kind: 'passed'; readonly note?: string | undefined }
  | { readonly kind: 'full' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface Check {
  readonly type: string;
  /** It takes one of the connections that the node allows for messages. */
  readonly onDataPort: boolean;
  readonly proof: Proof;
  /** Never rejects. When aborted it ends at once; what it then resolves to is of no interest. */
  ask(signal: AbortSignal): Promise<Verdict>;
}

export const PASSED: Verdict = { kind: 'passed' };

export function failed(reason: string): Verdict {
  return { kind: 'failed', reason };
}
