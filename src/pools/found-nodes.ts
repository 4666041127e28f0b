// Nodes that were discovered, as the pool's config makes them. Promises names that stay the same as long as the place does.
import { HOST_TO_COME } from '../config/build/discover.ts';
import type { DiscoverConfig, NodeConfig, PoolConfig } from '../config/config.ts';

/** Where a node is, and what its source says of it. */
export interface FoundNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Of an HTTP URL; undefined: none. */
  readonly path: string | undefined;
  /** Undefined: as `discover.node` has it. */
  readonly weight: number | undefined;
  readonly backup: boolean | undefined;
  /** Whose name its certificate has to have; undefined: that of the host. */
  readonly servername: string | undefined;
}

/** The pool with them. What the file names itself stays as it is. */
export function withFound(pool: PoolConfig, found: readonly FoundNode[]): PoolConfig {
  const { discover } = pool;
  if (discover === undefined || found.length === 0) return pool;
  const inFile = new Set(pool.nodes.map(({ name }) => name));
  const more = found.filter(({ name }) => !inFile.has(name)).map((one) => nodeOf(discover, one));
  return { ...pool, nodes: [...pool.nodes, ...more] };
}

function nodeOf({ template }: DiscoverConfig, found: FoundNode): NodeConfig {
  const { name, host, port, path = template.path, servername } = found;
  const at = host.includes(':') ? `[${host}]` : host;
  return {
    ...template,
    name,
    host,
    port,
    path,
    url: `${template.protocol}://${at}:${port}${path === '/' ? '' : path}`,
    weight: found.weight ?? template.weight,
    backup: found.backup ?? template.backup,
    tls: template.tls && { ...template.tls, servername: template.tls.servername ?? servername },
    // First where the node itself is asked.
    checkUrl: template.checkUrl
      ?.replaceAll(`${HOST_TO_COME}:1/`, `${at}:${port}/`)
      .replaceAll(HOST_TO_COME, at),
  };
}

/** More than a name may have is cut from its beginning, where hosts of one domain differ least. */
const LONGEST_NAME = 63;

/** What the config, the API and the metrics know a place by. */
export function nameOfPlace(host: string, port: number, address?: string): string {
  const text = `${host}-${port}${address === undefined ? '' : `-${address}`}`.replaceAll(
    /[^A-Za-z0-9._-]/g,
    '_',
  );
  return text.slice(-LONGEST_NAME).replace(/^[^A-Za-z0-9]/, 'n');
}
