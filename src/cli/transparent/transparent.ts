// `transparent`: prints the rules that connections from the clients' addresses need, or says which of them this machine lacks.
import { networkInterfaces } from 'node:os';
import { formatProblem, loadConfig } from '../../config/load.ts';
import { printable } from '../../config/source/problem.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { missingRules } from './missing-rules.ts';
import { familiesIn, type OwnAddress, type RuleNumbers, rulesText, USUAL_NUMBERS } from './rules.ts';

export interface TransparentOptions {
  readonly check: boolean;
  /** As typed. */
  readonly mark: string | undefined;
  readonly table: string | undefined;
}

/** @throws GatewayError GW_ERR_USAGE, GW_ERR_CONFIG, GW_ERR_FILE */
export function transparent(
  file: string,
  { check, ...typed }: TransparentOptions,
  terminal: Terminal,
  look = missingRules,
): number {
  const numbers = numbersOf(typed);
  const { config, warnings } = loadConfig(file, { env: process.env });
  for (const warning of warnings) terminal.err(`warning: ${formatProblem(warning)}`);
  const families = familiesIn(config);
  if (families.length === 0) throw usage(`${printable(file)} has no pool with source: client`);
  if (!check) {
    for (const line of rulesText(config, ownAddresses(), numbers).trimEnd().split('\n')) terminal.out(line);
    return EXIT.good;
  }
  if (process.platform !== 'linux') throw usage(`--check needs Linux, and this is ${process.platform}`);
  const missing = look(families, numbers);
  for (const rule of missing) terminal.out(`missing: ${rule}`);
  if (missing.length > 0) return EXIT.failed;
  terminal.out(`this machine has the rules that ${printable(file)} needs`);
  return EXIT.good;
}

/** @throws GatewayError GW_ERR_USAGE */
function numbersOf({ mark, table }: Omit<TransparentOptions, 'check'>): RuleNumbers {
  return {
    mark: number(mark, '--mark', 0xffff_ffff) ?? USUAL_NUMBERS.mark,
    table: number(table, '--table', 0xffff_ffff) ?? USUAL_NUMBERS.table,
  };
}

function number(text: string | undefined, option: string, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1 && value <= most)) throw usage(`${option} must be a number from 1 to ${most}`);
  return value;
}

function ownAddresses(): readonly OwnAddress[] {
  const all = Object.values(networkInterfaces()).flatMap((infos) => infos ?? []);
  return all.flatMap(({ address, cidr, internal }) => {
    const prefix = Number(cidr?.split('/')[1]);
    return internal || Number.isNaN(prefix) || address.startsWith('fe80:') ? [] : [{ address, prefix }];
  });
}
