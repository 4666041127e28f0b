// Answers to a sender whose messages are framed in UTF-16 (F99): in UTF-16 framing, and in its encoding, as such a sender reads
// nothing else.
import { decodeText, encodeUtf16, type Utf16 } from '../../src/hl7/charset.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { payloadsOf } from '../../src/mllp/frame.ts';

const AROUND: Readonly<Record<Utf16, readonly [before: Buffer, behind: Buffer]>> = {
  'utf-16be': [Buffer.of(0x00, 0x0b), Buffer.of(0x00, 0x1c, 0x00, 0x0d)],
  'utf-16le': [Buffer.of(0x0b, 0x00), Buffer.of(0x1c, 0x00, 0x0d, 0x00)],
};

/** `frames`: one or more, one behind the other, in framing of single bytes. */
export function answerInUtf16(frames: Buffer, encoding: Utf16): Buffer {
  const [before, behind] = AROUND[encoding];
  return Buffer.concat(
    payloadsOf(frames).flatMap((payload) => [before, inEncoding(payload, encoding), behind]),
  );
}

/** The same bytes, where they are in that encoding; the same text, where a node has answered in another one. */
function inEncoding(payload: Buffer, encoding: Utf16): Buffer {
  try {
    const { utf16, charset } = readHeader(payload);
    if (utf16 === undefined) return encodeUtf16(decodeText(payload, charset), encoding);
    return utf16 === encoding ? payload : Buffer.from(payload).swap16();
  } catch {
    // No header, or no whole characters: nobody can say what it would be.
    return payload;
  }
}
