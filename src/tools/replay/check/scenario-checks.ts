// Compares what came out of a play with all that its scenario expects: of each message, of steps, and in the end.
import type { Expectations, Expected, MessageExpectation } from '../scenario/scenario.ts';
import type { SentStep } from '../senders/sent.ts';
import type { Played } from '../stage/play.ts';
import { difference, type ScenarioDifference } from './difference.ts';
import { deliveriesOf, factsOf, type MessageFacts, ownDeliveries } from './facts.ts';
import { checkMessage, isWithin, rangeText } from './message-checks.ts';

export interface CheckedMessage {
  readonly sent: SentStep;
  readonly facts: MessageFacts;
  /** Undefined: nothing is expected of it. */
  readonly expectation: MessageExpectation | undefined;
}

export interface CheckedScenario {
  readonly messages: readonly CheckedMessage[];
  readonly differences: readonly ScenarioDifference[];
}

/** `ignore`: fields of answers that may differ. */
export function checkPlay(played: Played, ignore: readonly string[]): CheckedScenario {
  const { scenario, sent, received, speed } = played;
  const { file } = scenario;
  const deliveries = deliveriesOf(received);
  const messages = sent.map((one) => {
    const facts = factsOf(one, deliveries, speed);
    return { sent: one, facts, expectation: expectationOf(one) };
  });
  const found = messages.flatMap(({ sent: one, facts, expectation }) =>
    expectation === undefined ? [] : checkMessage(one, facts, expectation, { file, ignore }),
  );
  found.push(...checkSteps(played, messages), ...checkFinally(played));
  return { messages, differences: found };
}

function expectationOf({ step, index }: SentStep): MessageExpectation | undefined {
  const { each, all }: Expectations = step.expect;
  return each ? all[index] : all[0];
}

function checkSteps(
  { scenario, changes }: Played,
  messages: readonly CheckedMessage[],
): ScenarioDifference[] {
  const found: ScenarioDifference[] = [];
  for (const step of scenario.steps) {
    if (step.kind === 'reload') {
      const actual = changes.get(step.index) ?? [];
      // A reload that was refused is one that nobody meant.
      const expected: Expected<readonly string[]> | undefined =
        step.changes ??
        (actual.some((one) => one.startsWith('refused'))
          ? {
              value: ['a config that can be loaded'],
              place: step.place,
              path: ['steps', step.index, 'reload'],
            }
          : undefined);
      if (expected !== undefined && expected.value.join('\n') !== actual.join('\n')) {
        const texts = { expected: expected.value.join(', '), actual: actual.join(', ') };
        found.push(difference(scenario.file, expected, undefined, texts, step.changes && actual));
      }
    }
    if (step.kind !== 'send' && step.kind !== 'request') continue;
    const own = messages.filter(({ sent }) => sent.step === step);
    if (step.expect.each && step.expect.all.length !== own.length) {
      const path = ['steps', step.index, 'expect'];
      const texts = { expected: `${step.expect.all.length} messages`, actual: String(own.length) };
      found.push(difference(scenario.file, { value: 0, place: step.place, path }, undefined, texts));
    }
    const { sameNode } = step.expect.all[0] ?? {};
    if (sameNode === undefined) continue;
    const nodes = [...new Set(own.flatMap(({ facts }) => facts.nodes))];
    if ((nodes.length === 1) !== sameNode.value) {
      const wanted = sameNode.value ? 'one node' : 'more than one node';
      const texts = { expected: wanted, actual: nodes.join(', ') };
      found.push(difference(scenario.file, sameNode, undefined, texts, !sameNode.value));
    }
  }
  return found;
}

function checkFinally(played: Played): ScenarioDifference[] {
  const { scenario, received, states, faults } = played;
  const { expect, file } = scenario;
  const found: ScenarioDifference[] = [];
  for (const one of expect.deliveries) {
    const { length } = received.filter(({ node }) => node.name === one.name || node.path === one.name);
    if (isWithin(one.value, length)) continue;
    const texts = { expected: rangeText(one.value), actual: String(length) };
    found.push(difference(file, one, undefined, texts, length));
  }
  for (const one of expect.states) {
    const own = [...states].filter(([path]) => path === one.name || path.endsWith(`/${one.name}`));
    const actual = [...new Set(own.map(([, state]) => state))].join(', ') || 'not there';
    if (actual !== one.value)
      found.push(difference(file, one, undefined, { expected: one.value, actual }, actual));
  }
  const missing = expect.faults?.value.filter((code) => !faults.includes(code)) ?? [];
  if (expect.faults !== undefined && missing.length > 0) {
    const actual = [...new Set(faults)].join(', ') || 'none';
    found.push(difference(file, expect.faults, undefined, { expected: missing.join(', '), actual }));
  }
  if (expect.order !== undefined) {
    const moved = overtaken(played);
    if (moved !== undefined)
      found.push(difference(file, expect.order, moved, { expected: 'the order sent', actual: 'overtaken' }));
  }
  return found;
}

/** The first message that nodes received before one that was sent earlier over the same connection. */
function overtaken({ sent, received }: Played): string | undefined {
  const deliveries = deliveriesOf(received);
  const last = new Map<string, number>();
  for (const one of [...sent].sort((a, b) => a.order - b.order)) {
    const at = ownDeliveries(one, deliveries)[0]?.order;
    if (at === undefined) continue;
    const connection = `${one.sender.name} ${one.port}`;
    if (at < (last.get(connection) ?? 0)) return one.label;
    last.set(connection, at);
  }
  return undefined;
}
