// What came of a replay so far: counts, latencies, and how well the rate was held. No message content: identifiers only.
import type { ErrorCode, GatewayError } from '../../../errors.ts';
import { loggable } from '../../../observe/log/loggable.ts';
import { LatencyHistogram } from './histogram.ts';
import type { LiveMessage } from './messages.ts';

export interface Failure {
  readonly file: string;
  readonly number: number;
  readonly controlId: string;
  /** An acknowledgement's code, or an error's. */
  readonly code: string;
  readonly text?: string;
}

/** Named one by one; a run of hours against a node that refuses all would else keep them all. */
const MAX_FAILURES = 20;

export class Tally {
  readonly senders: number;
  /** No more than there are senders: a sender's messages stay on one. */
  readonly connections: number;
  /** From when a message should have gone, at a rate; else from when it went. */
  readonly latency = new LatencyHistogram();
  /** How late this machine was to hand a message to its connection. */
  readonly lag = new LatencyHistogram();
  readonly answers = new Map<string, number>();
  readonly errors = new Map<ErrorCode, number>();
  readonly failures: Failure[] = [];
  sentCount = 0;
  accepted = 0;
  refused = 0;
  failedCount = 0;
  /** Due, and not sent: the run ended before. */
  notSent = 0;
  /** Sent; the run was interrupted before the answer. */
  unanswered = 0;
  interrupted = false;
  #startedAt = 0;
  #endedAt: number | undefined;
  #firstSentAt: number | undefined;
  #lastSentAt = 0;
  #lastDueMs = 0;

  constructor({ senders, connections }: { readonly senders: number; readonly connections: number }) {
    this.senders = senders;
    this.connections = connections;
  }

  start(at: number): void {
    this.#startedAt = at;
  }

  end(at: number): void {
    this.#endedAt = at;
  }

  behind(ms: number): void {
    this.lag.add(ms);
  }

  sent(at: number, dueMs: number): void {
    this.sentCount++;
    this.#firstSentAt ??= at;
    this.#lastSentAt = at;
    if (dueMs > this.#lastDueMs) this.#lastDueMs = dueMs;
  }

  answered(message: LiveMessage, code: string, isRefused: boolean, latencyMs: number): void {
    this.latency.add(latencyMs);
    this.answers.set(code, (this.answers.get(code) ?? 0) + 1);
    if (!isRefused) this.accepted++;
    else {
      this.refused++;
      this.#note(message, code, undefined);
    }
  }

  failed(message: LiveMessage, error: GatewayError): void {
    this.failedCount++;
    this.errors.set(error.code, (this.errors.get(error.code) ?? 0) + 1);
    this.#note(message, error.code, error.message);
  }

  get elapsedMs(): number {
    return (this.#endedAt ?? performance.now()) - this.#startedAt;
  }

  /** Messages a second, from the first that went to the last; undefined for fewer than two. */
  get sentPerSecond(): number | undefined {
    const span = this.#lastSentAt - (this.#firstSentAt ?? 0);
    return this.sentCount < 2 || span <= 0 ? undefined : ((this.sentCount - 1) * 1000) / span;
  }

  /**
   * What part of the rate was held: how long the messages should have taken to go, and how long they took. 1 where they
   * were not slower, whatever the ramp.
   */
  get held(): number {
    const took = this.#lastSentAt - this.#startedAt;
    return took <= this.#lastDueMs || took <= 0 ? 1 : this.#lastDueMs / took;
  }

  #note({ file, number, header }: LiveMessage, code: string, text: string | undefined): void {
    if (this.failures.length >= MAX_FAILURES) return;
    const controlId = loggable(header.controlId);
    this.failures.push({ file, number, controlId, code, ...(text === undefined ? {} : { text }) });
  }
}
