// Conditions (`when`, `allow`) and sticky keys (`persistence.by`) of a config, as the trees of config.ts.
// Promises that every regex in them compiles in RE2, which takes linear time whatever the value is (F75).

import { RE2JSException } from 're2js';
import { isRange } from '../../addresses.ts';
import { parseFieldPath } from '../../hl7/field-path.ts';
import { compileRegex } from '../../hl7/regex.ts';
import type { AllowRule, Condition, Subject, ValueTest } from '../config.ts';
import { isToken, parseFlag } from '../formats.ts';
import { CONDITION_WORDS, isPlainSubject, SENDER_WORDS, subjectInfo } from '../keys/subjects.ts';
import type { Section } from '../read/section.ts';
import { suggestion } from '../source/closest.ts';
import { printable, quoted } from '../source/problem.ts';
import {
  described,
  type Entry,
  type ReadContext,
  type Scalar,
  scalarOf,
  type Tree,
} from '../source/value.ts';
import { isPlainPath, regexSaysNothing, requestTrouble } from './http/request-values.ts';
import { NO_FINGERPRINT, parseFingerprint } from './tls/fingerprint.ts';

type Words = readonly string[];

export function parseSubject(text: string, words: Words = CONDITION_WORDS): Subject | undefined {
  const [, word, name] = /^(header|cookie)\.(.+)$/.exec(text) ?? [];
  if (word !== undefined && words.includes(`${word}.NAME`) && isToken(name)) {
    if (word === 'cookie') return { kind: word, name: name ?? '' };
    return { kind: 'header', name: (name ?? '').toLowerCase() };
  }
  if (words.includes(text) && isPlainSubject(text)) return { kind: text };
  const path = parseFieldPath(text);
  return path === undefined ? undefined : { kind: 'field', path };
}

/** Why `text` is no subject. */
export function subjectTrouble(text: string, words: Words = CONDITION_WORDS): string {
  const upper = text.toUpperCase();
  const named = words.find((word) => word === `${text}.NAME`);
  const meant = parseFieldPath(upper) === undefined ? named : upper;
  const hint = meant === undefined ? suggestion(text, words) : `; did you mean "${printable(meant)}"?`;
  return `must be a field path such as MSH-9.1 or PID-3[2].4, or one of ${words.join(', ')}${hint}`;
}

/** `/source/flags`; undefined if it has not that form. */
export function parseRegex(text: string): { readonly source: string; readonly flags: string } | undefined {
  const match = /^\/(.*)\/([A-Za-z]*)$/s.exec(text);
  return match === null ? undefined : { source: match[1] ?? '', flags: match[2] ?? '' };
}

