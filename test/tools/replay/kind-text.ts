// What docs/replay.md calls the kinds of values that a scenario's keys take.
import type { ScenarioKeyKind } from '../../../src/tools/replay/scenario/keys.ts';

const WORDS: Record<string, string> = {
  texts: 'text or list of texts',
  count: 'integer',
  flag: 'boolean',
  range: 'integer or `10-20`',
  config: 'map or file',
  steps: 'list',
};

export function kindText(kind: ScenarioKeyKind): string {
  if (typeof kind === 'string') return WORDS[kind] ?? kind;
  if ('oneOf' in kind) return kind.oneOf.map((one) => `\`${one}\``).join(', ');
  if ('section' in kind) return `[${kind.section}](#${kind.section})`;
  if ('sections' in kind) return `[${kind.sections}](#${kind.sections}) or list of such`;
  const { mapOf } = kind;
  return mapOf === 'text' || mapOf === 'range' ? `map of ${kindText(mapOf)}` : `map of [${mapOf}](#${mapOf})`;
}
