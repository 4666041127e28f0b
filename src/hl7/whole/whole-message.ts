// A whole message as values: segments, fields, repetitions, components, subcomponents, as a person reads them.
// hl7-standard splits it (splitting.ts); values agree with those of readPath. Never used for what is forwarded or routed.
import { readValue } from '../field-value.ts';
import type { Delimiters, Header } from '../header.ts';
import { type PlainLine, plainLines, restored } from './plain-text.ts';
import { type Split, splitLines } from './splitting.ts';

/** The subcomponents, at least one. Escapes are decoded. */
export type Component = readonly string[];
export type Repetition = readonly Component[];
export type Field = readonly Repetition[];

export interface WholeSegment {
  /** Up to the first separator; in a well-formed message three letters and digits. */
  readonly name: string;
  /** Which of the segments of this name, from 1. */
  readonly occurrence: number;
  /** `fields[0]` is the first: of MSH, FHS and BHS the separator. */
  readonly fields: readonly Field[];
}

export interface WholeMessage {
  readonly segments: readonly WholeSegment[];
}

/**
 * The message whose header this is, from there to the end of the payload.
 *
 * @throws GatewayError GW_ERR_PARSE_SIZE, GW_ERR_PARSE_MISREAD
 */
export function readWholeMessage(header: Header): WholeMessage {
  return readSegments(header.bytes.subarray(header.start), header.delimiters, header.charset);
}

/** Segments of any kind, by the delimiters and the charset of the message or batch that they belong to. */
export function readSegments(
  bytes: Buffer,
  delimiters: Delimiters,
  charset: string | undefined,
): WholeMessage {
  const lines = plainLines(bytes, delimiters, charset);
  if (lines.length === 0) return { segments: [] };
  const split = splitLines(lines);
  const seen = new Map<string, number>();
  const separator = String.fromCharCode(delimiters.field);
  const mark = delimiters.escape < 0 ? undefined : String.fromCharCode(delimiters.escape);
  const segments = lines.map((line, i): WholeSegment => {
    const decode = decoder(line, delimiters, charset, mark);
    const pieces = split[i] ?? [];
    // Nearly always: nothing in the segment reads otherwise than it is written.
    const values = isPlain(line.fields ?? '', mark) ? pieces : decoded(pieces, decode);
    const occurrence = (seen.get(line.name) ?? 0) + 1;
    seen.set(line.name, occurrence);
    const declaring: Field[] = line.declared === undefined ? [] : [[[[separator]]], [[[line.declared]]]];
    return {
      name: decode(line.name),
      occurrence,
      fields: declaring.length === 0 ? values : [...declaring, ...values],
    };
  });
  return { segments };
}

function decoded(fields: Split, decode: (raw: string) => string): Field[] {
  return fields.map((repetitions) =>
    repetitions.map((components) => components.map((subcomponents) => subcomponents.map(decode))),
  );
}

const WHOLE_FIELD = { repetition: undefined, component: undefined, subcomponent: undefined };

/** From a piece of plain text to what a person reads. */
function decoder(
  line: PlainLine,
  delimiters: Delimiters,
  charset: string | undefined,
  mark: string | undefined,
): (raw: string) => string {
  return (raw) => {
    if (isPlain(raw, mark)) return raw;
    const bytes = Buffer.from(restored(raw), 'latin1');
    return readValue(bytes, 0, bytes.length, delimiters, line.charset, charset, WHOLE_FIELD) ?? '';
  };
}

/**
 * ASCII, without an escape, and without a stand-in (they are no ASCII). ISO 2022, which switches character sets by ASCII
 * bytes, has become UTF-8 before (`splittable`).
 */
function isPlain(text: string, mark: string | undefined): boolean {
  return (mark === undefined || !text.includes(mark)) && !/[^\x00-\x7f]/.test(text);
}

/** The text of a field, repetition or component, with the standard delimiters between its parts. */
export function joinedRepetition(repetition: Repetition): string {
  return repetition.map((component) => component.join('&')).join('^');
}

export function joinedField(field: Field): string {
  return field.map(joinedRepetition).join('~');
}

/** `PID`, `OBX[2]`. */
export function fieldPathOf({ name, occurrence }: WholeSegment): string {
  return occurrence === 1 ? name : `${name}[${occurrence}]`;
}
