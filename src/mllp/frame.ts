// MLLP block format (HL7 v2.9.1 appendix C.4, MLLP release 1): the bytes around a payload, as pure functions.

/** <SB>, start block. */
export const START_BLOCK = 0x0b;
/** <EB>, the first byte of an end of frame; only with CR behind it does it end one. */
export const END_BLOCK = 0x1c;
export const CARRIAGE_RETURN = 0x0d;
/** Start block before, end block and CR behind. */
export const FRAMING_BYTES = 3;

/** Puts a payload into a frame. */
export function frame(payload: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(payload.length + FRAMING_BYTES);
  framed[0] = START_BLOCK;
  payload.copy(framed, 1);
  framed[payload.length + 1] = END_BLOCK;
  framed[payload.length + 2] = CARRIAGE_RETURN;
  return framed;
}

/** The payload of a whole frame, as a view on the same memory. */
export function payloadOf(framed: Buffer): Buffer {
  return framed.subarray(1, framed.length - 2);
}

/** A frame of it would end before its end, and another could begin behind that (F12). */
export function holdsFrameEnd(payload: Buffer): boolean {
  return payload.includes(FRAME_END);
}

const FRAME_END = Buffer.from([END_BLOCK, CARRIAGE_RETURN]);

/** What bytes that are no MLLP frame look like, for a log that may not show them (F6). */
export function classifyBytes(sample: Buffer): string {
  const text = sample.toString('latin1', 0, 16);
  if (sample[0] === 0x16 && sample[1] === 0x03) return 'a TLS ClientHello';
  if (/^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PRI) /.test(text)) return 'an HTTP request';
  if (/^(MSH|FHS|BHS)[^A-Za-z0-9]/.test(text)) return 'HL7 without MLLP framing';
  if (/^(PROXY |(\r\n\r\n\0\r\n)?QUIT\n)/.test(text)) return 'a PROXY protocol header';
  if (text.startsWith('SSH-')) return 'an SSH client';
  for (const byte of sample)
    if (byte < 0x09 || byte > 0x7e || (byte > 0x0d && byte < 0x20)) return 'binary data';
  return 'text';
}
