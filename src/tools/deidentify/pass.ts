// De-identifies one message, or one segment around messages: learns what it says of whom, then writes it anew, value by value.
// Promises that every byte which is not a value's stays where it was.
import { splittable } from '../../hl7/charset.ts';
import { readValue } from '../../hl7/field-value.ts';
import type { Delimiters } from '../../hl7/header.ts';
import { delimiterMask } from './delimiter-mask.ts';
import { KnownValues } from './known-values.ts';
import { type LeafChange, type LeafContext, replaced } from './leaf.ts';
import { linesOf, pieces, type SegmentLine, visitField } from './segment-lines.ts';
import { type DataKind, type Datatype, valueType } from './tables/datatypes.ts';
import { fieldRule, knownSegments } from './tables/field-rules.ts';

const WHOLE = { repetition: undefined, component: undefined, subcomponent: undefined };
const NULL = '""';
const LEARNED: ReadonlySet<DataKind> = new Set<DataKind>(['w', 'A', 'i', 't', 'z', 'm']);
/** Codes that say how the rest is read. A name of two letters may be one of them (`ED`, `CA`), and is none here. */
const CONTROLS: ReadonlySet<string> = new Set(['OBX-2', 'ORC-1', 'MFI-3', 'MFE-1']);

/** What all messages of a recording share. */
export interface PassContext {
  about(known: KnownValues, patient: string): LeafContext;
  keeps(segment: string): boolean;
  count(name: string, change: LeafChange | 'dropped'): void;
}

export class Pass {
  readonly #bytes: Buffer;
  readonly #mask: Buffer;
  readonly #start: number;
  readonly #delimiters: Delimiters;
  readonly #charset: string | undefined;
  readonly #room: PassContext;
  readonly #known = new KnownValues();
  #about: LeafContext;
  readonly #out: Buffer[] = [];
  /** Up to here the message is in `#out`, or replaced. */
  #copied = 0;

  constructor(
    bytes: Buffer,
    start: number,
    delimiters: Delimiters,
    charset: string | undefined,
    room: PassContext,
  ) {
    this.#bytes = bytes;
    this.#mask = delimiterMask(bytes, charset);
    this.#start = start;
    this.#delimiters = delimiters;
    this.#charset = charset;
    this.#room = room;
    this.#about = room.about(this.#known, '');
  }

  run(): Buffer[] {
    const lines = linesOf(this.#mask, this.#start);
    // Before anything is judged: a name may stand in a note above the segment that tells whose it is.
    for (const line of lines) this.#learn(line);
    const patients = lines
      .filter((line) => this.#nameOf(line) === 'PID')
      .map((line) => this.#patientIn(line));
    let next = 0;
    this.#about = this.#room.about(this.#known, patients[0] ?? '');
    for (const line of lines) {
      const name = this.#nameOf(line);
      if (name === 'PID') this.#about = this.#room.about(this.#known, patients[next++] ?? '');
      if (/^Z[A-Z0-9]{2}$/.test(name) && !this.#room.keeps(name)) {
        this.#copyTo(line.start);
        this.#copied = line.next;
        this.#room.count(name, 'dropped');
      } else this.#writeLine(line, name);
    }
    this.#copyTo(this.#bytes.length);
    return this.#out;
  }

  /** Up to the first separator. */
  #nameOf({ start, end }: SegmentLine): string {
    const at = this.#mask.indexOf(this.#delimiters.field, start);
    return this.#bytes.toString('latin1', start, at < 0 || at > end ? end : at);
  }

  /** The first identifier that there is: PID-3.1, else PID-2.1, PID-18.1 or PID-19. */
  #patientIn(line: SegmentLine): string {
    const fields = pieces(this.#mask, line.start, line.end, this.#delimiters.field);
    for (const n of [3, 2, 18, 19]) {
      const field = fields[n];
      if (field === undefined || field.end === field.start) continue;
      const [first] = pieces(this.#mask, field.start, field.end, this.#delimiters.repetition);
      const [id] = pieces(this.#mask, field.start, first?.end ?? field.end, this.#delimiters.component);
      const value = id === undefined ? '' : this.#read(id.start, id.end);
      if (value !== '' && value !== NULL) return value;
    }
    return '';
  }

  #learn(line: SegmentLine): void {
    this.#visit(line, this.#nameOf(line), (start, end, kind) => {
      if (start === end || !LEARNED.has(kind)) return;
      const value = this.#read(start, end);
      if (kind === 'w') this.#known.addName(value);
      else if (kind === 'A') this.#known.addPlace(value);
      else if (kind === 'z') this.#known.addPostcode(value);
      else this.#known.addId(value);
    });
  }

  #writeLine(line: SegmentLine, name: string): void {
    // A line that is no segment: the rest of a text with line ends in it.
    if (!isSegmentName(name, line)) {
      const [first] = pieces(this.#mask, line.start, line.end, this.#delimiters.field);
      if (first !== undefined)
        this.#replace(first.start, first.end, 'X'.repeat(3), name === '' ? undefined : 'blanked', '?');
    }
    this.#visit(line, name, (start, end, kind, where, behind) => {
      if (start === end) return;
      // A document may have megabytes, and goes whatever it says.
      const value = (kind === 'x' || kind === 'b') && end - start > 2 ? '' : this.#read(start, end);
      if (value === NULL) return;
      if (CONTROLS.has(where) && /^[A-Z]{2}$/.test(value)) return;
      const made = replaced(kind, value, end - start, behind(), this.#about);
      if (made !== undefined) this.#replace(start, end, made.text, made.change, where);
    });
  }

