// Protocol Buffers as they are on the wire, written into one buffer that grows. Promises minimal varints and valid UTF-8,
// and to cost a message's spans little: each value is written once, where it stays.
// https://protobuf.dev/programming-guides/encoding

/** Any of these may stand in an `AnyValue`. */
export type AttributeValue = string | number | boolean;

/** A `KeyValue` up to its value: the name is written so often that it is encoded once. */
export interface AttributeKey {
  readonly name: string;
  readonly head: Uint8Array;
}

/** Wire types 0, 1 and 2. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;

/** Of fields 1 to 15. */
export function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

const KEY = tag(1, BYTES);
const VALUE = tag(2, BYTES);
const STRING_VALUE = tag(1, BYTES);
const BOOL_VALUE = tag(2, VARINT);
const INT_VALUE = tag(3, VARINT);
const DOUBLE_VALUE = tag(4, FIXED64);

const TWO_32 = 2 ** 32;
/** The longest varint: 64 bits, seven in each. */
const MAX_VARINT = 10;

export function attributeKey(name: string): AttributeKey {
  const bytes = Buffer.from(name);
  const head = Buffer.alloc(1 + varintSize(bytes.length) + bytes.length + 1);
  head[0] = KEY;
  head.set(bytes, putVarint(head, 1, bytes.length));
  head[head.length - 1] = VALUE;
  return { name, head };
}

export class ProtoWriter {
  #bytes: Buffer;
  #at: number;
  readonly #headRoom: number;

  /** `headRoom`: left free in front, for what is known at the end. */
  constructor(buffer: Buffer, headRoom = 0) {
    this.#bytes = buffer;
    this.#at = headRoom;
    this.#headRoom = headRoom;
  }

  /** How many bytes are written behind the head-room. */
  get length(): number {
    return this.#at - this.#headRoom;
  }

  /** The buffer, up to what is written; another takes its place. */
  take(next: Buffer): Buffer {
    const taken = this.#bytes.subarray(0, this.#at);
    this.#bytes = next;
    this.#at = this.#headRoom;
    return taken;
  }

  /** What begins now has its length in front: give what this returns to `close`. */
  open(fieldTag: number): number {
    this.#ensure(3);
    this.#bytes[this.#at] = fieldTag;
    // Room for two bytes: nearly all of them have between 128 and 16,383.
    this.#at += 3;
    return this.#at;
  }

  close(start: number): void {
    const length = this.#at - start;
    if (length >= 0x80 && length < 0x4000) {
      this.#bytes[start - 2] = (length & 0x7f) | 0x80;
      this.#bytes[start - 1] = length >>> 7;
      return;
    }
    const size = varintSize(length);
    if (size > 2) this.#ensure(size - 2);
    this.#bytes.copyWithin(start - 2 + size, start, this.#at);
    const end = start - 2 + size + length;
    this.#at = start - 2;
    this.#varint(length);
    this.#at = end;
  }

  /** Some bytes of these, 127 at most. */
  copy(fieldTag: number, source: Uint8Array, from: number, size: number): void {
    this.#ensure(2 + size);
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = fieldTag;
    bytes[at + 1] = size;
    for (let i = 0; i < size; i++) bytes[at + 2 + i] = source[from + i] as number;
    this.#at = at + 2 + size;
  }

  /** As it is: a field that was written elsewhere. */
  raw(bytes: Uint8Array): void {
    this.#ensure(bytes.length);
    const { length } = bytes;
    // A call of `set` costs more than this many steps.
    if (length > 64) this.#bytes.set(bytes, this.#at);
    else for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = bytes[i] as number;
    this.#at += length;
  }

  /** An id of hexadecimal digits. */
  hex(fieldTag: number, digits: string): void {
    const size = digits.length >>> 1;
    this.#ensure(2 + size);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = fieldTag;
    bytes[at++] = size;
    for (let i = 0; i < digits.length; i += 2)
      bytes[at++] = (nibble(digits.charCodeAt(i)) << 4) | nibble(digits.charCodeAt(i + 1));
    this.#at = at;
  }

  string(fieldTag: number, text: string): void {
    const { length } = text;
    this.#ensure(1 + MAX_VARINT + 3 * length);
    const at = this.#at;
    this.#bytes[at] = fieldTag;
    if (length < 0x80 && this.#ascii(text, at + 2)) {
      this.#bytes[at + 1] = length;
      this.#at = at + 2 + length;
    } else {
      this.#at = at + 1;
      this.#utf8(text);
    }
  }

  /** Zero or more, and whole. */
  varint(fieldTag: number, value: number): void {
    this.#ensure(1 + MAX_VARINT);
    this.#bytes[this.#at++] = fieldTag;
    this.#varint(value);
  }

  double(fieldTag: number, value: number): void {
    this.#ensure(9);
    this.#bytes[this.#at] = fieldTag;
    this.#at = this.#bytes.writeDoubleLE(value, this.#at + 1);
  }

