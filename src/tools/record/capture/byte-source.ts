// A file read piece by piece, whatever its size: only what is asked for lies in memory.
import { closeSync, openSync, readSync } from 'node:fs';
import { causeCode, GatewayError } from '../../../errors.ts';

/** One system call brings a thousand small packets. */
const READ_BYTES = 1024 * 1024;

export class ByteSource implements Disposable {
  readonly #file: number;
  readonly #path: string;
  #held: Buffer = Buffer.alloc(0);

  /** @throws GatewayError GW_ERR_FILE */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, 'r');
    } catch (cause) {
      const reason = causeCode(cause) === 'ENOENT' ? 'no such file' : causeCode(cause);
      throw new GatewayError('GW_ERR_FILE', { detail: `${path}: ${reason}`, cause });
    }
  }

  /** The next `size` bytes, or those that are left. A copy: they may be kept. */
  take(size: number): Buffer {
    while (this.#held.length < size) {
      const more = this.#read(Math.max(READ_BYTES, size - this.#held.length));
      if (more.length === 0) break;
      this.#held = this.#held.length === 0 ? more : Buffer.concat([this.#held, more]);
    }
    const taken = Buffer.from(this.#held.subarray(0, size));
    this.#held = this.#held.subarray(taken.length);
    return taken;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #read(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    try {
      return bytes.subarray(0, readSync(this.#file, bytes, 0, size, null));
    } catch (cause) {
      throw new GatewayError('GW_ERR_FILE', { detail: `${this.#path}: ${causeCode(cause)}`, cause });
    }
  }
}
