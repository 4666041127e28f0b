// A config as it is played: listeners on loopback and port 0, nodes replaced by simulated ones of the same names, nothing
// that reaches out of the process. Promises that routes, pools and what decides about messages stay as they are.
import { NodeTls } from '../../../../certs/node-tls.ts';
import { ServerTls } from '../../../../certs/server-tls.ts';
import type {
  GatewayConfig,
  KeyPairFiles,
  ListenerConfig,
  ListenerTlsConfig,
  NodeConfig,
  NodeTlsConfig,
  PoolConfig,
} from '../../../config/config.ts';
import { asGatewayError } from '../../../errors.ts';
import { fasterConfig } from './speed.ts';
import type { TempCerts } from './temp-certs.ts';

export interface Staging {
  readonly throwAway: TempCerts;
  readonly speed: number;
  portOf(pool: string, node: string): number;
  /** Listeners to which senders come from addresses of their own. */
  readonly behindProxy: ReadonlySet<string>;
  note(text: string): void;
}

const LOOPBACK = '127.0.0.1';
/** The end of a scenario must not wait for what its nodes were told never to answer. */
const SHUTDOWN_MS = 500;

export function stagedConfig(config: GatewayConfig, staging: Staging): GatewayConfig {
  const { parsing } = config;
  return fasterConfig(
    {
      ...config,
      file: undefined,
      listeners: config.listeners.map((listener) => stagedListener(listener, staging)),
      pools: config.pools.map((pool) => stagedPool(pool, staging)),
      // Threads for each of hundreds of gateways; what they read is the same that is read without them.
      parsing: { ...parsing, offload: parsing.offload === 'always' ? 'always' : 'never' },
      log: { level: 'warn', format: 'json', messages: false },
      shutdown: { timeoutMs: SHUTDOWN_MS },
      watchConfig: false,
      watchCertificates: false,
      admin: undefined,
      // What is tried out is not to be counted, or recorded, beside what happens.
      audit: undefined,
      metrics: { prometheus: false, otlp: undefined },
      // Nor do spans of a rehearsal go where those of the real line are.
      traces: undefined,
    },
    staging.speed,
  );
}

function stagedListener(listener: ListenerConfig, staging: Staging): ListenerConfig {
  const { name, tls, trustedProxies } = listener;
  const behindProxy = staging.behindProxy.has(name);
  if (listener.proxyProtocol && !behindProxy)
    staging.note(`listeners.${name}.proxyProtocol: off, as no sender has a source`);
  return {
    ...listener,
    bind: { host: LOOPBACK, port: 0 },
    reusePort: false,
    proxyProtocol: behindProxy,
    trustedProxies: behindProxy ? [...trustedProxies, LOOPBACK] : trustedProxies,
    tls: tls && stagedListenerTls(tls, `listeners.${name}.tls`, staging),
  };
}

/** Client certificates of replay are good besides those of the config's own authorities. */
function stagedListenerTls(tls: ListenerTlsConfig, where: string, staging: Staging): ListenerTlsConfig {
  const { throwAway } = staging;
  const asksClients = tls.clientCaFiles.length > 0;
  const trusting = {
    ...tls,
    clientCaFiles: asksClients ? [...tls.clientCaFiles, throwAway.caFile] : [],
    // With a list for one authority, each other one would need one as well.
    crlFiles: [],
  };
  const files = tls.keyPairs.flatMap((pair) =>
    pair.kind === 'pem' ? [pair.certFile, pair.keyFile] : [pair.file],
  );
  if (!files.some((file) => throwAway.has(file))) {
    const trouble = troubleOf(() => new ServerTls(trusting));
    if (trouble === undefined) return trusting;
    staging.note(`${where}: ${trouble}; a throw-away certificate is used`);
  }
  return {
    ...trusting,
    keyPairs: [ownPair(throwAway.server)],
    clientCaFiles: asksClients ? [throwAway.caFile] : [],
  };
}

function stagedPool(pool: PoolConfig, staging: Staging): PoolConfig {
  const { check } = pool.health;
  const asksNode = check.type === 'none' || check.type === 'tcp' || check.type === 'tls';
  const own = asksNode && (check.type === 'none' || check.port === undefined);
  if (!own)
    staging.note(`pools.${pool.name}.health: ${check.type} checks become tcp checks of the simulated nodes`);
  if (pool.spool !== undefined)
    staging.note(`pools.${pool.name}.spool: off, as nothing is written to a disk`);
  return {
    ...pool,
    // A store has one owner, who may be running.
    spool: undefined,
    nodes: pool.nodes.map((node) => stagedNode(node, pool.name, staging)),
    health: { ...pool.health, check: own ? check : { type: 'tcp', port: undefined } },
    checkTls: undefined,
    proxyProtocol: 'off',
  };
}

function stagedNode(node: NodeConfig, pool: string, staging: Staging): NodeConfig {
  const port = staging.portOf(pool, node.name);
  return {
    ...node,
    url: `${node.protocol}://${LOOPBACK}:${port}`,
    host: LOOPBACK,
    port,
    checkUrl: undefined,
    source: undefined,
    isFromClients: false,
    tls: node.tls && stagedNodeTls(node.tls, `pools.${pool}.nodes.${node.name}.tls`, staging),
  };
}

/** A simulated node has a certificate of replay's; what the gateway shows of itself is its own, where it can be read. */
function stagedNodeTls(tls: NodeTlsConfig, where: string, { throwAway, note }: Staging): NodeTlsConfig {
  const trusting: NodeTlsConfig = {
    ...tls,
    caFiles: [throwAway.caFile],
    servername: 'localhost',
    crlFiles: [],
    pins: [],
    insecure: false,
  };
  const { keyPair } = tls;
  if (keyPair === undefined) return trusting;
  const own = keyPair.kind === 'pem' ? [keyPair.certFile, keyPair.keyFile] : [keyPair.file];
  const replaced = own.some((file) => throwAway.has(file));
  const trouble = replaced ? undefined : troubleOf(() => new NodeTls(trusting, LOOPBACK));
  if (!replaced && trouble === undefined) return trusting;
  if (trouble !== undefined) note(`${where}: ${trouble}; a throw-away certificate is used`);
  return { ...trusting, keyPair: ownPair(throwAway.server) };
}

function ownPair({ certFile, keyFile }: { certFile: string; keyFile: string }): KeyPairFiles {
  return { kind: 'pem', certFile, keyFile, passphrase: undefined };
}

function troubleOf(use: () => unknown): string | undefined {
  try {
    use();
    return undefined;
  } catch (thrown) {
    const { detail, message } = asGatewayError(thrown);
    return detail ?? message;
  }
}
