// The report for programs: a JSON line for each scenario, and one for the sum.
import type { ScenarioResult } from '../run.ts';

export function jsonLine({
  scenario,
  verdict,
  messages,
  differences,
  error,
  notes,
  clock,
  speed,
  ms,
}: ScenarioResult): string {
  return JSON.stringify({
    file: scenario.file,
    name: scenario.name,
    result: verdict,
    error,
    messages: messages.map(({ sent, facts }) => ({
      message: sent.label,
      sender: sent.sender.name,
      route: facts.route,
      pool: facts.pool,
      nodes: facts.nodes,
      ack: facts.ack,
      status: sent.response?.status,
      error: facts.error,
      attempts: facts.attempts,
      deliveries: facts.deliveries,
    })),
    differences: differences.map(({ accept: _, ...one }) => one),
    notes,
    clock,
    speed,
    ms: Math.round(ms),
  });
}

export function jsonSum(results: readonly ScenarioResult[]): string {
  const count = (verdict: ScenarioResult['verdict']): number =>
    results.filter((result) => result.verdict === verdict).length;
  return JSON.stringify({
    scenarios: results.length,
    good: count('good'),
    different: count('different'),
    broken: count('broken'),
    new: count('new'),
  });
}
