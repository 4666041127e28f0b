// What a parse worker has read of a message, as routing looks at it: the header is read where it lies, all else is
// looked up here. And the same of a message of which nothing has been read yet: it says so when it is asked.
import { type ErrorCode, GatewayError } from '../errors.ts';
import { type FieldPath, isHeaderPath, readPath } from './field-path.ts';
import type { Header } from './header.ts';
import type { Asked, FieldAnswer, FieldsOutput, Question } from './parse-tasks/fields.ts';
import type { Regex } from './regex.ts';

export interface FieldsRead {
  /** Of a long value its beginning, long enough to differ from whatever the config compares it with. */
  text(header: Header, path: FieldPath): string | undefined;
  /** Does the whole of a long value match? Undefined where the value is not long, or was not read in a worker. */
  matches(path: FieldPath, regex: Regex): boolean | undefined;
}

/** Of the whole message. */
export interface MessageRead extends FieldsRead {
  /** There is a header behind the one that was read. */
  readonly hasFurtherHeader: boolean;
  /** The fields of every header in it that were asked for; equal ones are there once. */
  readonly ofEach: readonly FieldsRead[];
  /** What the first of them that is no header is refused with; those behind it are not in `ofEach`. */
  readonly refusal: ErrorCode | undefined;
}

/** Thrown where something is asked of a message of which only the header has been read. No error: it is read then. */
export const UNREAD = Symbol('not read yet');

function unread(): never {
  throw UNREAD;
}

export const HEADER_ONLY: MessageRead = {
  text: (header, path) => (isHeaderPath(path) ? readPath(header, path) : unread()),
  matches: () => undefined,
  get hasFurtherHeader(): boolean {
    return unread();
  },
  get ofEach(): readonly FieldsRead[] {
    return unread();
  },
  refusal: undefined,
};

let questionnaires = 0;

/** What is to be asked of every message of a listener, and how the answers are looked up. */
export class FieldQueryPlan {
  readonly asked: Asked;
  readonly #ofRouting: Index;
  readonly #ofEach: Index;

  /** `ofRouting` needs no path of the header, `ofEach` every path that is looked up. */
  constructor(asked: Omit<Asked, 'id'>) {
    this.asked = { id: ++questionnaires, ...asked };
    this.#ofRouting = indexOf(asked.ofRouting);
    this.#ofEach = indexOf(asked.ofEach ?? []);
  }

  answered({ ofRouting, ofEach, further, refusal }: FieldsOutput): MessageRead {
    const { text, matches } = lookUp(this.#ofRouting, ofRouting);
    return {
      text: (header, path) => (isHeaderPath(path) ? readPath(header, path) : text(header, path)),
      matches,
      hasFurtherHeader: further,
      ofEach: ofEach.map((answers) => lookUp(this.#ofEach, answers)),
      refusal,
    };
  }
}

interface Place {
  readonly at: number;
  readonly regexes: readonly Regex[];
}

type Index = ReadonlyMap<string, Place>;

function indexOf(questions: readonly Question[]): Index {
  return new Map(questions.map(({ path, regexes }, at) => [path, { at, regexes }]));
}

function lookUp(index: Index, answers: readonly FieldAnswer[]): FieldsRead {
  return {
    text: (_header, { text }) => {
      const place = index.get(text);
      if (place === undefined)
        throw new GatewayError('GW_ERR_INTERNAL', { detail: `${text} was not asked for` });
      return answers[place.at]?.text;
    },
    matches: (path, { source, flags }) => {
      const place = index.get(path.text);
      const n = place?.regexes.findIndex((one) => one.source === source && one.flags === flags) ?? -1;
      return place === undefined ? undefined : answers[place.at]?.matches?.[n];
    },
  };
}
