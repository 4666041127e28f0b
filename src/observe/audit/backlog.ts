// Records that one place has not taken yet, in order. Promises that none is forgotten before that place is known to have it,
// and that there is a bound to them.

export interface Backlog {
  /** Records that may wait in memory. */
  max: number;
  /** All that are here, also those that were given out and are not known to be taken. */
  readonly count: number;
  /** Of them, those that outlive the process. */
  readonly kept: number;
  /** Some are to be given out that were not before. To be set by whoever asks for them. */
  onReady: () => void;
  /** So many were lost that were here. To be set likewise. */
  onLost: (count: number) => void;
  /** @throws GatewayError GW_ERR_FILE where it has a folder that cannot be written to now */
  open(): Promise<void>;
  /** It is in use from now on; looks for what others have left, at each call. */
  begin(): void;
  /** False: there is no room. */
  add(record: string): boolean;
  /** Those of another backlog that is no more, before what was not given out yet; returns how many there was no room for. */
  takeOver(records: readonly string[]): number;
  /** The next ones to be given out; none: there are none now. */
  next(): Promise<readonly string[]>;
  /** Those that were given out are taken: they are forgotten. */
  taken(): Promise<void>;
  /** Those that were given out are given out again. */
  again(): void;
  /** Resolves when all that was added can be given out, or cannot be for now. */
  settled(): Promise<void>;
  /** Nothing is asked of it any more. Returns those that are in memory alone. */
  close(): Promise<readonly string[]>;
}

/** Of records of 1 to 2 KB: large enough for a burst, small enough to be written again. */
export const BATCH = 100;

/** Gone with the process. */
export class MemoryBacklog implements Backlog {
  readonly kept = 0;
  onReady: () => void = () => {};
  onLost: (count: number) => void = () => {};
  max: number;
  #records: string[] = [];
  #given = 0;

  constructor(max: number) {
    this.max = max;
  }

  get count(): number {
    return this.#records.length;
  }

  async open(): Promise<void> {}

  begin(): void {}

  /** What does not fit is refused, and not what is there: a flood must not push out what came before it. */
  add(record: string): boolean {
    if (this.#records.length >= this.max) return false;
    this.#records.push(record);
    this.onReady();
    return true;
  }

  takeOver(records: readonly string[]): number {
    const fitting = records.slice(0, Math.max(0, this.max - this.#records.length));
    this.#records = [...this.#records.slice(0, this.#given), ...fitting, ...this.#records.slice(this.#given)];
    if (fitting.length > 0) this.onReady();
    return records.length - fitting.length;
  }

  async next(): Promise<readonly string[]> {
    const batch = this.#records.slice(this.#given, this.#given + BATCH);
    this.#given += batch.length;
    return batch;
  }

  async taken(): Promise<void> {
    this.#records.splice(0, this.#given);
    this.#given = 0;
  }

  again(): void {
    this.#given = 0;
  }

  async settled(): Promise<void> {}

  async close(): Promise<readonly string[]> {
    const left = this.#records;
    this.#records = [];
    this.#given = 0;
    return left;
  }
}
