// Compares what came of one message with what is expected of it. Every kind of expectation has its line here.

import type { Range } from '../../../config/formats.ts';
import { GatewayError } from '../../../errors.ts';
import { readHeader } from '../../../hl7/header.ts';
import { differences } from '../../../hl7/whole/difference.ts';
import { readWholeMessage } from '../../../hl7/whole/whole-message.ts';
import type { Expected, MessageExpectation } from '../scenario/scenario.ts';
import type { SentStep } from '../senders/sent.ts';
import { difference, type ScenarioDifference } from './difference.ts';
import { fieldOf, type MessageFacts } from './facts.ts';

export interface ExpectedText {
  readonly file: string;
  /** Fields of an answer that may differ. */
  readonly ignore: readonly string[];
}

export function checkMessage(
  sent: SentStep,
  facts: MessageFacts,
  expectation: MessageExpectation,
  { file, ignore }: ExpectedText,
): ScenarioDifference[] {
  const found: ScenarioDifference[] = [];
  const { label, response, answer } = sent;
  const differs = (
    expected: Expected<unknown>,
    wanted: string,
    actual: string,
    accept?: string | number | boolean | readonly string[],
    at?: string,
  ): void => {
    const texts = { expected: wanted, actual, ...(at !== undefined && { at }) };
    found.push(difference(file, expected, label, texts, accept));
  };
  const same = (expected: Expected<string | number> | undefined, actual: string | number): void => {
    if (expected !== undefined && expected.value !== actual)
      differs(expected, String(expected.value), String(actual), actual);
  };
  const inRange = (expected: Expected<Range> | undefined, actual: number): void => {
    if (expected !== undefined && !isWithin(expected.value, actual))
      differs(expected, rangeText(expected.value), String(actual), actual);
  };
  const holds = (expected: Expected<string> | undefined, actual: string, at?: string): void => {
    if (expected !== undefined && !actual.includes(expected.value))
      differs(expected, `"${expected.value}"`, `"${cut(actual)}"`, at === undefined ? actual : undefined, at);
  };

  same(expectation.route, facts.route);
  same(expectation.pool, facts.pool);
  const { node, trace, unchanged, within } = expectation;
  if (node !== undefined && !facts.nodes.every((one) => node.value.includes(one))) {
    const [only] = facts.nodes;
    const accept = facts.nodes.length === 1 && only !== undefined ? only : facts.nodes;
    differs(node, node.value.join(' or '), facts.nodes.join(', '), accept);
  }
  same(expectation.ack, facts.ack);
  holds(expectation.text, facts.text);
  if (expectation.answer !== undefined) checkAnswer(expectation.answer, answer, ignore, differs);
  for (const one of expectation.fields ?? []) {
    const actual = fieldOf(answer, one.name);
    if ((actual ?? '') !== one.value) differs(one, `"${one.value}"`, `"${cut(actual ?? '')}"`, actual);
  }
  same(expectation.outcome, facts.outcome);
  same(expectation.error, facts.error);
  inRange(expectation.attempts, facts.attempts);
  inRange(expectation.deliveries, facts.deliveries);
  if (unchanged !== undefined && unchanged.value !== facts.unchanged) {
    const words = facts.unchanged ? 'the bytes that were sent' : 'other bytes than were sent';
    differs(unchanged, String(unchanged.value), words, facts.unchanged);
  }
  if (trace !== undefined && trace.value.join('\n') !== facts.trace.join('\n'))
    differs(trace, trace.value.join(', '), facts.trace.join(', '), facts.trace);
  if (within !== undefined && !(Math.trunc(facts.ms) <= within.value))
    differs(within, `${within.value} ms at most`, `${Math.trunc(facts.ms)} ms`);
  same(expectation.status, response?.status ?? 0);
  for (const one of expectation.headers ?? []) {
    const actual = response?.headers.get(one.name.toLowerCase());
    const good = one.value === 'none' ? actual === undefined : actual?.includes(one.value) === true;
    if (!good) differs(one, one.value, actual ?? 'none', actual ?? 'none');
  }
  holds(expectation.body, response?.body.toString('utf8') ?? '', 'of the response');
  return found;
}

/** Field by field. */
function checkAnswer(
  expected: Expected<string>,
  answer: Buffer | undefined,
  ignore: readonly string[],
  differs: (
    expected: Expected<unknown>,
    wanted: string,
    actual: string,
    accept?: string,
    at?: string,
  ) => void,
): void {
  const text = answer === undefined ? undefined : answerText(answer);
  const left = wholeOf(Buffer.from(expected.value.replace(/\r\n|\r|\n/g, '\r'), 'utf8'));
  if (left === undefined) {
    differs(expected, 'an HL7 message', 'no HL7', text);
    return;
  }
  const right = answer && wholeOf(answer);
  if (right === undefined || text === undefined) {
    differs(expected, 'an answer', answer === undefined ? 'none' : 'no HL7');
    return;
  }
  for (const { path, left: wanted = '', right: actual = '' } of differences(left, right, { ignore }))
    differs(expected, `"${cut(wanted)}"`, `"${cut(actual)}"`, text, path);
}

/** As it stands in a scenario: one line to a segment. */
export function answerText(answer: Buffer): string {
  return answer.toString('utf8').replace(/\r\n|\r/g, '\n');
}

function wholeOf(bytes: Buffer) {
  try {
    return readWholeMessage(readHeader(bytes));
  } catch (thrown) {
    if (thrown instanceof GatewayError) return undefined;
    throw thrown;
  }
}

export function isWithin({ from, to }: Range, count: number): boolean {
  return count >= from && count <= to;
}

export function rangeText({ from, to }: Range): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** Longer values say no more on a terminal. */
function cut(text: string): string {
  const LONGEST = 200;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
