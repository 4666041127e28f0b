// A node that a test writes byte by byte: keeps exactly what each connection brought, and answers what it is told.
// Promises: what arrived is read by the strict reader alone; nothing that a peer does to a socket throws out of here.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { NotStrict, type Request, readRequests } from './strict-http.ts';
import { PATIENCE_MS, Waits } from './until.ts';
import { resetSocket, writeAll } from './wire.ts';

/** What the node does with a request that has come whole. */
export type RawScript = (connection: RawConnection, request: Request, index: number) => unknown;
/** What it does whenever bytes have come, before requests are looked for; true: that was all. */
export type RawBytes = (connection: RawConnection) => boolean | undefined;

export interface RawNodeOptions {
  readonly onBytes?: RawBytes;
  readonly tls?: tls.TlsOptions;
  /** Called with each socket before it is read: to pause it, say. */
  readonly onSocket?: (socket: net.Socket) => void;
}

export const OK: RawScript = (connection, { method }) =>
  method === 'HEAD'
    ? connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
    : connection.answer('ok');

export class RawConnection {
  readonly id: number;
  readonly socket: net.Socket;
  readonly requests: Request[] = [];
  /** How the peer's bytes broke the rules, if they did. */
  broken: string | undefined;
  /** `ended`: by the peer's FIN; otherwise it was reset, or closed here. */
  readonly closed: Promise<{ ended: boolean; code: string | undefined }>;
  ended = false;
  gone = false;
  readonly #raw: net.Socket;
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  #consumed = 0;

  constructor(id: number, socket: net.Socket, raw: net.Socket, changed: (chunk: Buffer | undefined) => void) {
    this.id = id;
    this.socket = socket;
    this.#raw = raw;
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.name;
    });
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      changed(chunk);
    });
    socket.on('end', () => {
      this.ended = true;
      changed(undefined);
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.gone = true;
        changed(undefined);
        resolve({ ended: this.ended, code });
      });
    });
  }

  /** Everything that came. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  /** Requests that have come whole since this was last asked. */
  take(): readonly Request[] {
    if (this.broken !== undefined) return [];
    try {
      const received = this.received.subarray(this.#consumed);
      const { messages, rest } = readRequests(received);
      this.#consumed += received.length - rest.length;
      this.requests.push(...messages);
      return messages;
    } catch (error) {
      if (!(error instanceof NotStrict)) throw error;
      this.broken = error.message;
      return [];
    }
  }

  write(bytes: string | Buffer): Promise<void> {
    return writeAll(this.socket, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** A plain 200. */
  answer(body: string, fields = ''): Promise<void> {
    return this.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`);
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    resetSocket(this.socket, this.#raw);
  }
}

export class RawNode implements AsyncDisposable {
  script: RawScript;
  readonly url: string;
  readonly connections: RawConnection[] = [];
  /** Of all connections, in the order in which they came. */
  readonly requests: Request[] = [];
  readonly #server: net.Server;
  readonly #waits = new Waits();
  readonly #options: RawNodeOptions;
  #index = 0;
  /** What a script threw. */
  failure: unknown;

  constructor(script: RawScript, server: net.Server, options: RawNodeOptions) {
    this.script = script;
    this.#server = server;
    this.#options = options;
    const { port } = server.address() as net.AddressInfo;
    this.url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    const raws = new Map<number, net.Socket>();
    server.on('connection', (raw: net.Socket) => {
      raw.setNoDelay(true);
      raw.on('error', () => undefined);
      if (options.tls !== undefined) raws.set(raw.remotePort ?? 0, raw);
      else this.#admit(raw, raw);
    });
    server.on('secureConnection', (socket: tls.TLSSocket) => {
      this.#admit(socket, raws.get(socket.remotePort ?? 0) ?? socket);
    });
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get request(): Request {
    const [first] = this.requests;
    if (first === undefined) throw new Error('the node got no request');
    return first;
  }

  /** What of its bytes no strict reader would take for requests. */
  get broken(): string[] {
    return this.connections.flatMap(({ broken }) => (broken === undefined ? [] : [broken]));
  }

  async when(holds: () => boolean, what: string, deadlineMs = PATIENCE_MS): Promise<void> {
    await this.#waits.when(holds, deadlineMs, () => `${what} did not come about`);
  }

  /** The connection with this number, once it is there. */
  async connection(id = 0): Promise<RawConnection> {
    await this.when(() => this.connections.length > id, `connection ${id} to the node`);
    return this.connections[id] as RawConnection;
  }

  async arrived(count: number): Promise<void> {
    await this.when(() => this.requests.length >= count, `${count} requests at the node`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const { socket } of this.connections) socket.destroy();
    await closed;
    if (this.failure !== undefined) throw this.failure;
  }

  #admit(socket: net.Socket, raw: net.Socket): void {
    const connection: RawConnection = new RawConnection(this.connections.length, socket, raw, (chunk) => {
      if (chunk !== undefined) this.#read(connection, chunk);
      this.#waits.changed();
    });
    this.connections.push(connection);
    this.#options.onSocket?.(socket);
    this.#waits.changed();
  }

  #read(connection: RawConnection, chunk: Buffer): void {
    connection.keep(chunk);
    if (this.#options.onBytes?.(connection) === true) return;
    for (const request of connection.take()) {
      this.requests.push(request);
      void this.#run(connection, request);
    }
  }

  async #run(connection: RawConnection, request: Request): Promise<void> {
    try {
      await this.script(connection, request, this.#index++);
    } catch (error) {
      this.failure ??= error;
    }
  }
}

/** Answers `200 ok` to everything unless it is told something else. */
export async function startRawNode(script: RawScript = OK, options: RawNodeOptions = {}): Promise<RawNode> {
  const server =
    options.tls === undefined
      ? net.createServer({ allowHalfOpen: true })
      : tls.createServer({ allowHalfOpen: true, ...options.tls });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new RawNode(script, server, options);
}
