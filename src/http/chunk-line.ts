// The line before a chunk of a body: its size, and extensions that nobody asked for (RFC 9112 7.1). Promises that where reads cut it
// makes no difference, and a bound on its length.
import { isFieldText, isTokenByte, ResponseError } from './head-scanner.ts';

/** What the next byte is of. */
type Place = 'size' | 'name' | 'value' | 'quoted' | 'escaped' | 'behind' | 'lf' | 'end';

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A chunk of so many hexadecimal digits is larger than any disk; a number of JavaScript holds them. */
const MAX_SIZE_DIGITS = 13;
/** RFC 9112 7.1.1: a recipient limits the length of what it ignores. */
const MAX_EXTENSION_BYTES = 4096;

export class ChunkLine {
  #place: Place = 'end';
  #size = 0;
  #digits = 0;
  /** Of all extensions. */
  #bytes = 0;
  /** Of the name or value that is being read. */
  #length = 0;

  /** Of the chunk; once the line is whole. */
  get size(): number {
    return this.#size;
  }

  get isWhole(): boolean {
    return this.#place === 'end';
  }

  begin(): void {
    this.#place = 'size';
    this.#size = 0;
    this.#digits = 0;
    this.#bytes = 0;
  }

  /**
   * Returns what is behind the line, or behind all that there is of it.
   *
   * @throws ResponseError
   */
  read(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to && this.#place !== 'end') {
      const byte = bytes[at++] as number;
      if (this.#place === 'size') this.#readSize(byte);
      else if (this.#place === 'lf') {
        if (byte !== LF) throw new ResponseError('the size of a chunk does not end in CR LF');
        this.#place = 'end';
      } else {
        if (++this.#bytes > MAX_EXTENSION_BYTES)
          throw new ResponseError('the extension of a chunk is too long');
        this.#place = this.#behind(byte);
      }
    }
    return at;
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw new ResponseError('a chunk is too large');
      this.#size = this.#size * 16 + digit;
      return;
    }
    if (this.#digits === 0 || (byte !== CR && byte !== SEMICOLON))
      throw new ResponseError('the size of a chunk is no number');
    this.#place = this.#endOfPart(byte);
  }

  /** Where a byte of an extension leads. RFC 9110 5.6: names are tokens, values tokens or quoted. */
  #behind(byte: number): Place {
    const place = this.#place;
    if (place === 'escaped' && isFieldText(byte)) return 'quoted';
    if (place === 'quoted' && byte === QUOTE) return 'behind';
    if (place === 'quoted' && byte === BACKSLASH) return 'escaped';
    if (place === 'quoted' && isFieldText(byte)) return 'quoted';
    if ((place === 'name' || place === 'value') && isTokenByte(byte)) {
      this.#length++;
      return place;
    }
    if (place === 'value' && this.#length === 0 && byte === QUOTE) return 'quoted';
    const isPart = place === 'behind' || ((place === 'name' || place === 'value') && this.#length > 0);
    if (isPart && place === 'name' && byte === EQUALS) {
      this.#length = 0;
      return 'value';
    }
    if (isPart && (byte === CR || byte === SEMICOLON)) return this.#endOfPart(byte);
    throw new ResponseError('the extension of a chunk holds what it may not');
  }

  #endOfPart(byte: number): Place {
    this.#length = 0;
    return byte === CR ? 'lf' : 'name';
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
