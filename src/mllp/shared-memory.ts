// Shared memory that the garbage collector knows of. V8 begins to collect when enough memory hangs on its objects, and
// counts no shared memory: of frames that are over, gigabytes could pile up.

/** With it hangs as much memory of the kind that is counted. Nothing touches that, so it takes addresses only. */
class CountedMemory extends SharedArrayBuffer {
  readonly #counted: ArrayBuffer[] = [];

  count(bytes: number): void {
    try {
      // One that could be resized is mapped and not cleared; any other may lie in memory that is in use already.
      this.#counted.push(new ArrayBuffer(bytes, { maxByteLength: bytes }));
    } catch {
      // No addresses are left for it. What there was to be collected has been, before this was thrown.
    }
  }
}

export function sharedMemory(bytes: number, maxBytes?: number): SharedArrayBuffer {
  const memory = new CountedMemory(bytes, maxBytes === undefined ? {} : { maxByteLength: maxBytes });
  memory.count(bytes);
  return memory;
}

/** At most to its largest size. */
export function growShared(memory: SharedArrayBuffer, bytes: number): void {
  const grown = Math.min(memory.maxByteLength, bytes);
  const more = grown - memory.byteLength;
  memory.grow(grown);
  if (memory instanceof CountedMemory) memory.count(more);
}
