// `server` lines, with what `default-server` says for all, as nodes. Promises to keep apart what is of the node and what our
// pools say for all their nodes: checks and connections.

import { isAddress } from '../../../addresses.ts';
import { isHost } from '../../../config/formats.ts';
import { type DraftMap, type DraftProtocol, put } from '../draft.ts';
import { countOf, holdsVariable, milliseconds } from '../spelling.ts';
import { optionName } from './bind.ts';
import type { TlsDefaults } from './global.ts';
import { withVariables } from './words.ts';

export interface ServerRead {
  readonly host: string;
  /** `:6661`, `:+0`; empty: the port that the client came to. */
  readonly port: string;
  readonly node: DraftMap;
  readonly isSecured: boolean;
  readonly isChecked: boolean;
  readonly isCheckSecured: boolean;
  readonly checkPort: number | undefined;
  readonly checkHost: string | undefined;
  /** Of a pool of ours, by the key; the first server that says so decides. */
  readonly ofPool: ReadonlyMap<string, string | number>;
  readonly left: readonly string[];
  readonly notes: readonly string[];
}

const FLAGS =
  /^(allow-0rtt|check-send-proxy|check-via-socks4|enabled|no-backup|no-check|no-check-ssl|no-send-proxy|no-send-proxy-v2|no-ssl|no-ssl-reuse|no-sslv3|no-tls-tickets|no-tlsv10|no-tlsv11|non-stick|send-proxy-v2-ssl|send-proxy-v2-ssl-cn|ssl-reuse|stick|tfo|tls-tickets|force-tlsv12|force-sslv3|force-tlsv10|force-tlsv11)$/;
/** Options with a value that mean nothing here. */
const VALUED =
  /^(id|cookie|pool-max-conn|pool-low-conn|pool-purge-delay|minconn|maxqueue|tcp-ut|check-alpn|check-proto|log-proto|shard|guid|ws|hash-key|pool-conn-name|tcp-md5sig|track|agent-port|agent-inter|agent-addr|agent-send|observe|error-limit|on-error|on-marked-down|on-marked-up|resolvers|resolve-prefer|resolve-opts|resolve-net|init-addr|alpn|proto|ciphers|ciphersuites|curves|sigalgs|crl-file|namespace|redir|socks4|proxy-v2-options|ssl-max-ver|max-reuse|set-proxy-v2-tlv-fmt|log-bufsize|max-age)$/;
const SAID_ELSEWHERE =
  /^(id|cookie|pool-max-conn|pool-low-conn|pool-purge-delay|minconn|maxqueue|tcp-ut|log-proto|shard|guid|hash-key|max-reuse|resolve-prefer|resolve-opts|ssl-max-ver|check-send-proxy|enabled|no-.*|ssl-reuse|stick|tfo|tls-tickets|force-tlsv12)$/;

