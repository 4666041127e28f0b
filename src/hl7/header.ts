// Reads a message's header where it lies: the MSH segment's bytes, by the delimiters that it declares itself.
// One pass over MSH, no strings made; everything beyond MSH stays unread.
import { GatewayError } from '../errors.ts';
import { charsetOf, isUtf16, narrowUtf16, type Utf16 } from './charset.ts';

/** HL7 v2.9.1 2.5.4: byte values of the delimiters; -1 for one that the message does not declare. */
export interface Delimiters {
  readonly field: number;
  readonly component: number;
  readonly repetition: number;
  readonly escape: number;
  readonly subcomponent: number;
  /** MSH-2's fifth character, since v2.7. */
  readonly truncation: number;
}

const CR = 0x0d;
const LF = 0x0a;

/** Fields of MSH beyond this many are not recorded; v2.9 defines 28. */
const MAX_HEADER_FIELDS = 64;

/** What only the methods of `Header` write. */
type Own = { -readonly [Key in keyof Header]: Header[Key] };

export class Header {
  /** What the offsets refer to: the payload itself, or its narrowed copy if the payload is UTF-16. */
  readonly bytes: Buffer;
  readonly delimiters: Delimiters;
  /** Offset of the M of MSH. */
  readonly start: number;
  /** Offset just past the segment's last byte (its CR, LF, or the end of the payload). */
  readonly end: number;
  /** The payload begins with FHS or BHS. */
  readonly batch: boolean;
  /** The payload is UTF-16, which MLLP does not carry safely (R1, note on character encodings). */
  readonly utf16: Utf16 | undefined;
  /** Offsets of the field separators that are recorded. */
  readonly separators: readonly number[];
  #charset: string | undefined;
  #controlId: string | undefined;

  constructor(
    bytes: Buffer,
    start: number,
    end: number,
    delimiters: Delimiters,
    separators: readonly number[],
    batch: boolean,
    utf16: Utf16 | undefined,
  ) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.delimiters = delimiters;
    this.batch = batch;
    this.utf16 = utf16;
    this.separators = separators;
  }

  /** From now on it lies in memory of its own, and what it was read from may be used for something else. */
  detach(): void {
    (this as Own).bytes = Buffer.from(this.bytes.subarray(0, this.end));
  }

  /** How many fields the segment has, the separator itself included; no more than are recorded. */
  get fieldCount(): number {
    return Math.min(this.separators.length + 1, MAX_HEADER_FIELDS);
  }

  /** Where MSH-`n` begins; equals `fieldEnd(n)` if it is empty or absent. */
  fieldStart(n: number): number {
    if (n === 1) return this.start + 3;
    if (n > MAX_HEADER_FIELDS) return this.end;
    const before = this.separators[n - 2];
    return before === undefined ? this.end : before + 1;
  }

  fieldEnd(n: number): number {
    if (n === 1) return this.start + 4;
    if (n > MAX_HEADER_FIELDS) return this.end;
    return this.separators[n - 1] ?? this.end;
  }

  /** MSH-`n` as it lies in the message: no escape decoded, no charset applied. Empty if absent. */
  raw(n: number): Buffer {
    return this.bytes.subarray(this.fieldStart(n), this.fieldEnd(n));
  }

  /** MSH-`n` with one character for each byte. For identifiers; what people read goes through `readPath`. */
  text(n: number): string {
    return this.bytes.toString('latin1', this.fieldStart(n), this.fieldEnd(n));
  }

  has(n: number): boolean {
    return this.fieldEnd(n) > this.fieldStart(n);
  }

  /**
   * MSH-10 byte for byte, one character for each byte; empty if absent. Of a batch without messages FHS-11 or BHS-11:
   * field 10 is a comment there (v2.9.1 2.14.6, 2.14.2).
   */
  get controlId(): string {
    this.#controlId ??= this.bytes.toString('latin1', this.idStart, this.idEnd);
    return this.#controlId;
  }

  /** Where the control id begins, and where it ends: equal if there is none. */
  get idStart(): number {
    return this.fieldStart(this.isMsh ? 10 : 11);
  }

  get idEnd(): number {
    return this.fieldEnd(this.isMsh ? 10 : 11);
  }

  /** The same as to compare `controlId`, but makes no string of that. */
  isControlId(id: string): boolean {
    const { bytes, idStart, idEnd } = this;
    if (id.length !== idEnd - idStart) return false;
    for (let i = 0; i < id.length; i++) if (id.charCodeAt(i) !== bytes[idStart + i]) return false;
    return true;
  }

  /** HL7 v2.9.1 2.9.2: MSH-15 or MSH-16 present means enhanced acknowledgement mode. */
  get enhanced(): boolean {
    return this.isMsh && (this.has(15) || this.has(16));
  }

  /** Not FHS or BHS, which share no more than fields 1 to 8 with it. */
  get isMsh(): boolean {
    return this.bytes[this.start] === 0x4d;
  }

  /** What carried the message has said its charset, which goes before MSH-18 (HL7 over HTTP). Name for TextDecoder. */
  overrideCharset(charset: string): void {
    if (this.utf16 === undefined) this.#charset = charset;
  }

  /** Name for TextDecoder, from MSH-18; undefined where it is empty or not known. */
  get charset(): string | undefined {
    this.#charset ??= (this.utf16 === undefined ? this.#declaredCharset() : 'utf-8') ?? '';
    return this.#charset === '' ? undefined : this.#charset;
  }

  /**
   * The first repetition is the message's charset; the others may be switched to within it. Of those
   * only the Japanese ones matter here: ISO-2022-JP holds ASCII too, and senders in Japan write `~ISO IR87`.
   */
  #declaredCharset(): string | undefined {
    if (!this.has(18)) return undefined;
    const { repetition } = this.delimiters;
    const whole = this.text(18);
    const [first = '', ...others] = repetition < 0 ? [whole] : whole.split(String.fromCharCode(repetition));
    const charset = charsetOf(first);
    // ASCII, or one byte of JIS X 0201 for a character (ISO IR14).
    const narrow = charset === undefined || charset === 'windows-1252' || charset === 'shift_jis';
    return narrow && others.some((other) => charsetOf(other) === 'iso-2022-jp') ? 'iso-2022-jp' : charset;
  }
}

