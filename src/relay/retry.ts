// Attempts to bring a message or a request to a node, and whether another one may follow. A decision is pure: on how the last
// attempt failed (not sent, ambiguous), never on an answer: a node's AE or AR is passed back.
import type { PoolConfig } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';
import { monotonicMs } from '../platform/time.ts';
import { turnTime } from '../turn.ts';

/** Times are `turnTime()`. */
export interface Attempt {
  readonly node: string;
  /** Why this node: what the pool's choice went by. */
  readonly selectionReason: string;
  readonly startedAt: number;
  /** How long a connection had to be dialled for it; 0 where one was open. */
  connectMs: number;
  writtenAt: number | undefined;
  endedAt: number | undefined;
  error: GatewayError | undefined;
  /** Since when it waited before this attempt: for its turn, or for a node. Undefined: it did not. */
  readonly waitedSince: number | undefined;
  /** Of its span, where the node was told of it. */
  spanId: string | undefined;
  /** Of the node's HTTP response. */
  status: number | undefined;
}

/** One that begins now. */
export function newAttempt(node: string, selectionReason: string, waitedSince: number | undefined): Attempt {
  return {
    node,
    selectionReason,
    startedAt: turnTime(),
    connectMs: 0,
    writtenAt: undefined,
    endedAt: undefined,
    error: undefined,
    waitedSince,
    spanId: undefined,
    status: undefined,
  };
}

const NONE: readonly Attempt[] = [];

/** What a message and a proxied request have in common: when it came, its attempts with their times, its waiting. */
export abstract class AttemptHistory {
  abstract readonly listener: string;
  readonly receivedAt = turnTime();
  /** Of the config that it was routed by (`routed` writes it): see `ReloadGuard`. */
  epoch = 0;
  /** Before the last one. Nearly all have none: a list is made where somebody asks for it. */
  #earlier = NONE;
  #attempt: Attempt | undefined;
  #writes = 0;
  #waitingSince: number | undefined;
  #queuedMs = 0;

  get attempts(): readonly Attempt[] {
    return this.#attempt === undefined ? NONE : [...this.#earlier, this.#attempt];
  }

  get attemptCount(): number {
    return this.#attempt === undefined ? 0 : this.#earlier.length + 1;
  }

  get lastAttempt(): Attempt | undefined {
    return this.#attempt;
  }

  /** Why a node may have it and has not said so: the last of such failures. */
  get unsafeError(): GatewayError | undefined {
    return this.attempts.findLast(({ error }) => error?.resend === 'unsafe')?.error;
  }

  /** A node may have it, and has not said so. */
  get isAmbiguous(): boolean {
    return this.unsafeError !== undefined;
  }

  /** How often it has been written to a node. */
  get writes(): number {
    return this.#writes;
  }

  /** It waits, and has since then, for its turn or for a node. */
  get waitingSince(): number | undefined {
    return this.#waitingSince;
  }

  get queuedMs(): number {
    return this.#queuedMs;
  }

  /** It waits before its next attempt; the first call counts. */
  waits(since = turnTime()): void {
    this.#waitingSince ??= since;
  }

  /** So long it was in a pool's queue. */
  wasQueued(ms: number): void {
    this.#queuedMs += ms;
  }

  /** It is given to this node. */
  beginAttempt(node: string, selectionReason: string): void {
    const attempt = newAttempt(node, selectionReason, this.#waitingSince);
    this.#waitingSince = undefined;
    if (this.#attempt !== undefined) this.#earlier = [...this.#earlier, this.#attempt];
    this.#attempt = attempt;
  }

  /** Its bytes are handed to the operating system: from now on the node may have it, and a failure is ambiguous. */
  written(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    if (attempt.writtenAt === undefined) this.#writes++;
    attempt.writtenAt = turnTime();
  }

  /** The node's HTTP response has begun. */
  responded(status: number): void {
    if (this.#attempt !== undefined) this.#attempt.status = status;
  }

  endAttempt(error: GatewayError | undefined): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    attempt.endedAt = turnTime();
    attempt.error = error;
  }
}

export type ResendDecision = 'other-node' | 'same-node' | 'give-up';

export interface AttemptsMade {
  /** How often the message was written to a node. */
  readonly writes: number;
  /** Since its first attempt could have begun. */
  readonly elapsedMs: number;
}

/**
 * Not sent (no byte written): another node, for as long as the budget lasts or the message might have been queued; it
 * cannot become a duplicate. Ambiguous (written, no answer): a node may have it and may even complete it later (Mirth
 * does, after a restart), so it is sent again only where the config accepts duplicates, and written `attempts` times at most.
 */
export function resendAfter(
  error: GatewayError,
  tried: AttemptsMade,
  config: Pick<PoolConfig, 'retry' | 'queue'>,
): ResendDecision {
  const { budgetMs, attempts, onAmbiguous } = config.retry;
  if (error.resend === 'never') return 'give-up';
  if (error.resend === 'safe')
    return tried.elapsedMs < Math.max(budgetMs, config.queue.timeoutMs) ? 'other-node' : 'give-up';
  if (onAmbiguous === 'fail' || tried.writes >= attempts || tried.elapsedMs >= budgetMs) return 'give-up';
  return onAmbiguous;
}

/** F31: a pooled connection that was gone says nothing about its node, which is dialled again; once. */
export function isFirstStale({ attempts }: AttemptHistory, { code }: GatewayError): boolean {
  return code === 'GW_ERR_NODE_STALE' && attempts.filter(({ error }) => error?.code === code).length === 1;
}

/** RFC 9110 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * May a proxied request be given to another node (F68)? After a failure before its response began, with all of its body still there.
 * One that a node may have had: only if its connection closed and the same again does no harm (RFC 9110 9.2.2).
 */
export function mayTryAgain(
  { method, receivedAt, writes }: AttemptHistory & { readonly method: string },
  retry: PoolConfig['retry'],
  error: GatewayError,
): boolean {
  const isHarmless = error.code === 'GW_ERR_NODE_CLOSED' && IDEMPOTENT.has(method);
  const rules = { ...retry, onAmbiguous: isHarmless ? 'other-node' : 'fail' } as const;
  const tried = { writes, elapsedMs: monotonicMs() - receivedAt };
  return resendAfter(error, tried, { retry: rules, queue: NO_WAIT }) !== 'give-up';
}

const NO_WAIT = { max: 0, timeoutMs: 0 };
