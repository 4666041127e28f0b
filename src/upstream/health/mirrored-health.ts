// A node's health as another process judges it. Promises to tell that process of each failure at once and of answers in the order in
// which they came to failures, and that an answer costs no more than a count.
import type { Health, HealthJudge, HealthOwner } from './node-health.ts';

/** What the process that judges says of a node. */
export interface HealthVerdict {
  readonly state: Health;
  readonly trial: boolean;
  readonly wantsTrial: boolean;
  readonly isEjected: boolean;
  readonly reason: string;
}

/** What happened at a node since the last report. */
export interface AnswerReport {
  readonly positive: number;
  readonly negative: number;
}

export interface FailureReport {
  readonly written: boolean;
  readonly reason: string;
  readonly isRefusal: boolean;
}

export interface HealthReporter {
  /** To be called at once: a verdict waits for it. */
  report(answers: AnswerReport, failure: FailureReport | undefined): void;
  onClose(): void;
}

export class MirroredHealth implements HealthJudge {
  readonly #owner: HealthOwner;
  readonly #reporter: HealthReporter;
  #verdict: HealthVerdict;
  #positive = 0;
  #negative = 0;
  /** Something failed since the last answer: the next one says that the run of failures is over. */
  #hasFailed = false;

  constructor(initial: Health, owner: HealthOwner, reporter: HealthReporter) {
    this.#owner = owner;
    this.#reporter = reporter;
    this.#verdict = { state: initial, trial: false, wantsTrial: false, isEjected: false, reason: '' };
  }

  get state(): Health {
    return this.#verdict.state;
  }

  get trial(): boolean {
    return this.#verdict.trial;
  }

  get wantsTrial(): boolean {
    return this.#verdict.wantsTrial;
  }

  get isEjected(): boolean {
    return this.#verdict.isEjected;
  }

  /** Nothing is checked here. */
  get isSteady(): boolean {
    return true;
  }

  /** The other process counts them. */
  get ejections(): { readonly count: number; readonly leftMs: number } {
    return { count: 0, leftMs: 0 };
  }

  /** The judge has come to another verdict. */
  apply(verdict: HealthVerdict): void {
    const before = this.#verdict;
    this.#verdict = verdict;
    if (before.state !== verdict.state) this.#owner.onHealth(verdict.state, verdict.reason);
    else this.#owner.onTrial(verdict.reason);
  }

  /** True: no message is with the node, and none is sent to it until there is another verdict. */
  yieldTrial(): boolean {
    const { reason, isEjected, trial } = this.#verdict;
    if (trial && this.#owner.inFlight() > 0) return false;
    if (trial) this.apply({ state: 'down', trial: false, wantsTrial: false, isEjected, reason });
    return true;
  }

  /** Answers that have not been reported. */
  takeAnswers(): AnswerReport {
    const answers = { positive: this.#positive, negative: this.#negative };
    this.#positive = 0;
    this.#negative = 0;
    return answers;
  }

  answered(negative: boolean): void {
    if (negative) this.#negative++;
    else this.#positive++;
    if (!this.#hasFailed && !this.#verdict.trial) return;
    this.#hasFailed = false;
    this.#reporter.report(this.takeAnswers(), undefined);
  }

  failed(written: boolean, reason: string, isRefusal: boolean): void {
    this.#hasFailed = true;
    this.#reporter.report(this.takeAnswers(), { written, reason, isRefusal });
  }

  checkPassed(): void {}
  checkFailed(): void {}
  onRoom(): void {}
  /** An operator's word is the judge's to hear. */
  pardon(): void {}

  close(): void {
    this.#reporter.onClose();
  }
}
