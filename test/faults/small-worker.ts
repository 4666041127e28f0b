// Runs one task of the parse pool in a thread whose heap is bounded, and says what came of it.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ParseTask } from '../../src/hl7/parse-tasks/table.ts';

const TABLE = new URL('../../src/hl7/parse-tasks/table.ts', import.meta.url).href;
const RUN = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(${JSON.stringify(TABLE)}).then(({ perform }) => perform(workerData)).then(
    (output) => parentPort.postMessage(output),
    (error) => parentPort.postMessage({ thrown: String(error) }),
  );
`;

/** Rejects with ERR_WORKER_OUT_OF_MEMORY where the heap is too small for it. */
export async function performWithin(heapMb: number, task: ParseTask): Promise<unknown> {
  const worker = new Worker(RUN, {
    eval: true,
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 8 },
  });
  const [output] = (await once(worker, 'message')) as [unknown];
  await worker.terminate();
  return output;
}
