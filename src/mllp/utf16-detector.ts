// Tells MLLP's framing written in UTF-16, with the start block, the end block and CR as characters of two bytes, from framing in
// single bytes (F99). Promises that a sender of the latter is none of the former, whatever its messages are encoded in.
export type Utf16 = 'utf-16le' | 'utf-16be';

/** Bytes of a connection that begins so; LETTER: the first of MSH, FHS or BHS. */
interface Start {
  readonly encoding: Utf16;
  readonly bytes: readonly number[];
  /** Where its start block's `0B` is. */
  readonly startBlockAt: number;
}

const LETTER = -1;

function start(encoding: Utf16, ...bytes: readonly number[]): Start {
  return { encoding, bytes, startBlockAt: bytes.indexOf(0x0b) };
}

/** With a byte order mark before the start block, behind it, or none. */
const STARTS: readonly Start[] = [
  start('utf-16be', 0x00, 0x0b, 0x00, LETTER),
  start('utf-16be', 0x00, 0x0b, 0xfe, 0xff, 0x00, LETTER),
  start('utf-16be', 0xfe, 0xff, 0x00, 0x0b, 0x00, LETTER),
  start('utf-16le', 0x0b, 0x00, LETTER, 0x00),
  start('utf-16le', 0x0b, 0x00, 0xff, 0xfe, LETTER, 0x00),
  start('utf-16le', 0xff, 0xfe, 0x0b, 0x00, LETTER, 0x00),
];

const MAX_START_BYTES = 6;

/**
 * What tells the two framings apart is the end: a payload in UTF-16BE that is framed in single bytes begins as one in
 * UTF-16LE framing does, and a NUL before it makes it look like UTF-16BE framing. In neither would text hold U+001C.
 */
const ENDS: Readonly<Record<Utf16, Buffer>> = {
  'utf-16be': Buffer.of(0x00, 0x1c, 0x00, 0x0d),
  'utf-16le': Buffer.of(0x00, 0x1c, 0x00, 0x0d, 0x00),
};

/** Where the first message of a connection ends, if it is framed in UTF-16. */
export interface Utf16End {
  readonly encoding: Utf16;
  /** Offset behind it in the chunk that was pushed last. */
  readonly to: number;
}

/** Watches the first message of a connection. */
export class Utf16Detector {
  #head: Buffer = Buffer.alloc(0);
  #start: Start | undefined;
  /** The last bytes before the next chunk: an end may begin in them. */
  #tail: Buffer = Buffer.alloc(0);
  /** Bytes that have come since the start block's `0B`, that included. */
  #count = 0;

  /** `plain`: it is not; undefined: it may be, and has not ended. */
  push(chunk: Buffer): Utf16End | 'plain' | undefined {
    let bytes = chunk;
    if (this.#start === undefined) {
      const missing = MAX_START_BYTES - this.#head.length;
      const known = this.#head.length;
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, missing)]);
      const found = startOf(this.#head);
      if (found === undefined) return 'plain';
      if (found === 'open') return undefined;
      this.#start = found;
      // What was looked at already is looked at again with the rest of the frame.
      const before = this.#head.subarray(found.startBlockAt, Math.max(known, found.startBlockAt));
      this.#tail = before;
      this.#count = before.length;
      bytes = chunk.subarray(Math.max(0, found.startBlockAt - known));
    }
    return this.#findEnd(chunk, bytes, this.#start.encoding);
  }

  /** `bytes`: what is left of `chunk` from the frame's first byte on. */
  #findEnd(chunk: Buffer, bytes: Buffer, encoding: Utf16): Utf16End | undefined {
    const end = ENDS[encoding];
    const all = Buffer.concat([this.#tail, bytes]);
    const first = this.#count - this.#tail.length;
    for (let at = all.indexOf(end); at >= 0; at = all.indexOf(end, at + 1)) {
      // The second byte of a character in UTF-16BE, the first in UTF-16LE: both at an even place behind `0B`.
      if ((first + at + 1) % 2 === 0) return { encoding, to: at + end.length - all.length + chunk.length };
    }
    this.#count += bytes.length;
    this.#tail = all.subarray(Math.max(0, all.length - end.length + 1));
    return undefined;
  }
}

function startOf(head: Buffer): Start | 'open' | undefined {
  let open: 'open' | undefined;
  for (const candidate of STARTS) {
    const { bytes } = candidate;
    if (!bytes.every((byte, i) => i >= head.length || fits(head[i] as number, byte))) continue;
    if (head.length >= bytes.length) return candidate;
    open = 'open';
  }
  return open;
}

function fits(byte: number, expected: number): boolean {
  return expected === LETTER ? byte === 0x4d || byte === 0x46 || byte === 0x42 : byte === expected;
}
