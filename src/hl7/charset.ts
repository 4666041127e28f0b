// HL7 table 0211 and what Node.js's decoder makes of it. Charsets are used to compare and to show; bytes on the
// way from sender to node are never changed by them.

export type Utf16 = 'utf-16le' | 'utf-16be';

/** Table 0211 (v2.9.1) → WHATWG label. Those missing here Node.js cannot decode. */
const TABLE_0211: ReadonlyMap<string, string> = new Map([
  ['ASCII', 'windows-1252'],
  ['8859/1', 'iso-8859-1'],
  ...[2, 3, 4, 5, 6, 7, 8, 13, 14, 15].map((n): [string, string] => [`8859/${n}`, `iso-8859-${n}`]),
  ['8859/9', 'windows-1254'],
  ['JAS2020', 'iso-2022-jp'],
  ['JIS X 0202', 'iso-2022-jp'],
  ['ISO IR87', 'iso-2022-jp'],
  ['ISO IR159', 'iso-2022-jp'],
  ['GB 18030-2000', 'gb18030'],
  ['KS X 1001', 'euc-kr'],
  ['CNS 11643-1992', 'euc-tw'],
  ['BIG-5', 'big5'],
  ['UNICODE', 'utf-8'],
  ['UNICODE UTF-8', 'utf-8'],
]);

/** What the field writes besides table 0211. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['UTF-8', 'utf-8'],
  ['UTF8', 'utf-8'],
  ['ISO-8859-1', 'iso-8859-1'],
  ['ISO8859-1', 'iso-8859-1'],
  ['ISO-8859-15', 'iso-8859-15'],
  ['WINDOWS-1252', 'windows-1252'],
  ['GB18030', 'gb18030'],
  ['SHIFT_JIS', 'shift_jis'],
]);

/** In these a delimiter's byte can be the second half of a character, so text must be decoded before it is split. */
const NOT_ASCII_SAFE: ReadonlySet<string> = new Set(['gb18030', 'big5', 'shift_jis', 'iso-2022-jp']);

/** TextDecoder label for a value of MSH-18, or undefined. */
export function charsetOf(value: string): string | undefined {
  if (value === '') return undefined;
  const name = value.trim().toUpperCase();
  const label = TABLE_0211.get(name) ?? ALIASES.get(name);
  return label !== undefined && decoderFor(label) !== undefined ? label : undefined;
}

const decoders = new Map<string, TextDecoder | undefined>();

function decoderFor(label: string): TextDecoder | undefined {
  if (!decoders.has(label)) {
    let decoder: TextDecoder | undefined;
    try {
      decoder = new TextDecoder(label, { ignoreBOM: false });
    } catch {
      // The label is not known to this build of Node.js.
    }
    decoders.set(label, decoder);
  }
  return decoders.get(label);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes as text. Without a charset: UTF-8 where it is valid, else Windows-1252, which has a character for each byte. */
export function decodeText(bytes: Buffer, charset: string | undefined): string {
  if (isPlainAscii(bytes)) return bytes.toString('latin1');
  if (charset !== undefined && charset !== 'windows-1252')
    return decoderFor(charset)?.decode(bytes) ?? bytes.toString('latin1');
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return decoderFor('windows-1252')?.decode(bytes) ?? bytes.toString('latin1');
  }
}

/** No byte above 7F and no escape (ISO 2022 switches character sets by it). */
function isPlainAscii(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte > 0x7f || byte === 0x1b) return false;
  }
  return true;
}

/**
 * The same text in a form whose delimiters can be found byte by byte: `bytes` itself where the charset allows that,
 * else a copy in UTF-8.
 */
export function splittable(
  bytes: Buffer,
  charset: string | undefined,
): { bytes: Buffer; charset: string | undefined } {
  if (charset === undefined || !NOT_ASCII_SAFE.has(charset) || isPlainAscii(bytes)) return { bytes, charset };
  return { bytes: Buffer.from(decodeText(bytes, charset), 'utf8'), charset: 'utf-8' };
}

/** A UTF-8 copy of a payload in UTF-16 (by its byte order mark, or by the zero beside its first letter), else undefined. */
export function narrowUtf16(payload: Buffer): { bytes: Buffer; encoding: Utf16 } | undefined {
  const a = payload[0];
  const b = payload[1];
  let encoding: Utf16;
  if ((a === 0xff && b === 0xfe) || (a !== 0 && b === 0 && payload.length > 1)) encoding = 'utf-16le';
  else if ((a === 0xfe && b === 0xff) || (a === 0 && b !== undefined && b !== 0)) encoding = 'utf-16be';
  else return undefined;
  return { bytes: Buffer.from(new TextDecoder(encoding).decode(payload), 'utf8'), encoding };
}

/** Text of a generated answer in the encoding of the message that it answers. */
export function encodeUtf16(text: string, encoding: Utf16): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return encoding === 'utf-16le' ? bytes : bytes.swap16();
}
