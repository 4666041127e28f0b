// The gateway's own acknowledgements: negative ones, positive ones of what is stored, and what else it writes of its own in HL7.
// HL7 v2.9.1 2.9, 2.14.8 (MSA), 2.14.5 (ERR). Nothing of a message is in them but what its header says of itself.
import type { ErrorPlace } from '../errors.ts';
import { onOtherPlatform } from '../platform/current.ts';
import { encodeUtf16 } from './charset.ts';
import type { Delimiters, Header } from './header.ts';

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
  /** Instead of `condition` and `field`: several places of the message. */
  readonly places?: readonly ErrorPlace[] | undefined;
}

/** Table 0357, as far as the gateway uses it. */
const CONDITIONS: Readonly<Record<number, string>> = {
  100: 'Segment sequence error',
  101: 'Required field missing',
  102: 'Data type error',
  103: 'Table value not found',
  104: 'Value too long',
  200: 'Unsupported message type',
  201: 'Unsupported event code',
  202: 'Unsupported processing id',
  203: 'Unsupported version id',
  204: 'Unknown key identifier',
  205: 'Duplicate key identifier',
  206: 'Application record locked',
  207: 'Application internal error',
};

/** Longest copy of an inbound field in a generated answer; v2.9 allows 227 for MSH-3, 199 for MSH-10. */
export const MAX_ECHO = 1024;

/** Of MSA-3, up to v2.6. */
const MAX_TEXT = 80;
/** Of ERR-8, up to v2.6. */
const MAX_USER_MESSAGE = 250;

let answers = 0;
onOtherPlatform(() => {
  answers = 0;
});

/**
 * A negative acknowledgement in the sender's own delimiters and version: MSH with sender and receiver swapped, MSA, ERR.
 * Field values are echoed byte for byte but for control bytes, which are escaped (F23).
 */
export function makeNak(header: Header, refusal: Refusal, now: Date): Buffer {
  const d = header.delimiters;
  const text = (value: string, max?: number): string => escapeText(value, d, max);
  const version = versionOf(header);
  // MSA-3 was withdrawn in v2.7; before v2.5 it is the only place for words.
  const words = version < 2.7 ? [text(refusal.text, MAX_TEXT)] : [];
  return acknowledgement(header, refusal.code, words, errSegments(refusal, version, d, text), now);
}

/** A positive acknowledgement of what the gateway itself has in safe keeping; the same but for its code, and without ERR. */
export function makeAck(header: Header, code: 'AA' | 'CA', now: Date): Buffer {
  return acknowledgement(header, code, [], [], now);
}

function acknowledgement(
  header: Header,
  code: string,
  words: readonly string[],
  more: readonly string[][],
  now: Date,
): Buffer {
  const d = header.delimiters;
  const fs = String.fromCharCode(d.field);
  const components = (...parts: string[]): string => joined(d.component, parts);
  const echo = (n: number): string => escapeControls(header.text(n).slice(0, MAX_ECHO), d);
  const version = versionOf(header);

  const msh: string[] = ['MSH', header.text(2)];
  msh.push(echo(5), echo(6), echo(3), echo(4), timestamp(now), '', ackType(header, version, components));
  // FHS and BHS have other things in these places.
  msh.push(nextControlId(now), isGiven(header, 11) ? echo(11) : 'P', isGiven(header, 12) ? echo(12) : '2.5');
  if (header.isMsh && header.has(18))
    msh.push('', '', '', '', '', header.utf16 === undefined ? echo(18) : 'UNICODE UTF-16');

  const msa = ['MSA', code, escapeControls(header.controlId.slice(0, MAX_ECHO), d), ...words];
  const answer = `${[msh, msa, ...more].map((segment) => trimEnd(segment, fs)).join('\r')}\r`;
  const bytes = Buffer.from(answer, 'latin1');
  // What is echoed of a UTF-16 message is the UTF-8 of its narrowed copy.
  return header.utf16 === undefined ? bytes : encodeUtf16(framable(bytes.toString('utf8')), header.utf16);
}

/** F12: echoed characters of which a byte in UTF-16 would be one of MLLP's framing are not echoed. */
function framable(text: string): string {
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]|[^\x00-\x7f]/g, (character) =>
    /[\x0b\x1c]/.test(Buffer.from(character, 'utf16le').toString('latin1')) ? '?' : character,
  );
}

/**
 * One ERR for each place. Before v2.5 the segment does not repeat and knows one field, whose repetitions are the places
 * (v2.4 2.16.5); a sender without a repetition separator is told the first.
 */
