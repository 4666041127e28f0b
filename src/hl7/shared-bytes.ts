// Bytes that a parse worker reads where they lie: in shared memory, never in a clone of it. The gateway keeps them
// meanwhile, so a worker that dies takes no message with it.
import { sharedMemory } from '../mllp/shared-memory.ts';

/** Crosses to a worker as it is. */
export interface SharedBytes {
  readonly memory: SharedArrayBuffer;
  readonly offset: number;
  readonly length: number;
}

/** Without a copy where they lie in shared memory, as large frames do (src/mllp/frame-parts.ts). */
export function share(bytes: Buffer): SharedBytes {
  const { buffer, byteOffset, length } = bytes;
  if (buffer instanceof SharedArrayBuffer) return { memory: buffer, offset: byteOffset, length };
  const memory = sharedMemory(length);
  Buffer.from(memory).set(bytes);
  return { memory, offset: 0, length };
}

export function bytesOf({ memory, offset, length }: SharedBytes): Buffer {
  return Buffer.from(memory, offset, length);
}

/**
 * For a worker: the same bytes. V8 collects what nobody uses any more when enough memory hangs on it, and does not count
 * shared memory: a worker that has read sixty messages of 50 MB would hold all 3 GB of them. So twice as much memory of the
 * other kind is made and dropped; it is never touched, and takes addresses only.
 */
export function borrow(shared: SharedBytes): Buffer {
  try {
    new ArrayBuffer(2 * shared.length);
  } catch {
    // No addresses are left for it: what there was to be collected has been, before this was thrown.
  }
  return bytesOf(shared);
}
