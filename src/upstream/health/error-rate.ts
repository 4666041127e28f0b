// The share of negative answers of one node over a sliding window, in constant time and space for each answer.
import type { ErrorRateConfig } from '../../config/health-config.ts';

/** The window moves on in so many steps: at worst it looks back a tenth less than asked for. */
const STEPS = 10;

export class ErrorRate {
  readonly #config: ErrorRateConfig;
  readonly #stepMs: number;
  readonly #answers = new Array<number>(STEPS).fill(0);
  readonly #negatives = new Array<number>(STEPS).fill(0);
  #answerCount = 0;
  #negativeCount = 0;
  #step = 0;

  constructor(config: ErrorRateConfig) {
    this.#config = config;
    this.#stepMs = config.windowMs / STEPS;
  }

  /** Notes an answer; returns whether the rate is above what the config allows. `now`: a clock that never goes back. */
  add(negative: boolean, now: number): boolean {
    this.#moveTo(Math.floor(now / this.#stepMs));
    const at = this.#step % STEPS;
    this.#answers[at] = (this.#answers[at] ?? 0) + 1;
    this.#answerCount++;
    if (!negative) return false;
    this.#negatives[at] = (this.#negatives[at] ?? 0) + 1;
    this.#negativeCount++;
    const { answers, share } = this.#config;
    return this.#answerCount >= answers && this.#negativeCount > share * this.#answerCount;
  }

  /** Begins anew. */
  clear(): void {
    this.#answers.fill(0);
    this.#negatives.fill(0);
    this.#answerCount = 0;
    this.#negativeCount = 0;
  }

  #moveTo(step: number): void {
    if (step - this.#step >= STEPS) this.clear();
    else {
      for (let old = this.#step + 1; old <= step; old++) {
        const at = old % STEPS;
        this.#answerCount -= this.#answers[at] ?? 0;
        this.#negativeCount -= this.#negatives[at] ?? 0;
        this.#answers[at] = 0;
        this.#negatives[at] = 0;
      }
    }
    this.#step = step;
  }
}
