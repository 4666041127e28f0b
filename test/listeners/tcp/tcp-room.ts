// A gateway that passes connections on, with nodes that keep what each connection brought.
// Promises: what arrived is there byte for byte; nothing that a peer does to a socket throws out of here.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { TcpConnection } from '../../../src/relay/tcp-scheduler.ts';
import { startGateway, type TestGateway } from '../../helpers/gateway.ts';
import { until } from '../../helpers/until.ts';

/** One end of a connection, at a node or at a sender. */
export class Peer {
  readonly socket: net.Socket;
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  ended = false;
  closed = false;
  /** Of its last error: `ECONNRESET` after a reset. */
  code: string | undefined;

  constructor(socket: net.Socket, keeps = true) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (keeps) this.#chunks.push(chunk);
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.code = error.code;
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  async got(bytes: number): Promise<void> {
    await until(() => this.bytes >= bytes, { what: `${bytes} bytes (there are ${this.bytes})` });
  }

  /** The other side takes no more: it has ended its side, or all of it. */
  get gone(): boolean {
    return this.ended || this.closed;
  }

  async saw(what: 'ended' | 'closed' | 'gone'): Promise<void> {
    await until(() => this[what], { what });
  }
}

export interface TcpNodeOptions {
  readonly tls?: tls.TlsOptions;
  /** Called with each connection as it is accepted. */
  readonly onConnection?: (peer: Peer) => void;
  readonly keeps?: boolean;
}

export class TcpNode implements AsyncDisposable {
  readonly server: net.Server;
  readonly connections: Peer[] = [];
  readonly #scheme: string;

  constructor({ tls: options, onConnection, keeps }: TcpNodeOptions) {
    this.#scheme = options === undefined ? 'tcp' : 'tls';
    const accept = (socket: net.Socket): void => {
      socket.allowHalfOpen = true;
      const peer = new Peer(socket, keeps);
      this.connections.push(peer);
      onConnection?.(peer);
    };
    this.server =
      options === undefined
        ? net.createServer({ allowHalfOpen: true }, accept)
        : tls.createServer(options, accept);
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  async connection(index = 0): Promise<Peer> {
    await until(() => this.connections.length > index, { what: `connection ${index} at the node` });
    return this.connections[index] as Peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    this.server.close();
    if (this.server.listening) await once(this.server, 'close');
  }
}

export async function startTcpNode(options: TcpNodeOptions = {}): Promise<TcpNode> {
  const node = new TcpNode(options);
  node.server.listen(0, '127.0.0.1');
  await once(node.server, 'listening');
  return node;
}

export interface TcpRoomOptions {
  readonly nodes: readonly (string | { readonly url: string })[];
  readonly listener?: Record<string, unknown>;
  readonly pool?: Record<string, unknown>;
  readonly routes?: readonly Record<string, unknown>[];
}

export class TcpRoom implements AsyncDisposable {
  readonly gw: TestGateway;
  /** Those that are over. */
  readonly over: readonly TcpConnection[];
  readonly #senders: net.Socket[] = [];

  constructor(gw: TestGateway, over: readonly TcpConnection[]) {
    this.gw = gw;
    this.over = over;
  }

  /** Lines of connections that are over. */
  get lines(): readonly Record<string, unknown>[] {
    return this.gw.log.filter(({ msg }) => msg === 'connection');
  }

  connect(options: { readonly keeps?: boolean; readonly from?: string } = {}): Peer {
    const socket = net.connect({
      host: '127.0.0.1',
      port: this.gw.port(),
      allowHalfOpen: true,
      ...(options.from && { localAddress: options.from }),
    });
    this.#senders.push(socket);
    return new Peer(socket, options.keeps);
  }

  connectTls(options: tls.ConnectionOptions): Peer {
    const socket = tls.connect({ host: '127.0.0.1', port: this.gw.port(), ...options });
    socket.allowHalfOpen = true;
    this.#senders.push(socket);
    return new Peer(socket);
  }

  /** The line of the connection that ended as the nth. */
  async line(index = 0): Promise<Record<string, unknown>> {
    await until(() => this.lines.length > index, { what: `log line ${index}` });
    return this.lines[index] as Record<string, unknown>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#senders) {
      if (socket instanceof tls.TLSSocket || socket.destroyed) socket.destroy();
      else socket.resetAndDestroy();
    }
    await this.gw[Symbol.asyncDispose]();
  }
}

export async function openTcpRoom(options: TcpRoomOptions): Promise<TcpRoom> {
  const over: TcpConnection[] = [];
  const gw = await startGateway(
    { ...options, listener: { protocol: 'tcp', ...options.listener } },
    { observers: [{ onConnection: (record) => void over.push(record) }] },
  );
  return new TcpRoom(gw, over);
}
