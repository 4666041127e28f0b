// The header that a balancer puts before a connection (PROXY protocol, versions 1 and 2; haproxy.org,
// proxy-protocol.txt), as a pure function of the bytes so far: it gives the same answer however they were cut.
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { sourceAddress } from '../../routing/message-view.ts';

export interface ProxySource {
  /** As a socket would print it (RFC 5952 for IPv6), but that IPv4 mapped into IPv6 is IPv4. */
  readonly address: string;
  readonly port: number;
}

export type ProxyReading =
  | { readonly kind: 'more' }
  | {
      readonly kind: 'header';
      readonly version: 1 | 2;
      /** Undefined: the balancer's own connection (LOCAL), or of no known kind: the socket's own address holds. */
      readonly source: ProxySource | undefined;
      /** Of the header; what follows is the sender's. */
      readonly bytes: number;
    }
  /** `why`: undefined where it is another protocol altogether; never with anything that came. */
  | { readonly kind: 'bad'; readonly why: string | undefined };

const MORE: ProxyReading = { kind: 'more' };

/** 2.1: the longest line there can be, `PROXY UNKNOWN` with two IPv6 addresses and two ports, CRLF included. */
const MAX_LINE_BYTES = 107;
const LINE_START = Buffer.from('PROXY ');

/** 2.2: begins every header of version 2. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Signature, version and command, family and transport, length. */
const FIXED_BYTES = 16;
/**
 * The length field could say 65,535, for each connection that waits. The text wants all of it inside one segment of 536
 * bytes, and a client's certificate among the TLVs takes two or three thousand; nginx stops at this number too.
 */
const MAX_BINARY_BYTES = 4096;

/** What the bytes at the start of a connection are; `header` as soon as it is whole, `bad` as soon as it cannot become one. */
export function readProxyHeader(bytes: Buffer): ProxyReading {
  if (bytes.length === 0) return MORE;
  if (beginsAs(LINE_START, bytes)) return readLine(bytes);
  if (beginsAs(SIGNATURE, bytes)) return readBinary(bytes);
  return bad(undefined);
}

/** As far as there are bytes. */
function beginsAs(start: Buffer, bytes: Buffer): boolean {
  const length = Math.min(start.length, bytes.length);
  return start.compare(bytes, 0, length, 0, length) === 0;
}

function readLine(bytes: Buffer): ProxyReading {
  const end = bytes.subarray(0, MAX_LINE_BYTES).indexOf(0x0a);
  if (end === -1) return bytes.length < MAX_LINE_BYTES ? MORE : bad('no CRLF in the first 107 bytes');
  // "must not tolerate a single CR or LF character to end the line"
  if (bytes[end - 1] !== 0x0d) return bad('a line that does not end in CRLF');
  const line = bytes.toString('latin1', LINE_START.length, end - 1);
  const header = { kind: 'header', version: 1, bytes: end + 1 } as const;
  // "must ignore anything presented before the CRLF"
  if (/^UNKNOWN(?: |$)/.test(line)) return { ...header, source: undefined };
  const [, family, source = '', destination = '', port, otherPort] = LINE.exec(line) ?? [];
  const isAddress = family === '4' ? isIPv4 : isPlainIPv6;
  if (!isAddress(source) || !isAddress(destination)) return bad('a line with no two addresses of its family');
  if (!isPort(port) || !isPort(otherPort)) return bad('a line with a port above 65535');
  return { ...header, source: { address: canonical(source), port: Number(port) } };
}

/** Exactly one space, and no heading zeroes. */
const LINE = /^TCP([46]) ([^ ]+) ([^ ]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;

function isPort(text: string | undefined): boolean {
  return Number(text) <= 65_535;
}

/** `fe80::1%eth0` names an interface of the balancer's machine. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function canonical(address: string): string {
  if (!address.includes(':')) return address;
  return sourceAddress(new SocketAddress({ address, family: 'ipv6' }).address);
}

const VERSION = 0x2;
const LOCAL = 0x0;
const PROXY = 0x1;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const MAX_FAMILY = 0x3;
const MAX_TRANSPORT = 0x2;

function readBinary(bytes: Buffer): ProxyReading {
  const [versionAndCommand, familyAndTransport] = bytes.subarray(SIGNATURE.length);
  if (versionAndCommand === undefined) return MORE;
  if (versionAndCommand >> 4 !== VERSION) return bad('a version other than 1 and 2');
  const command = versionAndCommand & 0xf;
  if (command !== LOCAL && command !== PROXY) return bad('a command other than LOCAL and PROXY');
  if (familyAndTransport === undefined) return MORE;
  // With LOCAL the family "is ignored".
  const isKnown = familyAndTransport >> 4 <= MAX_FAMILY && (familyAndTransport & 0xf) <= MAX_TRANSPORT;
  if (command === PROXY && !isKnown) return bad('an unknown address family or transport');
  if (bytes.length < FIXED_BYTES) return MORE;
  const length = FIXED_BYTES + bytes.readUInt16BE(FIXED_BYTES - 2);
  if (length > MAX_BINARY_BYTES) return bad('a header of more than 4096 bytes');
  // "must not start to parse an address before the whole address block is received"
  if (bytes.length < length) return MORE;
  const block = bytes.subarray(FIXED_BYTES, length);
  const header = { kind: 'header', version: 2, bytes: length } as const;
  // Behind the addresses stand TLVs, which a receiver may skip. A Unix socket has no address, datagrams no connection.
  if (command === LOCAL) return { ...header, source: undefined };
  if (familyAndTransport === TCP_OVER_IPV4) {
    if (block.length < 12) return bad('an address block that is too short');
    return { ...header, source: { address: block.subarray(0, 4).join('.'), port: block.readUInt16BE(8) } };
  }
  if (familyAndTransport === TCP_OVER_IPV6) {
    if (block.length < 36) return bad('an address block that is too short');
    const groups = (block.toString('hex', 0, 16).match(/.{4}/g) ?? []).join(':');
    return { ...header, source: { address: canonical(groups), port: block.readUInt16BE(32) } };
  }
  return { ...header, source: undefined };
}

function bad(why: string | undefined): ProxyReading {
  return { kind: 'bad', why };
}