  /** Every value of a segment, with what is done to such. */
  #visit(
    line: SegmentLine,
    name: string,
    visit: (start: number, end: number, kind: DataKind, where: string, behind: () => string) => void,
  ): void {
    const declares = name === 'MSH' || name === 'FHS' || name === 'BHS';
    const fields = pieces(this.#mask, line.start, line.end, this.#delimiters.field);
    for (let i = 1; i < fields.length; i++) {
      const number = declares ? i + 1 : i;
      const field = fields[i];
      if (field === undefined || field.start === field.end || (declares && number === 2)) continue;
      const where = `${isName(name) ? name : '?'}-${number}`;
      const rule = this.#ruleOf(name, number, fields);
      visitField(this.#mask, field.start, field.end, this.#delimiters, (start, end, c, s, before) => {
        const kinds = rule[c];
        const kind = kinds?.[s] ?? kinds?.at(-1) ?? 'x';
        visit(start, end, kind, where, () => this.#read(before.start, before.end));
      });
    }
  }

  #ruleOf(name: string, number: number, fields: readonly { start: number; end: number }[]): Datatype {
    if (name.startsWith('Z')) return KEPT;
    const rule = fieldRule(name, number);
    if (rule !== 'any') return rule;
    const type = fields[2];
    return valueType(type === undefined ? '' : this.#read(type.start, type.end).trim());
  }

  #replace(start: number, end: number, text: string, change: LeafChange | undefined, where: string): void {
    this.#copyTo(start);
    this.#out.push(Buffer.from(this.#writable(text), 'latin1'));
    this.#copied = end;
    if (change !== undefined) this.#room.count(where, change);
  }

  /** Without what the message has as a delimiter. */
  #writable(text: string): string {
    const { field, component, repetition, escape: mark, subcomponent, truncation } = this.#delimiters;
    const own = [field, component, repetition, mark, subcomponent, truncation];
    const kept = [...text].filter((char) => !own.includes(char.charCodeAt(0))).join('');
    return kept === '' ? 'X' : kept;
  }

  #copyTo(end: number): void {
    if (end > this.#copied) this.#out.push(this.#bytes.subarray(this.#copied, end));
    this.#copied = Math.max(this.#copied, end);
  }

  /** As a person reads it: escapes decoded, charset applied. */
  #read(start: number, end: number): string {
    if (start === end) return '';
    const { bytes, charset } = splittable(this.#bytes.subarray(start, end), this.#charset);
    return readValue(bytes, 0, bytes.length, this.#delimiters, charset, this.#charset, WHOLE) ?? '';
  }
}

/** A Z segment that was asked for: what the message names elsewhere does not stay in it. */
const KEPT: Datatype = Array.from({ length: 64 }, () => ['h' as const]);

function isName(name: string): boolean {
  return /^[A-Z][A-Z0-9]{2}$/.test(name);
}

/** Three letters and digits; with nothing behind them they are as likely a word of some text. */
function isSegmentName(name: string, { start, end }: SegmentLine): boolean {
  return isName(name) && (end > start + 3 || NAMES_ALONE.has(name));
}

/** A segment may be there by being there. */
const NAMES_ALONE: ReadonlySet<string> = new Set(knownSegments());
