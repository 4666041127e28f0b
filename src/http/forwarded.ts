// Who the client is, where proxies stand before the gateway, and what the node is told of it: X-Forwarded-* and
// Forwarded (RFC 7239). Promises that nobody but a trusted proxy has a say in either (F61).
import { type AddressRanges, isAddress } from '../addresses.ts';
import { fieldValue, type HeaderFields, plainName } from './fields.ts';

/** The hop between the gateway and whoever connected to it. */
export interface Hop {
  /** Of the socket, or as its PROXY protocol header says. */
  readonly address: string;
  readonly proto: 'http' | 'https';
  /** The Host that was asked for. */
  readonly host: string;
  /** The listener's. */
  readonly port: number;
}

/** The rightmost address that no trusted proxy stands behind; what is left of it anybody may have made up. */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: AddressRanges,
): string {
  if (forwardedFor === undefined || !trusted.has(peer)) return peer;
  const chain = forwardedFor.split(',').map((part) => withoutPort(part.trim()));
  let client = peer;
  for (let at = chain.length - 1; at >= 0; at--) {
    const address = chain[at] as string;
    if (!isAddress(address)) return client;
    client = address;
    if (!trusted.has(address)) return client;
  }
  return client;
}

/** Some proxies write the port as well: `10.1.2.3:4711`, `[fd00::1]:4711`. */
function withoutPort(text: string): string {
  const [, ipv6] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  if (ipv6 !== undefined) return ipv6;
  const [, ipv4] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text) ?? [];
  return ipv4 ?? text;
}

const NAMES = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'forwarded',
] as const;
const NAME_SET: ReadonlySet<string> = new Set(NAMES);
/** What nodes take for these, or other proxies write: not from clients. `_` and `-` are the same to CGI (F58). */
const ALSO: ReadonlySet<string> = new Set([
  'x-real-ip',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-client-ip',
  'true-client-ip',
]);

/** Fields that are not taken over from a request: those made here, and every name that reads like one of them. */
export function isForwarding(name: string): boolean {
  const plain = plainName(name);
  return NAME_SET.has(plain) || ALSO.has(plain);
}

/** Appends the forwarding fields to `out`. `raw`: what the peer sent, which counts if it is a trusted proxy. */
export function addForwarding(
  out: HeaderFields,
  hop: Hop,
  raw: readonly string[],
  trusted: AddressRanges,
): void {
  const known = trusted.has(hop.address) ? raw : NOTHING;
  const before = (name: (typeof NAMES)[number]): string | undefined =>
    known.length === 0 ? undefined : fieldValue(known, name);
  const chain = before('x-forwarded-for');
  const element = forwardedElement(hop);
  const elements = before('forwarded');
  out.push(
    'x-forwarded-for',
    chain === undefined ? hop.address : `${chain}, ${hop.address}`,
    'x-forwarded-proto',
    before('x-forwarded-proto') ?? hop.proto,
    'x-forwarded-host',
    before('x-forwarded-host') ?? hop.host,
    'x-forwarded-port',
    before('x-forwarded-port') ?? String(hop.port),
    'forwarded',
    elements === undefined ? element : `${elements}, ${element}`,
  );
}

const NOTHING: readonly string[] = [];

/** RFC 7239 4: an IPv6 address, and whatever else is no token, is quoted. A Host holds no quotes (see host.ts). */
function forwardedElement({ address, host, proto }: Hop): string {
  const client = address === '' ? 'unknown' : address.includes(':') ? `"[${address}]"` : address;
  const name = /^[\w!#$%&'*+.^`|~-]+$/.test(host) ? host : `"${host}"`;
  return `for=${client};host=${name};proto=${proto}`;
}
