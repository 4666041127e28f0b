// Where a running gateway's admin API is, and what opens it: from the command line, from the gateway's own config, or from
// the environment. Promises that a token is never an argument, where every user of the machine could read it.
import { readPassphrase } from '../../../certs/files/read-bytes.ts';
import type { NodeTls } from '../../../certs/node-tls.ts';
import { isOwnHost } from '../../addresses.ts';
import type { AdminConfig, KeyPairFiles, NodeTlsConfig } from '../../config/config.ts';
import { type HostPort, isHost, parseNodeUrl } from '../../config/formats.ts';
import type { Environment } from '../../config/source/interpolate.ts';
import { printable, quoted } from '../../config/source/problem.ts';
import { DEFAULT_ADMIN, TOKEN_VARIABLE } from '../defaults.ts';
import type { Terminal } from '../terminal.ts';
import { usage, warnIfOpen } from '../usage.ts';

export interface AdminOptions {
  readonly admin?: string | undefined;
  readonly config?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly timeoutMs: number;
}

export interface AdminTarget extends HostPort {
  readonly tls: NodeTls | undefined;
  readonly token: string | undefined;
  readonly timeoutMs: number;
  /** Of the URL, without a slash at its end; undefined: there is none. */
  readonly basePath?: string | undefined;
}

export interface AdminPlace extends HostPort {
  readonly secured: boolean;
}

/** @throws GatewayError GW_ERR_USAGE, GW_ERR_CONFIG, GW_ERR_FILE, GW_ERR_TLS_FILE */
export async function targetOf(
  options: AdminOptions,
  terminal: Terminal,
  env: Environment = process.env,
): Promise<AdminTarget> {
  const config = options.config === undefined ? undefined : await configOf(options.config, env);
  const place =
    config === undefined || options.admin !== undefined
      ? placeOf(options.admin ?? DEFAULT_ADMIN)
      : boundPlace(config);
  const token = tokenOf(options, config?.token, terminal, env);
  warnIfCrossing(place, token, terminal);
  return { ...place, tls: await adminTls(place, options, config), token, timeoutMs: options.timeoutMs };
}

/** Whether it has warned. */
export function warnIfCrossing(
  { host, secured }: AdminPlace,
  token: string | undefined,
  terminal: Terminal,
): boolean {
  if (token === undefined || secured || isOwnHost(host)) return false;
  terminal.err('warning: over http:// the token crosses the network as it is; use https://');
  return true;
}

/** YAML and the schema are loaded for this alone. */
async function configOf(file: string, env: Environment): Promise<AdminConfig> {
  const { loadAdmin } = await import('../../config/load-admin.ts');
  const admin = loadAdmin(file, env);
  if (admin === undefined)
    throw usage(`${printable(file)} has no admin section, so its gateway has no admin API`);
  return admin;
}

function placeOf(text: string): AdminPlace {
  const url = parseNodeUrl(text);
  if (url === undefined || url.path !== '/' || (url.protocol !== 'http' && url.protocol !== 'https')) {
    // What stands before an @ may be a password.
    const shown = text.includes('@') ? '' : `, not ${quoted(text)}`;
    throw usage(`--admin takes http://HOST:PORT or https://HOST:PORT${shown}`);
  }
  return { host: url.host, port: url.port, secured: url.protocol === 'https' };
}

/** Where to dial what listens there: a wildcard is on this machine, too. */
export function boundPlace({ bind, tls }: AdminConfig): AdminPlace {
  if (bind.port === 0) throw usage('admin.bind has port 0, which is a new one each time; give --admin URL');
  const local: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: local[bind.host] ?? bind.host, port: bind.port, secured: tls !== undefined };
}

export function tokenOf(
  { tokenFile }: AdminOptions,
  configured: string | undefined,
  terminal: Terminal,
  env: Environment,
): string | undefined {
  if (tokenFile !== undefined) warnIfOpen(tokenFile, terminal);
  const variable = env[TOKEN_VARIABLE] === '' ? undefined : env[TOKEN_VARIABLE];
  const token = tokenFile === undefined ? (configured ?? variable) : readPassphrase(tokenFile);
  if (token !== undefined && !/^[!-~]+$/.test(token))
    throw usage('a token is printable ASCII without spaces, as it is sent in a header');
  return token;
}

export async function adminTls(
  { host, secured }: AdminPlace,
  options: AdminOptions,
  config: AdminConfig | undefined,
): Promise<NodeTls | undefined> {
  const { ca, cert, key, servername, insecure } = options;
  if (!secured) {
    if ([ca, cert, key, servername].some((one) => one !== undefined) || insecure === true)
      throw usage('--ca, --cert, --key, --servername and --insecure need https://');
    return undefined;
  }
  if (servername !== undefined && !isHost(servername))
    throw usage(`--servername takes a host name, not ${quoted(servername)}`);
  const keyPair = keyPairOf(options);
  const { NodeTls, trusting } = await import('../../../certs/node-tls.ts');
  const asConfigured = ca === undefined && insecure !== true && config?.tls !== undefined;
  const trust: NodeTlsConfig = asConfigured
    ? {
        ...trusting(undefined),
        insecure: true,
        pins: await Promise.all(config.tls.keyPairs.map(fingerprint)),
      }
    : { ...trusting(ca), insecure: insecure === true };
  return new NodeTls({ ...trust, keyPair, servername }, host);
}

export function keyPairOf({ cert, key }: AdminOptions): KeyPairFiles | undefined {
  if ((cert === undefined) !== (key === undefined)) throw usage('--cert and --key go together');
  if (cert === undefined || key === undefined) return undefined;
  return { kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined };
}

/** Whoever can read the gateway's config knows its certificate, whatever names are in it and whoever signed it. */
async function fingerprint(files: KeyPairFiles): Promise<string> {
  const { readCertificates, readKeyPair } = await import('../../../certs/key-pair.ts');
  const chain = files.kind === 'pem' ? readCertificates(files.certFile) : readKeyPair(files).chain;
  return chain[0]?.fingerprint256 ?? '';
}
