// The folder of a spool: files are made in it, taken over from those who have ended, read and removed. Promises that two who
// take over never both have a file, and that what is made is there after a power cut.
import {
  access,
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  unlink,
} from 'node:fs/promises';
import { join } from 'node:path';
import { causeCode } from '../../../errors.ts';
import { wallMs } from '../../../platform/time.ts';
import { syncFolder } from '../../../sync-folder.ts';
import { isAlive, Owner } from './owner.ts';
import { type Decoded, decoded, fileName, parseName } from './segment.ts';

/** A file as it was found; what is in it is read again when its turn has come. */
export interface SpoolFile {
  readonly name: string;
  readonly bytes: number;
  readonly count: number;
  readonly damaged: number;
}

export class SpoolFolder {
  readonly path: string;
  readonly #owner = new Owner();
  /** Files that it has. */
  readonly #names = new Set<string>();
  #lastAt = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Makes it where it is not there, for its owner only. Rejects where nothing can be written to it. */
  async make(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await access(this.path, constants.W_OK | constants.X_OK);
  }

  /** A new file, behind all others. */
  async create(): Promise<{ readonly name: string; readonly file: FileHandle }> {
    this.#lastAt = Math.max(wallMs(), this.#lastAt + 1);
    const name = fileName({ at: this.#lastAt, owner: this.#owner.token });
    const file = await open(join(this.path, name), 'ax', 0o600);
    this.#names.add(name);
    try {
      await syncFolder(this.path);
    } catch (thrown) {
      await file.close().catch(() => {});
      await this.remove(name).catch(() => {});
      throw thrown;
    }
    return { name, file };
  }

  /** Those of processes and queues that have ended are this one's from now on, the oldest first. */
  async adopt(): Promise<readonly SpoolFile[]> {
    const found: SpoolFile[] = [];
    for (const name of (await readdir(this.path)).toSorted()) {
      const parsed = parseName(name);
      if (parsed === undefined || this.#names.has(name)) continue;
      if (parsed.owner !== this.#owner.token && isAlive(parsed.owner)) continue;
      const own = this.#free(parsed.at);
      try {
        await rename(join(this.path, name), join(this.path, own));
      } catch (thrown) {
        // Somebody else was quicker.
        if (causeCode(thrown) === 'ENOENT') continue;
        throw thrown;
      }
      const { bytes, records, damaged } = await this.read(own);
      this.#names.add(own);
      found.push({ name: own, bytes, count: records.length, damaged });
    }
    return found;
  }

  async read(name: string): Promise<Decoded & { readonly bytes: number }> {
    const text = await readFile(join(this.path, name), 'latin1');
    return { bytes: text.length, ...decoded(text) };
  }

  async remove(name: string): Promise<void> {
    this.#names.delete(name);
    await unlink(join(this.path, name)).catch((thrown: unknown) => {
      if (causeCode(thrown) !== 'ENOENT') throw thrown;
    });
  }

  /** Its files are nobody's from now on. */
  release(): void {
    this.#owner.release();
  }

  /** Two processes may have made a file in the same millisecond. New ones come behind it, also where the clock was set back. */
  #free(from: number): string {
    for (let at = from; ; at++) {
      const name = fileName({ at, owner: this.#owner.token });
      this.#lastAt = Math.max(this.#lastAt, at);
      if (!this.#names.has(name)) return name;
    }
  }
}
