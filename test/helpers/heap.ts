// How much the heap holds once everything is collected that nobody holds on to.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('globalThis.gc') as () => void;

export function usedBytes(): number {
  // What is freed only by a finalizer goes with the second one.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
