// DER, short to write and safe to read: node-forge's ASN.1 with Buffers in and out.
// Promises that whatever is not DER of the expected shape throws NotDer, and nothing else.
import forge from 'node-forge';

export type Asn1 = forge.asn1.Asn1;

/** X.690 8.1.2.2 and 8.4. node-forge is loaded when there is something to read or to write, so its own are not used. */
const UNIVERSAL = 0x00;
const CONTEXT_SPECIFIC = 0x80;
const BOOLEAN = 1;
const INTEGER = 2;
const BIT_STRING = 3;
const OCTET_STRING = 4;
const NULL = 5;
const OID = 6;
const UTF8_STRING = 12;
const SEQUENCE = 16;
const SET = 17;
const NUMERIC_STRING = 18;
const PRINTABLE_STRING = 19;
const T61_STRING = 20;
const IA5_STRING = 22;
const UTC_TIME = 23;
const GENERALIZED_TIME = 24;
const VISIBLE_STRING = 26;
const BMP_STRING = 30;

export class NotDer extends Error {
  override readonly name = 'NotDer';
}

export function encode(item: Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(item).getBytes(), 'latin1');
}

/** The one value that `bytes` hold. BER (indefinite lengths), as old PKCS#12 files have it, too. */
export function decode(bytes: Buffer): Asn1 {
  // Without the last two, node-forge guesses at what is inside a bit string, and its types know no options yet.
  const options = { strict: true, parseAllBytes: true, decodeBitStrings: false } as unknown as boolean;
  try {
    return forge.asn1.fromDer(bytes.toString('latin1'), options);
  } catch (cause) {
    throw new NotDer('no DER', { cause });
  }
}

export function sequence(...items: readonly Asn1[]): Asn1 {
  return forge.asn1.create(UNIVERSAL, SEQUENCE, true, [...items]);
}

export function setOf(...items: readonly Asn1[]): Asn1 {
  return forge.asn1.create(UNIVERSAL, SET, true, [...items]);
}

export function oid(id: string): Asn1 {
  return forge.asn1.create(UNIVERSAL, OID, false, forge.asn1.oidToDer(id).getBytes());
}

/** Unsigned, big-endian. */
export function integer(bytes: Buffer | number): Asn1 {
  const value =
    typeof bytes === 'number' ? forge.asn1.integerToDer(bytes).getBytes() : bytes.toString('latin1');
  return forge.asn1.create(UNIVERSAL, INTEGER, false, value);
}

export function nothing(): Asn1 {
  return forge.asn1.create(UNIVERSAL, NULL, false, '');
}

export function yes(): Asn1 {
  return forge.asn1.create(UNIVERSAL, BOOLEAN, false, '\xff');
}

export function octets(bytes: Buffer): Asn1 {
  return forge.asn1.create(UNIVERSAL, OCTET_STRING, false, bytes.toString('latin1'));
}

/** `unused` bits at the end of the last byte. */
export function bits(bytes: Buffer, unused = 0): Asn1 {
  return forge.asn1.create(
    UNIVERSAL,
    BIT_STRING,
    false,
    String.fromCharCode(unused) + bytes.toString('latin1'),
  );
}

export function utf8(text: string): Asn1 {
  return forge.asn1.create(UNIVERSAL, UTF8_STRING, false, Buffer.from(text, 'utf8').toString('latin1'));
}

/** UTF-16; node-forge encodes it. */
export function bmp(text: string): Asn1 {
  return forge.asn1.create(UNIVERSAL, BMP_STRING, false, text);
}

/** RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime after; whole seconds. */
export function time(date: Date): Asn1 {
  return date.getUTCFullYear() < 2050
    ? forge.asn1.create(UNIVERSAL, UTC_TIME, false, forge.asn1.dateToUtcTime(date))
    : forge.asn1.create(UNIVERSAL, GENERALIZED_TIME, false, forge.asn1.dateToGeneralizedTime(date));
}

/** `[tag]` around a value. */
export function explicit(tag: number, ...items: readonly Asn1[]): Asn1 {
  return forge.asn1.create(CONTEXT_SPECIFIC, tag, true, [...items]);
}

/** `[tag]` in the place of a primitive type's own. */
export function implicit(tag: number, bytes: Buffer): Asn1 {
  return forge.asn1.create(CONTEXT_SPECIFIC, tag, false, bytes.toString('latin1'));
}

export function itemsOf(item: Asn1 | undefined): readonly Asn1[] {
  if (item === undefined || !Array.isArray(item.value)) throw new NotDer('a list was expected');
  return item.value;
}

/** The contents of a primitive value; those of an octet string in pieces (BER), put together. */
export function octetsOf(item: Asn1 | undefined): Buffer {
  if (item === undefined) throw new NotDer('a value is missing');
  if (Array.isArray(item.value)) return Buffer.concat(item.value.map(octetsOf));
  return Buffer.from(item.value, item.type === BMP_STRING && isUniversal(item) ? 'utf16le' : 'latin1');
}

/** A bit string's bytes, less its first one, which counts the unused bits. */
export function bitsOf(item: Asn1 | undefined): Buffer {
  if (!isType(item, BIT_STRING)) throw new NotDer('a bit string was expected');
  return octetsOf(item).subarray(1);
}

export function oidOf(item: Asn1 | undefined): string {
  if (item === undefined || !isType(item, OID)) throw new NotDer('an object identifier was expected');
  return forge.asn1.derToOid(octetsOf(item).toString('latin1'));
}

export function dateOf(item: Asn1 | undefined): Date {
  const text = octetsOf(item).toString('latin1');
  return isType(item, UTC_TIME) ? forge.asn1.utcTimeToDate(text) : forge.asn1.generalizedTimeToDate(text);
}

const CHARSETS = new Map<number, BufferEncoding>([
  [UTF8_STRING, 'utf8'],
  [PRINTABLE_STRING, 'latin1'],
  [IA5_STRING, 'latin1'],
  // T61String in theory; everyone wrote Latin-1 into it, and OpenSSL reads it so.
  [T61_STRING, 'latin1'],
  [NUMERIC_STRING, 'latin1'],
  [VISIBLE_STRING, 'latin1'],
]);

/** A string of whatever type; hex with a `#` before it (RFC 4514 2.4) where the type is none. */
export function derText(item: Asn1 | undefined): string {
  if (item === undefined) throw new NotDer('a value is missing');
  // node-forge has decoded this one.
  if (isType(item, BMP_STRING) && typeof item.value === 'string') return item.value;
  const charset = isUniversal(item) ? CHARSETS.get(item.type) : undefined;
  return charset === undefined ? `#${encode(item).toString('hex')}` : octetsOf(item).toString(charset);
}

export function isType(item: Asn1 | undefined, type: number): boolean {
  return item !== undefined && isUniversal(item) && item.type === type;
}

/** Is it `[tag]`, and not a universal type of that number? */
export function isTagged(item: Asn1 | undefined, tag: number): boolean {
  return item !== undefined && item.tagClass === CONTEXT_SPECIFIC && item.type === tag;
}

function isUniversal(item: Asn1): boolean {
  return item.tagClass === UNIVERSAL;
}
