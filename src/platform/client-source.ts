// Connections that come from another machine's address: that of the client whose messages they carry (IP_TRANSPARENT of Linux). The
// kernel picks the port. Promises that what goes wrong is told by the socket's `error`, as of any other connection.
import { closeSync } from 'node:fs';
import net from 'node:net';
import { endianness } from 'node:os';
import tls from 'node:tls';
import { checked, type Libc, libc } from './libc.ts';

// The same on all processors that Node.js runs on: <linux/in.h>, <linux/in6.h>, <asm-generic/socket.h>.
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const IP_TRANSPARENT = 19;
const IPV6_TRANSPARENT = 75;
/** The port is picked when it is known where the connection leads: two may have the same one, to different nodes. */
const IP_BIND_ADDRESS_NO_PORT = 24;

const isLittle = endianness() === 'LE';

/** Why this process can open no such connection; undefined: it can. */
export function clientSourceTrouble(): string | undefined {
  if (process.platform !== 'linux') return `it needs Linux (IP_TRANSPARENT), and this is ${process.platform}`;
  const c = libc();
  if (c === undefined)
    return 'it needs Node.js 26.1 or later (node:ffi), or the optional package koffi: npm install koffi';
  try {
    for (const family of [AF_INET, AF_INET6] as const) closeSync(transparent(c, family));
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    // A machine without IPv6 has no clients of that kind.
    if (code === 'EAFNOSUPPORT') return undefined;
    if (code === 'EPERM')
      return 'it needs the capability CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN)';
    return `IP_TRANSPARENT cannot be set (${code})`;
  }
  return undefined;
}

/** As `net.connect`; names are looked up in the family of `address`. */
export function connectFromClient(
  address: string,
  options: net.TcpNetConnectOpts & net.SocketConstructorOpts,
): net.Socket {
  let fd: number;
  try {
    fd = bound(address);
  } catch (thrown) {
    // Whoever asked listens to it by the time that it tells.
    return new net.Socket().destroy(thrown as Error);
  }
  const { host = 'localhost', port, onread } = options;
  // Nothing is read before it is connected.
  const settings = { fd, manualStart: true, ...(onread && { onread }) };
  const socket = new net.Socket(settings);
  return socket.connect({ host, port, family: net.isIP(address) });
}

/** As `tls.connect`. */
export function connectTlsFromClient(
  address: string,
  options: tls.ConnectionOptions & { readonly onread?: net.OnReadOpts },
): tls.TLSSocket {
  const { host, port = 0, onread, ...rest } = options;
  const socket = tls.connect({
    ...rest,
    ...(host !== undefined && { host }),
    socket: connectFromClient(address, { ...(host !== undefined && { host }), port }),
  });
  if (onread !== undefined) readInto(onread, socket);
  return socket;
}

/** TLS over a socket that is there before: Node.js does not take `onread` then. */
export function readInto({ buffer: given, callback }: net.OnReadOpts, socket: net.Socket): void {
  const buffer = typeof given === 'function' ? given() : given;
  socket.on('data', (chunk: Buffer) => {
    for (let from = 0; from < chunk.length; from += buffer.length) {
      const to = Math.min(from + buffer.length, chunk.length);
      buffer.set(chunk.subarray(from, to));
      if (!callback(to - from, buffer)) socket.pause();
    }
  });
}

/**
 * What the server accepts from now on can be answered when the address that it came to is another machine's. False: this process may not,
 * or the system cannot.
 */
export function answerFromLostAddress(server: net.Server): boolean {
  const handle: unknown = Reflect.get(server, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  const address = server.address();
  const c = process.platform === 'linux' ? libc() : undefined;
  if (c === undefined || typeof fd !== 'number' || fd < 0 || address === null || typeof address === 'string')
    return false;
  // A wildcard of IPv6 takes IPv4 as well, and this option is for both.
  const [level, name] = address.family === 'IPv6' ? [SOL_IPV6, IPV6_TRANSPARENT] : [SOL_IP, IP_TRANSPARENT];
  return c.setsockopt(fd, level, name, ON, ON.length) === 0;
}

/** @throws Error */
function bound(address: string): number {
  const c = libc();
  if (c === undefined) throw Object.assign(new Error('no FFI'), { code: 'ENOSYS' });
  const family = net.isIPv6(address) ? AF_INET6 : AF_INET;
  const fd = transparent(c, family);
  try {
    // Linux 4.2 and later; without it, fewer connections.
    c.setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, ON, ON.length);
    const name = family === AF_INET ? addressOf4(address) : addressOf6(address);
    checked(c, 'bind', c.bind(fd, name, name.length));
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

const ON = Buffer.alloc(4);
ON[isLittle ? 0 : 3] = 1;

/** @throws Error */
function transparent(c: Libc, family: typeof AF_INET | typeof AF_INET6): number {
  const fd = checked(c, 'socket', c.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const [level, name] = family === AF_INET ? [SOL_IP, IP_TRANSPARENT] : [SOL_IPV6, IPV6_TRANSPARENT];
  try {
    checked(c, 'setsockopt', c.setsockopt(fd, level, name, ON, ON.length));
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

/** `struct sockaddr_in`, with port 0. */
function addressOf4(address: string): Buffer {
  const name = Buffer.alloc(16);
  writeFamily(name, AF_INET);
  name.set(address.split('.').map(Number), 4);
  return name;
}

/** `struct sockaddr_in6`, likewise. */
function addressOf6(address: string): Buffer {
  const name = Buffer.alloc(28);
  writeFamily(name, AF_INET6);
  name.set(bytesOf6(address), 8);
  return name;
}

function writeFamily(name: Buffer, family: number): void {
  if (isLittle) name.writeUInt16LE(family, 0);
  else name.writeUInt16BE(family, 0);
}

/** RFC 4291 2.2: groups of four digits, `::` once for those that are zero, perhaps an IPv4 address at the end. */
function bytesOf6(address: string): Buffer {
  const [text = ''] = address.split('%');
  const [head = '', tail] = text.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...before, ...zeros, ...after].entries()) bytes.writeUInt16BE(group, 2 * i);
  return bytes;
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