/** `options`: those of default-server, then its own. */
export function readServer(
  address: string,
  options: readonly string[],
  protocol: DraftProtocol,
  defaults: TlsDefaults,
): ServerRead | string {
  const place = serverAddress(withVariables(address));
  if (place === undefined) return 'its address is no host or IP address of TCP';
  const node: DraftMap = {};
  const tls: DraftMap = {};
  const ofPool = new Map<string, string | number>();
  const left: string[] = [];
  const notes: string[] = [];
  let [isSecured, isChecked, isCheckSecured, isAgent] = [false, false, false, false];
  let checkPort: number | undefined;
  let checkHost: string | undefined;
  let verify: string | undefined;
  const duration = (key: string, value: string): void => {
    const ms = milliseconds(value, 'ms');
    if (ms === undefined) left.push(`${key} has no duration`);
    else if (ms > 0) ofPool.set(key, Math.round(ms));
  };
  for (let i = 0; i < options.length; i++) {
    const word = options[i] ?? '';
    const value = options[i + 1] ?? '';
    i += 1;
    switch (word) {
      case 'weight':
        put(node, 'weight', countOf(value, 0, 256) ?? 1);
        break;
      case 'maxconn': {
        const most = countOf(value, 0, 10_000);
        if (most !== undefined && most > 0) ofPool.set('connections.max', most);
        break;
      }
      case 'inter':
      case 'fastinter':
      case 'downinter':
      case 'slowstart':
        duration(word, value);
        break;
      case 'rise':
      case 'fall':
        ofPool.set(word, countOf(value, 1, 1000) ?? 1);
        break;
      case 'port':
        checkPort = countOf(value, 1, 65_535);
        break;
      case 'addr':
        checkHost = isHost(value) || isAddress(value) ? value : undefined;
        if (checkHost === undefined) left.push('addr names no host');
        break;
      case 'verify':
        verify = value;
        break;
      case 'ca-file':
        if (!value.startsWith('@')) put(tls, 'ca', defaults.authority(value));
        break;
      case 'crt':
        put(tls, 'cert', defaults.certificate(value));
        put(tls, 'key', defaults.certificate(value));
        break;
      case 'sni':
      case 'verifyhost':
      case 'check-sni': {
        const name = /^(?:str\()?([\w.-]+)\)?$/.exec(value)?.[1];
        if (name !== undefined && isHost(name)) put(tls, 'servername', name);
        else if (word !== 'check-sni')
          left.push(`${word} by what a request says: tls.servername is one name`);
        break;
      }
      case 'ssl-min-ver':
        if (value === 'TLSv1.3') put(tls, 'minVersion', value);
        break;
      case 'source': {
        const [host = ''] = value.split(':');
        if (isAddress(host)) put(node, 'source', host);
        else left.push('source is no IPv4 address');
        if (options[i + 1] === 'usesrc') {
          if (/^client(ip)?$/.test(options[i + 2] ?? '')) put(node, 'source', 'client');
          i += 2;
        }
        break;
      }
      default:
        if (VALUED.test(word)) {
          if (!SAID_ELSEWHERE.test(word) && !word.startsWith('agent-'))
            left.push(`${word} has no counterpart`);
          break;
        }
        // The others have no value.
        i -= 1;
        if (word === 'check') isChecked = true;
        else if (word === 'no-check') isChecked = false;
        else if (word === 'backup') put(node, 'backup', true);
        else if (word === 'ssl') isSecured = true;
        else if (word === 'check-ssl') isCheckSecured = true;
        else if (word === 'force-tlsv13') put(tls, 'minVersion', 'TLSv1.3');
        else if (word === 'disabled') {
          put(node, 'weight', 0);
          notes.push('disabled is weight 0 here; maintenance is for the admin API');
        } else if (word === 'send-proxy') ofPool.set('proxyProtocol', 'v1');
        else if (/^send-proxy-v2/.test(word)) ofPool.set('proxyProtocol', 'v2');
        else if (word === 'agent-check') isAgent = true;
        else if (!FLAGS.test(word) || !SAID_ELSEWHERE.test(word))
          left.push(`${optionName(word)} has no counterpart`);
    }
  }
  if (isAgent) left.push('agent-check has no counterpart');
  if (ofPool.has('proxyProtocol') && protocol !== 'tcp') {
    ofPool.delete('proxyProtocol');
    left.push(`a PROXY header is for connections that are passed on, not for ${protocol} nodes`);
  }
  if (isSecured && verify === 'none') put(tls, 'insecure', true);
  if (isSecured && Object.keys(tls).length > 0) node.tls = tls;
  return { ...place, node, isSecured, isChecked, isCheckSecured, checkPort, checkHost, ofPool, left, notes };
}

function serverAddress(address: string): Pick<ServerRead, 'host' | 'port'> | undefined {
  const [, rest = address] = /^(?:ipv4|ipv6|tcp4|tcp6|tcp)@(.*)$/.exec(address) ?? [];
  if (/^\w+@/.test(rest) || rest.startsWith('/')) return undefined;
  const [, inBrackets, afterBrackets = ''] = /^\[([^\]]*)\](:.*)?$/.exec(rest) ?? [];
  // The last colon is before the port, also behind an IPv6 address without brackets.
  const at = rest.lastIndexOf(':');
  const host = inBrackets ?? (at < 0 ? rest : rest.slice(0, at));
  const port = inBrackets === undefined ? (at < 0 ? '' : rest.slice(at)) : afterBrackets;
  const isVariablePort = holdsVariable(port);
  if (!isVariablePort && !/^(|:\+?0|:[+-]?[1-9]\d{0,4})$/.test(port)) return undefined;
  if (!isVariablePort && Math.abs(Number(port.slice(1))) > 65_535) return undefined;
  const good = holdsVariable(host) ? !/\s/.test(host) : isHost(host) || isAddress(host);
  if (!good) return undefined;
  return { host: host.includes(':') ? `[${host}]` : host, port: port === ':0' ? ':+0' : port };
}
