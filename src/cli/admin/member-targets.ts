// Where the admin APIs of all members of a cluster are, and what opens them: by the config of one of them. Promises that this
// member is asked where it listens itself, so that it answers where the others cannot be reached.
import { hostname } from 'node:os';
import ipaddr from 'ipaddr.js';
import type { NodeTls } from '../../../certs/node-tls.ts';
import { ownAddresses } from '../../addresses.ts';
import type { ClusterConfig, MemberConfig, NodeTlsConfig } from '../../config/config.ts';
import { parseNodeUrl } from '../../config/formats.ts';
import type { Environment } from '../../config/source/interpolate.ts';
import { printable, quoted } from '../../config/source/problem.ts';
import type { Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import {
  type AdminOptions,
  type AdminPlace,
  type AdminTarget,
  adminTls,
  boundPlace,
  keyPairOf,
  tokenOf,
  warnIfCrossing,
} from './admin-target.ts';

export interface ClusterMember {
  readonly name: string;
  /** Undefined: the config does not say where its admin API is. */
  readonly target: AdminTarget | undefined;
}

export interface ClusterMembers {
  readonly config: ClusterConfig;
  /** In the config's order. */
  readonly members: readonly ClusterMember[];
}

/** @throws GatewayError GW_ERR_USAGE, GW_ERR_CONFIG, GW_ERR_FILE, GW_ERR_TLS_FILE */
export async function membersOf(
  options: AdminOptions,
  terminal: Terminal,
  env: Environment = process.env,
): Promise<ClusterMembers> {
  const { config: file } = options;
  if (file === undefined) throw usage('the config says who the members are: give it by -c');
  if (options.admin !== undefined)
    throw usage('each member is asked where the config has it: leave out --admin');
  if (options.servername !== undefined)
    throw usage('each member has a name of its own: leave out --servername');
  const { loadMembers } = await import('../../config/load-admin.ts');
  // A shell knows HOSTNAME and does not hand it on.
  const { admin, cluster } = loadMembers(file, { HOSTNAME: hostname().split('.')[0], ...env });
  if (cluster === undefined) throw usage(`${printable(file)} has no cluster section`);
  const token = tokenOf(options, admin?.token, terminal, env);
  const targets = new MemberTargets(options, cluster, token, terminal);
  const members: ClusterMember[] = [];
  for (const member of cluster.members) {
    const place = admin !== undefined && isHere(member, cluster) ? boundPlace(admin) : undefined;
    const target =
      place === undefined
        ? await targets.of(member)
        : {
            ...place,
            tls: await adminTls(place, { timeoutMs: options.timeoutMs, ...clientOf(place, options) }, admin),
            token,
            timeoutMs: options.timeoutMs,
          };
    members.push({ name: member.name, target });
  }
  return { config: cluster, members };
}

/** The config may be on a machine that is none of the members, whichever it names as its own. */
function isHere({ name, address, admin }: MemberConfig, { member }: ClusterConfig): boolean {
  return name === member && (admin === undefined || ownAddresses().has(ipaddr.parse(address).toString()));
}

/** What a client shows of itself; whom it trusts here is said by the certificate in the config. */
function clientOf({ secured }: AdminPlace, { cert, key }: AdminOptions): Partial<AdminOptions> {
  return secured ? { cert, key } : {};
}

/** Those of the other members. */
class MemberTargets {
  readonly #options: AdminOptions;
  readonly #cluster: ClusterConfig;
  /** Of this member, and of those that have none of their own. */
  readonly #token: string | undefined;
  readonly #terminal: Terminal;
  #hasWarned = false;

  constructor(options: AdminOptions, cluster: ClusterConfig, token: string | undefined, terminal: Terminal) {
    this.#options = options;
    this.#cluster = cluster;
    this.#token = token;
    this.#terminal = terminal;
  }

  async of({ name, admin, token: own }: MemberConfig): Promise<AdminTarget | undefined> {
    if (admin === undefined) return undefined;
    const url = parseNodeUrl(admin);
    if (url === undefined) throw usage(`cluster.members.${name}.admin: ${quoted(admin)} cannot be asked`);
    const { host, port, protocol, path } = url;
    const place = { host, port, secured: protocol === 'https' };
    const token = this.#options.tokenFile === undefined ? (own ?? this.#token) : this.#token;
    // Once for all of them.
    this.#hasWarned ||= warnIfCrossing(place, token, this.#terminal);
    const tls = place.secured ? await this.#tls(host) : undefined;
    return { ...place, basePath: path.replace(/\/$/, ''), tls, token, timeoutMs: this.#options.timeoutMs };
  }

  async #tls(host: string): Promise<NodeTls> {
    const { NodeTls, trusting } = await import('../../../certs/node-tls.ts');
    const { ca, insecure } = this.#options;
    const { tls } = this.#cluster;
    const isGiven = ca !== undefined || insecure === true;
    const trust: NodeTlsConfig = isGiven ? { ...trusting(ca), insecure: insecure === true } : tls;
    return new NodeTls({ ...trust, keyPair: keyPairOf(this.#options) ?? tls.keyPair }, host);
  }
}
