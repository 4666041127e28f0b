// How long a node is left out: longer each time in a row, up to a limit. One timer, which keeps no process alive.
import type { EjectionConfig } from '../../config/health-config.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';

export class EjectionTimer {
  readonly #config: Pick<EjectionConfig, 'baseMs' | 'maxMs'>;
  readonly #onOver: () => void;
  #inRow = 0;
  #count = 0;
  #until = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(config: Pick<EjectionConfig, 'baseMs' | 'maxMs'>, onOver: () => void) {
    this.#config = config;
    this.#onOver = onOver;
  }

  get isOver(): boolean {
    return this.#timer === undefined;
  }

  get leftMs(): number {
    return this.isOver ? 0 : Math.max(this.#until - monotonicMs(), 0);
  }

  /** How often it was for a time of growing length. */
  get count(): number {
    return this.#count;
  }

  /** The nth time in a row for n times as long. */
  beginLonger(): void {
    this.#count++;
    const { baseMs, maxMs } = this.#config;
    this.beginFor(Math.min(baseMs * ++this.#inRow, maxMs));
  }

  /** 0: it is over at once, and nobody is told. */
  beginFor(ms: number): void {
    this.end();
    if (ms === 0) return;
    this.#until = monotonicMs() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#onOver();
    }, ms);
    this.#timer.unref();
  }

  /** Over before its time; nobody is told. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** What comes next is the first in a row. */
  forget(): void {
    this.#inRow = 0;
  }
}
