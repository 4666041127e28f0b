// Reads the responses of one connection to an HTTP/1 server. Promises that where reads cut the bytes makes no difference, and that
// of two framings it takes none: what two readers could take in two ways is refused (F65), nothing that was cut off looks whole (F66).
import { ChunkLine } from './chunk-line.ts';
import type { HeaderFields } from './fields.ts';
import { type HeadLimits, HeadScanner, ResponseError } from './head-scanner.ts';
import { checkTrailers, readFraming, readStatusLine } from './response-head.ts';

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
  | 'chunk-line'
  | 'chunk'
  | 'chunk-cr'
  | 'chunk-lf'
  | 'trailers';

const CR = 0x0d;
const LF = 0x0a;
const NO_FIELDS: HeaderFields = [];

export class ResponseParser {
  readonly #events: ResponseEvents;
  readonly #head: HeadScanner;
  readonly #chunkLine = new ChunkLine();
  #part: Part = 'none';
  #isHead = false;
  #left = 0;
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
      case 'chunk-line':
        return this.#readChunkLine(bytes, at, to);
      case 'chunk-cr':
        if (bytes[at] !== CR) throw new ResponseError('a chunk does not end in CR LF');
        this.#part = 'chunk-lf';
        return at + 1;
      case 'chunk-lf':
        if (bytes[at] !== LF) throw new ResponseError('a chunk does not end in CR LF');
        this.#beginChunk();
        return at + 1;
      case 'trailers': {
        const end = this.#head.scan(bytes, at, to);
        if (end < 0) return to;
        checkTrailers(this.#head.fields);
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
      this.#beginChunk();
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

  #beginChunk(): void {
    this.#part = 'chunk-line';
    this.#chunkLine.begin();
  }

  #readChunkLine(bytes: Buffer, at: number, to: number): number {
    const end = this.#chunkLine.read(bytes, at, to);
    if (!this.#chunkLine.isWhole) return end;
    this.#left = this.#chunkLine.size;
    if (this.#left > 0) this.#part = 'chunk';
    else {
      this.#part = 'trailers';
      this.#head.begin(false);
    }
    return end;
  }

  #finish(trailers: HeaderFields): void {
    this.#part = 'none';
    this.#events.onEnd(trailers);
  }
}
