// The header that a connection to a node begins with where the node takes one: whose it is (PROXY protocol, versions 1 and 2;
// haproxy.org, proxy-protocol.txt).
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

export type ProxyProtocolVersion = 'v1' | 'v2';

export interface SocketEnd {
  readonly address: string;
  readonly port: number;
}

/** A client's connection: who it is, and where it came to. */
export interface ProxiedConnection {
  readonly client: SocketEnd;
  readonly to: SocketEnd;
}

/**
 * The header of a connection that carries what one client sends, whatever connections it sends that on: no port of the client's is its
 * own, and it goes to the node itself.
 */
export function headerOfClient(
  version: ProxyProtocolVersion,
  client: string | undefined,
): (to: SocketEnd) => Buffer {
  return (to) =>
    proxyHeader(version, client === undefined ? undefined : { client: { address: client, port: 0 }, to });
}

/** 2.2. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const LOCAL = 0x20;
const PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/** `proxied` undefined, or without addresses: it is the gateway's own (LOCAL, UNKNOWN), as a check's is. */
export function proxyHeader(version: ProxyProtocolVersion, proxied: ProxiedConnection | undefined): Buffer {
  const client = proxied && bytesOf(proxied.client.address);
  const to = proxied && bytesOf(proxied.to.address);
  if (proxied === undefined || client === undefined || to === undefined)
    return version === 'v1'
      ? Buffer.from('PROXY UNKNOWN\r\n')
      : Buffer.concat([SIGNATURE, Buffer.from([LOCAL, 0, 0, 0])]);
  const isV4 = client.length === 4 && to.length === 4;
  const [source, destination] = isV4 ? [client, to] : [inIpv6(client), inIpv6(to)];
  const { client: from, to: at } = proxied;
  if (version === 'v1') {
    const words = [isV4 ? 'TCP4' : 'TCP6', textOf(source), textOf(destination), from.port, at.port];
    return Buffer.from(`PROXY ${words.join(' ')}\r\n`);
  }
  const addresses = Buffer.concat([source, destination, Buffer.alloc(4)]);
  addresses.writeUInt16BE(from.port, addresses.length - 4);
  addresses.writeUInt16BE(at.port, addresses.length - 2);
  const head = Buffer.from([PROXY, isV4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, 0, addresses.length]);
  return Buffer.concat([SIGNATURE, head, addresses]);
}

/** 4 or 16; one mapped into IPv6 is IPv4, and a zone means nothing to another machine. */
function bytesOf(address: string): Buffer | undefined {
  const plain = address.replace(/%.*/, '');
  if (isIPv4(plain) || ipaddr.IPv6.isValid(plain)) return Buffer.from(ipaddr.process(plain).toByteArray());
  return undefined;
}

/** RFC 4291 2.5.5.2: where the two are of different families. */
function inIpv6(bytes: Buffer): Buffer {
  return bytes.length === 16 ? bytes : Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), bytes]);
}

function textOf(bytes: Buffer): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}
