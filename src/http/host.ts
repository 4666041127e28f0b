// The Host header (RFC 9110 7.2) and the authority of an absolute target: a name or address, and perhaps a port.
// Promises to refuse what two readers could take for two hosts (F52).
import ipaddr from 'ipaddr.js';
import { GatewayError } from '../errors.ts';

export interface Host {
  /** As it is forwarded. */
  readonly text: string;
  /** As routes see it: in lower case, without the port and the root's dot (F122); an IPv6 address in its brackets. */
  readonly name: string;
  readonly port: number | undefined;
}

/** Clients use few hosts, and each request names one. */
const MAX_REMEMBERED = 256;
const remembered = new Map<string, Host>();

/** @throws GatewayError GW_ERR_HTTP_REQUEST */
export function readHost(text: string): Host {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const host = parse(text);
  if (host === undefined) throw new GatewayError('GW_ERR_HTTP_REQUEST', { detail: 'the Host is none' });
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(text, host);
  return host;
}

function parse(text: string): Host | undefined {
  const [, ipv6, name = '', digits] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._~-]{1,253}))(?::(\d{0,5}))?$/.exec(text) ?? [];
  if (ipv6 === undefined && name === '') return undefined;
  // RFC 3986 3.2.2: `vip.test.` is the same host as `vip.test`, and a rule on one must not miss the other (F122).
  const rooted = name.endsWith('.') ? name.slice(0, -1) : name;
  if (ipv6 === undefined && (rooted === '' || rooted.endsWith('.'))) return undefined;
  if (ipv6 !== undefined && !ipaddr.IPv6.isValid(ipv6)) return undefined;
  const port = digits === undefined || digits === '' ? undefined : Number(digits);
  if (port !== undefined && (port === 0 || port > 65_535)) return undefined;
  return { text, name: (ipv6 === undefined ? rooted : `[${ipv6}]`).toLowerCase(), port };
}