/**
 * Reads the header of a payload (a message without its MLLP framing).
 *
 * A batch (FHS or BHS first) is read by its first MSH, or by its own header segment where it holds none: FHS and BHS
 * have the same fields as MSH in places 1 to 8 (v2.9.1 2.14).
 *
 * @throws GatewayError GW_ERR_HEADER_MSH, GW_ERR_HEADER_DELIMITERS
 */
export function readHeader(payload: Buffer): Header {
  const utf16 = narrowUtf16(payload);
  const bytes = utf16?.bytes ?? payload;
  const start = contentStart(bytes);
  if (isSegment(bytes, start, 0x4d, 0x53, 0x48)) return readSegment(bytes, start, false, utf16?.encoding);
  // FHS, BHS
  const first = bytes[start];
  if ((first === 0x46 || first === 0x42) && isSegment(bytes, start, first, 0x48, 0x53)) {
    const inner = findHeader(bytes, start);
    return readSegment(bytes, inner < 0 ? start : inner, true, utf16?.encoding);
  }
  throw new GatewayError('GW_ERR_HEADER_MSH');
}

/** Does reading the header look at more than its segment? UTF-16 is narrowed as a whole; a batch is searched for a message. */
export function isHeaderDeep(payload: Buffer): boolean {
  const first = payload[0];
  return first === 0x46 || first === 0x42 || isUtf16(payload);
}

/** Offset of the first MSH that begins a segment after `from`, or -1. */
export function findHeader(bytes: Buffer, from: number): number {
  for (
    let at = bytes.indexOf('MSH', from + 1, 'latin1');
    at >= 0;
    at = bytes.indexOf('MSH', at + 3, 'latin1')
  ) {
    const before = bytes[at - 1];
    if (before === CR || before === LF) return at;
  }
  return -1;
}

