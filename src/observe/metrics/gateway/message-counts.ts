// Counts messages: by where they came from, where they went and what came of them, and how long that took. Promises
// less than a microsecond for each (bench/metrics.ts): a few look-ups and additions, nothing is made.
import type { ErrorCode } from '../../../errors.ts';
import type { AckCode } from '../../../hl7/ack.ts';
import type { ProxiedRequest } from '../../../relay/http-scheduler.ts';
import type { Message, Outcome } from '../../../relay/message.ts';
import type { Attempt } from '../../../relay/retry.ts';
import type { TcpConnection } from '../../../relay/tcp-scheduler.ts';
import { type Family, histograms, numbers } from '../family.ts';
import { BucketHistogram } from '../histogram.ts';
import { type LabelValues, SeriesTable } from '../series-table.ts';

/** What came of a message, in one word each. */
export const MESSAGE_OUTCOMES = [
  /** AA or CA of a node. */
  'accepted',
  /** AE or CE of a node. */
  'error',
  /** AR or CR of a node. */
  'rejected',
  /** F42: written to a node of which no answer was to be expected. */
  'unanswered',
  /** The pool's spool has it; its delivery is counted by itself. */
  'stored',
  /** A node may have it, and gave no answer. */
  'ambiguous',
  /** No node has it, and none could be given it. */
  'unavailable',
  /** It can never be taken: no route, a bad header, not allowed. */
  'unacceptable',
  /** Not sent, because its sender's connection was closed at an earlier message. */
  'abandoned',
] as const;

export type OutcomeName = (typeof MESSAGE_OUTCOMES)[number];

const OF_CODE: Readonly<Record<AckCode, OutcomeName>> = {
  AA: 'accepted',
  CA: 'accepted',
  AE: 'error',
  CE: 'error',
  AR: 'rejected',
  CR: 'rejected',
};

interface MessageCell {
  readonly outcomes: Record<OutcomeName, number>;
  readonly ack: BucketHistogram;
  readonly whole: BucketHistogram;
}

/** The trace that a message, a request or a connection is part of, if it is recorded. */
export type TraceIdOf = (one: Message | ProxiedRequest | TcpConnection) => string | undefined;

/** Which names are in the config that is in force. An empty name always is. */
export interface Present {
  listener(name: string): boolean;
  route(name: string): boolean;
  pool(name: string): boolean;
  node(pool: string, name: string): boolean;
}

export class MessageCounts {
  readonly retries = { not_sent: 0, ambiguous: 0 };
  /** By listener, pool and code; of proxied requests and of connections too. */
  readonly failures = new SeriesTable(() => ({ count: 0 }));
  readonly #traceIdOf: TraceIdOf;
  /** By pool and node. */
  readonly #acks = new SeriesTable(() => new BucketHistogram());
  /** By listener and pool. */
  readonly #wholes = new SeriesTable(() => new BucketHistogram());
  readonly #batches = new SeriesTable(() => ({ answered: 0, failed: 0 }));
  /** By listener, route, pool and node. */
  readonly #cells = new SeriesTable(
    ([listener, , pool, node]): MessageCell => ({
      outcomes: noOutcomes(),
      ack: this.#acks.of(pool, node),
      whole: this.#wholes.of(listener, pool),
    }),
  );

  constructor(traceIdOf: TraceIdOf) {
    this.#traceIdOf = traceIdOf;
  }

  /** One that is over. */
  add(message: Message): void {
    const { outcome, lastAttempt: last, route, pool, settledAt } = message;
    const { listener } = message.origin;
    if (outcome === undefined) return;
    if (message.parts > 0) {
      this.#batches.of(listener)[outcome.kind === 'gathered' ? 'answered' : 'failed']++;
      return;
    }
    const cell = this.#cells.of(listener, route?.name, pool?.name, last?.node);
    cell.outcomes[nameOf(outcome)]++;
    const traceId = this.#traceIdOf(message);
    if (settledAt !== undefined) cell.whole.record((settledAt - message.receivedAt) / 1000, traceId);
    if (outcome.kind === 'answered' && last?.writtenAt !== undefined && last.endedAt !== undefined)
      cell.ack.record((last.endedAt - last.writtenAt) / 1000, traceId);
    if (message.attemptCount > 1) this.countRetries(message.attempts);
    if (outcome.kind === 'failed') this.countFailure(listener, pool?.name, outcome.error.code);
  }

  /** Each attempt but the first is a retry, of the class of what failed before it. */
  countRetries(attempts: readonly Attempt[]): void {
    for (let i = 0; i < attempts.length - 1; i++)
      this.retries[attempts[i]?.error?.resend === 'unsafe' ? 'ambiguous' : 'not_sent']++;
  }

  countFailure(listener: string, pool: string | undefined, code: ErrorCode): void {
    this.failures.of(listener, pool, code).count++;
  }

  families(present: Present): readonly Family[] {
    const where = ([listener, pool]: LabelValues): boolean =>
      present.listener(listener) && present.pool(pool);
    this.failures.prune(where);
    this.#wholes.prune(where);
    this.#batches.prune(([listener]) => present.listener(listener));
    this.#acks.prune(([pool, node]) => present.node(pool, node));
    this.#cells.prune(
      ([listener, route, pool, node]) =>
        present.listener(listener) && present.route(route) && present.node(pool, node),
    );
    return [
      numbers(
        'hl7_gateway_messages_total',
        this.#cells.all.flatMap(({ names: [listener, route, pool, node], cell }) =>
          MESSAGE_OUTCOMES.map((outcome) => ({
            labels: { listener, route, pool, node, outcome },
            value: cell.outcomes[outcome],
          })),
        ),
      ),
      histograms(
        'hl7_gateway_ack_seconds',
        this.#acks.all
          .filter(({ names: [, node] }) => node !== '')
          .map(({ names: [pool, node], cell }) => ({ labels: { pool, node }, histogram: cell })),
      ),
      histograms(
        'hl7_gateway_message_seconds',
        this.#wholes.all.map(({ names: [listener, pool], cell }) => ({
          labels: { listener, pool },
          histogram: cell,
        })),
      ),
      numbers(
        'hl7_gateway_batches_total',
        this.#batches.all.flatMap(({ names: [listener], cell }) => [
          { labels: { listener, outcome: 'answered' }, value: cell.answered },
          { labels: { listener, outcome: 'failed' }, value: cell.failed },
        ]),
      ),
      numbers(
        'hl7_gateway_failures_total',
        this.failures.all.map(({ names: [listener, pool, code], cell }) => ({
          labels: { listener, pool, code },
          value: cell.count,
        })),
      ),
      numbers('hl7_gateway_retries_total', [
        { labels: { class: 'not_sent' }, value: this.retries.not_sent },
        { labels: { class: 'ambiguous' }, value: this.retries.ambiguous },
      ]),
    ];
  }
}

function noOutcomes(): Record<OutcomeName, number> {
  return {
    accepted: 0,
    error: 0,
    rejected: 0,
    unanswered: 0,
    stored: 0,
    ambiguous: 0,
    unavailable: 0,
    unacceptable: 0,
    abandoned: 0,
  };
}

function nameOf(outcome: Outcome): OutcomeName {
  switch (outcome.kind) {
    case 'answered':
      return OF_CODE[outcome.ack.code];
    case 'gathered':
      return OF_CODE[outcome.code];
    case 'failed':
      return outcome.ambiguous ? 'ambiguous' : outcome.error.fault;
    default:
      return outcome.kind;
  }
}
