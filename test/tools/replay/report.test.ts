// The reports: what a terminal, a program and a CI server are told of the same results.
import { describe, expect, test } from 'vitest';
import { jsonLine, jsonSum } from '../../../src/tools/replay/report/json.ts';
import { junitXml } from '../../../src/tools/replay/report/junit.ts';
import { reportLines } from '../../../src/tools/replay/report/table.ts';
import { FIRST_LINE, HERE, playText } from './scenario-text.ts';

const steps = (node: string): string =>
  `steps:\n  - send: ../adt-a01-admit.hl7\n    expect: { node: ${node} }\n`;
const good = await playText(`name: one & "two" <three>\n${steps('a')}`);
const bad = await playText(`name: a wrong one\n${steps('b')}`);
const fresh = await playText('name: a new one\nsteps:\n  - send: ../adt-a01-admit.hl7\n');
const broken = { ...good, verdict: 'broken' as const, error: 'no \u001b[31mport', messages: [] };

describe('the table', () => {
  test('has a row for each, what differs below it, and the sum', () => {
    const lines = reportLines([good, bad, fresh, { ...broken, notes: ['a note', 'a note'] }]);
    expect(lines[1]).toMatch(/^one & "two" <three> {2}good +1 +\d+ ms {2}virtual$/);
    expect(lines[2]).toMatch(/^a wrong one +different/);
    expect(lines[3]).toBe(
      `    ${HERE}:${FIRST_LINE + 3}:21: steps[0].expect.node: AN00000001: expected b, was a`,
    );
    expect(lines[5]).toBe('    AN00000001: route messages, pool mirth, node a, answer AA');
    expect(lines.join('\n')).not.toContain('\u001b');
    expect(lines.filter((line) => line === 'note: a note')).toHaveLength(1);
    expect(lines.at(-1)).toBe(
      '4 scenarios, 3 messages: 1 good, 1 different, 1 broken, 1 without expectations (--update writes them)',
    );
  });
});

describe('JSON lines', () => {
  test('hold the place, what was expected and what was', () => {
    const line = JSON.parse(jsonLine(bad));
    expect(line).toMatchObject({
      name: 'a wrong one',
      result: 'different',
      differences: [{ line: FIRST_LINE + 3, expected: 'b', actual: 'a', message: 'AN00000001' }],
      messages: [{ route: 'messages', pool: 'mirth', nodes: ['a'], ack: 'AA', deliveries: 1 }],
    });
    expect(JSON.parse(jsonSum([good, bad, fresh, broken]))).toEqual({
      scenarios: 4,
      good: 1,
      different: 1,
      broken: 1,
      new: 1,
    });
  });
});

describe('JUnit', () => {
  test('has a case for each, failures and errors with their text, escaped', () => {
    const xml = junitXml([good, bad, broken]);
    expect(xml).toMatch(/<testsuites tests="3" failures="1" errors="1" time="\d+\.\d{3}">/);
    expect(xml).toContain('<testcase name="one &#38; &#34;two&#34; &#60;three&#62;"');
    expect(xml).toContain('steps[0].expect.node: AN00000001: expected b, was a</failure></testcase>');
    expect(xml).toContain('<error message="no ?[31mport"/></testcase>');
    expect(xml.match(/<testcase/g)).toHaveLength(3);
  });
});

test('no patient is in any of them', () => {
  for (const result of [good, bad, fresh])
    for (const text of [reportLines([result]).join('\n'), jsonLine(result), junitXml([result])])
      expect(text).not.toMatch(/PID\||TESTPATIENT|\^\^\^NORTH/);
});
