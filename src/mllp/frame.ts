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

/** The payloads of whole frames that stand one behind the other (F82), as views. */
export function payloadsOf(frames: Buffer): readonly Buffer[] {
  const payload = payloadOf(frames);
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = payload.indexOf(BETWEEN); at >= 0; at = payload.indexOf(BETWEEN, from)) {
    parts.push(payload.subarray(from, at));
    from = at + BETWEEN.length;
  }
  parts.push(payload.subarray(from));
  return parts;
}

/** The same, joined; as a view where there is one. */
export function contentOf(frames: Buffer): Buffer {
  const parts = payloadsOf(frames);
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/** A frame of it would end before its end, and another could begin behind that (F12). */
export function holdsFrameEnd(payload: Buffer): boolean {
  return payload.includes(FRAME_END);
}

const FRAME_END = Buffer.from([END_BLOCK, CARRIAGE_RETURN]);
const BETWEEN = Buffer.from([END_BLOCK, CARRIAGE_RETURN, START_BLOCK]);

/** A protocol that says in its first bytes that it is not MLLP (F99, F111): what comes behind them need not be waited for. */
export function otherProtocol(sample: Buffer): string | undefined {
  const text = sample.toString('latin1', 0, 16);
  if (sample[0] === 0x16 && sample[1] === 0x03) return 'a TLS ClientHello';
  if (sample[0] === 0x15 && sample[1] === 0x03) return 'a TLS alert';
  if (/^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PRI) /.test(text)) return 'an HTTP request';
  if (/^HTTP\/\d/.test(text)) return 'an HTTP response';
  if (text.startsWith('SSH-')) return 'SSH';
  return undefined;
}

export function isUnframedHl7(sample: Buffer): boolean {
  return /^(MSH|FHS|BHS)[^A-Za-z0-9]/.test(sample.toString('latin1', 0, 4));
}

/** UTF-16 that is framed in its own 16-bit characters: `00 0B … 00 1C 00 0D`, or the other way round (F99). */
export function isFramedAsUtf16(head: Buffer): boolean {
  return head[0] === START_BLOCK && head[1] === 0 && head[2] === 0x4d && head[3] === 0;
}

/** What bytes that are no MLLP frame look like, for a log that may not show them (F6). */
export function classifyBytes(sample: Buffer): string {
  const text = sample.toString('latin1', 0, 16);
  const other = otherProtocol(sample);
  if (other !== undefined) return other;
  if (isFramedAsUtf16(sample)) return 'UTF-16 with UTF-16 framing';
  if (isUnframedHl7(sample)) return 'HL7 without MLLP framing';
  if (/^(PROXY |(\r\n\r\n\0\r\n)?QUIT\n)/.test(text)) return 'a PROXY protocol header';
  for (const byte of sample)
    if (byte < 0x09 || byte > 0x7e || (byte > 0x0d && byte < 0x20)) return 'binary data';
  return 'text';
}
