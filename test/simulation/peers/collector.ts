// A collector of spans in a simulated world. Promises: takes every batch a moment later, and keeps its bytes.
import type { SpanLine } from '../../../src/platform/platform.ts';
import type { VirtualTime } from '../../../src/tools/world/virtual-time.ts';

const TAKES_MS = 1;

export class SimulatedCollector {
  /** Each an ExportTraceServiceRequest. */
  readonly batches: Buffer[] = [];
  readonly #time: VirtualTime;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  open(): SpanLine {
    return {
      send: ({ bytes }, done) => {
        this.batches.push(Buffer.from(bytes));
        this.#time.after(TAKES_MS, () => done({ error: undefined, isTaken: true, rejected: 0 }));
      },
      shutdown: async () => {},
    };
  }
}
