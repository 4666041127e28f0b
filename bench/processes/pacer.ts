// A thread that tells open-load.ts when messages are due. Timers of the event loop are good to a millisecond; a thread that does
// nothing but wait is good to a tenth of that. Promises: the last word comes when all are due.
import { parentPort, workerData } from 'node:worker_threads';

export interface Pace {
  /** Microseconds of the machine's monotonic clock. */
  readonly startAt: number;
  readonly everyMicros: number;
  readonly forMicros: number;
}

const { startAt, everyMicros, forMicros } = workerData as Pace;
const never = new Int32Array(new SharedArrayBuffer(4));

for (let at = 0; at < forMicros + everyMicros; at += everyMicros) {
  const left = startAt + at - Number(process.hrtime.bigint()) / 1_000;
  if (left > 0) Atomics.wait(never, 0, 0, left / 1_000);
  parentPort?.postMessage(at);
}
