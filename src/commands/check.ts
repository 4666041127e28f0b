// `check -c FILE`: says everything that is wrong with a config, or sums up what it has.
// Promises one line for each problem, with file, line, column and key; exit code 0 for a good config, 2 for a bad one.
import type { GatewayConfig } from '../config/config.ts';
import { ConfigError, formatProblem, type Loaded, loadConfig, type Problem } from '../config/load.ts';
import type { Environment } from '../config/source/interpolate.ts';

export interface CheckOptions {
  readonly json: boolean;
}

export interface CheckIo {
  out(line: string): void;
  err(line: string): void;
}

export function check(
  path: string,
  { json }: CheckOptions,
  io: CheckIo,
  env: Environment = process.env,
): number {
  const { errors, warnings, config } = examine(path, env);
  if (json) {
    for (const problem of errors) io.out(JSON.stringify({ level: 'error', ...problem }));
    for (const warning of warnings) io.out(JSON.stringify({ level: 'warning', ...warning }));
    const level = config === undefined ? 'failed' : 'ok';
    io.out(JSON.stringify({ level, errors: errors.length, warnings: warnings.length }));
  } else {
    for (const problem of errors) io.err(formatProblem(problem));
    for (const warning of warnings) io.err(`warning: ${formatProblem(warning)}`);
    if (config !== undefined) io.out(`${path}: good; ${summary(config)}`);
  }
  return config === undefined ? 2 : 0;
}

interface Findings {
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Undefined where there are errors. */
  readonly config: GatewayConfig | undefined;
}

function examine(path: string, env: Environment): Findings {
  let loaded: Loaded;
  try {
    loaded = loadConfig(path, { env });
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return { errors: thrown.problems, warnings: thrown.warnings, config: undefined };
  }
  return { errors: [], warnings: loaded.warnings, config: loaded.config };
}

function summary({ listeners, pools, routes }: GatewayConfig): string {
  const binds = listeners.map(({ name, tls, bind }) => {
    const host = bind.host.includes(':') ? `[${bind.host}]` : bind.host;
    return `${name} (${tls === undefined ? 'mllp' : 'mllps'}://${host}:${bind.port})`;
  });
  const nodes = pools.map(({ name, nodes: all }) => {
    return `${name} (${all.map((node) => (node.backup ? `${node.name} backup` : node.name)).join(', ')})`;
  });
  const parts = [
    counted('listener', binds),
    counted('pool', nodes),
    counted(
      'route',
      routes.map(({ name }) => name),
    ),
  ];
  return parts.join('; ');
}

function counted(what: string, names: readonly string[]): string {
  const list = names.length === 0 ? '' : `: ${names.join(', ')}`;
  return `${names.length} ${what}${names.length === 1 ? '' : 's'}${list}`;
}
