// What streamed bodies leave behind: a buffer for each read, which is garbage once it is written. Promises that it is
// collected every few MiB of them where Node.js runs with `--expose-gc`, so that a body of any length takes little memory.

/**
 * V8 counts a buffer of 64 KiB as an object of some 100 bytes, and looks at what is behind it when 64 MiB of them have
 * piled up, which malloc then keeps. A young collection takes about a millisecond, so this often it is not felt.
 */
const COLLECT_AFTER_BYTES = 16 * 1024 * 1024;

let spentBytes = 0;

/** Counts the bytes of a body as they go by, whichever way. */
export function spend(bytes: number): void {
  spentBytes += bytes;
  if (spentBytes < COLLECT_AFTER_BYTES) return;
  spentBytes = 0;
  // Without the flag V8 collects when it does: at 64 MiB.
  globalThis.gc?.({ type: 'minor' });
}
