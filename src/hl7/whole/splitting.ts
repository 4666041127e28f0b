// Calls hl7-standard on plain text, and believes it only where what comes out, joined again, is what went in.
// Promises raw pieces (no escape decoded), one list of fields for each line, or GW_ERR_PARSE_MISREAD.
import HL7 from 'hl7-standard';
import { GatewayError } from '../../errors.ts';
import type { PlainLine } from './plain-text.ts';

/** Fields → repetitions → components → subcomponents. Each list has at least one entry. */
export type Split = readonly (readonly (readonly (readonly string[])[])[])[];

/**
 * So many lines at a time: hl7-standard makes some 1.5 KB of a segment, and goes through all names it has seen for each. What
 * it has made of the others is garbage meanwhile.
 */
const MAX_LINES = 1000;

/** Of most fields of most messages: one for all, as a megabyte of separators has a million of them. */
const EMPTY_FIELD: Split[number] = [[['']]];

export function splitLines(lines: readonly PlainLine[]): Split[] {
  const all: Split[] = [];
  for (let from = 0; from < lines.length; from += MAX_LINES) {
    const some = lines.slice(from, from + MAX_LINES);
    // hl7-standard wants MSH first.
    if (from === 0) all.push(...splitSome(some));
    else all.push(...splitSome([FIRST_LINE, ...some]).slice(1));
  }
  return all;
}

const FIRST_LINE: PlainLine = {
  name: 'MSH',
  alias: 'MSH',
  declared: undefined,
  fields: undefined,
  charset: undefined,
};

function splitSome(lines: readonly PlainLine[]): Split[] {
  const segments = segmentsOf(transformed(lines), lines.length);
  return lines.map((line, i) => {
    const fields = fieldsOf(segments[i], line);
    const joined = fields.map(joinField).join('|');
    // Fields that are one empty one, and no fields at all, join to the same.
    if (joined !== (line.fields ?? '') || (fields.length === 0) !== (line.fields === undefined))
      throw misread();
    return fields;
  });
}

/** MSH-2 is given empty: hl7-standard would split it, and writes its own there. Every segment is given a separator. */
function transformed(lines: readonly PlainLine[]): Record<string, unknown> {
  const text = lines.map(({ alias, fields }) => `${alias}|${alias === 'MSH' ? '|' : ''}${fields ?? ''}\r`);
  const message = new HL7(text.join(''));
  try {
    message.transform(undefined, true);
  } catch {
    // Its texts name no content, and say nothing that this code does not.
    throw misread();
  }
  if (!isRecord(message.transformed)) throw misread();
  return message.transformed;
}

interface Segment {
  readonly type: unknown;
  readonly data: Record<string, unknown>;
}

/** hl7-standard keeps segments by name; `index` says which line each was. */
function segmentsOf(byName: Record<string, unknown>, count: number): readonly (Segment | undefined)[] {
  const segments = new Array<Segment | undefined>(count).fill(undefined);
  for (const list of Object.values(byName)) {
    if (!Array.isArray(list)) throw misread();
    for (const one of list as readonly unknown[]) {
      if (!isRecord(one) || !isRecord(one.data) || typeof one.index !== 'number') throw misread();
      segments[one.index] = { type: one.type, data: one.data };
    }
  }
  return segments;
}

function fieldsOf(segment: Segment | undefined, { alias, fields }: PlainLine): Split {
  if (segment?.type !== alias) throw misread();
  // The separator behind the name numbers MSH-1, and MSH-2 is not asked for.
  const first = alias === 'MSH' ? 3 : 1;
  const skipped = alias === 'MSH' ? 1 : 0;
  const keys = Object.keys(segment.data);
  const own = keys.slice(skipped).map((key, i) => {
    const name = `${alias}.${first + i}`;
    if (key !== name) throw misread();
    return repetitionsOf(segment.data[key], name);
  });
  return fields === undefined ? own.slice(1) : own;
}

/** A string; a list of strings: subcomponents; a map: components; a list of maps: repetitions. */
function repetitionsOf(value: unknown, name: string): Split[number] {
  if (value === '') return EMPTY_FIELD;
  if (typeof value === 'string') return [[[value]]];
  if (isStrings(value)) return [[value]];
  if (Array.isArray(value)) return value.map((one: unknown) => componentsOf(one, name));
  return [componentsOf(value, name)];
}

function componentsOf(value: unknown, name: string): string[][] {
  if (!isRecord(value)) throw misread();
  return Object.entries(value).map(([key, one], i) => {
    if (key !== `${name}.${i + 1}`) throw misread();
    if (typeof one === 'string') return [one];
    if (isStrings(one)) return one;
    throw misread();
  });
}

function joinField(repetitions: Split[number]): string {
  const [first] = repetitions;
  if (repetitions.length === 1 && first?.length === 1 && first[0]?.length === 1) return first[0][0] ?? '';
  return repetitions.map((components) => components.map((subs) => subs.join('&')).join('^')).join('~');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string');
}

function misread(): GatewayError {
  return new GatewayError('GW_ERR_PARSE_MISREAD');
}
