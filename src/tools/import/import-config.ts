// A config of HAProxy or nginx as the text of gateway.yaml, and what of it was left. Promises never to throw for what a file may
// hold, and to have asked our own `check` about the result: what that has against it is told like what was left.
import { parseConfig } from '../../config/load.ts';
import { ConfigError, type Problem } from '../../config/source/problem.ts';
import type { ConfigDraft } from './draft.ts';
import { draftText } from './draft-text.ts';
import { translateHaproxy } from './haproxy/translate.ts';
import type { GuessOptions } from './hl7-guess.ts';
import { ImportLedger, type LeftOver } from './ledger.ts';
import { translateNginx } from './nginx/translate.ts';

export type ImportFormat = 'haproxy' | 'nginx';

export interface Imported {
  /** Undefined: nothing of it leads from a listener to a pool. */
  readonly yaml: string | undefined;
  readonly leftOvers: readonly LeftOver[];
  /** What `check` would say of the result, but for files that are not here. */
  readonly problems: readonly Problem[];
  readonly counts: ReturnType<ImportLedger['counts']>;
}

/** Larger ones are made by machines, for machines. */
export const LARGEST_IMPORT_BYTES = 4 * 2 ** 20;

export function importConfig(
  text: string,
  format: ImportFormat,
  file: string,
  options: GuessOptions,
): Imported {
  const ledger = new ImportLedger(file);
  const translate = format === 'nginx' ? translateNginx : translateHaproxy;
  const draft = translate(text, options, ledger);
  ledger.close();
  const counts = ledger.counts();
  const leftOvers = ledger.leftOvers();
  if (draft.listeners.length === 0) return { yaml: undefined, leftOvers, problems: [], counts };
  const yaml = draftText(draft, headOf(draft, ledger, file, format));
  return { yaml, leftOvers, problems: problemsOf(yaml), counts };
}

function headOf({ routes }: ConfigDraft, ledger: ImportLedger, file: string, format: ImportFormat): string[] {
  const { translated, inherent, left } = ledger.counts();
  const all = translated + inherent + left;
  const head = [
    `Made by hl7-gateway import of ${file.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')} (${format}): of ${all} directives`,
    `${translated} are translated, ${inherent} need nothing here, ${left} are not translated in whole or in part.`,
    `The first of ${routes.length} routes that matches is taken. docs/from-haproxy.md says what became of what.`,
  ];
  return ledger.head.length === 0 ? head : [...head, '', ...ledger.head];
}

/**
 * With something in the place of each variable: what a node or a listener is cannot be told without its address, and one that
 * is missing would be taken for another mistake.
 */
function withoutVariables(yaml: string): string {
  const ports = new Map<string, number>();
  return yaml.replace(/(?<!\$)\$\{([A-Za-z_]\w*)\}/g, (_variable, name: string, at: number) => {
    if (yaml.charAt(at - 1) !== ':') return 'host';
    const port = ports.get(name) ?? ports.size + 1;
    ports.set(name, port);
    return String(port);
  });
}

/** Addresses are those of the machine that the config is for. */
const OF_THE_MACHINE = /is no address of this machine/;

function problemsOf(yaml: string): Problem[] {
  try {
    parseConfig(withoutVariables(yaml), { file: 'gateway.yaml', env: {}, isElsewhere: true });
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.problems.filter(({ message }) => !OF_THE_MACHINE.test(message));
  }
}
