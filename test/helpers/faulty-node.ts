// A Mirth node that does what a test tells it to, on a real socket of 127.0.0.1, port 0.
// Promises: every byte and message is on record; behaviour may change at any time; closing it leaves nothing behind.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { answers } from './answers.ts';
import {
  type ConnectionRoom,
  NodeConnection,
  type NodeEvent,
  type ReceivedMessage,
  type Script,
} from './node-connection.ts';
import { holdPort } from './port-hold.ts';
import { PATIENCE_MS, Waits } from './until.ts';

export { answers } from './answers.ts';
export type { Exchange, NodeConnection, NodeEvent, ReceivedMessage, Script } from './node-connection.ts';

const HOST = '127.0.0.1';

let ordered = 0;

export interface FaultyNodeOptions {
  /** Serves TLS with these. Handshakes that fail are in `tlsErrors`; they count as no connection. */
  readonly tls?: tls.TlsOptions;
  readonly maxConnections?: number;
}

export class FaultyNode {
  /** What it does with a message. */
  script: Script;
  /** Connections over this number are accepted and closed at once, without a byte: a full Mirth listener. */
  maxConnections: number;
  /** Called for each accepted connection before anything is read; see `arrivals`. */
  onConnection: ((connection: NodeConnection) => void) | undefined;
  /** Called after each read; `connection.byteCount` says how much there is; see `arrivals`. */
  onBytes: ((connection: NodeConnection) => void) | undefined;
  /** True, as in Mirth: a connection's messages are served one after the other. False: all at once. */
  inTurn = true;
  readonly messages: ReceivedMessage[] = [];
  /** Openings, messages, answers and closings in order. */
  readonly events: NodeEvent[] = [];
  /** Codes of failed handshakes (`ECONNRESET`); for a refused client certificate, why (`CERT_HAS_EXPIRED`). */
  readonly tlsErrors: string[] = [];
  /** What scripts threw; `close()` throws the first, so that a broken script does not pass for a silent node. */
  readonly scriptErrors: unknown[] = [];
  readonly #tls: tls.TlsOptions | undefined;
  readonly #connections: NodeConnection[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #rawByPort = new Map<number, net.Socket>();
  #accepted = 0;
  #server: net.Server | undefined;
  #hold: { release(): Promise<void> } | undefined;
  #port = 0;
  readonly #waits = new Waits();

  constructor(script: Script, options: FaultyNodeOptions) {
    this.script = script;
    this.#tls = options.tls;
    this.maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#tls === undefined ? 'mllp' : 'mllps'}://${HOST}:${this.#port}`;
  }

  /** `open` as the peer sees it; `total` with those closed for being too many; `all` in order of arrival. */
  get connections(): { open: number; total: number; all: readonly NodeConnection[] } {
    const all = this.#connections;
    return { open: all.filter((connection) => connection.open).length, total: all.length, all };
  }

  /** TCP connections accepted, with those whose TLS handshake failed. */
  get accepted(): number {
    return this.#accepted;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#connections.map((connection) => connection.bytes));
  }

  get controlIds(): string[] {
    return this.messages.map((message) => message.controlId);
  }

  /** The first `count` messages, once so many have arrived. */
  async received(count: number, deadlineMs = PATIENCE_MS): Promise<ReceivedMessage[]> {
    await this.#waits.when(
      () => this.messages.length >= count,
      deadlineMs,
      () => `the node has ${this.messages.length} of ${count} messages`,
    );
    return this.messages.slice(0, count);
  }

  /** The first `count` connections, once so many have arrived. */
  async connected(count: number, deadlineMs = PATIENCE_MS): Promise<readonly NodeConnection[]> {
    await this.#waits.when(
      () => this.#connections.length >= count,
      deadlineMs,
      () => `the node has had ${this.#connections.length} of ${count} connections`,
    );
    return this.#connections.slice(0, count);
  }

  /** Resolves when `count` connections are open, no more and no fewer. */
  async openConnections(count: number, deadlineMs = PATIENCE_MS): Promise<void> {
    await this.#waits.when(
      () => this.connections.open === count,
      deadlineMs,
      () => `the node has ${this.connections.open} open connections, not ${count}`,
    );
  }

  /** Refuses new connections; open ones live on. The port stays taken, so that no one else can get it. */
  async refuse(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#hold = await holdPort(HOST, this.#port, () => server.close());
  }

  /** Listens again on the same port. */
  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = this.#tls === undefined ? this.#plain() : this.#secure(this.#tls);
    server.listen(this.#port, HOST);
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as net.AddressInfo).port;
    await this.#hold?.release();
    this.#hold = undefined;
  }

  closeConnections(): void {
    for (const connection of this.#connections) connection.close();
  }

  resetConnections(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** As `kill -9` looks from outside: everything open is reset, new connections are refused. `listen()` revives it. */
  async kill(): Promise<void> {
    await this.refuse();
    this.resetConnections();
  }

  /** Throws what a script threw. */
  async close(): Promise<void> {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#connections.map((connection) => connection.closed));
    await this.#hold?.release();
    this.#hold = undefined;
    const [error] = this.scriptErrors.splice(0);
    if (error !== undefined) throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #plain(): net.Server {
    return net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#keep(socket);
      this.#accept(socket, socket);
    });
  }

  #secure(options: tls.TlsOptions): net.Server {
    const server = tls.createServer({ allowHalfOpen: true, ...options }, (socket) => {
      this.#accept(socket, this.#rawByPort.get(socket.remotePort ?? -1) ?? socket);
    });
    server.on('connection', (raw: net.Socket) => {
      this.#keep(raw);
      const remote = raw.remotePort ?? -1;
      this.#rawByPort.set(remote, raw);
      raw.on('close', () => this.#rawByPort.delete(remote));
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      // Node.js reports every refused certificate as ECONNRESET, and keeps the reason on the socket.
      this.tlsErrors.push(String(socket.authorizationError ?? error.code ?? error.name));
      socket.destroy();
      this.#waits.changed();
    });
    return server;
  }

  #keep(socket: net.Socket): void {
    this.#accepted += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
  }

  #accept(socket: net.Socket, raw: net.Socket): void {
    const full = this.connections.open >= this.maxConnections;
    const connection = new NodeConnection(this.#connections.length, socket, raw, this.#room);
    this.#connections.push(connection);
    this.#note('open', connection);
    if (full) connection.close();
    else this.onConnection?.(connection);
  }

  readonly #room: ConnectionRoom = {
    script: () => this.script,
    onBytes: () => this.onBytes,
    inTurn: () => this.inTurn,
    note: (kind, connection) => this.#note(kind, connection),
    failed: (error) => void this.scriptErrors.push(error),
    arrived: (connection, payload, controlId) => {
      const { order } = this.#note('message', connection, controlId);
      const index = this.messages.length;
      const received = { connection, index, payload, controlId, socket: connection.socket, order };
      this.messages.push(received);
      this.#waits.changed();
      return received;
    },
  };

  #note(kind: NodeEvent['kind'], connection: NodeConnection, controlId?: string): NodeEvent {
    const event = {
      order: ordered++,
      kind,
      connection: connection.id,
      ...(controlId !== undefined && { controlId }),
    };
    this.events.push(event);
    this.#waits.changed();
    return event;
  }
}

export async function startFaultyNode(
  script: Script = answers.aa(),
  options: FaultyNodeOptions = {},
): Promise<FaultyNode> {
  const node = new FaultyNode(script, options);
  await node.listen();
  return node;
}
