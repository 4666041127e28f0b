// One way to ask a node whether it is well, as whoever asks at intervals sees it. A check always comes to an end by
// itself, says why in words that hold nothing of an answer, and leaves no connection behind.
import { isOutOfFiles } from '../../errors.ts';

/** What passing a check shows of a node. */
export interface Proof {
  /** The port that messages go to takes connections, as messages need them. */
  readonly port: boolean;
  /** Something on it works and answers. */
  readonly answer: boolean;
}

/**
 * `full`: the node closed the connection at once (F32): it is there and at work, and has proven no more than that.
 * `unknown`: what was asked did not answer in time, and messages show that the node works (F94): neither good nor bad.
 * `note`: passed, but something about the check itself is not as it should be. `observedAt`: when an answer came that
 * several checks share, in monotonicMs() milliseconds.
 */
export type CheckResult =
  | { readonly kind: 'passed'; readonly note?: string | undefined; readonly observedAt?: number | undefined }
  | { readonly kind: 'full' }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

export interface Check {
  readonly type: string;
  /** It takes one of the connections that the node allows for messages. */
  readonly onDataPort: boolean;
  readonly proof: Proof;
  /** Never rejects. When aborted it ends at once; what it then resolves to is of no interest. */
  ask(signal: AbortSignal, occasion?: Occasion): Promise<CheckResult>;
  /** It is not asked any more. */
  close?(): void;
}

/** What a check is told of its node when it is asked. */
export interface Occasion {
  /** What another check found out so lately need not be asked for again. */
  readonly maxAgeMs: number;
  /** When the node last answered a message, if nothing has failed there since; in monotonicMs() milliseconds. */
  readonly answeredAt: number;
}

export const PASSED: CheckResult = { kind: 'passed' };

/** F100: that the gateway itself has no descriptor left says nothing of the node. */
export function failed(reason: string): CheckResult {
  return { kind: isOutOfFiles(reason) ? 'unknown' : 'failed', reason };
}
