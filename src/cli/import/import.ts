// `import FILE`: a config of HAProxy or nginx as gateway.yaml, on standard output or in a new file, and what could not be
// translated on standard error. Promises to print no value of the file there: passwords stand in such files.
import { statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { formatProblem } from '../../config/load.ts';
import { readText } from '../../config/source/files.ts';
import { printable } from '../../config/source/problem.ts';
import { GatewayError } from '../../errors.ts';
import { type ImportFormat, importConfig, LARGEST_IMPORT_BYTES } from '../../tools/import/import-config.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';

export interface ImportCommandOptions {
  readonly format: ImportFormat | undefined;
  readonly output: string | undefined;
  readonly mllp: readonly string[];
  readonly tcp: boolean;
}

/** @throws GatewayError GW_ERR_USAGE, GW_ERR_FILE */
export function importFile(file: string, options: ImportCommandOptions, terminal: Terminal): number {
  const text = textOf(file);
  const format = options.format ?? formatOf(file, text);
  const name = basename(file);
  const imported = importConfig(text, format, name, options);
  const { yaml, leftOvers, problems, counts } = imported;
  for (const { line, what, reason } of leftOvers)
    terminal.err(`${printable(file)}:${line}: ${printable(what)}: not translated: ${printable(reason)}`);
  for (const problem of problems)
    terminal.err(`the result needs a hand before it can run: ${formatProblem(problem)}`);
  const all = counts.translated + counts.inherent + counts.left;
  if (yaml === undefined) {
    terminal.err(`${printable(file)}: nothing of it leads from a listener to servers, so there is no config`);
    return EXIT.failed;
  }
  if (options.output === undefined) terminal.out(yaml.trimEnd());
  else write(options.output, yaml);
  terminal.err(
    `${printable(file)}: ${counts.translated} of ${all} directives translated, ${counts.inherent} need nothing here, ${counts.left} left`,
  );
  return counts.left === 0 && problems.length === 0 ? EXIT.good : EXIT.failed;
}

function textOf(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > LARGEST_IMPORT_BYTES) throw usage(`${printable(file)} is larger than 4 MiB`);
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
  }
  const read = readText(file);
  if ('text' in read) return read.text;
  throw new GatewayError('GW_ERR_FILE', { detail: `${printable(file)} ${read.trouble}` });
}

/** By its name, or else by whether its lines end in semicolons. */
function formatOf(file: string, text: string): ImportFormat {
  if (/haproxy|\.cfg$/i.test(basename(file))) return 'haproxy';
  if (/nginx/i.test(basename(file))) return 'nginx';
  return /^\s*(http|stream|upstream\s+\S+)\s*\{/m.test(text) ? 'nginx' : 'haproxy';
}

function write(file: string, text: string): void {
  try {
    // A header that is set may be a password.
    writeFileSync(file, text, { flag: 'wx', mode: 0o640 });
  } catch (thrown) {
    const isThere = thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST';
    if (isThere) throw usage(`${printable(file)} is there already, and is not overwritten`);
    throw new GatewayError('GW_ERR_FILE', { detail: `${printable(file)} cannot be written`, cause: thrown });
  }
}
