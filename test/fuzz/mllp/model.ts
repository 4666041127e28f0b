// MLLP and HL7 headers as docs/life-of-a-message.md has them, read one byte at a time. Slow and simple, so that it can be
// believed: the judge of what a node may get. Promises: none of the product's code is in it.

const [START, END, CR, LF] = [0x0b, 0x1c, 0x0d, 0x0a];

export interface ModelPolicy {
  /** `1C` without CR refuses the frame. */
  readonly strict?: boolean;
  readonly maxFrame?: number;
}

export interface ModelFrame {
  readonly payload: Buffer;
  /** A byte in it that MLLP cannot carry. */
  readonly refused: boolean;
}

export interface ModelReading {
  /** Whole and not empty, in order. */
  readonly frames: readonly ModelFrame[];
  /** The gateway ends the connection after the frames: for junk, or a frame that is too large. */
  readonly closes: boolean;
}

/** As defaults have it. */
const MAX_JUNK = 1024;
/** Ended as soon as it is recognised. */
const OTHER_PROTOCOL =
  /^(?:[\x15\x16]\x03|(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PRI) |HTTP\/\d|SSH-)/;

export function readStream(
  bytes: Buffer,
  { strict = false, maxFrame = Number.POSITIVE_INFINITY }: ModelPolicy = {},
): ModelReading {
  const frames: ModelFrame[] = [];
  let junk = 0;
  let outside = '';
  let content: number[] | undefined;
  let surplus = false;
  let refused = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (content === undefined) {
      if (byte === START) {
        [content, surplus, refused] = [[], false, false];
        continue;
      }
      if (byte === 0 || byte === CR || byte === LF || byte === 0x20) {
        if (outside !== '') outside += String.fromCharCode(byte);
        continue;
      }
      outside += String.fromCharCode(byte);
      if (++junk > MAX_JUNK || OTHER_PROTOCOL.test(outside)) return { frames, closes: true };
      continue;
    }
    if (byte === END && bytes[at + 1] === CR) {
      if (content.length > 0) frames.push({ payload: Buffer.from(content), refused });
      content = undefined;
      [junk, outside] = [0, ''];
      at++;
      continue;
    }
    if (byte === START) {
      if (content.length === 0 && !surplus) {
        surplus = true;
        continue;
      }
      if (bytes.toString('latin1', at + 1, at + 4) === 'MSH') {
        [content, surplus, refused] = [[], false, false];
        continue;
      }
      refused = true;
    }
    if (byte === END && strict && at + 1 < bytes.length) refused = true;
    content.push(byte);
    // What has come of it can be answered.
    if (content.length > maxFrame)
      return { frames: [...frames, { payload: Buffer.from(content), refused: true }], closes: true };
  }
  return { frames, closes: false };
}

/** Every payload that could be read where an end block without CR may end a frame: which do is up to how bytes arrive. */
export function possiblePayloads(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = bytes.indexOf(START); at >= 0; at = bytes.indexOf(START, at + 1)) {
    for (let end = bytes.indexOf(END, at); end >= 0; end = bytes.indexOf(END, end + 1))
      found.push(bytes.subarray(at + 1, end));
  }
  return found;
}

/** MSH-10 as a Mirth would read it, one character a byte; undefined: no header. Of a batch without a message field 11. */
export function controlIdOf(
  payload: Buffer,
): { readonly id: string; readonly separator: string } | undefined {
  const text = narrow(payload);
  const segment = /^[\r\n]*(MSH[^\r\n]+)/.exec(text)?.[1] ?? innerHeader(text);
  if (segment === undefined) return undefined;
  const separator = segment.charAt(3);
  const fields = segment.split(separator);
  return { id: fields[segment.startsWith('MSH') ? 9 : 10] ?? '', separator };
}

function innerHeader(text: string): string | undefined {
  const first = /^[\r\n]*([FB]HS[^\r\n]+)/.exec(text)?.[1];
  if (first === undefined) return undefined;
  return /[\r\n](MSH[^\r\n]+)/.exec(text)?.[1] ?? first;
}

/** Latin-1; of UTF-16 the characters; without a byte order mark. */
function narrow(payload: Buffer): string {
  const [a, b, c] = payload;
  if (a === 0xff && b === 0xfe) return payload.toString('utf16le', 2);
  if (a === 0xfe && b === 0xff)
    return Buffer.from(payload.subarray(2, payload.length & ~1))
      .swap16()
      .toString('utf16le');
  if (b === 0 && c !== 0 && a !== 0) return payload.toString('utf16le');
  if (a === 0 && b !== 0 && c === 0)
    return Buffer.from(payload.subarray(0, payload.length & ~1))
      .swap16()
      .toString('utf16le');
  if (a === 0xef && b === 0xbb && c === 0xbf) return payload.toString('latin1', 3);
  return payload.toString('latin1');
}

/** The messages of a batch as `batch: split` sends them, one by one: from each MSH that begins a segment to the next header or trailer. */
export function splitMessages(payload: Buffer): Buffer[] {
  const text = payload.toString('latin1');
  const starts = [
    ...text.matchAll(/(?<=^|[\r\n]|^\xef\xbb\xbf)(MSH|(?:FHS|BHS|BTS|FTS)(?![A-Za-z0-9\x80-\xff]))/g),
  ].map(({ index, 1: name }) => ({ index, name }));
  return starts.flatMap(({ index, name }, n) => {
    if (name !== 'MSH') return [];
    // What stands before the first segment belongs to it.
    const from = n === 0 ? 0 : index;
    return [payload.subarray(from, starts[n + 1]?.index ?? payload.length)];
  });
}

/** What comes back on a connection: whole frames and nothing else, or what is wrong. */
export class AnswerReader {
  readonly payloads: Buffer[] = [];
  wrong: string | undefined;
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#rest.length === 0) return;
      if (this.#rest[0] !== START) {
        this.wrong = 'bytes that belong to no frame';
        return;
      }
      const end = this.#rest.indexOf('\x1c\r', 1, 'latin1');
      if (end < 0) return;
      this.payloads.push(this.#rest.subarray(1, end));
      this.#rest = this.#rest.subarray(end + 2);
    }
  }

  get isWhole(): boolean {
    return this.#rest.length === 0;
  }
}

export interface MsaFields {
  readonly code: string;
  readonly id: string;
  readonly text: string;
}

/** Of every MSA segment. */
export function msaOf(payload: Buffer): MsaFields[] {
  return payload
    .toString('latin1')
    .split(/[\r\n]/)
    .filter((segment) => segment.startsWith('MSA'))
    .map((segment) => {
      const [, code = '', id = '', text = ''] = segment.split(segment.charAt(3));
      return { code, id, text };
    });
}

export function framed(payload: Buffer | string): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  return Buffer.concat([Buffer.from([START]), bytes, Buffer.from([END, CR])]);
}
