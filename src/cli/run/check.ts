// `check -c FILE`: says everything that is wrong with a config and in the certificate and key files that it names, or
// sums up what it has, or prints it as it is with all that it is made of. Promises one line for each problem, with its place; exit
// code 0 for a good config, 2 for a bad one.
import { stringify } from 'yaml';
import { NodeTls } from '../../../certs/node-tls.ts';
import { ServerTls } from '../../../certs/server-tls.ts';
import type { GatewayConfig, ListenerConfig } from '../../config/config.ts';
import type { HostPort } from '../../config/formats.ts';
import { ConfigError, formatProblem, type LoadedWhole, loadConfig, type Problem } from '../../config/load.ts';
import { resolvedConfig } from '../../config/resolved.ts';
import type { Environment } from '../../config/source/interpolate.ts';
import { hintIn, quoted, type SourcePlace } from '../../config/source/problem.ts';
import type { Entry, MapTree, Tree } from '../../config/source/value.ts';
import { asGatewayError } from '../../errors.ts';
import { appendTrouble } from '../../observe/audit/file-sink.ts';
import { openFilesNeeded } from '../../open-files.ts';
import { clientSourceTrouble } from '../../platform/client-source.ts';
import { lookupTrouble, readNodesFile } from '../../pools/node-sources.ts';

export interface CheckOptions {
  readonly json: boolean;
  /** False: what the config says of this machine is not looked at, as it is for another. */
  readonly files?: boolean;
  /** Prints the config itself instead of a summary. */
  readonly resolved?: boolean;
}

export interface CheckIo {
  out(line: string): void;
  err(line: string): void;
}

export function check(
  path: string,
  { json, files = true, resolved = false }: CheckOptions,
  io: CheckIo,
  env: Environment = process.env,
): number {
  const found = examine(path, env, files);
  const troubles =
    found.loaded === undefined || !files
      ? []
      : placed(troublesIn(found.loaded.config), path, found.loaded.tree);
  const { warnings } = found;
  const errors = [...found.errors, ...troubles];
  const loaded = errors.length === 0 ? found.loaded : undefined;
  if (json && !(resolved && loaded !== undefined)) {
    for (const problem of errors) io.out(JSON.stringify(asJson('error', problem)));
    for (const warning of warnings) io.out(JSON.stringify(asJson('warning', warning)));
    const level = loaded === undefined ? 'failed' : 'ok';
    const openFiles = loaded && openFilesNeeded(loaded.config);
    io.out(
      JSON.stringify({
        level,
        errors: errors.length,
        warnings: warnings.length,
        ...(openFiles !== undefined && { openFiles }),
      }),
    );
  } else {
    for (const problem of errors) io.err(formatProblem(problem));
    for (const warning of warnings) io.err(`warning: ${formatProblem(warning)}`);
    if (loaded !== undefined && resolved) io.out(resolvedText(loaded, json));
    else if (loaded !== undefined) io.out(`${path}: good; ${summary(loaded.config)}`);
  }
  return loaded === undefined ? 2 : 0;
}

function asJson(level: 'error' | 'warning', problem: Problem): object {
  const hint = hintIn(problem);
  return { level, ...problem, ...(hint !== undefined && { hint }) };
}

function resolvedText({ tree, config }: LoadedWhole, json: boolean): string {
  const resolved = resolvedConfig(tree, config);
  return json
    ? JSON.stringify(resolved)
    : stringify(resolved, { lineWidth: 120, aliasDuplicateObjects: false }).trimEnd();
}

interface Findings {
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Undefined where there are errors. */
  readonly loaded: LoadedWhole | undefined;
}

function examine(path: string, env: Environment, files: boolean): Findings {
  try {
    const loaded = loadConfig(path, { env, isElsewhere: !files });
    return { errors: [], warnings: loaded.warnings, loaded };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return { errors: thrown.problems, warnings: thrown.warnings, loaded: undefined };
  }
}

function troublesIn(config: GatewayConfig): readonly Trouble[] {
  return [
    ...tlsTroubles(config),
    ...auditTroubles(config),
    ...sourceTroubles(config),
    ...discoveryTroubles(config),
  ];
}

/** With the place of the key, or of the nearest part of the config that holds it. */
function placed(troubles: readonly Trouble[], path: string, tree: MapTree): readonly Problem[] {
  return troubles.map(({ where, message }) => {
    const { file = path, line, column } = placeOf(where, tree, { line: 0, column: 0 });
    return { file, line, column, key: where, message };
  });
}

/** Names may hold dots; of a range of ports there is one entry, whose name others begin with. */
function placeOf(key: string, tree: Tree, fallback: SourcePlace): SourcePlace {
  if (tree.kind !== 'map' || key === '') return fallback;
  const isAt = (name: string): boolean => key === name || key.startsWith(`${name}.`);
  const longest = (one: Entry, other: Entry): number => other.key.length - one.key.length;
  const exact = tree.entries.filter((entry) => isAt(entry.key)).sort(longest)[0];
  if (exact !== undefined) return placeOf(key.slice(exact.key.length + 1), exact.value, exact.place);
  return tree.entries.filter((entry) => key.startsWith(`${entry.key}-`)).sort(longest)[0]?.place ?? fallback;
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

/** The gateway would start, without nodes. */
function discoveryTroubles({ pools }: GatewayConfig): readonly Trouble[] {
  return pools.flatMap(({ name, discover }) => {
    if (discover?.kind !== 'file') return [];
    try {
      readNodesFile(discover);
      return [];
    } catch (thrown) {
      return [{ where: `pools.${name}.discover.file`, message: lookupTrouble(thrown) }];
    }
  });
}

/** What this process cannot do, and a gateway of the same user and unit could not either. */
function sourceTroubles({ pools }: GatewayConfig): readonly Trouble[] {
  const wanted = pools.filter(({ nodes }) => nodes.some(({ isFromClients }) => isFromClients));
  const message = wanted.length === 0 ? undefined : clientSourceTrouble();
  if (message === undefined) return [];
  return wanted.map(({ name }) => ({ where: `pools.${name}.source`, message: `client: ${message}` }));
}

function summary(config: GatewayConfig): string {
  const { listeners, pools, routes, admin } = config;
  const binds = listeners.map(({ name, protocol, tls, bind }) => {
    return `${name} (${urlOf(protocol, tls !== undefined, bind)})`;
  });
  const nodes = pools.map(({ name, nodes: all, discover }) => {
    const named = all.map((node) => (node.backup ? `${node.name} backup` : node.name));
    const found = discover === undefined ? [] : [`discovered by ${discover.kind}`];
    return `${name} (${[...named, ...found].join(', ')})`;
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
  // F100: what LimitNOFILE of the unit has to allow.
  parts.push(`up to ${openFilesNeeded(config)} open files`);
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
