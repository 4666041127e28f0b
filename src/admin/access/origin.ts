// By which names a browser may reach the admin listener, and from which pages. Promises that a page of another site can neither read by a
// name that was made to lead here (DNS rebinding), nor act with the cookie of whoever looks at it (CSRF).
import type { IncomingHttpHeaders } from 'node:http';
import { isAddress } from '../../addresses.ts';

export interface KnownHosts {
  /** Of `bind`. */
  readonly host: string;
  readonly hosts: readonly string[];
  /** A certificate of this listener has the name: a browser compares it, so it can be no other's. */
  readonly hasCertificateFor: (name: string) => boolean;
}

/**
 * What a name resolves to is up to whoever has it; an address is not, and `localhost` is every machine's own (RFC 6761 6.3). `host`: of the
 * request; undefined for a program that sends none, which no browser is.
 */
export function isKnownHost(host: string | undefined, known: KnownHosts): boolean {
  if (host === undefined) return true;
  const name = nameOf(host);
  if (name === undefined) return false;
  return (
    isAddress(name) ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === known.host.toLowerCase() ||
    known.hosts.includes(name) ||
    known.hasCertificateFor(name)
  );
}

/** Comes it from one of the console's own pages, or from no page at all? */
export function isOwnOrigin(headers: IncomingHttpHeaders, { hosts }: Pick<KnownHosts, 'hosts'>): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  // A browser sets it itself (Fetch Metadata); `none`: the user has typed the address.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin === undefined) return true;
  const [, authority] = /^https?:\/\/([^/]+)$/i.exec(origin) ?? [];
  if (authority === undefined) return false;
  if (authority.toLowerCase() === host?.toLowerCase()) return true;
  // A proxy may have put its own name for the gateway into Host.
  const name = nameOf(authority);
  return name !== undefined && hosts.includes(name);
}

/** Lower case, without the port and the dot at its end. */
function nameOf(authority: string): string | undefined {
  const [, ipv6, name] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/.exec(authority) ?? [];
  return ipv6 ?? name?.toLowerCase().replace(/\.$/, '');
}
