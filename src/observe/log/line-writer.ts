// JSON lines written as bytes where they are gathered, for what is told of each message: no object, no string of the whole
// line. Promises the text that JSON.stringify would make.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BAR = 0x7c;
const DOT = 0x2e;
const ZERO = 0x30;
/** Integers up to here are divided without loss. */
const MAX_DIGITS = 1e9;

/** The key of a member behind others, with its colon. */
export function memberKey(name: string): Buffer {
  return Buffer.from(`,${JSON.stringify(name)}:`);
}

export class LineWriter {
  readonly bytes: Buffer;
  /** Bytes that are written. */
  used = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  get room(): number {
    return this.bytes.length - this.used;
  }

  /** As it is. */
  raw(text: Buffer): void {
    // A loop is faster than a call for what is as short as keys are.
    const { bytes } = this;
    let at = this.used;
    for (let i = 0; i < text.length; i++) bytes[at++] = text[i] as number;
    this.used = at;
  }

  /** As it is, in UTF-8. */
  utf8(text: string): void {
    this.used += this.bytes.write(text, this.used);
  }

  /** A member of this text. */
  text(key: Buffer, value: string): void {
    this.raw(key);
    const { bytes, used } = this;
    let at = used;
    bytes[at++] = QUOTE;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (!isPlain(code)) {
        this.utf8(JSON.stringify(value));
        return;
      }
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    this.used = at;
  }

  /**
   * A member with these bytes for its text; false, and nothing is written, where one of them is not printable ASCII or there
   * are more than `max`.
   */
  ascii(key: Buffer, from: Buffer, start: number, end: number, max: number): boolean {
    const before = this.used;
    this.raw(key);
    this.bytes[this.used++] = QUOTE;
    if (!this.#more(from, start, end, max)) {
      this.used = before;
      return false;
    }
    this.bytes[this.used++] = QUOTE;
    return true;
  }

  /** `start`…`end` and `next`…`last` as one text, with a bar between; false as above. */
  asciiPair(
    key: Buffer,
    from: Buffer,
    start: number,
    end: number,
    next: number,
    last: number,
    max: number,
  ): boolean {
    const before = this.used;
    this.raw(key);
    this.bytes[this.used++] = QUOTE;
    if (this.#more(from, start, end, max)) {
      this.bytes[this.used++] = BAR;
      if (this.#more(from, next, last, max)) {
        this.bytes[this.used++] = QUOTE;
        return true;
      }
    }
    this.used = before;
    return false;
  }

  #more(from: Buffer, start: number, end: number, max: number): boolean {
    if (end - start > max) return false;
    const { bytes } = this;
    let at = this.used;
    for (let i = start; i < end; i++) {
      const code = from[i] as number;
      if (!isPlain(code)) return false;
      bytes[at++] = code;
    }
    this.used = at;
    return true;
  }

  /** A member of this integer, 0 or above. */
  count(key: Buffer, value: number): void {
    this.raw(key);
    this.#integer(value);
  }

  /** A member of this number, 0 or above, of which hundredths count. */
  hundredths(key: Buffer, value: number): void {
    const all = Math.round(value * 100);
    this.raw(key);
    if (!(all >= 0 && all < MAX_DIGITS)) {
      this.utf8(String(all / 100));
      return;
    }
    const whole = Math.floor(all / 100);
    this.#integer(whole);
    const rest = all - whole * 100;
    if (rest === 0) return;
    const { bytes } = this;
    bytes[this.used++] = DOT;
    bytes[this.used++] = ZERO + Math.floor(rest / 10);
    if (rest % 10 !== 0) bytes[this.used++] = ZERO + (rest % 10);
  }

  #integer(value: number): void {
    if (!(value >= 0 && value < MAX_DIGITS)) {
      this.utf8(String(value));
      return;
    }
    let digits = 1;
    for (let bound = 10; value >= bound; bound *= 10) digits++;
    let rest = value;
    for (let at = this.used + digits - 1; at >= this.used; at--) {
      const tens = Math.floor(rest / 10);
      this.bytes[at] = ZERO + (rest - tens * 10);
      rest = tens;
    }
    this.used += digits;
  }
}

/** In a JSON text as it is, and one byte of UTF-8. */
function isPlain(code: number): boolean {
  return code >= 0x20 && code <= 0x7e && code !== QUOTE && code !== BACKSLASH;
}
