// Reads the responses of one connection to an HTTP/1 server. Promises that where reads cut the bytes makes no difference, and that
// of two framings it takes none: what two readers could take in two ways is refused (F65), nothing that was cut off looks whole (F66).
import type { HeaderFields } from './fields.ts';
import { type HeadLimits, HeadScanner, isFieldText, ResponseError } from './head-scanner.ts';
import { readFraming, readStatusLine } from './response-head.ts';

export interface ResponseEvents {
  /** One of 1xx, but for 101. */
  onInterim(status: number, fields: HeaderFields, reason: string): void;
  onHead(status: number, fields: HeaderFields, reason: string): void;
  /** Of the body: these bytes of `bytes`, which are the caller's again once this has returned. */
  onData(bytes: Buffer, from: number, to: number): void;
  onEnd(trailers: HeaderFields): void;
}

/** What the next byte is of. `none`: no response is due. */
type Part =
  | 'none'
  | 'head'
  | 'length'
  | 'to-end'
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'chunk'
  | 'chunk-cr'
  | 'chunk-lf'
  | 'trailers';

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

/** A chunk of so many hexadecimal digits is larger than any disk; a number of JavaScript holds them. */
const MAX_SIZE_DIGITS = 13;
/** RFC 9112 7.1.1: a recipient limits the length of what it ignores. */
const MAX_EXTENSION_BYTES = 4096;
const NO_FIELDS: HeaderFields = [];

export class ResponseParser {
  readonly #events: ResponseEvents;
  readonly #head: HeadScanner;
  #part: Part = 'none';
  #isHead = false;
  #left = 0;
  /** Digits of a chunk's size, or bytes of its extension. */
  #count = 0;
  #keepsAlive = false;
  #keepAlive: string | undefined;

  constructor(limits: HeadLimits, events: ResponseEvents) {
    this.#events = events;
    this.#head = new HeadScanner(limits);
  }

  /** A response is due or has begun. */
  get isDue(): boolean {
    return this.#part !== 'none';
  }

  /** Its body ends with its connection. */
  get endsWithConnection(): boolean {
    return this.#part === 'to-end';
  }

  /** The response that came last lets its connection be used again. */
  get keepsAlive(): boolean {
    return this.#keepsAlive;
  }

  /** The value of its Keep-Alive field. */
  get keepAlive(): string | undefined {
    return this.#keepAlive;
  }

  /** A request was sent. Interim responses may come before the one that answers it. */
  begin(method: string): void {
    this.#isHead = method === 'HEAD';
    this.#part = 'head';
    this.#head.begin(true);
  }

  /** Looks at no more bytes: what is due is not wanted any more. */
  stop(): void {
    this.#part = 'none';
  }

  /**
   * Returns where in `bytes` the response has its end; what is behind it belongs to nothing.
   *
   * @throws ResponseError
   */
  read(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to && this.#part !== 'none') at = this.#readPart(bytes, at, to);
    return at;
  }

  /** The connection has ended in order. Returns whether that is the end of the body. */
  end(): boolean {
    if (this.#part !== 'to-end') return false;
    this.#finish(NO_FIELDS);
    return true;
  }

  #readPart(bytes: Buffer, at: number, to: number): number {
    switch (this.#part) {
      case 'head':
        return this.#readHead(bytes, at, to);
      case 'length':
      case 'chunk':
        return this.#readBody(bytes, at, to);
      case 'to-end':
        this.#events.onData(bytes, at, to);
        return to;
      case 'size':
        return this.#readSize(bytes, at, to);
      case 'extension':
        return this.#readExtension(bytes, at, to);
      case 'size-lf':
        if (bytes[at] !== LF) throw new ResponseError('the size of a chunk does not end in CR LF');
        if (this.#left > 0) this.#part = 'chunk';
        else {
          this.#part = 'trailers';
          this.#head.begin(false);
        }
        return at + 1;
      case 'chunk-cr':
        if (bytes[at] !== CR) throw new ResponseError('a chunk does not end in CR LF');
        this.#part = 'chunk-lf';
        return at + 1;
      case 'chunk-lf':
        if (bytes[at] !== LF) throw new ResponseError('a chunk does not end in CR LF');
        this.#beginSize();
        return at + 1;
      case 'trailers': {
        const end = this.#head.scan(bytes, at, to);
        if (end < 0) return to;
        this.#finish(this.#head.fields);
        return end;
      }
      case 'none':
        return at;
    }
  }

  #readHead(bytes: Buffer, at: number, to: number): number {
    if (this.#head.isEmpty && bytes[at] !== 0x48) throw new ResponseError('it does not begin as HTTP does');
    const end = this.#head.scan(bytes, at, to);
    if (end < 0) return to;
    const { line, fields } = this.#head;
    const { status, reason, isOld } = readStatusLine(line);
    if (status === 101) throw new ResponseError('HTTP 101 unasked for');
    // RFC 9110 15.2.
    if (status < 200 && isOld) throw new ResponseError('an interim response of HTTP/1.0');
    if (status < 200) {
      this.#head.begin(true);
      this.#events.onInterim(status, fields, reason);
      return end;
    }
    const length = this.#readFraming(status, fields, isOld);
    this.#events.onHead(status, fields, reason);
    // Whoever was told may not want the rest.
    if (!this.isDue) return end;
    if (length === 0) this.#finish(NO_FIELDS);
    return end;
  }

  /** Says what follows the head. Returns how many bytes, -1: not known. RFC 9112 6.3. */
  #readFraming(status: number, fields: HeaderFields, isOld: boolean): number {
    const { length, isChunked, keepsAlive, keepAlive } = readFraming(fields, isOld);
    this.#keepsAlive = keepsAlive;
    this.#keepAlive = keepAlive;
    if (this.#isHead || status === 204 || status === 304) return 0;
    if (isChunked) {
      this.#beginSize();
      return -1;
    }
    if (length !== undefined) {
      this.#left = length;
      this.#part = 'length';
      return length;
    }
    this.#keepsAlive = false;
    this.#part = 'to-end';
    return -1;
  }

  #readBody(bytes: Buffer, at: number, to: number): number {
    const end = Math.min(to, at + this.#left);
    this.#left -= end - at;
    this.#events.onData(bytes, at, end);
    if (this.#left > 0 || !this.isDue) return end;
    if (this.#part === 'length') this.#finish(NO_FIELDS);
    else this.#part = 'chunk-cr';
    return end;
  }

  #beginSize(): void {
    this.#part = 'size';
    this.#left = 0;
    this.#count = 0;
  }

  #readSize(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      const digit = hexDigit(byte);
      if (digit >= 0) {
        if (++this.#count > MAX_SIZE_DIGITS) throw new ResponseError('a chunk is too large');
        this.#left = this.#left * 16 + digit;
        continue;
      }
      if (this.#count === 0 || (byte !== CR && byte !== SEMICOLON))
        throw new ResponseError('the size of a chunk is no number');
      this.#count = 0;
      this.#part = byte === CR ? 'size-lf' : 'extension';
      return at + 1;
    }
    return to;
  }

  #readExtension(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte === CR) {
        this.#part = 'size-lf';
        return at + 1;
      }
      if (!isFieldText(byte)) throw new ResponseError('the extension of a chunk holds what it may not');
      if (++this.#count > MAX_EXTENSION_BYTES)
        throw new ResponseError('the extension of a chunk is too long');
    }
    return to;
  }

  #finish(trailers: HeaderFields): void {
    this.#part = 'none';
    this.#events.onEnd(trailers);
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
