// The report for people: a row for each scenario, what differs below it, and a sum. Promises no field of a message that is
// not part of an expectation or of an answer.
import { printable } from '../../../config/source/problem.ts';
import { formatDifference } from '../check/difference.ts';
import type { CheckedMessage } from '../check/scenario-checks.ts';
import type { ScenarioResult } from '../run.ts';

export function reportLines(results: readonly ScenarioResult[]): string[] {
  const width = Math.max(8, ...results.map(({ scenario }) => scenario.name.length));
  const heading = `${'scenario'.padEnd(width)}  result     messages   time     clock`;
  const lines = [heading];
  for (const result of results) {
    const { scenario, verdict, messages, ms, clock, speed } = result;
    const time = `${Math.round(ms)} ms`;
    lines.push(
      `${scenario.name.padEnd(width)}  ${verdict.padEnd(9)}  ${String(messages.length).padStart(8)}  ${time.padStart(8)}  ${speed === 1 ? clock : `${clock} x${speed}`}`,
    );
    lines.push(...detailLines(result).map((line) => `    ${printable(line)}`));
  }
  const notes = new Set(results.flatMap((result) => result.notes));
  if (notes.size > 0) lines.push('', ...[...notes].map((note) => `note: ${printable(note)}`));
  return [...lines, '', sumLine(results)];
}

/** What differs, or what came out where nothing is expected. */
function detailLines({ verdict, differences, error, messages }: ScenarioResult): string[] {
  if (error !== undefined) return [error];
  return verdict === 'new' ? messages.map(outcomeLine) : differences.map(formatDifference);
}

function outcomeLine({ sent, facts }: CheckedMessage): string {
  const { route, pool, nodes, ack } = facts;
  return `${sent.label}: route ${route}, pool ${pool}, node ${nodes.join(', ')}, answer ${ack}`;
}

export function sumLine(results: readonly ScenarioResult[]): string {
  const count = (verdict: ScenarioResult['verdict']): number =>
    results.filter((result) => result.verdict === verdict).length;
  const messages = results.reduce((sum, result) => sum + result.messages.length, 0);
  const parts = [`${count('good')} good`];
  for (const verdict of ['different', 'broken'] as const)
    if (count(verdict) > 0) parts.push(`${count(verdict)} ${verdict}`);
  if (count('new') > 0) parts.push(`${count('new')} without expectations (--update writes them)`);
  return `${results.length} scenarios, ${messages} messages: ${parts.join(', ')}`;
}
