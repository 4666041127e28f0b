// The report as JUnit XML, as CI servers read it: a test case for each scenario.
import { formatDifference } from '../check/difference.ts';
import type { ScenarioResult } from '../run.ts';

export function junitXml(results: readonly ScenarioResult[]): string {
  const failures = results.filter(({ verdict }) => verdict === 'different').length;
  const errors = results.filter(({ verdict }) => verdict === 'broken').length;
  const seconds = results.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  const counts = `tests="${results.length}" failures="${failures}" errors="${errors}" time="${seconds.toFixed(3)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `<testsuite name="hl7-gateway replay" ${counts}>`,
    ...results.map(testCase),
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase({ scenario, differences, error, ms }: ScenarioResult): string {
  const open = `<testcase name="${escaped(scenario.name)}" classname="${escaped(scenario.file)}" file="${escaped(scenario.file)}" time="${(ms / 1000).toFixed(3)}"`;
  if (error !== undefined) return `${open}><error message="${escaped(error)}"/></testcase>`;
  const [first] = differences;
  if (first === undefined) return `${open}/>`;
  const text = differences.map(formatDifference).join('\n');
  return `${open}><failure message="${escaped(formatDifference(first))}">${escaped(text)}</failure></testcase>`;
}

/** XML 1.0 2.2 has no form for most control characters. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\x20-\uD7FF\uE000-\uFFFD]/g, '?')
    .replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
