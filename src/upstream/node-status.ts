// What a status page, metrics and an operator see of a node, and the record that it is made from.
// Promises nothing that costs a message more than a counter: the rest is worked out when it is asked for.
import type { ErrorCode } from '../errors.ts';
import type { AckCode } from '../hl7/ack.ts';
import { monotonicMs, wallMs } from '../platform/time.ts';
import type { CheckResult } from './checks/check.ts';

/**
 * `full` (F32): it closes what is more than it has. `draining`: keeps the senders that are bound to it, takes no new ones.
 * `maintenance`: is given nothing; what it has is answered.
 */
export type NodeState = 'up' | 'down' | 'full' | 'draining' | 'maintenance';
/** What an operator wants. */
export type AdminState = 'ready' | 'draining' | 'maintenance';

/** Messages are given to a node in this state: what `/readyz`, `status` and `hl7_gateway_node_up` all go by (F107). */
export function isAvailable(state: NodeState): boolean {
  return state === 'up' || state === 'full' || state === 'draining';
}

export interface NodeStatus {
  readonly name: string;
  readonly pool: string;
  readonly backup: boolean;
  readonly state: NodeState;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly reason: string;
  /** What checks and messages say, whatever an operator wants. */
  readonly health: 'up' | 'down';
  readonly adminState: AdminState;
  /** It is given one message at a time, until it answers one. */
  readonly trial: boolean;
  /** As configured, or as set since. */
  readonly weight: number;
  /** Less than `weight` during a slow start. */
  readonly effectiveWeight: number;
  readonly inFlight: number;
  readonly connections: number;
  /** Undefined: not checked yet, or never. */
  readonly lastCheck: CheckReport | undefined;
  readonly lastAnswerMsAgo: number | undefined;
  /** By MSA-1, since the gateway started. */
  readonly answers: Partial<Record<AnswerKind, number>>;
  /** Messages that failed there, by error code. */
  readonly failures: Partial<Record<ErrorCode, number>>;
  readonly strayAnswers: number;
  /** Health checks by what they found, since the gateway started. */
  readonly checks: Readonly<Record<CheckReport['result'], number>>;
  /** How often it was left out for what messages met there. */
  readonly ejections: number;
  /** How much longer it is, at least. */
  readonly ejectedForMs: number;
}

export interface CheckReport {
  readonly type: string;
  /** `unknown`: the API was late, and the node answers messages. */
  readonly result: 'passed' | 'full' | 'failed' | 'unknown';
  /** Why it failed, or what is wrong although it passed. */
  readonly reason: string | undefined;
  /** When it began, in milliseconds since 1970. */
  readonly at: number;
  readonly durationMs: number;
}

/** A health check that has come to an end. */
export interface EndedCheck extends Pick<CheckReport, 'type' | 'at' | 'durationMs'> {
  readonly verdict: CheckResult;
}

type Recorded =
  | 'since'
  | 'reason'
  | 'lastCheck'
  | 'lastAnswerMsAgo'
  | 'answers'
  | 'failures'
  | 'strayAnswers'
  | 'checks';

/** Of a node that is taken for up at the start. */
export const NOT_TRIED = 'not tried yet';

export class NodeRecord {
  readonly counts = new AnswerCounts();
  strayAnswers = 0;
  readonly #checks: Record<CheckReport['result'], number> = { passed: 0, full: 0, failed: 0, unknown: 0 };
  /** Why its health is what it is. */
  reason: string;
  adminReason = '';
  /** In monotonicMs() milliseconds. */
  lastAnswerAt = Number.NEGATIVE_INFINITY;
  /** A message has failed there behind that answer. */
  hasFailedSince = false;
  #lastCheck: CheckReport | undefined;
  #state: NodeState;
  #since = wallMs();

  constructor(state: NodeState, reason: string) {
    this.#state = state;
    this.reason = reason;
  }

  /** Called whenever the state may have changed. */
  note(state: NodeState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = wallMs();
  }

  checked({ type, verdict, at, durationMs }: EndedCheck): void {
    this.#checks[verdict.kind]++;
    const reason =
      verdict.kind === 'failed' || verdict.kind === 'unknown'
        ? verdict.reason
        : verdict.kind === 'passed'
          ? verdict.note
          : undefined;
    this.#lastCheck = { type, result: verdict.kind, reason, at, durationMs };
  }

  /** Nothing changes the state of a node that was taken for up and is; what it has shown since is worth more than that. */
  get #ownReason(): string {
    if (this.reason !== NOT_TRIED) return this.reason;
    if (Number.isFinite(this.lastAnswerAt)) return 'answers messages';
    return this.#lastCheck?.result === 'passed' ? 'passes checks' : NOT_TRIED;
  }

  /** Of a node that is in this state. */
  about(state: NodeState): Pick<NodeStatus, Recorded> {
    const { adminReason, lastAnswerAt } = this;
    const reasons: Partial<Record<NodeState, string>> = {
      full: 'closes new connections at once',
      draining: adminReason,
      maintenance: adminReason,
    };
    return {
      since: this.#since,
      reason: reasons[state] ?? this.#ownReason,
      lastCheck: this.#lastCheck,
      lastAnswerMsAgo: Number.isFinite(lastAnswerAt) ? monotonicMs() - lastAnswerAt : undefined,
      answers: this.counts.answers,
      failures: this.counts.failures,
      strayAnswers: this.strayAnswers,
      checks: { ...this.#checks },
    };
  }
}

/** `none`: the message needed no answer (F42). `other`: an answer without a code: to a request that was proxied. */
export type AnswerKind = AckCode | 'none' | 'other';

/** What a node has answered and how messages failed there, since the gateway started. For people and for metrics. */
class AnswerCounts {
  // Fields and not a Map: this is done for each message.
  readonly #answers: Record<AnswerKind, number> = {
    AA: 0,
    AE: 0,
    AR: 0,
    CA: 0,
    CE: 0,
    CR: 0,
    none: 0,
    other: 0,
  };
  readonly #failures = new Map<ErrorCode, number>();

  answer(kind: AnswerKind): void {
    this.#answers[kind]++;
  }

  failure(code: ErrorCode): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
  }

  /** Those that have been counted at all. */
  get answers(): Partial<Record<AnswerKind, number>> {
    return Object.fromEntries(Object.entries(this.#answers).filter(([, count]) => count > 0));
  }

  get failures(): Partial<Record<ErrorCode, number>> {
    return Object.fromEntries(this.#failures);
  }
}
