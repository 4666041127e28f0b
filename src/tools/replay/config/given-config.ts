// The config that a scenario is played on, as it was given: a file or a part of the scenario, with what a reload changes.
// Certificate and secret files that cannot be read here (they are on the gateway's machine) are replaced by throw-away ones.
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { GatewayConfig, PoolConfig } from '../../../config/config.ts';
import { ConfigError, type Problem, readConfig } from '../../../config/load.ts';
import { readText } from '../../../config/source/files.ts';
import { withIncludes } from '../../../config/source/includes.ts';
import type { Environment } from '../../../config/source/interpolate.ts';
import { Problems, type SourcePlace } from '../../../config/source/problem.ts';
import { readTree } from '../../../config/source/tree.ts';
import { type Entry, type MapTree, standsForScalar, type Tree } from '../../../config/source/value.ts';
import type { ConfigSource, Scenario } from '../scenario/scenario.ts';
import type { TempCerts } from './temp-certs.ts';

export interface GivenConfig {
  readonly tree: MapTree;
  /** As it is named in problems. */
  readonly file: string;
  readonly config: GatewayConfig;
  /** What was replaced, in words for people. */
  readonly notes: readonly string[];
}

export interface ConfigContext {
  readonly env: Environment;
  readonly throwAway: TempCerts;
}

/** @throws ConfigError */
export function readGivenFile(path: string, around: ConfigContext): GivenConfig {
  const read = readText(path);
  if (!('text' in read)) {
    const message = `the config file ${read.trouble}`;
    throw new ConfigError([{ file: path, line: 0, column: 0, key: '', message }], []);
  }
  return readGivenText(read.text, path, around);
}

/** `file`: what it is called in problems; relative paths start at its folder. @throws ConfigError */
export function readGivenText(text: string, file: string, around: ConfigContext): GivenConfig {
  const problems = new Problems(file);
  const reading = { problems, env: around.env, folder: dirname(resolve(file)) };
  const tree = readTree(text, reading);
  const whole = tree && withIncludes(tree, reading).tree;
  problems.throwIfAny();
  if (whole === undefined) throw new ConfigError([], []);
  return readGivenTree(whole, file, around);
}

/** A scenario's own config. @throws ConfigError */
export function readSource(source: ConfigSource, scenario: Scenario, around: ConfigContext): GivenConfig {
  if (source.kind === 'tree' && source.tree.kind === 'map')
    return readGivenTree(source.tree, scenario.file, around);
  const file = source.kind === 'file' ? source.file : '';
  return readGivenFile(isAbsolute(file) ? file : join(scenario.folder, file), around);
}

/** What is in force after a reload. @throws ConfigError */
export function readChanged(
  before: GivenConfig,
  source: ConfigSource,
  scenario: Scenario,
  around: ConfigContext,
): GivenConfig {
  if (source.kind === 'file' || source.tree.kind !== 'map') return readSource(source, scenario, around);
  return readGivenTree(merged(before.tree, source.tree), scenario.file, around);
}

function readGivenTree(tree: MapTree, file: string, around: ConfigContext): GivenConfig {
  const read = (one: MapTree): GatewayConfig => {
    const problems = new Problems(file);
    return readConfig(one, file, { problems, env: around.env, folder: dirname(resolve(file)) }).config;
  };
  const given = (one: MapTree, config: GatewayConfig, notes: readonly string[]): GivenConfig => {
    const pools = config.pools.map(withoutDiscovery);
    const found = config.pools.flatMap(({ name, nodes, discover }) => {
      if (discover === undefined) return [];
      const instead =
        nodes.length > 0 ? 'its other nodes are all there are' : `a node ${FOUND} stands for them`;
      return [`pools.${name}.discover: no nodes are looked for; ${instead}`];
    });
    return { tree: one, file, config: { ...config, pools }, notes: [...notes, ...found] };
  };
  try {
    return given(tree, read(tree), []);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const missing = thrown.problems.filter(isMissingFile);
    if (missing.length === 0) throw thrown;
    const replaced = withFiles(tree, file, missing, around.throwAway);
    // Of what is wrong besides, the error names everything.
    const config = read(replaced);
    const notes = missing.map(({ key, message }) => `${key}: ${message}; a throw-away one is used`);
    return given(replaced, config, notes);
  }
}

/** What a scenario calls the node of a pool whose nodes are discovered. */
const FOUND = 'discovered';

function withoutDiscovery(pool: PoolConfig): PoolConfig {
  const { discover, nodes } = pool;
  if (discover === undefined) return pool;
  const all = nodes.length > 0 ? nodes : [{ ...discover.template, name: FOUND }];
  return { ...pool, discover: undefined, nodes: all };
}

const TLS_FILE = /(\.(cert|key|clientCa|ca|p12|crl)(\[\d+\])?|\.discover\.file)$/;
const SECRET_FILE = /(^|\.)(passphrase|token|password|users\.[^.]+)\.file$/;
const PROBE_FILE = /\.health\.message$/;

function isMissingFile({ key, message }: Problem): boolean {
  const names = TLS_FILE.test(key) || SECRET_FILE.test(key) || PROBE_FILE.test(key);
  return names && message.startsWith('the file ');
}

/** The same tree with paths of files that can be read at these places. */
function withFiles(tree: MapTree, file: string, missing: readonly Problem[], throwAway: TempCerts): MapTree {
  const paths = new Map(
    missing.map((problem) => [placeOf(problem, problem.file), standIn(problem.key, throwAway)] as const),
  );
  const replace = (one: Tree): Tree => {
    if (one.kind === 'scalar') {
      const text = paths.get(placeOf(one.place, one.place.file ?? file));
      return text === undefined ? one : { ...one, text };
    }
    if (one.kind === 'map') return { ...one, entries: one.entries.map(replaceIn) };
    return one.kind === 'list' ? { ...one, items: one.items.map(replace) } : one;
  };
  const replaceIn = (entry: Entry): Entry => ({ ...entry, value: replace(entry.value) });
  return { ...tree, entries: tree.entries.map(replaceIn) };
}

function placeOf({ line, column }: SourcePlace, file: string): string {
  return `${line}:${column}:${file}`;
}

function standIn(key: string, throwAway: TempCerts): string {
  if (SECRET_FILE.test(key)) return throwAway.secretFile;
  if (PROBE_FILE.test(key)) return throwAway.probeFile;
  if (/\.key(\[\d+\])?$/.test(key)) return throwAway.server.keyFile;
  return /\.cert(\[\d+\])?$/.test(key) ? throwAway.server.certFile : throwAway.caFile;
}

/** Maps are merged, a key without a value goes, anything else takes the place of what was there. */
export function merged(base: MapTree, patch: MapTree): MapTree {
  const entries = new Map(base.entries.map((entry) => [entry.key, entry]));
  for (const entry of patch.entries) {
    const { key, value } = entry;
    const before = entries.get(key)?.value;
    if (value.kind === 'nothing') entries.delete(key);
    else if (before?.kind === 'map' && value.kind === 'map' && !standsForScalar(value))
      entries.set(key, { ...entry, value: merged(before, value) });
    else entries.set(key, entry);
  }
  return { ...base, entries: [...entries.values()] };
}
