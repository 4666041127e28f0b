// What a node has answered and how messages failed there, since the gateway started. For people and for metrics.
import type { ErrorCode } from '../../errors.ts';
import type { AckCode } from '../../hl7/ack.ts';

/** `none`: the message needed no answer (F42). `other`: an answer without a code: to a request that was proxied. */
export type AnswerKind = AckCode | 'none' | 'other';

export class AnswerCounts {
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
