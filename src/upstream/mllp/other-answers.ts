// What a node says that is not the answer to the message that is due. Promises that the first answer to a message stands, and that a
// connection whose answers may belong to anything ends, with no answer credited.
import type { GatewayError } from '../../errors.ts';
import type { Ack } from '../../hl7/ack.ts';
import type { AnswerMatcher, Verdict } from './answer-matcher.ts';
import type { ConnectionErrors } from './connection-errors.ts';
import type { AnswerObserver } from './node-quirks.ts';

/** What it does to the connection. */
export interface AnsweredConnection {
  /** No further message may go on it. */
  onSpent(): void;
  /** Whatever comes now cannot be believed. */
  onBroken(error: GatewayError): void;
}

/** F86: a node that is confused says one or two things before the right one; one that says more is no MLLP node. */
const MAX_WRONG = 8;

export class OtherAnswers {
  readonly #matcher: AnswerMatcher;
  readonly #errors: ConnectionErrors;
  readonly #observer: AnswerObserver;
  readonly #connection: AnsweredConnection;
  /** F86: what the message that is out fails of, if the right answer does not come in time after all. */
  wrong: GatewayError | undefined;
  #wrongCount = 0;

  constructor(
    matcher: AnswerMatcher,
    errors: ConnectionErrors,
    observer: AnswerObserver,
    connection: AnsweredConnection,
  ) {
    this.#matcher = matcher;
    this.#errors = errors;
    this.#observer = observer;
    this.#connection = connection;
  }

  take(verdict: Verdict, ack: Ack): void {
    switch (verdict) {
      case 'repeated':
        this.#connection.onBroken(this.#errors.mismatch());
        return;
      case 'wrong':
        this.onWrong(this.#errors.mismatch(), this.#matcher.isSecond(ack));
        return;
      case 'unexpected':
        this.#observer.onStrayAnswer(false);
        return;
      case 'unasked':
      case 'gone':
      case 'unclear':
        this.#observer.onLostAnswer?.(verdict, 1);
        return;
      case 'stray':
      case 'second':
        this.onStray(verdict === 'second');
        return;
      default:
      // Its sender has been told, or there is nothing to tell (F90).
    }
  }

  /**
   * F86: it is not the answer to the message that is due. Where that is the only one out, the right one may still come until
   * the deadline. Else it cannot be said what any later answer belongs to.
   */
  onWrong(error: GatewayError, isSecond = false): void {
    if (!this.#matcher.isOnlyOne || ++this.#wrongCount > MAX_WRONG) {
      this.#connection.onBroken(error);
      return;
    }
    this.wrong ??= error;
    this.onStray(isSecond);
  }

  /** F39: a connection that says more than it was asked takes no further message. */
  onStray(isSecond = false): void {
    this.#observer.onStrayAnswer(isSecond);
    this.#connection.onSpent();
  }
}
