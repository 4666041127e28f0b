// The files of one spool, in order: the last one is written to, the first ones are given out. Promises that a record that was
// written is given out until it is taken, and that what is done to the files is done one after the other.
import type { FileHandle } from 'node:fs/promises';
import { encoded } from './segment.ts';
import type { SpoolFile, SpoolFolder } from './spool-folder.ts';

export interface SegmentsWatcher {
  /** So many records were on the disk and are none any more. */
  onLost(count: number): void;
  /** A file could not be read or removed. */
  onTrouble(cause: unknown): void;
}

/**
 * A file of so many bytes is closed, and no more is written at once: what comes again after a kill is one file of less than
 * twice as many, 180 to 360 records.
 */
export const SEGMENT_BYTES = 256 * 1024;

/** A file. Of its records those before `from` are taken, those before `given` were given out. */
interface Segment {
  readonly name: string;
  bytes: number;
  count: number;
  from: number;
  given: number;
  /** While they are asked for, or it is written to. */
  records: string[] | undefined;
  /** While it is written to. */
  file: FileHandle | undefined;
  /** It stays where it is, for whoever mends the disk. */
  isUnreadable: boolean;
}

export class Segments {
  readonly #folder: SpoolFolder;
  readonly #watcher: SegmentsWatcher;
  #segments: Segment[] = [];
  #disk: Promise<unknown> = Promise.resolve();

  constructor(folder: SpoolFolder, watcher: SegmentsWatcher) {
    this.#folder = folder;
    this.#watcher = watcher;
  }

  /** Records that are not known to be taken. */
  get count(): number {
    return this.#segments.reduce((sum, { count, from }) => sum + count - from, 0);
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Resolves when they are on the disk. Rejects where they may not be: they are to be written again. */
  append(records: readonly string[]): Promise<void> {
    return this.locked(async () => {
      const segment = this.#segments.find(({ file }) => file !== undefined) ?? (await this.#create());
      try {
        const text = records.map(encoded).join('');
        await segment.file?.appendFile(text, 'latin1');
        await segment.file?.datasync();
        segment.records?.push(...records);
        segment.count += records.length;
        segment.bytes += text.length;
        if (segment.bytes >= SEGMENT_BYTES) await this.#seal(segment);
      } catch (thrown) {
        // Nobody knows what of it is on the disk, so that nothing may follow it there.
        await this.#seal(segment);
        throw thrown;
      }
    });
  }

  /** At most so many, of those that were not given out; none: there are none. */
  async next(most: number): Promise<readonly string[]> {
    for (const segment of [...this.#segments]) {
      if (segment.given >= segment.count) continue;
      segment.records ??= await this.#read(segment);
      const batch = segment.records.slice(segment.given, segment.given + most);
      segment.given += batch.length;
      if (segment.given >= segment.count && segment.file === undefined) segment.records = undefined;
      if (batch.length > 0) return batch;
    }
    return [];
  }

  /** Files of which all records are taken are removed. */
  async taken(): Promise<void> {
    for (const segment of this.#segments) segment.from = segment.given;
    await this.locked(async () => {
      for (const segment of this.#segments.filter(({ from, count }) => from >= count)) {
        await this.#seal(segment);
        this.#segments = this.#segments.filter((one) => one !== segment);
        if (!segment.isUnreadable) await this.#folder.remove(segment.name).catch(this.#watcher.onTrouble);
      }
    });
  }

  again(): void {
    for (const segment of this.#segments) segment.given = segment.from;
  }

  /** Resolves to whether there were any that others had left. */
  adopt(): Promise<boolean> {
    return this.locked(async () => {
      await this.#folder.make();
      const found = await this.#folder.adopt();
      for (const { damaged } of found) if (damaged > 0) this.#watcher.onLost(damaged);
      // They are older than all of which nothing was given out yet.
      const begun = this.#segments.filter(({ given }) => given > 0);
      const others = this.#segments.filter(({ given }) => given === 0);
      const rest = [...found.map(adopted), ...others].toSorted((a, b) => (a.name < b.name ? -1 : 1));
      this.#segments = [...begun, ...rest];
      return found.length > 0;
    });
  }

  /** Nothing is written any more, and what is there is nobody's. */
  close(): Promise<void> {
    return this.locked(async () => {
      for (const segment of [...this.#segments]) await this.#seal(segment);
      this.#folder.release();
    });
  }

  /** When all that was asked for before is done. */
  locked<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#disk.then(work);
    this.#disk = done.catch(() => {});
    return done;
  }

  async #create(): Promise<Segment> {
    await this.#folder.make();
    const { name, file } = await this.#folder.create();
    const segment = { ...adopted({ name, bytes: 0, count: 0, damaged: 0 }), records: [], file };
    this.#segments.push(segment);
    return segment;
  }

  /** It is not written to any more; never rejects. */
  async #seal(segment: Segment): Promise<void> {
    const { file } = segment;
    if (file === undefined) return;
    segment.file = undefined;
    segment.records = undefined;
    await file.close().catch(() => {});
    if (segment.count > 0) return;
    this.#segments = this.#segments.filter((one) => one !== segment);
    await this.#folder.remove(segment.name).catch(() => {});
  }

  async #read(segment: Segment): Promise<string[]> {
    const { name, count } = segment;
    let records: readonly string[] = [];
    try {
      ({ records } = await this.#folder.read(name));
    } catch (thrown) {
      segment.isUnreadable = true;
      this.#watcher.onTrouble(thrown);
    }
    if (records.length < count) this.#watcher.onLost(count - records.length);
    segment.count = records.length;
    return [...records];
  }
}

function adopted({ name, bytes, count }: SpoolFile): Segment {
  return {
    name,
    bytes,
    count,
    from: 0,
    given: 0,
    records: undefined,
    file: undefined,
    isUnreadable: false,
  };
}
