// Says that spans were lost: the first at once, then once in a while how many more and since when. Promises one line a minute
// at most, and none that is left out for good.
import { setTimeout, wallMs } from '../../platform/time.ts';
import type { Log } from '../log/log.ts';

const PERIOD_MS = 60_000;

export class DropReport {
  readonly #log: Log;
  #spans = 0;
  #since = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  note(spans: number): void {
    if (this.#spans === 0) this.#since = new Date(wallMs()).toISOString();
    this.#spans += spans;
    if (this.#timer !== undefined) return;
    this.flush();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#spans > 0) this.note(0);
    }, PERIOD_MS);
    this.#timer.unref();
  }

  /** What is not said yet. */
  flush(): void {
    if (this.#spans === 0) return;
    this.#log.warn({ spans: this.#spans, since: this.#since }, 'traces: spans were dropped');
    this.#spans = 0;
  }
}
