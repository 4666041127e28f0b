// IP addresses and ranges of them: what is one, and which address lies in which range. Whoever is trusted, let in or
// routed by address is so by this one definition. Promises that an IPv4 address is the same one mapped into IPv6.
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** RFC 4291 2.5.5.2: `::ffff:0:0/96`. */
const MAPPED_PREFIX_BITS = 96;

/**
 * `10.1.0.0/16`, `fd00::/8`, or one address. An IPv4 address never lies in an IPv6 range, nor the reverse, not even in
 * `::/0`; one mapped into IPv6 is IPv4, and so is a range of such, however either is written.
 */
export class AddressRange {
  readonly #base: Address;
  readonly #bits: number;

  /** @throws Error for what is no range; the config checks with `isRange` */
  constructor(text: string) {
    const [base, bits] = text.includes('/') ? ipaddr.parseCIDR(text) : wholeOf(ipaddr.parse(text));
    const mapped = bits >= MAPPED_PREFIX_BITS && isIpv6(base) && base.isIPv4MappedAddress();
    this.#base = mapped ? base.toIPv4Address() : base;
    this.#bits = mapped ? bits - MAPPED_PREFIX_BITS : bits;
  }

  /** False for what is no address, as that of a Unix socket's peer. */
  has(text: string): boolean {
    const address = readAddress(text);
    return address !== undefined && contains(this.#base, this.#bits, address);
  }
}

/** Any of several. */
export class AddressRanges {
  readonly #ranges: readonly AddressRange[];

  /** @throws Error for what is no range; the config checks with `isRange` */
  constructor(texts: readonly string[]) {
    this.#ranges = texts.map((text) => new AddressRange(text));
  }

  has(text: string): boolean {
    return this.#ranges.some((range) => range.has(text));
  }
}

/**
 * One way of writing for each. What the library takes besides (`0x7f.1`, `010.0.0.1`, `::ffff:010.0.0.1`, a zone) others
 * read differently; and it reads `::10.0.0.1`, which is no IPv4 address (RFC 4291 2.5.5.1, deprecated), as if it were one.
 */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%') && !COMPATIBLE.test(text);
}

const COMPATIBLE = /^::\d+\.\d+\.\d+\.\d+$/;

/** `10.1.0.0/16`, `fd00::/8`, or one address. */
export function isRange(text: string): boolean {
  const [address = '', bits] = text.split(/\/(.*)/s, 2);
  const most = address.includes(':') ? 128 : 32;
  return (
    isAddress(address) && (bits === undefined || (/^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= most))
  );
}

/** Those of this machine, of all its interfaces, each in one spelling. */
export function ownAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((infos) => infos ?? []);
  return new Set(all.map(({ address }) => (isAddress(address) ? ipaddr.parse(address).toString() : address)));
}

/** Does the address belong to this machine alone? */
export function isLoopback(text: string): boolean {
  return readAddress(text)?.range() === 'loopback';
}

/** Does it lead to this machine alone? A host name may be anybody's, but for that of RFC 6761 6.3. */
export function isOwnHost(host: string): boolean {
  return isLoopback(host) || /^localhost\.?$/i.test(host);
}

/**
 * Who counts as one where each source may have only so much: an IPv4 address, however it is written, or the /64 network of
 * an IPv6 address, of which one machine has all.
 */
export function sourceKey(text: string): string {
  // Written in one way only, and asked for each request.
  if (!text.includes(':')) return text;
  const address = readAddress(text);
  if (address === undefined) return text;
  if (!isIpv6(address)) return address.toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}

/** A zone says by which interface a link-local address is reached (RFC 4007 11), and is no part of it. */
function readAddress(text: string): Address | undefined {
  const zone = text.indexOf('%');
  const plain = zone > 0 && text.includes(':') ? text.slice(0, zone) : text;
  return isAddress(plain) ? ipaddr.process(plain) : undefined;
}

function wholeOf(address: Address): [Address, number] {
  return [address, isIpv6(address) ? 128 : 32];
}

function isIpv6(address: Address): address is ipaddr.IPv6 {
  return address.kind() === 'ipv6';
}

function contains(base: Address, bits: number, address: Address): boolean {
  return base.kind() === address.kind() && address.match(base, bits);
}

/** The same for nodes that are one address and port, as far as their names tell. */
export function addressKey({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.toLowerCase()} ${port}`;
}
