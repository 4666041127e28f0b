// A message's bytes as text that hl7-standard splits rightly: one character for each byte, the standard delimiters, CR
// behind each segment, a delimiter in each segment. Promises that every byte can be told again from what comes out.

import { GatewayError } from '../../errors.ts';
import { hidesDelimiters, splittable } from '../charset.ts';
import type { Delimiters } from '../header.ts';

/** One segment, as it goes in and as it was. */
export interface PlainLine {
  /** As the message has it, up to its first separator; one character for each byte. */
  readonly name: string;
  /** What hl7-standard is told instead. */
  readonly alias: string;
  /** MSH-2, FHS-2 or BHS-2; undefined: the segment does not declare delimiters, or is nothing but its name. */
  readonly declared: string | undefined;
  /** The fields, between `|`; for MSH, FHS and BHS from the third on. Undefined: there are none. */
  readonly fields: string | undefined;
  /** Charset of the line's bytes: the message's, or UTF-8 where the line had to be decoded to be split. */
  readonly charset: string | undefined;
}

/**
 * A million delimiters take hl7-standard 1.2 s and 130 MB, a hundred thousand segments 0.6 s and 170 MB (Node.js 26);
 * messages of people and machines have some thousands. Both far above those, and still no harm to a worker.
 */
const MAX_DELIMITERS = 1_000_000;
const MAX_SEGMENTS = 100_000;
/** A string of V8 ends at 512 MiB; half of it leaves room for what is put in. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * hl7-standard lists all names it has seen for each segment: 20,000 different ones (100 KB of message) take it 20 s. No
 * standard message has a hundred; those beyond are all told by one alias.
 */
const MAX_NAMES = 200;

/** What hl7-standard takes as a name: with anything else it refuses the whole message. The first has to be MSH. */
const USABLE_NAME = /^[A-Z0-9]{3}$/;
const ALIAS = 'ZZZ';

/** Stand for bytes that hl7-standard would split at and this message does not. A byte's character is below U+0100. */
const STANDS_FOR = 0xe000;

/** Splits at CR, LF and CRLF, blank lines left out. */
export function plainLines(bytes: Buffer, delimiters: Delimiters, charset: string | undefined): PlainLine[] {
  if (bytes.length > MAX_BYTES) throw new GatewayError('GW_ERR_PARSE_SIZE', { detail: 'bytes' });
  const translate = translator(delimiters);
  const field = String.fromCharCode(delimiters.field);
  const names = new Set<string>();
  const lines: PlainLine[] = [];
  let left = MAX_DELIMITERS;
  for (const own of bytes.toString('latin1').split(/[\r\n]+/)) {
    if (own === '') continue;
    if (lines.length === MAX_SEGMENTS) throw new GatewayError('GW_ERR_PARSE_SIZE', { detail: 'segments' });
    const line = splittableLine(own, charset);
    const [name, behind] = cut(line.text, field);
    const [declared, rest] = declaresDelimiters(name) ? cut(behind ?? '', field) : [undefined, behind];
    const fields = rest === undefined ? undefined : translate(rest);
    if (fields !== undefined) left -= countDelimiters(fields);
    if (left < 0) throw new GatewayError('GW_ERR_PARSE_SIZE', { detail: 'fields' });
    lines.push({
      name,
      alias: lines.length === 0 ? 'MSH' : aliasOf(name, names),
      declared: behind === undefined ? undefined : declared,
      fields,
      charset: line.charset,
    });
  }
  return lines;
}

function aliasOf(name: string, names: Set<string>): string {
  if (!USABLE_NAME.test(name) || (names.size >= MAX_NAMES && !names.has(name))) return ALIAS;
  names.add(name);
  return name;
}

/** MSH, FHS, BHS: their first two fields declare the delimiters (v2.9.1 2.14.9, 2.14.6, 2.14.2). */
function declaresDelimiters(name: string): boolean {
  return name === 'MSH' || name === 'FHS' || name === 'BHS';
}

/** A piece of a line back as the bytes that it was, one character for each. */
export function restored(text: string): string {
  return /[\ue000-\ue0ff]/.test(text)
    ? text.replace(/[\ue000-\ue0ff]/g, (stand) => String.fromCharCode(stand.charCodeAt(0) - STANDS_FOR))
    : text;
}

function splittableLine(text: string, charset: string | undefined) {
  if (charset === undefined || !hidesDelimiters(charset)) return { text, charset };
  const line = splittable(Buffer.from(text, 'latin1'), charset);
  return line.charset === charset
    ? { text, charset }
    : { text: line.bytes.toString('latin1'), charset: line.charset };
}

/** What stands before the first separator, and what behind it; undefined without one. */
function cut(text: string, separator: string): [before: string, behind: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function countDelimiters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x7c || code === 0x5e || code === 0x7e || code === 0x26) count++;
  }
  return count;
}

/** The message's delimiters become `|^~&`; what else looks like one of these stands aside. */
function translator({ field, component, repetition, subcomponent }: Delimiters): (text: string) => string {
  const own = [field, component, repetition, subcomponent];
  const standard = ['|', '^', '~', '&'];
  const map = new Map(standard.map((char) => [char, String.fromCharCode(STANDS_FOR + char.charCodeAt(0))]));
  own.forEach((byte, i) => {
    if (byte >= 0) map.set(String.fromCharCode(byte), standard[i] as string);
  });
  const moved = [...map].filter(([from, to]) => from !== to);
  if (moved.length === 0) return (text) => text;
  const pattern = new RegExp(
    `[${moved.map(([from]) => `\\x${from.charCodeAt(0).toString(16)}`).join('')}]`,
    'g',
  );
  return (text) => text.replace(pattern, (char) => map.get(char) as string);
}
