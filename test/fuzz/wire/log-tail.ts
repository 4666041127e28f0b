// Reads a growing file of JSON lines, each line once. Promises: a line that is not whole yet comes with the next reading.
import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 1024 * 1024;

export class LogTail {
  readonly #path: string;
  #offset = 0;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  *lines(): Generator<Record<string, unknown>> {
    const fd = openSync(this.#path, 'r');
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (let read = readSync(fd, chunk, 0, CHUNK_BYTES, this.#offset); read > 0; ) {
        this.#offset += read;
        const bytes = Buffer.concat([this.#rest, chunk.subarray(0, read)]);
        const end = bytes.lastIndexOf(0x0a) + 1;
        this.#rest = bytes.subarray(end);
        for (const line of bytes.toString('utf8', 0, end).split('\n'))
          if (line !== '') yield JSON.parse(line);
        read = readSync(fd, chunk, 0, CHUNK_BYTES, this.#offset);
      }
    } finally {
      closeSync(fd);
    }
  }
}
