// Loads a config: YAML or JSON text → the typed, frozen GatewayConfig and warnings, or one ConfigError with all problems.
// Promises never to throw anything else for what a file may hold, and to print nothing secret in a problem.
import { dirname, resolve } from 'node:path';
import { forEachPort } from './build/each-port.ts';
import { buildGateway } from './build/gateway.ts';
import { crossCheck } from './check/cross-checks.ts';
import type { GatewayConfig } from './config.ts';
import { TOP_KEYS } from './keys/top.ts';
import { readSection } from './read/section.ts';
import { configFileError } from './source/config-file.ts';
import { readText } from './source/files.ts';
import type { Environment } from './source/interpolate.ts';
import { ConfigError, type Problem, Problems } from './source/problem.ts';
import { readTree } from './source/tree.ts';
import type { MapTree, ReadContext } from './source/value.ts';

export { ConfigError, formatProblem, type Problem } from './source/problem.ts';

export interface Loaded {
  readonly config: GatewayConfig;
  readonly warnings: readonly Problem[];
}

export interface LoadOptions {
  readonly env: Environment;
}

export interface ParseOptions extends LoadOptions {
  /** The file that the text came from: it is named in problems, and relative paths start at its folder. */
  readonly file?: string | undefined;
}

/** `text`: what the file holds. */
export function loadConfig(path: string, { env }: LoadOptions): Loaded & { readonly text: string } {
  const read = readText(path);
  if ('text' in read) return { text: read.text, ...parseConfig(read.text, { file: path, env }) };
  throw configFileError(path, read.trouble);
}

/** Without `file`, relative paths start at the working directory. */
export function parseConfig(text: string, { file, env }: ParseOptions): Loaded {
  const problems = new Problems(file ?? 'config');
  const folder = file === undefined ? process.cwd() : dirname(resolve(file));
  const reading: ReadContext = { problems, env, folder };
  const tree = readTree(text, reading);
  if (tree === undefined) {
    problems.throwIfAny();
    throw new ConfigError([], []);
  }
  return readConfig(tree, file, reading);
}

/** Of a config that has been taken apart, or that is part of another file. */
export function readConfig(tree: MapTree, file: string | undefined, reading: ReadContext): Loaded {
  const { problems } = reading;
  const top = readSection(tree, TOP_KEYS, { key: '', place: tree.place }, reading);
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
