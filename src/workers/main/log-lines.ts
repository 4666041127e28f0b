// What a worker writes to its standard output, which is its log, on its way into the gateway's. Promises whole lines: lines of several
// processes never stand within each other, and one that its process did not finish is left out.

/** Where whole lines go. */
export type TakeLines = (bytes: Buffer, lines: number) => void;

const LINE_END = 0x0a;
/** Longer than any line of a log. */
const MAX_LINE_BYTES = 1024 * 1024;

export class LogLines {
  readonly #take: TakeLines;
  #rest: Buffer = Buffer.alloc(0);

  constructor(take: TakeLines) {
    this.#take = take;
  }

  push(bytes: Buffer): void {
    const end = bytes.lastIndexOf(LINE_END) + 1;
    if (end === 0) {
      this.#keep(Buffer.concat([this.#rest, bytes]));
      return;
    }
    const whole = bytes.subarray(0, end);
    const taken = this.#rest.length === 0 ? whole : Buffer.concat([this.#rest, whole]);
    this.#keep(Buffer.from(bytes.subarray(end)));
    this.#take(taken, count(taken));
  }

  #keep(rest: Buffer): void {
    this.#rest = rest.length > MAX_LINE_BYTES ? Buffer.alloc(0) : rest;
  }
}

function count(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) lines++;
  return lines;
}
