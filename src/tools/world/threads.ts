// The parse pool's threads of a simulated world: a task takes a while and is then done, unless its thread dies or hangs. Promises: what a
// task is given and gives back is copied or moved as between threads.
import parse from '../../hl7/parse-worker.ts';
import type { ThreadRunOptions, Threads } from '../../platform/platform.ts';
import type { Prng } from './prng.ts';
import type { VirtualTime } from './virtual-time.ts';

const TASK_MS = [0.2, 3] as const;

export class ThreadTroubles {
  /** Until then every task's thread ends, or never does anything. */
  dyingUntilMs = 0;
  hangingUntilMs = 0;
}

export class SimulatedThreads implements Threads {
  readonly #time: VirtualTime;
  readonly #prng: Prng;
  readonly #troubles: ThreadTroubles;
  #isEnded = false;

  constructor(time: VirtualTime, prng: Prng, troubles: ThreadTroubles) {
    this.#time = time;
    this.#prng = prng;
    this.#troubles = troubles;
  }

  run(task: unknown, { signal, transferList }: ThreadRunOptions): Promise<unknown> {
    const transfer = Array.isArray(transferList) ? (transferList as ArrayBuffer[]) : [];
    const given: unknown = structuredClone(task, { transfer });
    return new Promise((resolve, reject) => {
      const end = (name: string): void => reject(Object.assign(new Error(name), { name, code: name }));
      signal.addEventListener('abort', () => end('AbortError'), { once: true });
      const ms = TASK_MS[0] + this.#prng.next() * (TASK_MS[1] - TASK_MS[0]);
      this.#time.after(ms, () => {
        if (this.#isEnded || this.#time.nowMs < this.#troubles.dyingUntilMs) end('ERR_WORKER_OUT_OF_MEMORY');
        else if (this.#time.nowMs >= this.#troubles.hangingUntilMs)
          Promise.resolve(parse(given as Parameters<typeof parse>[0])).then(
            (reply) => resolve(structuredClone(reply)),
            reject,
          );
      });
    });
  }

  on(): this {
    return this;
  }

  async destroy(): Promise<void> {
    this.#isEnded = true;
  }
}
