// `show`: messages segment by segment, with the names of their fields. Prints what the messages hold, patients and all:
// that is what it is for. What is bad is a line each on standard error, after what is good.
import { printable } from '../../config/source/problem.ts';
import { GatewayError } from '../../errors.ts';
import { piecesOf } from '../../hl7/batch.ts';
import { type Header, readHeader } from '../../hl7/header.ts';
import { examineMessageFile, messageFault } from '../../hl7/message-file.ts';
import { fieldName, segmentTitle } from '../../hl7/whole/field-names.ts';
import { isEmpty, jsonView } from '../../hl7/whole/json-view.ts';
import {
  fieldPathOf,
  joinedRepetition,
  readSegments,
  readWholeMessage,
  type WholeMessage,
  type WholeSegment,
} from '../../hl7/whole/whole-message.ts';
import { loggable } from '../../observe/log/loggable.ts';
import { EXIT, sayFaults, type Terminal } from '../terminal.ts';

export interface ShowOptions {
  readonly json?: boolean | undefined;
  /** What has come by standard input, for the file `-`. */
  readonly input?: Buffer | undefined;
}

/** A message, or the header or trailer of a batch. */
interface Shown {
  readonly file: string;
  /** From 1, in its file, bad ones counted too; undefined: no message. */
  readonly number: number | undefined;
  readonly header: Header;
  readonly whole: WholeMessage;
}

/** Longer values are cut: a document in base64 says nothing to anybody. `--json` has them whole. */
const LONGEST = 1000;
/** Names that would push the values off a terminal of 100 columns are cut. */
const WIDEST_NAME = 44;

/** Exit code 2 where something cannot be read or is no HL7; the rest is shown all the same (F112). */
export function show(files: readonly string[], { json, input }: ShowOptions, terminal: Terminal): number {
  const faults: GatewayError[] = [];
  const all = files.flatMap((file) => readFile(file, input, faults));
  for (const [i, one] of all.entries()) {
    if (json === true) {
      terminal.out(JSON.stringify(asJson(one)));
      continue;
    }
    if (i > 0) terminal.out('');
    for (const line of inWords(one)) terminal.out(line);
  }
  return sayFaults(faults, terminal) ? EXIT.usage : EXIT.good;
}

function readFile(file: string, input: Buffer | undefined, faults: GatewayError[]): Shown[] {
  const read = examineMessageFile(file, input);
  faults.push(...read.faults);
  return read.messages.flatMap(({ number: first, bytes: payload }) => {
    let header = readHeader(payload);
    let next = first;
    return piecesOf(header.bytes).flatMap(({ kind, bytes }): Shown[] => {
      const number = kind === 'message' ? next++ : undefined;
      try {
        const named = kind === 'message' || kind === 'FHS' || kind === 'BHS';
        if (named) header = readHeader(bytes);
        // A trailer is written as the header before it.
        const whole = named
          ? readWholeMessage(header)
          : readSegments(bytes, header.delimiters, header.charset);
        return [{ file, number, header, whole }];
      } catch (cause) {
        if (!(cause instanceof GatewayError)) throw cause;
        faults.push(messageFault(file, { number, total: read.total }, cause.message, cause));
        return [];
      }
    });
  });
}

function asJson({ file, number, header, whole }: Shown): object {
  const about =
    number === undefined
      ? {}
      : { message: number, type: header.text(9), controlId: header.controlId, version: header.text(12) };
  return { file, ...about, segments: jsonView(whole) };
}

function inWords({ file, number, header, whole }: Shown): string[] {
  const about =
    number === undefined
      ? whole.segments.map(({ name }) => name).join(', ')
      : [`message ${number}`, ...[9, 10, 12].map((n) => loggable(header.text(n)))]
          .filter((text) => text !== '')
          .join('  ');
  return [`${file}  ${about}`, ...whole.segments.flatMap(segmentLines)];
}

function segmentLines(segment: WholeSegment): string[] {
  const title = segmentTitle(segment.name);
  const rows = segment.fields.flatMap((field, i) => {
    if (isEmpty(field)) return [];
    const path = `${fieldPathOf(segment)}-${i + 1}`;
    const name = fieldName(segment.name, i + 1) ?? '';
    return field.map((repetition, r): [path: string, name: string, value: string] => [
      printable(field.length === 1 ? path : `${path}[${r + 1}]`),
      name.length > WIDEST_NAME ? `${name.slice(0, WIDEST_NAME - 1)}…` : name,
      joinedRepetition(repetition),
    ]);
  });
  const pathWidth = Math.max(0, ...rows.map(([path]) => path.length));
  const nameWidth = Math.max(0, ...rows.map(([, name]) => name.length));
  const indent = ' '.repeat(pathWidth + nameWidth + 6);
  return [
    printable(title === undefined ? fieldPathOf(segment) : `${fieldPathOf(segment)}  ${title}`),
    ...rows.flatMap(([path, name, value]) => {
      const [first = '', ...more] = cut(value).split('\n');
      const line = `  ${path.padEnd(pathWidth)}  ${name.padEnd(nameWidth)}  ${printable(first)}`;
      return [line.trimEnd(), ...more.map((text) => `${indent}${printable(text)}`.trimEnd())];
    }),
  ];
}

function cut(value: string): string {
  return value.length > LONGEST ? `${value.slice(0, LONGEST)}… (${value.length} characters)` : value;
}