function errSegments(
  refusal: Refusal,
  version: number,
  d: Delimiters,
  text: (value: string, max?: number) => string,
): string[][] {
  const { condition, field } = refusal;
  const places: readonly Place[] = refusal.places ?? [
    { condition, text: refusal.text, ...(field === undefined ? {} : { segment: 'MSH', sequence: 1, field }) },
  ];
  if (version >= 2.5) {
    return places.map((place) => [
      'ERR',
      '',
      joined(d.component, [
        ...[place.segment, place.sequence, place.field, place.repetition],
        ...[place.component, place.subcomponent],
      ]),
      joined(d.component, [...conditionOf(place.condition, version), 'HL70357']),
      'E',
      '',
      '',
      refusal.diagnostic,
      text(place.text, version < 2.7 ? MAX_USER_MESSAGE : undefined),
    ]);
  }
  const located = places.map((place) =>
    joined(d.component, [
      ...[place.segment, place.sequence, place.field],
      joined(d.subcomponent, [...conditionOf(place.condition, version), 'HL70357']),
    ]),
  );
  return [['ERR', joined(d.repetition, located)]];
}

type Place = Partial<Omit<ErrorPlace, 'condition'>> & {
  readonly condition: number;
  readonly text: string;
};

/** 104 is in the table since v2.8 only. */
function conditionOf(condition: number, version: number): [code: number, words: string] {
  const code = condition === 104 && version < 2.8 ? 102 : condition;
  return [code, CONDITIONS[code] ?? 'Application internal error'];
}

/** Without such a separator, the first part alone. */
function joined(separator: number, parts: readonly (string | number | undefined)[]): string {
  const texts = parts.map((part) => String(part ?? ''));
  return separator < 0 ? (texts[0] ?? '') : trimEnd(texts, String.fromCharCode(separator));
}

/** MSH-9 of the answer: the structure is named since v2.3.1, the trigger event is repeated where the message has one. */
function ackType(header: Header, version: number, components: (...parts: string[]) => string): string {
  const { component } = header.delimiters;
  const event =
    component < 0 || !header.isMsh ? undefined : header.text(9).split(String.fromCharCode(component))[1];
  if (event === undefined || !/^[A-Za-z0-9]{1,3}$/.test(event) || version < 2.3) return 'ACK';
  return version < 2.31 ? components('ACK', event) : components('ACK', event, 'ACK');
}

/**
 * F92: MSH-11 and MSH-12 are required (2.14.9), and an answer without them is not read. FHS and BHS have other things in
 * these places; null and blanks say nothing.
 */
function isGiven(header: Header, field: 11 | 12): boolean {
  if (!header.isMsh) return false;
  const { component } = header.delimiters;
  const value = header.text(field);
  const first = component < 0 ? value : (value.split(String.fromCharCode(component))[0] ?? '');
  return first.trim() !== '' && first !== '""';
}

/** MSH-12 as a number that compares: 2.3 → 2.3, 2.3.1 → 2.31, 2.5.1 → 2.51. Without a usable one, 2.5. */
function versionOf(header: Header): number {
  const match = header.isMsh ? /^2\.(\d)(?:\.(\d))?/.exec(header.text(12)) : null;
  if (match === null) return 2.5;
  return Number(`2.${match[1] ?? ''}${match[2] ?? ''}`);
}

/** v2.9.1 2A.3.22 (DTM), in UTC. */
export function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 23).replace(/[-T:]/g, '')}+0000`;
}

/** Unique in this process; at most 20 characters, which is what v2.2 allows. */
export function nextControlId(now: Date): string {
  answers = (answers + 1) % 0x7fffffff;
  return `GW${now.getTime().toString(36)}${answers.toString(36)}`.toUpperCase();
}

export function escapeControls(value: string, delimiters: Delimiters): string {
  if (!/[\x00-\x1f\x7f]/.test(value)) return value;
  const mark = delimiters.escape < 0 ? undefined : String.fromCharCode(delimiters.escape);
  return value.replace(/[\x00-\x1f\x7f]/g, (char) =>
    mark === undefined
      ? '?'
      : `${mark}X${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}${mark}`,
  );
}

/** Words of the gateway's own or of its config: delimiters in them are escaped (2.7.1), other than ASCII is not sent. */
function escapeText(value: string, d: Delimiters, max = Number.POSITIVE_INFINITY): string {
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
    let next = code < 0x20 || code > 0x7e ? '?' : char;
    if (name !== undefined)
      next = d.escape < 0 ? ' ' : `${String.fromCharCode(d.escape)}${name}${String.fromCharCode(d.escape)}`;
    // An escape sequence is not cut in two.
    if (out.length + next.length > max) break;
    out += next;
  }
  return out;
}

export function trimEnd(parts: readonly string[], separator: string): string {
  let last = parts.length;
  while (last > 1 && parts[last - 1] === '') last--;
  return parts.slice(0, last).join(separator);
}
