// Only what a config says of admin APIs, its own gateway's and those of the other members: for commands that talk to running
// gateways. Promises that nothing else in the file has to be right, as the gateway runs by what it was, and this may be the draft
// of what it shall be.
import { dirname, resolve } from 'node:path';
import { buildAdmin } from './build/admin.ts';
import { buildCluster } from './build/cluster.ts';
import type { AdminConfig, ClusterConfig } from './config.ts';
import { TOP_KEYS } from './keys/top.ts';
import { readSection, type Section } from './read/section.ts';
import { configFileError } from './source/config-file.ts';
import { readText } from './source/files.ts';
import { withIncludes } from './source/includes.ts';
import type { Environment } from './source/interpolate.ts';
import { ConfigError, Problems } from './source/problem.ts';
import { readTree } from './source/tree.ts';
import type { ReadContext } from './source/value.ts';

/**
 * Undefined: the file has no such section.
 *
 * @throws ConfigError
 */
export function loadAdmin(path: string, env: Environment): AdminConfig | undefined {
  return loadSections(path, ['admin'], env, (top, reading) => buildAdmin(top, reading));
}

export interface AdminOfMembers {
  readonly admin: AdminConfig | undefined;
  /** `member` is empty where the environment does not say which one this is. */
  readonly cluster: ClusterConfig | undefined;
}

/** @throws ConfigError */
export function loadMembers(path: string, env: Environment): AdminOfMembers {
  const loaded = loadSections(path, ['admin', 'cluster'], env, (top, reading) => ({
    admin: buildAdmin(top, reading),
    cluster: buildCluster(top, reading),
  }));
  return loaded ?? { admin: undefined, cluster: undefined };
}

function loadSections<Loaded>(
  path: string,
  keys: readonly string[],
  env: Environment,
  build: (top: Section<typeof TOP_KEYS>, reading: ReadContext) => Loaded,
): Loaded | undefined {
  const read = readText(path);
  if ('trouble' in read) throw configFileError(path, read.trouble);
  const problems = new Problems(path);
  const reading: ReadContext = { problems, env, folder: dirname(resolve(path)) };
  const main = readTree(read.text, reading);
  if (main === undefined) problems.throwIfAny();
  const tree = main && withIncludes(main, reading).tree;
  const entries = tree?.entries.filter(({ key }) => keys.includes(key)) ?? [];
  if (tree === undefined || entries.length === 0) return undefined;
  const where = { key: '', place: tree.place };
  const loaded = build(readSection({ ...tree, entries }, TOP_KEYS, where, reading), reading);
  throwIfRelevant(problems);
  return loaded;
}

/**
 * The key of the API's certificate may be for the gateway's user alone, and who asks it has no need of that. Which member this is
 * stands in the environment of the gateway, which need not be that of the command.
 */
const RELEVANT = /^(admin($|\.(?!tls\.))|cluster($|\.(?!member$)))/;

function throwIfRelevant(problems: Problems): void {
  try {
    problems.throwIfAny();
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const relevant = thrown.problems.filter(({ key }) => RELEVANT.test(key));
    if (relevant.length > 0) throw new ConfigError(relevant, []);
  }
}