  /** The two halves of an unsigned number of 64 bits. */
  fixed64(fieldTag: number, high: number, low: number): void {
    this.#ensure(9);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = fieldTag;
    bytes[at++] = low;
    bytes[at++] = low >>> 8;
    bytes[at++] = low >>> 16;
    bytes[at++] = low >>> 24;
    bytes[at++] = high;
    bytes[at++] = high >>> 8;
    bytes[at++] = high >>> 16;
    bytes[at++] = high >>> 24;
    this.#at = at;
  }

  /** The same, of a number that has more bits than a `number` holds. */
  bigFixed64(fieldTag: number, value: bigint): void {
    this.fixed64(fieldTag, Number(value >> 32n), Number(value & 0xffffffffn));
  }

  /** A `KeyValue`. */
  attribute(fieldTag: number, key: AttributeKey, value: AttributeValue): void {
    if (typeof value === 'string') this.#textAttribute(fieldTag, key, value);
    else if (typeof value === 'boolean') {
      this.#attributeHead(fieldTag, key, 2);
      this.#bytes[this.#at++] = BOOL_VALUE;
      this.#bytes[this.#at++] = value ? 1 : 0;
    } else if (!Number.isSafeInteger(value)) {
      this.#attributeHead(fieldTag, key, 9);
      this.double(DOUBLE_VALUE, value);
    } else if (value < 0) {
      this.#attributeHead(fieldTag, key, 1 + MAX_VARINT);
      this.#bytes[this.#at++] = INT_VALUE;
      this.#negative(value);
    } else {
      this.#attributeHead(fieldTag, key, 1 + varintSize(value));
      this.#bytes[this.#at++] = INT_VALUE;
      this.#varint(value);
    }
  }

  /**
   * A `KeyValue` of these bytes, if they are printable ASCII and not more than `most`, which is 64 or less; else nothing,
   * and false.
   */
  printable(
    fieldTag: number,
    { head }: AttributeKey,
    source: Uint8Array,
    from: number,
    to: number,
    most: number,
  ): boolean {
    const length = to - from;
    if (length > most || head.length + 3 + length >= 0x80) return false;
    this.#ensure(2 + head.length + 3 + length);
    const bytes = this.#bytes;
    const start = this.#at + 2 + head.length + 3;
    for (let i = 0; i < length; i++) {
      const byte = source[from + i] as number;
      if (byte < 0x20 || byte > 0x7e) return false;
      bytes[start + i] = byte;
    }
    this.#shortAttribute(fieldTag, head, length);
    return true;
  }

  #textAttribute(fieldTag: number, { head }: AttributeKey, value: string): void {
    const { length } = value;
    const size = head.length;
    this.#ensure(1 + size + 4 * MAX_VARINT + 3 * length);
    // Nearly always all lengths have one byte, and all characters too.
    if (size + 3 + length < 0x80 && this.#ascii(value, this.#at + 2 + size + 3)) {
      this.#shortAttribute(fieldTag, head, length);
      return;
    }
    const encoded = Buffer.byteLength(value);
    const any = 1 + varintSize(encoded) + encoded;
    this.#bytes[this.#at++] = fieldTag;
    this.#varint(size + varintSize(any) + any);
    this.raw(head);
    this.#varint(any);
    this.#bytes[this.#at++] = STRING_VALUE;
    this.#utf8(value);
  }

  /** What stands before a value of so many bytes that stands there already: all lengths have one byte. */
  #shortAttribute(fieldTag: number, head: Uint8Array, length: number): void {
    const bytes = this.#bytes;
    const size = head.length;
    const at = this.#at;
    bytes[at] = fieldTag;
    bytes[at + 1] = size + 3 + length;
    for (let i = 0; i < size; i++) bytes[at + 2 + i] = head[i] as number;
    const lengths = at + 2 + size;
    bytes[lengths] = length + 2;
    bytes[lengths + 1] = STRING_VALUE;
    bytes[lengths + 2] = length;
    this.#at = lengths + 3 + length;
  }

  /** `size`: of the value, 127 bytes at most. */
  #attributeHead(fieldTag: number, { head }: AttributeKey, size: number): void {
    this.#ensure(1 + MAX_VARINT + head.length + 1 + size);
    this.#bytes[this.#at++] = fieldTag;
    this.#varint(head.length + 1 + size);
    this.raw(head);
    this.#bytes[this.#at++] = size;
  }

  /** Its length and it. There is room for it. */
  #utf8(text: string): void {
    this.#varint(Buffer.byteLength(text));
    this.#at += this.#bytes.write(text, this.#at);
  }

  /** A byte for each character, if there is one for each; there is room for them. */
  #ascii(text: string, at: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at + i] = code;
    }
    return true;
  }

  #varint(value: number): void {
    this.#at = putVarint(this.#bytes, this.#at, value);
  }

  /** Two's complement of 64 bits, ten bytes as a varint. */
  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
  }

  #ensure(size: number): void {
    const needed = this.#at + size;
    if (needed <= this.#bytes.length) return;
    const bigger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, needed));
    bigger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = bigger;
  }
}

/** Zero or more, and whole; returns where it ends. */
export function putVarint(bytes: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  // Shifts know 32 bits.
  while (rest >= TWO_32) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  rest >>>= 0;
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

function nibble(code: number): number {
  return code < 0x3a ? code - 0x30 : (code | 0x20) - 0x57;
}