/** The FHS and BHS of a payload that say whom it is from (fields 3 and 4), wherever they stand; read in the payload's charset. */
export function* sendingEnvelopes({ bytes, utf16, charset }: Header): Generator<Header> {
  for (const name of ['FHS', 'BHS']) {
    for (let at = bytes.indexOf(name, 0, 'latin1'); at >= 0; at = bytes.indexOf(name, at + 3, 'latin1')) {
      if (!beginsSegment(bytes, at) || !isDelimiter(bytes[at + 3] ?? 0)) continue;
      const envelope = readSegment(bytes, at, true, utf16);
      if (charset !== undefined) envelope.overrideCharset(charset);
      if (namesSender(envelope)) yield envelope;
    }
  }
}

/** An FHS or BHS that says whom its messages are from. */
export function namesSender(envelope: Header): boolean {
  return envelope.has(3) || envelope.has(4);
}

function beginsSegment(bytes: Buffer, at: number): boolean {
  const before = bytes[at - 1];
  return before === CR || before === LF || at === contentStart(bytes);
}

/** Behind what is read over before a first segment: UTF-8's byte order mark, and blank lines. */
export function contentStart(bytes: Buffer): number {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (bytes[at] === CR || bytes[at] === LF) at++;
  return at;
}

function isSegment(bytes: Buffer, at: number, a: number, b: number, c: number): boolean {
  return bytes[at] === a && bytes[at + 1] === b && bytes[at + 2] === c && at + 3 < bytes.length;
}

/** Where one reading gathers them; what is kept is a list of their number, with no room to spare. */
const SEPARATORS: number[] = new Array<number>(MAX_HEADER_FIELDS).fill(0);

function readSegment(bytes: Buffer, start: number, batch: boolean, utf16: Utf16 | undefined): Header {
  const field = bytes[start + 3];
  // A batch can end in the letters of MSH.
  if (field === undefined || !isDelimiter(field))
    throw new GatewayError('GW_ERR_HEADER_DELIMITERS', { detail: 'MSH-1' });
  SEPARATORS[0] = start + 3;
  let count = 1;
  let at = start + 4;
  const length = bytes.length;
  for (; at < length; at++) {
    const byte = bytes[at] as number;
    if (byte === field) {
      if (count < MAX_HEADER_FIELDS) SEPARATORS[count++] = at;
    } else if (byte === CR || byte === LF) break;
  }
  const separators: readonly number[] = SEPARATORS.slice(0, count);
  const delimiters = readDelimiters(bytes, field, start + 4, separators[1] ?? at);
  return new Header(bytes, start, at, delimiters, separators, batch, utf16);
}

/**
 * A character declared for two purposes (`^^\&`) keeps the first of them, so that the message can still be routed
 * (F19); MSH-2 may be shorter than four, down to nothing.
 */
function readDelimiters(bytes: Buffer, field: number, from: number, to: number): Delimiters {
  if (to - from > 5)
    throw new GatewayError('GW_ERR_HEADER_DELIMITERS', { detail: 'MSH-2 has more than 5 characters' });
  // `^~\&`, nearly always.
  if (to - from === 4 && field === 0x7c && bytes.readUInt32BE(from) === 0x5e7e5c26) return STANDARD;
  const seen: number[] = [];
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if (!isDelimiter(byte)) throw new GatewayError('GW_ERR_HEADER_DELIMITERS', { detail: 'MSH-2' });
    seen.push(seen.includes(byte) ? -1 : byte);
  }
  const [component = -1, repetition = -1, escapeByte = -1, subcomponent = -1, truncation = -1] = seen;
  return { field, component, repetition, escape: escapeByte, subcomponent, truncation };
}

const STANDARD: Delimiters = {
  field: 0x7c,
  component: 0x5e,
  repetition: 0x7e,
  escape: 0x5c,
  subcomponent: 0x26,
  truncation: -1,
};

/** Printable ASCII that is neither letter, digit nor space. */
function isDelimiter(byte: number): boolean {
  if (byte <= 0x20 || byte >= 0x7f) return false;
  if (byte >= 0x30 && byte <= 0x39) return false;
  const lower = byte | 0x20;
  return !(lower >= 0x61 && lower <= 0x7a);
}