/** Why it is none; `outside`: it must not be repeated. */
export function regexTrouble(source: string, flags: string, outside: boolean): string | undefined {
  if (source === '') return 'an empty regex matches everything';
  if (!/^(?!.*(.).*\1)[ims]*$/.test(flags)) return 'the flags of a regex are i, m and s, each at most once';
  try {
    compileRegex(source, flags);
    return undefined;
  } catch (thrown) {
    const why =
      thrown instanceof RE2JSException ? thrown.message.replace('error parsing regexp: ', '') : 'not usable';
    const hint = /\(\?<?[=!]|\\[1-9]/.test(source)
      ? ' (RE2 has no lookaheads, lookbehinds or backreferences)'
      : '';
    // RE2's text repeats a part of the regex.
    return `is no RE2 regex${outside ? '' : `: ${printable(why)}`}${hint}`;
  }
}

/** What conditions may refer to. */
export interface Known extends ReadContext {
  readonly listeners: readonly string[];
  /** Words that may stand on the left; absent: all. */
  readonly words?: Words;
}

/** The rules of one listener, which is why `listener` is no subject of them. Undefined: it has none. */
export function readAllow(listener: Section, reading: ReadContext): readonly AllowRule[] | undefined {
  const tree = listener.tree('allow');
  if (tree?.kind !== 'list') return undefined;
  const { problems } = reading;
  if (tree.items.length === 0) {
    listener.error('allow', 'an empty list allows nobody; leave it out to allow every sender');
  }
  return tree.items.map((item, index) => {
    const key = `${listener.key}.allow[${index}]`;
    if (item.kind === 'refused') return [];
    if (item.kind !== 'map') {
      problems.error(item.place, key, item.kind === 'nothing' ? 'has no value' : 'must be a map');
      return [];
    }
    // What is no subject at all may have been meant as the one that is needed.
    if (item.entries.every((entry) => parseSubject(entry.key, SENDER_WORDS)?.kind === 'field')) {
      problems.error(item.place, key, `needs one of ${SENDER_WORDS.join(', ')}, or it would bind nobody`);
    }
    return readConditions(item.entries, key, { ...reading, listeners: [], words: SENDER_WORDS });
  });
}

export function readConditions(entries: readonly Entry[], key: string, known: Known): Condition[] {
  const conditions: Condition[] = [];
  for (const { key: text, place, value } of entries) {
    const full = `${key}.${text}`;
    const subject = parseSubject(text, known.words);
    if (subject === undefined) {
      known.problems.error(place, full, subjectTrouble(text, known.words));
      continue;
    }
    const test = new TestReader(subject, known).read(value, full);
    if (test !== undefined) conditions.push({ subject, text, test });
  }
  return conditions;
}

/** The right side of one condition. */
class TestReader {
  readonly #subject: Subject;
  readonly #known: Known;

  constructor(subject: Subject, known: Known) {
    this.#subject = subject;
    this.#known = known;
  }

  read(tree: Tree, key: string): ValueTest | undefined {
    if (tree.kind === 'nothing')
      return this.#refuse(tree, key, 'has no value; for "is empty" write { exists: false }');
    if (tree.kind === 'list') {
      if (tree.items.length === 0) return this.#refuse(tree, key, 'an empty list matches nothing');
      const tests = tree.items.map((item, index) => this.read(item, `${key}[${index}]`));
      return { kind: 'any', tests: tests.filter((test) => test !== undefined) };
    }
    if (tree.kind !== 'map') return this.#scalar(tree, key);

    const [entry, ...others] = tree.entries;
    if (entry === undefined || others.length > 0) {
      return this.#refuse(tree, key, 'takes one of { not: … }, { exists: … } and { file: … } at a time');
    }
    if (entry.key === 'not') {
      const test = this.read(entry.value, `${key}.not`);
      return test && { kind: 'not', test };
    }
    if (entry.key === 'exists') return this.#exists(entry.value, `${key}.exists`);
    if (entry.key === 'file') return this.#scalar(tree, key);
    const hint = suggestion(entry.key, ['not', 'exists', 'file']);
    return this.#refuse(entry, `${key}.${entry.key}`, `unknown key${hint}`);
  }

  #exists(tree: Tree, key: string): ValueTest | undefined {
    const scalar = scalarOf(tree, key, this.#known);
    if (scalar === undefined) return undefined;
    const { kind } = this.#subject;
    if (kind !== 'field' && subjectInfo(kind).always === true) {
      const whose = subjectInfo(kind).of === 'request' ? 'request' : 'message';
      return this.#refuse(tree, key, `every ${whose} has a ${kind}`);
    }
    const exists = parseFlag(scalar.text);
    if (exists !== undefined) return { kind: 'exists', exists };
    return this.#refuse(tree, key, `must be true or false, not ${described(scalar)}`);
  }

  #scalar(tree: Tree, key: string): ValueTest | undefined {
    const scalar = scalarOf(tree, key, this.#known);
    if (scalar === undefined) return undefined;
    const { text } = scalar;
    const { kind } = this.#subject;
    if (kind === 'source') return this.#range(scalar, key);
    const isRegex = text.startsWith('/') && !(kind === 'path' && isPlainPath(text));
    if (isRegex) return this.#regex(scalar, key);
    if (kind === 'listener' && !this.#isListener(text)) {
      const hint = scalar.written === undefined ? suggestion(text, this.#known.listeners) : '';
      return this.#refuse(scalar, key, `no listener has the name ${this.#named(scalar)}${hint}`);
    }
    if (kind === 'tls.fingerprint') return this.#fingerprint(scalar, key);
    if (kind === 'method' || kind === 'host' || kind === 'path') {
      const trouble = requestTrouble(kind, text);
      if (trouble !== undefined) return this.#refuse(scalar, key, trouble);
    }
    // A value that is empty and one that is not there read the same, see config.ts.
    if (text === '') return { kind: 'exists', exists: false };
    return { kind: 'equals', value: kind === 'host' ? text.toLowerCase().replace(/\.$/, '') : text };
  }

  /** Without any listener, that there is none is the one thing to say. */
  #isListener(name: string): boolean {
    const { listeners } = this.#known;
    return listeners.length === 0 || listeners.includes(name);
  }

  #named(scalar: Scalar): string {
    return scalar.written === undefined ? quoted(scalar.text) : `that ${described(scalar)}`;
  }

  #regex(scalar: Scalar, key: string): ValueTest | undefined {
    const regex = parseRegex(scalar.text);
    if (regex === undefined) {
      return this.#refuse(scalar, key, 'a value that begins with / is a regex and ends in / and its flags');
    }
    const { source, flags } = regex;
    if (this.#subject.kind === 'path' && regexSaysNothing(source)) {
      const message = 'would be a regex for any path that holds it; for a prefix write /^\\/api\\//';
      return this.#refuse(scalar, key, message);
    }
    const trouble = regexTrouble(source, flags, scalar.written !== undefined);
    return trouble === undefined ? { kind: 'regex', source, flags } : this.#refuse(scalar, key, trouble);
  }

  #range(scalar: Scalar, key: string): ValueTest | undefined {
    if (isRange(scalar.text)) return { kind: 'cidr', range: scalar.text };
    return this.#refuse(
      scalar,
      key,
      `must be an address or a CIDR range such as 10.1.0.0/16, not ${described(scalar)}`,
    );
  }

  #fingerprint(scalar: Scalar, key: string): ValueTest | undefined {
    const value = parseFingerprint(scalar.text);
    return value === undefined ? this.#refuse(scalar, key, NO_FINGERPRINT) : { kind: 'equals', value };
  }

  #refuse(at: Tree | Entry, key: string, message: string): undefined {
    this.#known.problems.error(at.place, key, message);
    return undefined;
  }
}
