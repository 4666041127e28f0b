// Only the `admin` section of a config: for commands that talk to a running gateway. Promises that nothing else in the
// file has to be right, as the gateway runs by what it was, and this may be the draft of what it shall be.
import { dirname, resolve } from 'node:path';
import { buildAdmin } from './build/admin.ts';
import type { AdminConfig } from './config.ts';
import { TOP_KEYS } from './keys/top.ts';
import { readSection } from './read/section.ts';
import { configFileError } from './source/config-file.ts';
import { readText } from './source/files.ts';
import type { Environment } from './source/interpolate.ts';
import { ConfigError, Problems } from './source/problem.ts';
import { readTree } from './source/tree.ts';
import { entryIn, type ReadContext } from './source/value.ts';

/**
 * Undefined: the file has no such section.
 *
 * @throws ConfigError
 */
export function loadAdmin(path: string, env: Environment): AdminConfig | undefined {
  const read = readText(path);
  if ('trouble' in read) throw configFileError(path, read.trouble);
  const problems = new Problems(path);
  const reading: ReadContext = { problems, env, folder: dirname(resolve(path)) };
  const tree = readTree(read.text, reading);
  if (tree === undefined) problems.throwIfAny();
  const entry = entryIn(tree, 'admin');
  if (tree === undefined || entry === undefined) return undefined;
  const where = { key: '', place: tree.place };
  const admin = buildAdmin(readSection({ ...tree, entries: [entry] }, TOP_KEYS, where, reading), reading);
  throwIfRelevant(problems);
  return admin;
}

/** The key of the API's certificate may be for the gateway's user alone, and who asks it has no need of that. */
function throwIfRelevant(problems: Problems): void {
  try {
    problems.throwIfAny();
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const relevant = thrown.problems.filter(({ key }) => /^admin($|\.(?!tls\.))/.test(key));
    if (relevant.length > 0) throw new ConfigError(relevant, []);
  }
}
