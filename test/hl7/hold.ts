// Holds tasks of faulty-parse-worker.ts that say `FAULT-HOLD`, until the test lets them go.
import { BroadcastChannel } from 'node:worker_threads';
import { until } from '../helpers/until.ts';

export const HOLD_CHANNEL = 'parse-worker-hold';

export const FAULTY_WORKER = new URL('./faulty-parse-worker.ts', import.meta.url);

export class Hold implements Disposable {
  /** How many tasks have come to a halt so far. */
  count = 0;
  readonly #channel = new BroadcastChannel(HOLD_CHANNEL);

  constructor() {
    this.#channel.onmessage = ({ data }: { data: unknown }) => {
      if (data === 'held') this.count++;
    };
  }

  async held(count: number): Promise<void> {
    await until(() => this.count >= count, { what: `${count} tasks held`, deadlineMs: 10_000 });
  }

  /** All that are held now. */
  letGo(): void {
    this.#channel.postMessage('go');
  }

  [Symbol.dispose](): void {
    this.letGo();
    this.#channel.close();
  }
}
