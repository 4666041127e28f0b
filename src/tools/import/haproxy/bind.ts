// `bind` lines as listeners. Promises a listener for each address that a TCP port has, with the TLS that the line asks for.
import { parseListenerBind } from '../../../config/formats.ts';
import { type DraftMap, type DraftProtocol, put } from '../draft.ts';
import { holdsVariable } from '../spelling.ts';
import type { TlsDefaults } from './global.ts';
import type { HaproxyDirective } from './sections.ts';
import { withVariables } from './words.ts';

export interface BindRead {
  readonly addresses: readonly BindAddress[];
  readonly keys: DraftMap;
  readonly isSecured: boolean;
  /** What of the line has no counterpart. */
  readonly left: readonly string[];
  readonly notes: readonly string[];
}

export interface BindAddress {
  readonly text: string;
  readonly port: number | undefined;
}

/** Words that need nothing here, with as many values as they have. */
const WITHOUT_MEANING: Readonly<Record<string, number>> = {
  transparent: 0,
  v4v6: 0,
  v6only: 0,
  'defer-accept': 0,
  tfo: 0,
  'no-sslv3': 0,
  'no-tlsv10': 0,
  'no-tlsv11': 0,
  'force-tlsv12': 0,
  'no-tls-tickets': 0,
  'strict-sni': 0,
  'prefer-client-ciphers': 0,
  name: 1,
  id: 1,
  process: 1,
  thread: 1,
  shards: 1,
  backlog: 1,
  maxconn: 1,
  mss: 1,
  nice: 1,
  level: 1,
  mode: 1,
  user: 1,
  group: 1,
  'tcp-ut': 1,
};
const WITH_VALUE =
  /^(ciphers|ciphersuites|curves|ecdhe|crt-list|ca-sign-file|ca-sign-pass|crt-ignore-err|ca-ignore-err|proto|sigalgs|client-sigalgs|ca-verify-file|namespace|severity-output|tls-ticket-keys|ssl-max-ver|ocsp-update|default-crt)$/;

/** HAProxy takes the header from everybody; the gateway from whom it is told to. */
const PRIVATE_NETWORKS = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '::1', 'fd00::/8'];

export function readBind(
  { words: [, where = '', ...options] }: HaproxyDirective,
  protocol: DraftProtocol,
  defaults: TlsDefaults,
): BindRead {
  const keys: DraftMap = {};
  const left: string[] = [];
  const notes: string[] = [];
  const certificates: string[] = [];
  const tls: DraftMap = {};
  let isSecured = false;
  let verify: string | undefined;
  let device: string | undefined;
  for (let i = 0; i < options.length; i++) {
    const word = options[i] ?? '';
    const value = options[i + 1] ?? '';
    const without = WITHOUT_MEANING[word];
    if (Object.hasOwn(WITHOUT_MEANING, word) && without !== undefined) {
      i += without;
      continue;
    }
    switch (word) {
      case 'ssl':
        isSecured = true;
        continue;
      case 'crt':
        certificates.push(defaults.certificate(value));
        break;
      case 'ca-file':
        put(tls, 'clientCa', defaults.authority(value));
        break;
      case 'crl-file':
        put(tls, 'crl', defaults.authority(value));
        break;
      case 'verify':
        verify = value;
        break;
      case 'ssl-min-ver':
        if (value === 'TLSv1.3') put(tls, 'minVersion', value);
        break;
      case 'force-tlsv13':
        put(tls, 'minVersion', 'TLSv1.3');
        continue;
      case 'alpn':
        if (protocol === 'http' && !value.split(',').includes('h2')) put(keys, 'http.http2', false);
        break;
      case 'npn':
        break;
      case 'interface':
        device = value;
        break;
      case 'accept-proxy':
        put(keys, 'proxyProtocol', true);
        put(keys, 'trustedProxies', PRIVATE_NETWORKS);
        notes.push('only trustedProxies may connect: name the balancers before this one there');
        continue;
      default:
        left.push(`${optionName(word)} has no counterpart`);
        if (!WITH_VALUE.test(word)) continue;
    }
    i += 1;
  }
  if (isSecured) {
    const files = certificates.filter((file) => !file.endsWith('/'));
    if (files.length < certificates.length) left.push('a folder of certificates: name each file in tls.cert');
    if (files.length === 0) {
      left.push('ssl without a crt that names a file: tls.cert and tls.key have to be filled in');
      files.push('certificate.pem');
    }
    const [only = ''] = files;
    // HAProxy has certificate and key in one file.
    put(tls, 'cert', files.length === 1 ? only : files);
    put(tls, 'key', files.length === 1 ? only : files);
    if (tls.minVersion === undefined && defaults.isOnly13) put(tls, 'minVersion', 'TLSv1.3');
    if (verify === 'required' && tls.clientCa !== undefined) put(tls, 'requireClientCert', true);
    if (verify === 'none' || tls.clientCa === undefined) {
      if (verify === 'required') left.push('verify required without a ca-file');
      tls.clientCa = undefined;
      tls.crl = undefined;
    }
    keys.tls = tls;
  }
  return { ...addressesOf(where, device, left), keys, isSecured, left, notes };
}

function addressesOf(where: string, device: string | undefined, left: string[]): Pick<BindRead, 'addresses'> {
  const addresses: BindAddress[] = [];
  let isOdd = false;
  for (const part of withVariables(where).split(',')) {
    const text = bindText(part, device);
    const parsed = text === undefined ? undefined : parseListenerBind(text);
    if (text !== undefined && holdsVariable(text)) addresses.push({ text, port: undefined });
    else if (text !== undefined && parsed !== undefined) addresses.push({ text, port: parsed.port });
    else isOdd = true;
  }
  if (isOdd) left.push('an address that is no TCP port of a host or an IP address');
  return { addresses };
}

/** `*:80`, `:80`, `10.0.0.5:6661-6690`, `:::443`, `ipv6@:::80`. Undefined: a UNIX socket, UDP and the like. */
function bindText(part: string, device: string | undefined): string | undefined {
  const [, family, rest = part] = /^(ipv4|ipv6|tcp4|tcp6|tcp)@(.*)$/.exec(part) ?? [];
  if (/^\w+@/.test(rest) || rest.startsWith('/')) return undefined;
  const [, host = '', ports] = /^(.*):([^:]+)$/.exec(rest) ?? [];
  if (ports === undefined) return undefined;
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const isAll = bare === '' || bare === '*';
  const is6 = bare.includes(':') || family === 'ipv6' || family === 'tcp6';
  if (device !== undefined) {
    if (!/^[^\s%/\]]{1,15}$/.test(device)) return undefined;
    if (isAll || bare === '::' || bare === '0.0.0.0') return `%${device}:${ports}`;
    return is6 ? `[${bare}%${device}]:${ports}` : `${bare}%${device}:${ports}`;
  }
  if (isAll) return is6 ? `[::]:${ports}` : `0.0.0.0:${ports}`;
  return is6 ? `[${bare}]:${ports}` : `${bare}:${ports}`;
}

/** An option's name, for people; what does not look like one is not repeated. */
export function optionName(word: string): string {
  return /^[a-z][a-z0-9-]{1,30}$/.test(word) ? word : 'an option';
}
