// `check -c FILE`: says everything that is wrong with a config and in the certificate and key files that it names, or
// sums up what it has. Promises one line for each problem, with its place; exit code 0 for a good config, 2 for a bad one.
import { NodeTls } from '../../../certs/node-tls.ts';
import { ServerTls } from '../../../certs/server-tls.ts';
import type { GatewayConfig, ListenerConfig } from '../../config/config.ts';
import type { HostPort } from '../../config/formats.ts';
import { ConfigError, formatProblem, type Loaded, loadConfig, type Problem } from '../../config/load.ts';
import type { Environment } from '../../config/source/interpolate.ts';
import { quoted } from '../../config/source/problem.ts';
import { asGatewayError } from '../../errors.ts';
import { appendTrouble } from '../../observe/audit/file-sink.ts';
import { clientSourceTrouble } from '../../platform/client-source.ts';

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
  const { errors, warnings, config: loaded } = examine(path, env);
  const troubles =
    loaded === undefined ? [] : [...tlsTroubles(loaded), ...auditTroubles(loaded), ...sourceTroubles(loaded)];
  const config = troubles.length === 0 ? loaded : undefined;
  if (json) {
    for (const problem of errors) io.out(JSON.stringify({ level: 'error', ...problem }));
    for (const { where, message } of troubles)
      io.out(JSON.stringify({ level: 'error', file: path, key: where, message }));
    for (const warning of warnings) io.out(JSON.stringify({ level: 'warning', ...warning }));
    const level = config === undefined ? 'failed' : 'ok';
    io.out(JSON.stringify({ level, errors: errors.length + troubles.length, warnings: warnings.length }));
  } else {
    for (const problem of errors) io.err(formatProblem(problem));
    for (const { where, message } of troubles) io.err(`${path}: ${where}: ${message}`);
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

interface Trouble {
  /** The key of the config that names the files. */
  readonly where: string;
  readonly message: string;
}

/** Files that exist but cannot be used: a key of another certificate, rubbish, a wrong passphrase. */
function tlsTroubles({ listeners, pools, admin }: GatewayConfig): readonly Trouble[] {
  const uses: [where: string, use: () => unknown][] = [];
  for (const { name, tls } of listeners)
    if (tls !== undefined) uses.push([`listeners.${name}.tls`, () => new ServerTls(tls)]);
  const ofAdmin = admin?.tls;
  if (ofAdmin !== undefined) uses.push(['admin.tls', () => new ServerTls(ofAdmin)]);
  for (const { name, nodes } of pools) {
    for (const node of nodes) {
      const { tls } = node;
      if (tls !== undefined)
        uses.push([`pools.${name}.nodes.${node.name}.tls`, () => new NodeTls(tls, node.host)]);
    }
  }
  return uses.flatMap(([where, use]) => {
    try {
      use();
      return [];
    } catch (thrown) {
      const { detail, message } = asGatewayError(thrown);
      return [{ where, message: detail ?? message }];
    }
  });
}

/** What the gateway would not start without. Nothing is made by looking. */
function auditTroubles({ audit }: GatewayConfig): readonly Trouble[] {
  const trouble = audit?.file === undefined ? undefined : appendTrouble(audit.file);
  return trouble === undefined
    ? []
    : [{ where: 'audit.file', message: `${quoted(audit?.file ?? '')}: ${trouble}` }];
}

/** What this process cannot do, and a gateway of the same user and unit could not either. */
function sourceTroubles({ pools }: GatewayConfig): readonly Trouble[] {
  const wanted = pools.filter(({ nodes }) => nodes.some(({ isFromClients }) => isFromClients));
  const message = wanted.length === 0 ? undefined : clientSourceTrouble();
  if (message === undefined) return [];
  return wanted.map(({ name }) => ({ where: `pools.${name}.source`, message: `client: ${message}` }));
}

function summary({ listeners, pools, routes, admin }: GatewayConfig): string {
  const binds = listeners.map(({ name, protocol, tls, bind }) => {
    return `${name} (${urlOf(protocol, tls !== undefined, bind)})`;
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
  if (admin !== undefined) parts.push(`admin API: ${urlOf('http', admin.tls !== undefined, admin.bind)}`);
  return parts.join('; ');
}

function urlOf(protocol: ListenerConfig['protocol'], secured: boolean, { host, port }: HostPort): string {
  const scheme = protocol === 'tcp' && secured ? 'tls' : `${protocol}${secured ? 's' : ''}`;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function counted(what: string, names: readonly string[]): string {
  const list = names.length === 0 ? '' : `: ${names.join(', ')}`;
  return `${names.length} ${what}${names.length === 1 ? '' : 's'}${list}`;
}
