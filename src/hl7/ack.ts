// Acknowledgements: reading a node's (which message it answers, and how), and making the gateway's own, which are
// negative only. HL7 v2.9.1 2.9 and 2.14.8 (MSA), 2.14.5 (ERR).

import { encodeUtf16, narrowUtf16 } from './charset.ts';
import { type Delimiters, findHeader, type Header } from './header.ts';

/** Table 0008. */
export type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

export interface Ack {
  /** MSA-1; of a batch of acknowledgements, the first. */
  readonly code: AckCode;
  /** MSA-2 byte for byte, one character for each byte. */
  readonly controlId: string;
  /** Over HTTP: the charset that its response declares. */
  readonly charset?: string | undefined;
}

const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads a node's answer. Undefined if it is no acknowledgement: no MSH, no MSA, or an MSA-1 outside table 0008.
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
  const code = bytes.toString('latin1', from, codeEnd);
  if (!isAckCode(code)) return undefined;
  if (bytes[codeEnd] !== field) return { code, controlId: '' };
  return { code, controlId: bytes.toString('latin1', codeEnd + 1, endOfField(bytes, codeEnd + 1, field)) };
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
  let at = 0;
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) at = 3;
  while (bytes[at] === CR || bytes[at] === LF) at++;
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

export interface Refusal {
  readonly code: 'AE' | 'AR' | 'CE' | 'CR';
  /** Table 0357. */
  readonly condition: number;
  /** What went wrong, for people; nothing of the message. */
  readonly text: string;
  /** The gateway's own error code. */
  readonly diagnostic: string;
  /** A field of MSH, where the error lies in one. */
  readonly field?: number | undefined;
}

/** Table 0357, as far as the gateway uses it. */
const CONDITIONS: Readonly<Record<number, string>> = {
  100: 'Segment sequence error',
  101: 'Required field missing',
  102: 'Data type error',
  103: 'Table value not found',
  200: 'Unsupported message type',
  207: 'Application internal error',
};

/** Longest copy of an inbound field in a generated answer; v2.9 allows 227 for MSH-3, 199 for MSH-10. */
const MAX_ECHO = 1024;

let answers = 0;

/**
 * A negative acknowledgement in the sender's own delimiters and version: MSH with sender and receiver swapped, MSA, ERR.
 * Field values are echoed byte for byte but for control bytes, which are escaped (F23).
 */
export function makeNak(header: Header, refusal: Refusal, now: Date): Buffer {
  const d = header.delimiters;
  const fs = String.fromCharCode(d.field);
  const join = (separator: number, ...parts: (string | number)[]): string =>
    separator < 0 ? String(parts[0]) : trimEnd(parts.map(String), String.fromCharCode(separator));
  const components = (...parts: (string | number)[]): string => join(d.component, ...parts);
  const subcomponents = (...parts: (string | number)[]): string => join(d.subcomponent, ...parts);
  const echo = (n: number): string => escapeControls(header.text(n).slice(0, MAX_ECHO), d);
  const text = (value: string): string => escapeText(value, d);
  const version = versionOf(header);

  const msh: string[] = ['MSH', header.text(2)];
  msh.push(echo(5), echo(6), echo(3), echo(4), timestamp(now), '', ackType(header, version, components));
  // FHS and BHS have other things in these places.
  msh.push(nextControlId(now), header.isMsh ? echo(11) : 'P', header.isMsh ? echo(12) : '2.5');
  if (header.isMsh && header.has(18))
    msh.push('', '', '', '', '', header.utf16 === undefined ? echo(18) : 'UNICODE UTF-16');

  const msa = ['MSA', refusal.code, escapeControls(header.controlId.slice(0, MAX_ECHO), d)];
  // MSA-3 was withdrawn in v2.7; before v2.5 it is the only place for words.
  if (version < 2.7) msa.push(text(refusal.text));

  const condition = CONDITIONS[refusal.condition] ?? 'Application internal error';
  const at = refusal.field;
  const location = at === undefined ? '' : components('MSH', 1, at);
  const err =
    version >= 2.5
      ? [
          'ERR',
          '',
          location,
          components(refusal.condition, condition, 'HL70357'),
          'E',
          '',
          '',
          refusal.diagnostic,
          text(refusal.text),
        ]
      : [
          'ERR',
          components(
            at === undefined ? '' : 'MSH',
            at === undefined ? '' : 1,
            at ?? '',
            subcomponents(refusal.condition, condition, 'HL70357'),
          ),
        ];

  const answer = `${[msh, msa, err].map((segment) => trimEnd(segment, fs)).join('\r')}\r`;
  const bytes = Buffer.from(answer, 'latin1');
  // What is echoed of a UTF-16 message is the UTF-8 of its narrowed copy.
  return header.utf16 === undefined ? bytes : encodeUtf16(bytes.toString('utf8'), header.utf16);
}

/** MSH-9 of the answer: the structure is named since v2.3.1, the trigger event is repeated where the message has one. */
function ackType(header: Header, version: number, components: (...parts: string[]) => string): string {
  const { component } = header.delimiters;
  const event =
    component < 0 || !header.isMsh ? undefined : header.text(9).split(String.fromCharCode(component))[1];
  if (event === undefined || !/^[A-Za-z0-9]{1,3}$/.test(event) || version < 2.3) return 'ACK';
  return version < 2.31 ? components('ACK', event) : components('ACK', event, 'ACK');
}

/** MSH-12 as a number that compares: 2.3 → 2.3, 2.3.1 → 2.31, 2.5.1 → 2.51. Without a usable one, 2.5. */
function versionOf(header: Header): number {
  const match = header.isMsh ? /^2\.(\d)(?:\.(\d))?/.exec(header.text(12)) : null;
  if (match === null) return 2.5;
  return Number(`2.${match[1] ?? ''}${match[2] ?? ''}`);
}

/** v2.9.1 2A.3.22 (DTM), in UTC. */
function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 23).replace(/[-T:]/g, '')}+0000`;
}

/** Unique in this process; at most 20 characters, which is what v2.2 allows. */
function nextControlId(now: Date): string {
  answers = (answers + 1) % 0x7fffffff;
  return `GW${now.getTime().toString(36)}${answers.toString(36)}`.toUpperCase();
}

function escapeControls(value: string, delimiters: Delimiters): string {
  if (!/[\x00-\x1f\x7f]/.test(value)) return value;
  const mark = delimiters.escape < 0 ? undefined : String.fromCharCode(delimiters.escape);
  return value.replace(/[\x00-\x1f\x7f]/g, (char) =>
    mark === undefined
      ? '?'
      : `${mark}X${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}${mark}`,
  );
}

/** Words of the gateway's own or of its config: delimiters in them are escaped (2.7.1), other than ASCII is not sent. */
function escapeText(value: string, d: Delimiters): string {
  const names: [number, string][] = [
    [d.escape, 'E'],
    [d.field, 'F'],
    [d.component, 'S'],
    [d.repetition, 'R'],
    [d.subcomponent, 'T'],
    [d.truncation, 'P'],
  ];
  let out = '';
  for (const char of value) {
    const code = char.charCodeAt(0);
    const name = names.find(([byte]) => byte === code)?.[1];
    if (name !== undefined)
      out += d.escape < 0 ? ' ' : `${String.fromCharCode(d.escape)}${name}${String.fromCharCode(d.escape)}`;
    else out += code < 0x20 || code > 0x7e ? '?' : char;
  }
  return out;
}

function trimEnd(parts: readonly string[], separator: string): string {
  let last = parts.length;
  while (last > 1 && parts[last - 1] === '') last--;
  return parts.slice(0, last).join(separator);
}
