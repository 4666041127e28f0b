// HL7 table 0211 and what Node.js's decoder makes of it. Charsets are used to compare and to show; bytes on the
// way from sender to node are never changed by them.

import type { Utf16 } from '../mllp/utf16-detector.ts';

export type { Utf16 };

/**
 * Table 0211 (v2.9.1) → WHATWG label, which is not always the name itself: its ISO 8859-1, -9 and -11 are the Windows
 * sets, a superset in the printable range. JIS X 0201 (ISO IR13, IR14) is what Shift_JIS has in one byte. Those missing
 * here Node.js cannot decode: CNS 11643-1992, UTF-32; and UTF-16, which is told by its bytes and not by MSH-18.
 */
const TABLE_0211: ReadonlyMap<string, string> = new Map([
  ['ASCII', 'windows-1252'],
  ['ISO IR6', 'windows-1252'],
  ['8859/1', 'iso-8859-1'],
  ...[2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16].map((n): [string, string] => [`8859/${n}`, `iso-8859-${n}`]),
  ['8859/9', 'windows-1254'],
  ['8859/11', 'windows-874'],
  ['JAS2020', 'iso-2022-jp'],
  ['JIS X 0202', 'iso-2022-jp'],
  ['ISO IR13', 'shift_jis'],
  ['ISO IR14', 'shift_jis'],
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
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16].flatMap((n): [string, string][] => {
    const label = n === 9 ? 'windows-1254' : n === 11 ? 'windows-874' : `iso-8859-${n}`;
    return [`ISO-8859-${n}`, `ISO8859-${n}`, `ISO 8859-${n}`, `ISO 8859/${n}`].map((name) => [name, label]);
  }),
  ['US-ASCII', 'windows-1252'],
  ['WINDOWS-1252', 'windows-1252'],
  ['GB18030', 'gb18030'],
  ['GB 18030', 'gb18030'],
  ['BIG5', 'big5'],
  ['EUC-KR', 'euc-kr'],
  ['SHIFT_JIS', 'shift_jis'],
]);

/** In these a delimiter's byte can be the second half of a character, so text must be decoded before it is split. */
const NOT_ASCII_SAFE: ReadonlySet<string> = new Set(['gb18030', 'big5', 'shift_jis', 'iso-2022-jp']);

export function hidesDelimiters(charset: string): boolean {
  return NOT_ASCII_SAFE.has(charset);
}

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

/**
 * For conversions, which may lose nothing: undefined where the bytes are not of exactly that charset.
 */
export function decodeStrictly(bytes: Buffer, charset: string): string | undefined {
  if (!charset.startsWith('utf-16') && isPlainAscii(bytes)) return bytes.toString('latin1');
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
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
  if (charset === undefined || !hidesDelimiters(charset) || isPlainAscii(bytes)) return { bytes, charset };
  return { bytes: Buffer.from(decodeText(bytes, charset), 'utf8'), charset: 'utf-8' };
}

/** A UTF-8 copy of a payload in UTF-16 (by its byte order mark, or by the zero beside its first letter), else undefined. */
export function narrowUtf16(payload: Buffer): { bytes: Buffer; encoding: Utf16 } | undefined {
  const encoding = utf16Of(payload);
  if (encoding === undefined) return undefined;
  return { bytes: Buffer.from(new TextDecoder(encoding).decode(payload), 'utf8'), encoding };
}

/** Would `narrowUtf16` make a copy? */
export function isUtf16(payload: Buffer): boolean {
  return utf16Of(payload) !== undefined;
}

function utf16Of(payload: Buffer): Utf16 | undefined {
  const a = payload[0];
  const b = payload[1];
  if ((a === 0xff && b === 0xfe) || (a !== 0 && b === 0 && payload.length > 1)) return 'utf-16le';
  if ((a === 0xfe && b === 0xff) || (a === 0 && b !== undefined && b !== 0)) return 'utf-16be';
  return undefined;
}

/** Text of a generated answer in the encoding of the message that it answers. */
export function encodeUtf16(text: string, encoding: Utf16): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return encoding === 'utf-16le' ? bytes : bytes.swap16();
}
