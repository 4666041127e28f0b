// Scans a start line and header fields, or the fields behind a body, as strictly as RFC 9112 allows. Promises that where reads
// cut the bytes makes no difference, that each byte is looked at once, and that what two readers could take in two ways is refused.
import { type HeaderFields, lowerCase } from './fields.ts';

/** A response that is none, or that two readers could read in two ways. Its message names the rule, and nothing of the bytes. */
export class ResponseError extends Error {}

export interface HeadLimits {
  readonly maxBytes: number;
  readonly maxFields: number;
}

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HT = 0x09;
const COLON = 0x3a;

/** RFC 9110 5.6.2. */
const TOKEN = 1;
/** RFC 9110 5.5: visible, blank, tab, or of another charset. */
const TEXT = 2;
const KINDS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const isText = byte === HT || (byte >= SP && byte !== 0x7f);
  const isToken = /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(byte));
  KINDS[byte] = (isText ? TEXT : 0) | (isToken ? TOKEN : 0);
}

export function isFieldText(byte: number): boolean {
  return ((KINDS[byte] as number) & TEXT) !== 0;
}

export function isTokenByte(byte: number): boolean {
  return ((KINDS[byte] as number) & TOKEN) !== 0;
}

/** What the next byte is of. */
type Place = 'line' | 'line-lf' | 'field' | 'name' | 'blank' | 'value' | 'value-lf' | 'end-lf';

/** Where an answer to a scan that is not at its end stands. */
const NOT_YET = -1;
const FIRST_HELD_BYTES = 1024;

export class HeadScanner {
  readonly #limits: HeadLimits;
  #place: Place = 'line';
  /** Of the next byte to look at; like all positions here it counts from the head's first byte. */
  #at = 0;
  #lineEnd = 0;
  #start = 0;
  #nameEnd = 0;
  /** Of each field where its name begins and ends, and where its value does. */
  readonly #marks: number[] = [];
  /** What has come of a head that is not whole. */
  #held: Buffer | undefined;
  #heldBytes = 0;
  #line = '';
  #fields: HeaderFields = [];

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** The start line of the head that was whole last. */
  get line(): string {
    return this.#line;
  }

  /** The fields of that head: names in lower case, values without the blanks around them, as they came. */
  get fields(): HeaderFields {
    return this.#fields;
  }

  /** Nothing of a head has come since the last one. */
  get isEmpty(): boolean {
    return this.#at === 0;
  }

  /** Begins a head. `hasLine`: with a start line; fields alone stand behind a body. */
  begin(hasLine: boolean): void {
    this.#place = hasLine ? 'line' : 'field';
    this.#at = 0;
    this.#lineEnd = 0;
    this.#marks.length = 0;
    this.#held = undefined;
    this.#heldBytes = 0;
  }

  /**
   * Scans on in `bytes` between `from` and `to`. Returns where the head has its end there, or -1: all was taken, and it goes on.
   *
   * @throws ResponseError
   */
  scan(bytes: Buffer, from: number, to: number): number {
    if (this.#held === undefined) {
      const end = this.#walk(bytes, from, to);
      if (end === NOT_YET) this.#hold(bytes, from, to);
      else this.#read(bytes, from, end);
      return end;
    }
    const before = this.#heldBytes;
    this.#hold(bytes, from, to);
    const end = this.#walk(this.#held, 0, this.#heldBytes);
    if (end === NOT_YET) return NOT_YET;
    this.#read(this.#held, 0, end);
    return from + end - before;
  }

  /** Grows by doubling, so that a head that comes byte by byte is not copied for each of them. */
  #hold(bytes: Buffer, from: number, to: number): void {
    const needed = this.#heldBytes + to - from;
    if (this.#held === undefined || this.#held.length < needed) {
      let size = Math.max(FIRST_HELD_BYTES, this.#held?.length ?? 0);
      while (size < needed) size *= 2;
      const grown = Buffer.allocUnsafeSlow(size);
      this.#held?.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes, from, to);
    this.#heldBytes = needed;
  }

  /** `base`: where the head begins in `bytes`. */
  #walk(bytes: Buffer, base: number, to: number): number {
    // What is behind this makes the head too long.
    const end = Math.min(to, base + this.#limits.maxBytes + 1);
    const whole = this.#walkTo(bytes, base, end);
    if (whole === NOT_YET && end < to) throw new ResponseError('its head is too long');
    return whole;
  }

  #walkTo(bytes: Buffer, base: number, end: number): number {
    let at = base + this.#at;
    let place = this.#place;
    while (at < end) {
      switch (place) {
        case 'line':
          while (at < end && ((KINDS[bytes[at] as number] as number) & TEXT) !== 0) at++;
          if (at === end) break;
          if (bytes[at] !== CR) throw new ResponseError('its status line holds what it may not');
          this.#lineEnd = at++ - base;
          place = 'line-lf';
          break;
        case 'line-lf':
        case 'value-lf':
          if (bytes[at++] !== LF) throw new ResponseError('a line of its head does not end in CR LF');
          place = 'field';
          break;
        case 'field':
          this.#start = at - base;
          place = 'name';
          if (bytes[at] !== CR) break;
          at++;
          place = 'end-lf';
          break;
        case 'name':
          while (at < end && ((KINDS[bytes[at] as number] as number) & TOKEN) !== 0) at++;
          if (at === end) break;
          this.#nameEnd = at - base;
          if (bytes[at] !== COLON || this.#nameEnd === this.#start)
            throw new ResponseError('a field of its head has no name');
          at++;
          place = 'blank';
          break;
        case 'blank':
          while (at < end && (bytes[at] === SP || bytes[at] === HT)) at++;
          if (at === end) break;
          this.#marks.push(this.#start, this.#nameEnd, at - base);
          if (this.#marks.length > 4 * this.#limits.maxFields)
            throw new ResponseError('its head has too many fields');
          place = 'value';
          break;
        case 'value':
          while (at < end && ((KINDS[bytes[at] as number] as number) & TEXT) !== 0) at++;
          if (at === end) break;
          if (bytes[at] !== CR) throw new ResponseError('a field of its head holds what it may not');
          this.#marks.push(at++ - base);
          place = 'value-lf';
          break;
        case 'end-lf':
          if (bytes[at++] !== LF) throw new ResponseError('its head does not end in CR LF');
          return at;
      }
    }
    this.#at = at - base;
    this.#place = place;
    return NOT_YET;
  }

  #read(bytes: Buffer, from: number, to: number): void {
    const text = bytes.toString('latin1', from, to);
    const marks = this.#marks;
    const fields: HeaderFields = [];
    for (let i = 0; i < marks.length; i += 4) {
      const start = marks[i + 2] as number;
      let end = marks[i + 3] as number;
      const name = lowerCase(text.slice(marks[i], marks[i + 1]));
      // F65: Node.js takes a tab behind `chunked` for a part of it, and none behind a length. What it would read in another way is to be refused.
      const isFraming = name === 'transfer-encoding' || name === 'content-length';
      while (end > start && isBlank(text.charCodeAt(end - 1), isFraming)) end--;
      fields.push(name, text.slice(start, end));
    }
    this.#line = text.slice(0, this.#lineEnd);
    this.#fields = fields;
  }
}

function isBlank(code: number, isFraming: boolean): boolean {
  return code === SP || (code === HT && !isFraming);
}
