// The task `fields`: reads a list of field paths of a message, and answers what else routing asks of the whole of it.
// What crosses back is short: of a long value its beginning, and which of the config's regexes it matches.
import type { RE2JS } from 're2js';
import { type ErrorCode, GatewayError } from '../../errors.ts';
import { type FieldPath, parseFieldPath, readEnveloped, readPath } from '../field-path.ts';
import { findHeader, type Header, readHeader, sendingEnvelopes } from '../header.ts';
import { compileRegex, type Regex } from '../regex.ts';
import { borrow, type SharedBytes } from '../shared-bytes.ts';

/** Regexes look at longer values in the worker: 12 ns a character, so at 4 Ki it is no more than what asking costs. */
export const LONG_VALUE = 4096;

export interface Question {
  /** As it is written in the config. */
  readonly path: string;
  /** Characters of the value that are wanted, more than LONG_VALUE; all of it where that is undefined. */
  readonly keep: number | undefined;
  /** To be tried on a value that is longer than LONG_VALUE. */
  readonly regexes: readonly Regex[];
}

export interface FieldAnswer {
  /** Undefined where the message has no such field. */
  readonly text: string | undefined;
  /** By question's regex; undefined if the value is not long. */
  readonly matches: readonly boolean[] | undefined;
}

/** What is asked of every message of one listener. */
export interface Asked {
  /** Tells it from any other of this process, so that a worker compiles its regexes once. */
  readonly id: number;
  /** Of the header by which the message is routed. */
  readonly ofRouting: readonly Question[];
  /** Of every header in the message, and of its first one within each envelope (F122); undefined where they are not to be read. */
  readonly ofEach: readonly Question[] | undefined;
  /** Is there a header behind the first? */
  readonly further: boolean;
}

export interface FieldsInput {
  readonly payload: SharedBytes;
  /** Of the header by which the message is routed: MSH-18's, or what goes before it. Name for TextDecoder. */
  readonly charset: string | undefined;
  readonly asked: Asked;
}

export interface FieldsOutput {
  readonly ofRouting: readonly FieldAnswer[];
  /** Those that differ, in order: a batch of a thousand messages is of one sender, mostly. */
  readonly ofEach: readonly (readonly FieldAnswer[])[];
  /** Of the first header that is none; those behind it were not read. */
  readonly refusal: ErrorCode | undefined;
  readonly further: boolean;
}

export function readFields({ payload, charset, asked }: FieldsInput): FieldsOutput {
  const readers = readersOf(asked);
  const header = readHeader(borrow(payload));
  if (charset !== undefined) header.overrideCharset(charset);
  const ofRouting = readers.ofRouting.map((read) => read(header));
  const { bytes, end } = header;
  const second = asked.further || readers.ofEach !== undefined ? findHeader(bytes, end - 1) : -1;
  const ofEach = new Map<string, readonly FieldAnswer[]>();
  let refusal: ErrorCode | undefined;
  if (readers.ofEach !== undefined) {
    const { ofEach: asking } = readers;
    const take = (one: Header, envelope?: Header): void => {
      const answers = asking.map((read) => read(one, envelope));
      ofEach.set(JSON.stringify(answers), answers);
      // A frame of one sender's messages has a few; they are all to be decided on, on the event loop.
      if (ofEach.size > MAX_DIFFERENT)
        throw new GatewayError('GW_ERR_PARSE_SIZE', { detail: 'different senders' });
    };
    take(header);
    for (const envelope of sendingEnvelopes(header)) take(header, envelope);
    for (let at = second; at >= 0 && refusal === undefined; at = findHeader(bytes, at)) {
      try {
        take(readHeader(bytes.subarray(at)));
      } catch (thrown) {
        if (!(thrown instanceof GatewayError)) throw thrown;
        refusal = thrown.code;
      }
    }
  }
  return { ofRouting, ofEach: [...ofEach.values()], refusal, further: second >= 0 };
}

/** Answers that differ, of the headers of one frame. */
const MAX_DIFFERENT = 10_000;

/** `envelope`: an FHS or BHS around the message, by what it says of the sender. */
type Reader = (header: Header, envelope?: Header) => FieldAnswer;

interface Readers {
  readonly ofRouting: readonly Reader[];
  readonly ofEach: readonly Reader[] | undefined;
}

/** A gateway asks one thing for each of its listeners; of those before a reload none is asked for again. */
const MAX_COMPILED = 64;
const compiled = new Map<number, Readers>();

function readersOf({ id, ofRouting, ofEach }: Asked): Readers {
  let readers = compiled.get(id);
  if (readers === undefined) {
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    readers = { ofRouting: ofRouting.map(compile), ofEach: ofEach?.map(compile) };
    compiled.set(id, readers);
  }
  return readers;
}

function compile({ path: text, keep, regexes }: Question): Reader {
  const path = parseFieldPath(text) as FieldPath;
  const compiledRegexes: RE2JS[] = regexes.map(({ source, flags }) => compileRegex(source, flags));
  return (header, envelope) => {
    const value = envelope === undefined ? readPath(header, path) : readEnveloped(header, envelope, path);
    if (value === undefined || value.length <= LONG_VALUE) return { text: value, matches: undefined };
    return {
      text: keep === undefined ? value : value.slice(0, keep),
      matches: compiledRegexes.map((regex) => regex.test(value)),
    };
  };
}
