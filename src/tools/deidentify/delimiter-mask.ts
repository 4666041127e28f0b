// Where delimiters are, in charsets where half of a character can be the byte of one: a copy of the same length in which no
// byte of such a character is left. Promises that offsets in the copy are offsets in the message, so that what stays is
// copied from there byte for byte.
import { hidesDelimiters } from '../../hl7/charset.ts';

const CR = 0x0d;
const LF = 0x0a;
const ESC = 0x1b;
/** No delimiter, and no line end. */
const COVER = 0x80;

/** `bytes` itself where its charset hides no delimiter. */
export function delimiterMask(bytes: Buffer, charset: string | undefined): Buffer {
  if (charset === undefined || !hidesDelimiters(charset)) return bytes;
  const mask = Buffer.from(bytes);
  if (charset === 'iso-2022-jp') coverIso2022(bytes, mask);
  else coverPairs(bytes, mask, charset);
  return mask;
}

/** WHATWG Encoding 10.2 gb18030, 11.1 Big5, 12.3 Shift_JIS. */
function coverPairs(bytes: Buffer, mask: Buffer, charset: string): void {
  for (let at = 0; at < bytes.length; at++) {
    const lead = bytes[at] as number;
    const isLead =
      charset === 'shift_jis'
        ? (lead >= 0x81 && lead <= 0x9f) || (lead >= 0xe0 && lead <= 0xfc)
        : lead >= 0x81 && lead <= 0xfe;
    if (!isLead) continue;
    const next = bytes[at + 1];
    if (charset === 'gb18030' && next !== undefined && next >= 0x30 && next <= 0x39) {
      const third = bytes[at + 2] ?? 0;
      const fourth = bytes[at + 3] ?? 0;
      if (third >= 0x81 && third <= 0xfe && fourth >= 0x30 && fourth <= 0x39) {
        mask.fill(COVER, at, at + 4);
        at += 3;
      }
      continue;
    }
    // A first half without a second is an error of its own, and what follows stands for itself.
    if (next === undefined || next < 0x40 || next === 0x7f || next > 0xfe) continue;
    mask.fill(COVER, at, at + 2);
    at++;
  }
}

/** WHATWG Encoding 12.2: two bytes to a character between `ESC $ B` and `ESC ( B`; every line begins in ASCII. */
function coverIso2022(bytes: Buffer, mask: Buffer): void {
  let wide = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === CR || byte === LF) wide = false;
    else if (byte === ESC && (bytes[at + 1] === 0x24 || bytes[at + 1] === 0x28)) {
      // `ESC ( I`: katakana, seven bits each, whose bytes are those of punctuation.
      wide = bytes[at + 1] === 0x24 || bytes[at + 2] === 0x49;
      mask.fill(COVER, at, Math.min(at + 3, bytes.length));
      at += 2;
    } else if (wide) mask[at] = COVER;
  }
}
