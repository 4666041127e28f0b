// `keepalived`: prints keepalived.conf for this member, or compares it with the file that keepalived goes by.
import { readFileSync } from 'node:fs';
import { keepalivedText } from '../../cluster/keepalived.ts';
import { type Layer4Options, layer4 } from '../../cluster/layer4.ts';
import { formatProblem, loadConfig } from '../../config/load.ts';
import { printable, quoted } from '../../config/source/problem.ts';
import { causeCode, GatewayError } from '../../errors.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { lineDifference } from './line-difference.ts';

export interface KeepalivedOptions {
  /** To compare with; undefined: it is printed. */
  readonly check: string | undefined;
  /** Undefined: the gateway has all listeners. */
  readonly layer4: Layer4Options | undefined;
}

/** @throws GatewayError GW_ERR_USAGE, GW_ERR_CONFIG, GW_ERR_FILE */
export function keepalived(
  file: string,
  { check, layer4: wanted }: KeepalivedOptions,
  terminal: Terminal,
): number {
  const { config, warnings } = loadConfig(file, { env: process.env });
  for (const warning of warnings) terminal.err(`warning: ${formatProblem(warning)}`);
  const atLayer4 = wanted && layer4(config, wanted);
  if (atLayer4 !== undefined && atLayer4.refusals.length > 0)
    throw usage(`these stay with the gateway: ${atLayer4.refusals.join('; ')}`);
  const text = keepalivedText(config, atLayer4);
  if (text === undefined) throw usage(`${printable(file)} has no cluster section`);
  const lines = text.trimEnd().split('\n');
  if (check === undefined) {
    for (const line of lines) terminal.out(line);
    return EXIT.good;
  }
  const difference = lineDifference(readLines(check), lines);
  if (difference.length === 0) {
    terminal.out(`${printable(check)} is as ${printable(file)} wants it`);
    return EXIT.good;
  }
  terminal.out(`--- ${printable(check)}`);
  terminal.out(`+++ as ${printable(file)} wants it`);
  for (const line of difference) terminal.out(printable(line));
  return EXIT.failed;
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n');
  } catch (thrown) {
    throw new GatewayError('GW_ERR_FILE', { detail: `${quoted(path)}: ${causeCode(thrown)}`, cause: thrown });
  }
}
