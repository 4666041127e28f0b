// Conditions of routes, compiled once into functions of a message. No pattern can hang the gateway (F75), and no
// message makes one throw.
import type { RE2JS } from 're2js';
import { AddressRange } from '../src/addresses.ts';
import type { Condition, Subject, ValueTest } from '../src/config/config.ts';
import { GatewayError } from '../src/errors.ts';
import { type FieldPath, headerEquals, isHeaderPath } from '../src/hl7/field-path.ts';
import { compileRegex } from '../src/hl7/regex.ts';
import { MemoizedPredicate } from './memoized-predicate.ts';
import { type MessageView, readSubject } from './message-view.ts';

/** Reads one subject off a message; where the reader comes from, readings can be shared between conditions. */
export type SubjectReader = (view: MessageView) => string | undefined;
type Test = (value: string | undefined, view: MessageView) => boolean;
type ListTest = (values: readonly string[], view: MessageView) => boolean;

/**
 * Does the condition hold for a message?
 *
 * A field that is absent reads as an empty one: senders may leave out separators at a segment's end, so nothing can
 * depend on them. `exists` asks for more than an empty value; HL7's null (`""`) is a value.
 *
 * A condition on a field holds for no request that is no HL7 message, and one on HTTP for no message that came by MLLP,
 * not even `{ not: … }`: a rule on test messages has nothing to say of a browser.
 *
 * @throws GatewayError GW_ERR_CONFIG for a regex or an address range that does not parse
 */
export function compileCondition(
  condition: Condition,
  readerOf: (subject: Subject) => SubjectReader = plainReader,
): (view: MessageView) => boolean {
  const { subject } = condition;
  if (subject.kind === 'tls.san') {
    const holds = compileListTest(condition.test, condition);
    return (view) => holds(view.peer.tls?.san ?? NO_NAMES, view);
  }
  const read = readerOf(subject);
  const holds = compileTest(condition.test, condition);
  switch (subject.kind) {
    case 'field': {
      const { path } = subject;
      const { test } = condition;
      if (test.kind === 'equals' && isHeaderPath(path)) return headerTest(path, test.value, read);
      return (view) => view.header !== undefined && holds(read(view) ?? '', view);
    }
    case 'method':
    case 'host':
    case 'path':
    case 'header':
    case 'cookie':
      return (view) => view.http !== undefined && holds(read(view), view);
    default:
      return (view) => holds(read(view), view);
  }
}

/** Most conditions are of this kind, and most messages answer them by their bytes alone. */
function headerTest(path: FieldPath, expected: string, read: SubjectReader): (view: MessageView) => boolean {
  return (view) => {
    const { header } = view;
    if (header === undefined) return false;
    // What a worker has read may be of another message of the same frame, an envelope speaks for its messages.
    const isOwn = view.fields === undefined && view.envelope === undefined;
    const equal = isOwn ? headerEquals(header, path, expected) : undefined;
    return equal ?? (read(view) ?? '') === expected;
  };
}

export function plainReader(subject: Subject): SubjectReader {
  return (view) => readSubject(view, subject);
}

const NO_NAMES: readonly string[] = [];

function compileTest(test: ValueTest, condition: Condition): Test {
  switch (test.kind) {
    case 'equals': {
      if (condition.subject.kind === 'tls.fingerprint') return fingerprintTest(test.value);
      const { value: expected } = test;
      return (value) => value === expected;
    }
    case 'any': {
      if (condition.subject.kind !== 'tls.fingerprint' && test.tests.every((one) => one.kind === 'equals')) {
        const expected = new Set(test.tests.map((one) => one.value));
        return (value) => value !== undefined && expected.has(value);
      }
      const tests = test.tests.map((one) => compileTest(one, condition));
      return (value, view) => tests.some((holds) => holds(value, view));
    }
    case 'not': {
      const inner = compileTest(test.test, condition);
      return (value, view) => !inner(value, view);
    }
    case 'exists': {
      const { exists } = test;
      return (value) => (value !== undefined && value !== '') === exists;
    }
    case 'regex': {
      const holds = remember(regexTest(test.source, test.flags, condition));
      const { subject } = condition;
      if (subject.kind !== 'field') return holds;
      // Of a long value that a worker has read only the beginning is here, and the worker has asked the regex.
      return (value, view) => view.fields?.matches(subject.path, test) ?? holds(value, view);
    }
    case 'cidr':
      return remember(rangeTest(test.range, condition));
  }
}

/** A list passes a test if any of its entries does; `not` turns the answer for the whole list. */
function compileListTest(test: ValueTest, condition: Condition): ListTest {
  switch (test.kind) {
    case 'any': {
      const tests = test.tests.map((one) => compileListTest(one, condition));
      return (values, view) => tests.some((holds) => holds(values, view));
    }
    case 'not': {
      const inner = compileListTest(test.test, condition);
      return (values, view) => !inner(values, view);
    }
    case 'exists': {
      const { exists } = test;
      return (values) => values.length > 0 === exists;
    }
    default: {
      const holds = compileTest(test, condition);
      return (values, view) => values.some((value) => holds(value, view));
    }
  }
}

/** The value that is absent passes no test of a value. */
function remember(ask: (value: string) => boolean): Test {
  const remembered = new MemoizedPredicate(ask);
  return (value) => value !== undefined && remembered.answer(value);
}

function regexTest(source: string, flags: string, condition: Condition): (value: string) => boolean {
  let regex: RE2JS;
  try {
    regex = compileRegex(source, flags);
  } catch (cause) {
    throw unusable(condition, 'not a regex in RE2 syntax', cause);
  }
  return (value) => regex.test(value);
}

function rangeTest(range: string, condition: Condition): (value: string) => boolean {
  try {
    const addresses = new AddressRange(range);
    return (value) => addresses.has(value);
  } catch (cause) {
    throw unusable(condition, 'not an address or a CIDR range', cause);
  }
}

/** Tools print fingerprints with and without colons, in upper and in lower case. */
function fingerprintTest(expected: string): Test {
  const normalised = normaliseFingerprint(expected);
  return (value) => value !== undefined && normaliseFingerprint(value) === normalised;
}

function normaliseFingerprint(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}

function unusable(condition: Condition, why: string, cause?: unknown): GatewayError {
  return new GatewayError('GW_ERR_CONFIG', { detail: `condition on ${condition.text}: ${why}`, cause });
}
