// Reading a node's acknowledgement: which message it answers, and how. Nothing that is no acknowledgement passes for one.
// HL7 v2.9.1 2.9 and 2.14.8 (MSA).
import { narrowUtf16 } from './charset.ts';
import { contentStart, type Delimiters, findHeader, type Header } from './header.ts';

/** Table 0008. */
export type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

export interface Ack {
  /** MSA-1; of a batch of acknowledgements, the first. */
  readonly code: AckCode;
  /** MSA-2 byte for byte, one character for each byte. */
  readonly controlId: string;
  /** MSA-1 is `code` but for blanks around it, letter case, and what stands behind its first component (F84). */
  readonly isCodeLoose?: boolean;
  /** Over HTTP: the charset that its response declares. */
  readonly charset?: string | undefined;
}

const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads a node's answer. Undefined if it is no acknowledgement: no MSH, no MSA, or an MSA-1 that is no code of table
 * 0008, however it is written.
 * A batch without any MSA answers a batch, and accepts all of it (2.9.3.3).
 */
export function readAck(payload: Buffer): Ack | undefined {
  const bytes = narrowUtf16(payload)?.bytes ?? payload;
  const field = bytes[fieldSeparatorAt(bytes)];
  if (field === undefined) return undefined;
  for (let at = bytes.indexOf('MSA', 8, 'latin1'); at >= 0; at = bytes.indexOf('MSA', at + 3, 'latin1')) {
    const before = bytes[at - 1];
    if ((before === CR || before === LF) && bytes[at + 3] === field) return readMsa(bytes, at + 4, field);
  }
  return isEmptyBatch(bytes) ? { code: 'AA', controlId: '' } : undefined;
}

function readMsa(bytes: Buffer, from: number, field: number): Ack | undefined {
  const codeEnd = endOfField(bytes, from, field);
  const exact = codeEnd === from + 2 ? codeOf(bytes.readUInt16BE(from)) : undefined;
  const code = exact ?? looseCode(bytes.toString('latin1', from, codeEnd));
  if (code === undefined) return undefined;
  const controlId =
    bytes[codeEnd] === field
      ? bytes.toString('latin1', codeEnd + 1, endOfField(bytes, codeEnd + 1, field))
      : '';
  return exact !== undefined ? { code, controlId } : { code, controlId, isCodeLoose: true };
}

/** Of its two letters as they lie in the message; nothing is made for it. */
function codeOf(letters: number): AckCode | undefined {
  switch (letters) {
    case 0x4141:
      return 'AA';
    case 0x4145:
      return 'AE';
    case 0x4152:
      return 'AR';
    case 0x4341:
      return 'CA';
    case 0x4345:
      return 'CE';
    case 0x4352:
      return 'CR';
    default:
      return undefined;
  }
}

/** Whatever the delimiters are, they are no letters. */
function looseCode(text: string): AckCode | undefined {
  const code = /^ *([A-Za-z]{2}) *(?:$|[^A-Za-z0-9 ])/.exec(text)?.[1]?.toUpperCase();
  return code !== undefined && isAckCode(code) ? code : undefined;
}

function isAckCode(code: string): code is AckCode {
  return code === 'AA' || code === 'AE' || code === 'AR' || code === 'CA' || code === 'CE' || code === 'CR';
}

function endOfField(bytes: Buffer, from: number, field: number): number {
  let at = from;
  for (; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === field || byte === CR || byte === LF) break;
  }
  return at;
}

function fieldSeparatorAt(bytes: Buffer): number {
  const at = contentStart(bytes);
  const name = bytes.toString('latin1', at, at + 3);
  return name === 'MSH' || name === 'FHS' || name === 'BHS' ? at + 3 : bytes.length;
}

function isEmptyBatch(bytes: Buffer): boolean {
  const name = bytes.toString('latin1', 0, 3);
  return (name === 'FHS' || name === 'BHS') && findHeader(bytes, 0) < 0;
}

/** Is this the acknowledgement of a whole message (application), not of its safe receipt (commit)? */
export function isApplicationAck(code: AckCode): boolean {
  return code.charCodeAt(0) === 0x41;
}

/** Is this message itself an acknowledgement (MSH-9 is ACK)? */
export function isAcknowledgement(header: Header): boolean {
  if (!header.isMsh) return false;
  const { bytes, delimiters } = header;
  const start = header.fieldStart(9);
  const end = header.fieldEnd(9);
  if (end - start < 3 || bytes[start] !== 0x41 || bytes[start + 1] !== 0x43 || bytes[start + 2] !== 0x4b)
    return false;
  return start + 3 === end || bytes[start + 3] === delimiters.component;
}

/** An error or a rejection, of a message or of its receipt. */
export function isNegative(code: AckCode): boolean {
  return code !== 'AA' && code !== 'CA';
}

/** Every control id in a payload that holds several messages, and those of its file and batch headers. */
export function controlIdsOf(header: Header): ReadonlySet<string> {
  const ids = new Set<string>([header.controlId]);
  const { bytes, delimiters } = header;
  for (const [segment, field] of [
    ['MSH', 10],
    ['BHS', 11],
    ['FHS', 11],
  ] as const) {
    for (
      let at = bytes.indexOf(segment, 0, 'latin1');
      at >= 0;
      at = bytes.indexOf(segment, at + 3, 'latin1')
    ) {
      const before = at === 0 ? CR : bytes[at - 1];
      if ((before === CR || before === LF) && bytes[at + 3] === delimiters.field)
        ids.add(nthField(bytes, at, field, delimiters));
    }
  }
  ids.delete('');
  return ids;
}

function nthField(bytes: Buffer, segmentAt: number, n: number, { field }: Delimiters): string {
  let at = segmentAt + 4;
  for (let i = 2; i < n; i++) {
    at = endOfField(bytes, at, field);
    if (bytes[at] !== field) return '';
    at++;
  }
  return bytes.toString('latin1', at, endOfField(bytes, at, field));
}
