// What streamed bodies leave behind: a buffer for each read, which is garbage once it is written. Promises that it is
// collected every few MiB of them, so that a body of any length takes a fixed amount of memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8 counts a buffer of 64 KiB as an object of some 100 bytes, and looks at what is behind it when 64 MiB of them have
 * piled up, which malloc then keeps. A young collection takes about a millisecond, so this often it is not felt.
 */
const COLLECT_AFTER_BYTES = 16 * 1024 * 1024;

let collect: (() => void) | undefined;
let spentBytes = 0;

/** Of a body as it goes by, whichever way. */
export function spend(bytes: number): void {
  spentBytes += bytes;
  if (spentBytes < COLLECT_AFTER_BYTES) return;
  spentBytes = 0;
  collect ??= findCollector();
  collect();
}

/** Node.js has no name for it but with a flag on its command line; a context that is made under the flag has. */
function findCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  return typeof found === 'function'
    ? () => void Reflect.apply(found, undefined, [{ type: 'minor' }])
    : () => {};
}
