// Reads fixtures/ by a small parser of its own (no code of src/), for the tests that hold the set to its promises.
// Promises: text is decoded as MSH-18 says, and a byte that the charset does not have is an error.
import { readdirSync, readFileSync } from 'node:fs';

export const FOLDER = new URL('../fixtures/', import.meta.url);
export const BOM = Buffer.from('efbbbf', 'hex');

export interface Segment {
  readonly name: string;
  /** By number; of MSH, BHS and FHS `fields[1]` is the separator. */
  readonly fields: readonly string[];
}

export interface Message {
  readonly file: string;
  readonly segments: readonly Segment[];
  readonly component: string;
  field(segment: string, n: number): string;
}

export interface Fixture {
  readonly file: string;
  readonly bytes: Buffer;
  readonly text: string;
  readonly separator: string;
  /** MSH-1 and MSH-2. */
  readonly delimiters: string;
  readonly charset: string;
  readonly batch: boolean;
  readonly messages: readonly Message[];
}

/** MSH-18 → the decoder that must take every byte. Without MSH-18 it is ASCII (HL7 v2.9.1 2.14.9.18). */
export const DECODERS: Readonly<Record<string, string>> = {
  '': 'ascii',
  'UNICODE UTF-8': 'utf-8',
  '8859/1': 'iso-8859-1',
  'GB 18030-2000': 'gb18030',
};

function read(file: string): Fixture {
  const bytes = readFileSync(new URL(file, FOLDER));
  const plain = bytes.subarray(0, 3).equals(BOM) ? bytes.subarray(3) : bytes;
  const latin1 = plain.toString('latin1');
  const separator = latin1.includes('\r\n') ? '\r\n' : latin1.includes('\n') ? '\n' : '\r';
  const header = latin1.split(separator).find((line) => line.startsWith('MSH')) ?? '';
  const charset = header.split(header.charAt(3))[17] ?? '';
  const decoder = DECODERS[charset];
  if (decoder === undefined) throw new Error(`${file}: MSH-18 is ${charset}`);
  const text = decoder === 'ascii' ? latin1 : new TextDecoder(decoder, { fatal: true }).decode(plain);
  const lines = text.split(separator).slice(0, -1);
  const batch = lines[0]?.startsWith('FHS') === true;
  const opened: Segment[][] = [];
  for (const line of lines) {
    const last = opened.at(-1);
    if (line.startsWith('MSH')) opened.push([segment(line, line.charAt(3))]);
    else if (!/^(FHS|BHS|BTS|FTS)/.test(line)) last?.push(segment(line, header.charAt(3)));
  }
  const messages = opened.map((segments) => messageOf(file, segments, header.charAt(4)));
  const delimiters = header.charAt(3) + (header.split(header.charAt(3))[1] ?? '');
  return { file, bytes, text, separator, delimiters, charset, batch, messages };
}

function segment(line: string, separator: string): Segment {
  const fields = line.split(separator);
  if (/^(MSH|BHS|FHS)/.test(line)) fields.splice(1, 0, separator);
  return { name: line.slice(0, 3), fields };
}

function messageOf(file: string, segments: readonly Segment[], component: string): Message {
  const field = (name: string, n: number): string =>
    segments.find((each) => each.name === name)?.fields[n] ?? '';
  return { file, segments, component, field };
}

/** The first two components of MSH-9, written with `^`. */
export function typeOf(message: Message): string {
  return message.field('MSH', 9).split(message.component).slice(0, 2).join('^');
}

export function readFixtures(): Fixture[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.hl7'))
    .map(read);
}
