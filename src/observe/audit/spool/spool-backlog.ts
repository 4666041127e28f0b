// Records that wait on the disk, for a repository that is away. Promises that a record that was written there is given out, in
// order and at least once, whatever ends the process or the machine, and that it takes no more room than it may.
// Each write is flushed (fdatasync) before its records count as being there; one is under way at a time, and what comes
// meanwhile goes with the next: from the event to the disk it is some milliseconds, in which a record is in memory alone.
import { causeCode, GatewayError } from '../../../errors.ts';
import { clearTimeout, setTimeout } from '../../../platform/time.ts';
import { BATCH, type Backlog } from '../backlog.ts';
import { sizeOf } from './segment.ts';
import { SEGMENT_BYTES, Segments } from './segments.ts';
import { SpoolFolder } from './spool-folder.ts';

export interface SpoolOptions {
  readonly folder: string;
  readonly maxBytes: number;
  /** Records that may wait in memory for the disk. */
  readonly max: number;
  /** It can be written to, or can no longer: only when that changes. */
  readonly onDisk: (error: GatewayError | undefined) => void;
}

/** Files of a process that has ended are looked for so often: a hot restart leaves some. */
const ADOPT_MS = 5_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** At the end what is in memory has so long to get to the disk. */
const LAST_WRITE_MS = 1_000;

export class SpoolBacklog implements Backlog {
  onReady: () => void = () => {};
  onLost: (count: number) => void = () => {};
  max: number;
  maxBytes: number;
  readonly #folder: SpoolFolder;
  readonly #segments: Segments;
  readonly #onDisk: SpoolOptions['onDisk'];
  /** In memory: not yet being written, being written, given out from memory because the disk takes none. */
  #incoming: string[] = [];
  #moving: readonly string[] = [];
  #direct: readonly string[] = [];
  /** Of all three, as they would be on the disk. */
  #memoryBytes = 0;
  #writing: Promise<void> | undefined;
  /** What others have left is known. */
  #first: Promise<void> | undefined;
  #adopting: NodeJS.Timeout | undefined;
  #failed = false;
  #endPause: (() => void) | undefined;
  #ending = false;
  #closed = false;

  constructor({ folder, maxBytes, max, onDisk }: SpoolOptions) {
    this.max = max;
    this.maxBytes = maxBytes;
    this.#onDisk = onDisk;
    this.#folder = new SpoolFolder(folder);
    this.#segments = new Segments(this.#folder, {
      onLost: (count) => this.onLost(count),
      onTrouble: (cause) => this.#note(cause),
    });
  }

  get count(): number {
    return this.#segments.count + this.#inMemory;
  }

  get kept(): number {
    return this.#segments.count;
  }

  /** @throws GatewayError GW_ERR_FILE where it cannot be written to now */
  async open(): Promise<void> {
    await this.#folder.make().catch((cause: unknown) => {
      throw failure(cause);
    });
  }

  /** Takes over what others have left; again and again, since one may end later. */
  begin(): void {
    if (this.#ending) return;
    clearTimeout(this.#adopting);
    const adopted = this.#adopt();
    this.#first ??= adopted;
    this.#adopting = setTimeout(() => this.begin(), ADOPT_MS);
    this.#adopting.unref();
  }

  /** What does not fit is refused, and not what is there: a flood must not push out what came before it. */
  add(record: string): boolean {
    const bytes = this.#memoryBytes + sizeOf(record);
    if (this.#inMemory >= this.max || this.#segments.bytes + bytes > this.maxBytes) return false;
    this.#incoming.push(record);
    this.#memoryBytes = bytes;
    this.#write();
    // The disk is waited for no longer: it goes out as it is.
    if (this.#failed) this.onReady();
    return true;
  }

  takeOver(records: readonly string[]): number {
    return records.filter((record) => !this.add(record)).length;
  }

  async next(): Promise<readonly string[]> {
    // What others have left is older.
    await this.#first;
    if (this.#ending) return [];
    const batch = await this.#segments.next(BATCH);
    if (batch.length > 0 || !this.#failed) return batch;
    // The disk takes none, and all that it has was given out: a repository that is there need not wait for a disk.
    const direct = this.#incoming.splice(0, BATCH);
    this.#direct = [...this.#direct, ...direct];
    return direct;
  }

  async taken(): Promise<void> {
    this.#memoryBytes -= sizeOfAll(this.#direct);
    this.#direct = [];
    if (!this.#closed) await this.#segments.taken();
  }

  again(): void {
    this.#segments.again();
    this.#incoming.unshift(...this.#direct);
    this.#direct = [];
    this.#write();
  }

  /** Resolves when all that was added is on the disk, or the disk takes none. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined && !this.#failed) await this.#segments.locked(async () => {});
  }

  async close(): Promise<readonly string[]> {
    this.#ending = true;
    clearTimeout(this.#adopting);
    this.again();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_WRITE_MS);
    });
    await Promise.race([this.settled(), late]);
    this.#closed = true;
    this.#endPause?.();
    await Promise.race([this.#segments.close(), late]);
    clearTimeout(timer);
    return [...this.#moving, ...this.#incoming];
  }

  get #inMemory(): number {
    return this.#incoming.length + this.#moving.length + this.#direct.length;
  }

  async #adopt(): Promise<void> {
    try {
      if (await this.#segments.adopt()) this.onReady();
    } catch (thrown) {
      this.#note(thrown);
    }
  }

  #write(): void {
    if (this.#closed || this.#incoming.length === 0) return;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      this.#write();
    });
  }

  async #writeAll(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    // What comes in this same turn goes along.
    await Promise.resolve();
    while (this.#incoming.length > 0 && !this.#closed) {
      const batch = this.#incoming.splice(0, fitting(this.#incoming, SEGMENT_BYTES));
      this.#moving = batch;
      try {
        await this.#segments.append(batch);
        this.#moving = [];
        this.#memoryBytes -= sizeOfAll(batch);
        pauseMs = FIRST_PAUSE_MS;
        this.#note(undefined);
        this.onReady();
      } catch (thrown) {
        this.#moving = [];
        this.#incoming.unshift(...batch);
        this.#note(thrown);
        this.onReady();
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  #note(thrown: unknown): void {
    const failed = thrown !== undefined;
    if (failed === this.#failed) return;
    this.#failed = failed;
    this.#onDisk(failed ? failure(thrown) : undefined);
  }

  #pause(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endPause?.(), ms);
      timer.unref();
      this.#endPause = () => {
        clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
    });
  }
}

function sizeOfAll(records: readonly string[]): number {
  return records.reduce((sum, record) => sum + sizeOf(record), 0);
}

/** How many of them, one at least, have no more bytes than this. */
function fitting(records: readonly string[], maxBytes: number): number {
  let bytes = 0;
  const over = records.findIndex((record) => {
    bytes += sizeOf(record);
    return bytes > maxBytes;
  });
  return over < 0 ? records.length : Math.max(over, 1);
}

function failure(cause: unknown): GatewayError {
  return new GatewayError('GW_ERR_FILE', { detail: `audit.spool: ${causeCode(cause)}`, cause });
}
