// Loads a config: YAML or JSON text → the typed, frozen GatewayConfig and warnings, or one ConfigError with all problems.
// Promises never to throw anything else for what a file may hold, and to print nothing secret in a problem.
import { dirname, resolve } from 'node:path';
import { forEachPort } from './build/each-port.ts';
import { buildGateway } from './build/gateway.ts';
import { crossCheck } from './check/cross-checks.ts';
import type { GatewayConfig } from './config.ts';
import { TOP_KEYS } from './keys/top.ts';
import { withDefaults } from './read/defaults.ts';
import { readSection } from './read/section.ts';
import { configFileError } from './source/config-file.ts';
import { readText } from './source/files.ts';
import { withIncludes } from './source/includes.ts';
import type { Environment } from './source/interpolate.ts';
import { ConfigError, type Problem, Problems } from './source/problem.ts';
import { readTree } from './source/tree.ts';
import type { MapTree, ReadContext } from './source/value.ts';
import { wholeText } from './source/whole-text.ts';

export { ConfigError, formatProblem, type Problem } from './source/problem.ts';

export interface Loaded {
  readonly config: GatewayConfig;
  readonly warnings: readonly Problem[];
}

export interface LoadOptions {
  readonly env: Environment;
  /** Files, folders and interfaces are those of another machine: they are not looked at. What is loaded is not to be run. */
  readonly isElsewhere?: boolean;
}

export interface ParseOptions extends LoadOptions {
  /** The file that the text came from: it is named in problems, and relative paths start at its folder. */
  readonly file?: string | undefined;
}

/** With the text that the config is as one file. */
export interface LoadedWhole extends Loaded {
  readonly text: string;
  /** What the file includes, as absolute paths with their wildcards. */
  readonly includes: readonly string[];
  /** With what was included and the defaults, as it was read. */
  readonly tree: MapTree;
}

/** @throws ConfigError */
export function loadConfig(path: string, options: LoadOptions): LoadedWhole {
  const read = readText(path);
  if ('text' in read) return parseWhole(read.text, { file: path, ...options });
  throw configFileError(path, read.trouble);
}

/** Without `file`, relative paths start at the working directory. */
export function parseConfig(text: string, options: ParseOptions): Loaded {
  const { config, warnings } = parseWhole(text, options);
  return { config, warnings };
}

export function parseWhole(text: string, options: ParseOptions): LoadedWhole {
  const { file } = options;
  const reading = readingOf(options);
  const tree = readTree(text, reading);
  if (tree === undefined) {
    reading.problems.throwIfAny();
    throw new ConfigError([], []);
  }
  const { tree: whole, included, patterns } = withIncludes(tree, reading);
  const expanded = withDefaults(whole, reading);
  const loaded = readConfig(expanded, file, reading);
  return { ...loaded, text: wholeText(text, included), includes: patterns, tree: expanded };
}

/** What a config's text includes, whatever else is wrong with it; as absolute paths with their wildcards. */
export function includesOf(text: string, options: ParseOptions): readonly string[] {
  const reading = readingOf(options);
  const tree = readTree(text, reading);
  return tree === undefined ? [] : withIncludes(tree, reading).patterns;
}

function readingOf({ file, env, isElsewhere = false }: ParseOptions): ReadContext {
  const folder = file === undefined ? process.cwd() : dirname(resolve(file));
  return { problems: new Problems(file ?? 'config'), env, folder, isElsewhere };
}

/** Of a config that has been taken apart, or that is part of another file. */
export function readConfig(tree: MapTree, file: string | undefined, reading: ReadContext): Loaded {
  const { problems } = reading;
  const { tree: whole } = withIncludes(tree, reading);
  const top = readSection(withDefaults(whole, reading), TOP_KEYS, { key: '', place: tree.place }, reading);
  const config = buildGateway(top, file === undefined ? undefined : resolve(file), reading);
  crossCheck(top, config, reading);
  const running = forEachPort(top, config, reading);
  problems.throwIfAny();
  return { config: deepFreeze(running), warnings: problems.warnings };
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
