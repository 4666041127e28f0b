// A doorway in front of each kind of server that the gateway has, and clients whose bytes are cut as a test wants.
// Promises: every server answers what it was sent with its length, its hash and whose it took it for.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import tls from 'node:tls';
import { ServerTls } from '../../certs/server-tls.ts';
import { ConnectionAcceptor } from '../../listeners/accept/connection-acceptor.ts';
import type { Peer } from '../../routing/message-view.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { GatewayError } from '../../src/errors.ts';
import type { TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { type Cut, Wire } from './cut-wire.ts';

export const KINDS = ['net', 'tls', 'http', 'h2', 'h1 of h2'] as const;
export type Kind = (typeof KINDS)[number];
export const isSecure = (kind: Kind): boolean => kind !== 'net' && kind !== 'http';

/** What a ClientHello begins with: TLS sees a connection from its first byte on. */
export const HANDSHAKE = Buffer.from([0x16, 0x03, 0x01]);

export interface Answer {
  readonly peer: Peer;
  readonly bytes: number;
  readonly hash: string;
}

export function answerTo(body: Buffer, peer: Peer): Answer {
  return { peer, bytes: body.length, hash: createHash('sha256').update(body).digest('hex') };
}

export interface Fault {
  readonly code: string;
  readonly detail: string | undefined;
  readonly peer: Peer | undefined;
}

export interface Room extends AsyncDisposable {
  readonly kind: Kind;
  readonly doorway: ConnectionAcceptor;
  /** The protocol's own. */
  readonly server: net.Server;
  readonly faults: readonly Fault[];
  /** TCP connections that have reached the protocol's server, and are open. */
  readonly inside: ReadonlySet<net.Socket>;
  /** Those of them that are through their TLS handshake; without TLS, the same. */
  readonly served: ReadonlySet<net.Socket>;
}

export interface RoomOptions {
  /** More keys of the listener. */
  readonly listener?: Record<string, unknown>;
  readonly tls?: Record<string, unknown>;
  /** Default true, and 127.0.0.1 trusted. */
  readonly proxyProtocol?: boolean;
  /** Shorter than a config for MLLP could have it. */
  readonly headersTimeoutMs?: number;
}

export async function openRoom(kind: Kind, folder: TlsFolder, options: RoomOptions = {}): Promise<Room> {
  const proxied = options.proxyProtocol === false ? {} : { proxyProtocol: true, trustedProxies: '127.0.0.1' };
  const listener = {
    ...{ protocol: kind === 'net' || kind === 'tls' ? 'mllp' : 'http', bind: '127.0.0.1:0' },
    ...(isSecure(kind) ? { tls: { ...folder.files.good, ...options.tls } } : {}),
    ...proxied,
    ...options.listener,
  };
  const routes = [{ reject: { code: 'AR' } }];
  const { config } = parseConfig(JSON.stringify({ listeners: { in: listener }, routes }), { env: {} });
  const [parsed] = config.listeners;
  if (parsed === undefined) throw new Error('no listener');
  const { headersTimeoutMs = parsed.http.headersTimeoutMs } = options;
  const listenerConfig = { ...parsed, http: { ...parsed.http, headersTimeoutMs } };
  const faults: Fault[] = [];
  const inside = new Set<net.Socket>();
  const served = new Set<net.Socket>();
  const server = serverOf(kind, parsed.tls && new ServerTls(parsed.tls).options, headersTimeoutMs);
  const doorway = new ConnectionAcceptor(listenerConfig, server, ({ code, detail }: GatewayError, peer) => {
    faults.push({ code, detail, peer });
  });
  answerEach(server, (socket) => doorway.peerOf(socket));
  const keep = (set: Set<net.Socket>) => (socket: net.Socket) => {
    set.add(socket);
    socket.once('close', () => set.delete(socket));
  };
  server.on('connection', keep(inside));
  server.on(isSecure(kind) ? 'secureConnection' : 'connection', keep(served));
  await doorway.listen();
  return {
    ...{ kind, doorway, server, faults, inside, served },
    [Symbol.asyncDispose]: async () => {
      doorway.close();
      doorway.destroyPending();
      for (const socket of inside) socket.destroy();
      await until(() => inside.size === 0);
    },
  };
}

function serverOf(kind: Kind, options: tls.TlsOptions = {}, headersTimeout = 0): net.Server {
  switch (kind) {
    case 'net':
      return net.createServer({ allowHalfOpen: true });
    case 'tls':
      return tls.createServer(options, (socket) => {
        socket.allowHalfOpen = true;
      });
    case 'http':
      return http.createServer({ headersTimeout, requestTimeout: 0, connectionsCheckingInterval: 20 });
    default: {
      const http1Options = { headersTimeout, requestTimeout: 0, connectionsCheckingInterval: 20 };
      return http2.createSecureServer({ ...options, ...http1Options, allowHTTP1: true });
    }
  }
}

function answerEach(server: net.Server, peerOf: (socket: net.Socket) => Peer): void {
  const answerAtEnd = async (socket: net.Socket): Promise<void> => {
    socket.on('error', () => undefined);
    const peer = peerOf(socket);
    // Unlike an iterator, this leaves the socket open.
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    socket.end(JSON.stringify(answerTo(Buffer.concat(chunks), peer)));
  };
  const onRequest = async (req: http.IncomingMessage, res: http.ServerResponse): Promise<void> => {
    const peer = peerOf(req.socket);
    res.end(JSON.stringify(answerTo(await buffer(req), peer)));
  };
  const broken = (): void => undefined;
  if (server instanceof http.Server || 'updateSettings' in server) {
    server.on('request', (req, res) => void onRequest(req, res).catch(broken));
  } else if (server instanceof tls.Server) {
    server.on('secureConnection', (socket) => void answerAtEnd(socket).catch(broken));
  } else server.on('connection', (socket) => void answerAtEnd(socket).catch(broken));
}

export async function connect(
  room: Room,
  first: Buffer = Buffer.alloc(0),
  cut: Cut = 'together',
): Promise<Wire> {
  const raw = net.connect({ port: room.doorway.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  await once(raw, 'connect');
  return new Wire(raw, first, cut);
}

/** Sends `body` as the room's kind has it, and reads the answer; the connection ends with it. */
export async function ask(
  room: Room,
  wire: Wire,
  body: Buffer,
  options: tls.ConnectionOptions = {},
): Promise<Answer> {
  const { kind } = room;
  const over = protocolOver(kind, wire, options);
  try {
    return JSON.parse(await (kind === 'h2' ? askHttp2(over, body) : askPlainly(kind, over, body)));
  } finally {
    over.destroy();
    wire.destroy();
  }
}

/** What the protocol goes over: the wire, or TLS over it. */
export function protocolOver(kind: Kind, wire: Wire, options: tls.ConnectionOptions = {}): Duplex {
  if (!isSecure(kind)) return wire.on('error', () => undefined);
  const ALPNProtocols = { h2: ['h2'], 'h1 of h2': ['http/1.1'], net: [], tls: [], http: [] }[kind];
  // Node.js takes any stream here, its types only sockets.
  const socket = wire as unknown as net.Socket;
  const secured = tls.connect({ rejectUnauthorized: false, ALPNProtocols, ...options, socket });
  return secured.on('error', () => undefined);
}

async function askPlainly(kind: Kind, over: Duplex, body: Buffer): Promise<string> {
  const isHttp = kind !== 'net' && kind !== 'tls';
  const head = `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
  over.write(isHttp ? Buffer.concat([Buffer.from(head), body]) : body);
  // A message's end, where the server has no other; F25.
  if (!isHttp) over.end();
  const text = (await buffer(over)).toString();
  return isHttp ? text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1) : text;
}

async function askHttp2(over: Duplex, body: Buffer): Promise<string> {
  const session = http2.connect('https://x', { createConnection: () => over });
  const failed = new Promise<never>((_, reject) => {
    session.on('error', reject);
    over.once('end', () => reject(new Error('the connection has ended')));
  });
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => undefined);
  stream.end(body);
  const text = await Promise.race([buffer(stream), failed]);
  session.destroy();
  return text.toString();
}
