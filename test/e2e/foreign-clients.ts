// MLLP clients and a server that were not written here, each behind the same small face. Promises: nothing about what
// they send but that it comes from their own code; each is closed with its scope.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type net from 'node:net';
import { Client, type Connection, Message } from 'node-hl7-client';
import { Waits } from '../helpers/until.ts';

/** Longer than any passing test needs on a busy machine, shorter than the runner's own limit. */
const DEADLINE_MS = 10_000;

/** One connection of a client that waits for each answer: sends one message, hands out the answer as its library read it. */
export interface ForeignClient extends AsyncDisposable {
  exchange(message: string): Promise<string>;
}

/** https://www.npmjs.com/package/node-hl7-client */
export class NodeHl7Client implements ForeignClient {
  readonly #connection: Connection;
  readonly #waits = new Waits();
  /** Text of all answers so far; those that came in one read are one text. */
  readonly raw: string[] = [];

  private constructor(client: Client, port: number, waitAck: boolean) {
    this.#connection = client.createConnection({ port, waitAck, version: '2.5.1' }, () => undefined);
    this.#connection.on('data.raw', (text: string) => {
      this.raw.push(text);
      this.#waits.changed();
    });
  }

  static async connect(port: number, { waitAck = true } = {}): Promise<NodeHl7Client> {
    const client = new NodeHl7Client(new Client({ host: '127.0.0.1', version: '2.5.1' }), port, waitAck);
    await once(client.#connection, 'connect');
    return client;
  }

  /** Without waiting for an answer. */
  async send(message: string): Promise<void> {
    await this.#connection.sendMessage(new Message({ text: message }));
  }

  async exchange(message: string): Promise<string> {
    const seen = this.raw.length;
    await this.send(message);
    await this.answered(() => this.raw.length > seen);
    return this.raw[seen] as string;
  }

  async answered(holds: () => boolean): Promise<void> {
    await this.#waits.when(holds, DEADLINE_MS, () => `node-hl7-client has read ${this.raw.length} answers`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}

interface SimpleHl7 {
  readonly Server: {
    createTcpClient(options: { host: string; port: number; keepalive: boolean }): {
      send(message: string, callback: (error: Error | null, ack: object) => void): void;
      close(): void;
    };
    createTcpServer(
      options: object,
      answer: (error: Error | null, req: { raw: string }, res: { end(): void }) => void,
    ): { start(port: number): void; stop(): void; readonly server: net.Server };
  };
}

/** https://www.npmjs.com/package/simple-hl7, which has no types. */
const simpleHl7 = createRequire(import.meta.url)('simple-hl7') as SimpleHl7;

export class SimpleHl7Client implements ForeignClient {
  readonly #client: ReturnType<SimpleHl7['Server']['createTcpClient']>;

  constructor(port: number) {
    this.#client = simpleHl7.Server.createTcpClient({ host: '127.0.0.1', port, keepalive: true });
  }

  exchange(message: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#client.send(message, (error, ack) => (error === null ? resolve(String(ack)) : reject(error)));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
  }
}

/** simple-hl7's server: it takes what one read brings for one message, so it answers only one of two frames in a write. */
export class SimpleHl7Node implements AsyncDisposable {
  /** What it took for a message, framing and all. */
  readonly took: string[] = [];
  readonly errors: Error[] = [];
  readonly #node: ReturnType<SimpleHl7['Server']['createTcpServer']>;
  readonly #sockets = new Set<net.Socket>();

  private constructor() {
    this.#node = simpleHl7.Server.createTcpServer({}, (error, req, res) => {
      if (error !== null) {
        this.errors.push(error);
        return;
      }
      this.took.push(req.raw);
      res.end();
    });
  }

  static async start(): Promise<SimpleHl7Node> {
    const node = new SimpleHl7Node();
    node.#node.start(0);
    node.#node.server.on('connection', (socket) => {
      node.#sockets.add(socket);
      socket.once('close', () => node.#sockets.delete(socket));
    });
    await once(node.#node.server, 'listening');
    return node;
  }

  get url(): string {
    return `mllp://127.0.0.1:${(this.#node.server.address() as net.AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#node.server, 'close');
    this.#node.stop();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Of Debian's python3-hl7. It reads once for each answer, so an answer in two pieces is lost to it. */
export const hasMllpSend = spawnSync('mllp_send', ['--version']).status === 0;

/** Sends every message of a file over one connection; resolves to what it printed. */
export async function mllpSend(
  port: number,
  file: string,
): Promise<{ code: number | null; printed: Buffer }> {
  const child = spawn('mllp_send', ['--loose', '--file', file, '--port', String(port), '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: DEADLINE_MS,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, printed: Buffer.concat(chunks) };
}
