// A route's rules for whole messages: segments and fields that must be there, values out of a table, lengths.
// Promises places of the message in its answer and nothing of what stands there; pure, so that it can run in a worker.
import { type ErrorPlace, GatewayError } from '../../errors.ts';
import type { FieldPath } from '../field-path.ts';
import { findHeader, type Header, readHeader } from '../header.ts';
import { joinedRepetition, readWholeMessage, type WholeSegment } from './whole-message.ts';

export interface ValidationRules {
  /** Names of segments of which each message must have one. */
  readonly segments: readonly string[];
  /** Must not be empty in any segment of the name; where there is none, `segments` says whether one is missing. */
  readonly fields: readonly FieldPath[];
  /** Each value that is not empty must be one of these. */
  readonly tables: readonly { readonly path: FieldPath; readonly values: readonly string[] }[];
  /** Of each value that is not empty, in characters. */
  readonly lengths: readonly { readonly path: FieldPath; readonly min: number; readonly max: number }[];
}

/** Nobody corrects more at a time, and the answer stays below the 64 KiB that some senders read it into. */
const MAX_PLACES = 50;

/** HL7's explicit null: the field is to be emptied (v2.9.1 2.5.3.4). It is there, and it is of every table and length. */
const NULL = '""';

/** @throws GatewayError GW_ERR_ROUTE_INVALID with every place where the message is wrong, and those of `readWholeMessage` */
export function requireValid(header: Header, rules: ValidationRules): void {
  const places = invalidPlaces(header, rules);
  if (places.length > 0) throw new GatewayError('GW_ERR_ROUTE_INVALID', { places });
}

/**
 * Of a frame with several messages each must be valid. Segments in places count over the whole frame, as in field paths.
 *
 * @throws GatewayError what `readHeader` and `readWholeMessage` throw
 */
export function invalidPlaces(header: Header, rules: ValidationRules): readonly ErrorPlace[] {
  const places: ErrorPlace[] = [];
  const before = new Map<string, number>();
  for (const one of messagesFrom(header)) {
    const segments = segmentsByName(readWholeMessage(one).segments);
    for (const place of placesIn(segments, rules)) {
      const earlier = before.get(place.segment) ?? 0;
      if (places.push({ ...place, sequence: earlier + place.sequence }) === MAX_PLACES) return places;
    }
    for (const [name, { length }] of segments) before.set(name, (before.get(name) ?? 0) + length);
  }
  return places;
}

/** Each with its own delimiters and charset. FHS and BHS without a message are none. */
function* messagesFrom(header: Header): Generator<Header> {
  const { bytes } = header;
  for (let at = header.isMsh ? header.start : -1; at >= 0; ) {
    const next = findHeader(bytes, at);
    const only = at === header.start && next < 0;
    yield only ? header : readHeader(bytes.subarray(at, next < 0 ? bytes.length : next));
    at = next;
  }
}

type Segments = ReadonlyMap<string, readonly WholeSegment[]>;

function segmentsByName(segments: readonly WholeSegment[]): Segments {
  const byName = new Map<string, WholeSegment[]>();
  for (const segment of segments) {
    const same = byName.get(segment.name);
    if (same === undefined) byName.set(segment.name, [segment]);
    else same.push(segment);
  }
  return byName;
}

/** Lazily: nobody looks for more than are told. */
function* placesIn(segments: Segments, rules: ValidationRules): Generator<ErrorPlace> {
  for (const segment of rules.segments) {
    if (segments.has(segment)) continue;
    yield { segment, sequence: 1, condition: 100, text: 'a required segment is missing' };
  }
  for (const path of rules.fields) {
    for (const segment of named(segments, path)) {
      if (valuesAt(segment, path).some(({ value }) => value !== '')) continue;
      yield { ...placeOf(segment, path, path.repetition), condition: 101, text: 'a required field is empty' };
    }
  }
  for (const { path, values } of rules.tables) {
    const table = new Set(values);
    yield* wrongValues(segments, path, (value) => (table.has(value) ? undefined : NOT_IN_TABLE));
  }
  for (const { path, min, max } of rules.lengths) {
    const long = { condition: 104, text: `a value has more than ${max} characters` } as const;
    const short = { condition: 102, text: `a value has less than ${min} characters` } as const;
    yield* wrongValues(segments, path, (value) => {
      const length = lengthOf(value);
      return length > max ? long : length < min ? short : undefined;
    });
  }
}

type Wrong = Pick<ErrorPlace, 'condition' | 'text'>;

const NOT_IN_TABLE: Wrong = { condition: 103, text: 'a value is not in its table' };

function* wrongValues(
  segments: Segments,
  path: FieldPath,
  judge: (value: string) => Wrong | undefined,
): Generator<ErrorPlace> {
  for (const segment of named(segments, path)) {
    for (const { value, repetition } of valuesAt(segment, path)) {
      const wrong = value === '' || value === NULL ? undefined : judge(value);
      if (wrong !== undefined) yield { ...placeOf(segment, path, repetition), ...wrong };
    }
  }
}

/** A path without an occurrence is of every segment of its name. */
function named(segments: Segments, path: FieldPath): readonly WholeSegment[] {
  const all = segments.get(path.segment) ?? [];
  return namesOccurrence(path) ? all.slice(path.occurrence - 1, path.occurrence) : all;
}

function namesOccurrence({ text, segment }: FieldPath): boolean {
  return text.charAt(segment.length) === '[';
}

/** A path without a repetition is of each of them. What is not there is empty. */
function valuesAt(segment: WholeSegment, path: FieldPath): { value: string; repetition: number }[] {
  const field = segment.fields[path.field - 1] ?? [];
  const from = path.repetition === undefined ? 0 : path.repetition - 1;
  const to = path.repetition ?? field.length;
  return field.slice(from, to).map((whole, i) => {
    const repetition = from + i + 1;
    if (path.component === undefined) {
      // Separators alone are no value; an escaped one is.
      const empty = whole.every((component) => component.every((part) => part === ''));
      return { value: empty ? '' : joinedRepetition(whole), repetition };
    }
    const parts = whole[path.component - 1] ?? [];
    if (path.subcomponent !== undefined) return { value: parts[path.subcomponent - 1] ?? '', repetition };
    return { value: parts.every((part) => part === '') ? '' : parts.join('&'), repetition };
  });
}

function placeOf(segment: WholeSegment, path: FieldPath, repetition: number | undefined) {
  return {
    segment: path.segment,
    sequence: segment.occurrence,
    field: path.field,
    // A component has no place without its repetition.
    repetition: repetition ?? (path.component === undefined ? undefined : 1),
    component: path.component,
    subcomponent: path.subcomponent,
  };
}

/** `PID[2]-3[1].4`: for people, and no more than the rules and the counts say. */
export function placeText(place: ErrorPlace): string {
  const { segment, sequence, field, repetition, component, subcomponent } = place;
  const parts = [component, subcomponent].filter((part) => part !== undefined).map((part) => `.${part}`);
  const which = sequence === 1 ? segment : `${segment}[${sequence}]`;
  if (field === undefined) return which;
  return `${which}-${field}${repetition === undefined ? '' : `[${repetition}]`}${parts.join('')}`;
}

/** As a person counts: not in UTF-16 units, of which some characters take two. */
function lengthOf(value: string): number {
  let length = 0;
  for (const _ of value) length++;
  return length;
}
