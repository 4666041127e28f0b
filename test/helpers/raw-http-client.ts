// An HTTP client that a test writes byte by byte: sends exactly those, and keeps exactly what came back.
// Promises: what came is read by the strict reader alone, and a wait for a response ends with the connection.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { type Response, readResponses } from './strict-http.ts';
import { PATIENCE_MS, Waits } from './until.ts';
import { resetSocket, writeAll, writePieces } from './wire.ts';

export interface RawClientOptions {
  readonly tls?: tls.ConnectionOptions;
  /** Of this many bytes the kernel keeps what the client does not read. */
  readonly allowHalfOpen?: boolean;
}

export class RawClient implements AsyncDisposable {
  readonly socket: net.Socket;
  /** Methods of the requests whose responses are due, in order; GET where there is none. */
  methods: string[] = [];
  readonly closed: Promise<{ ended: boolean; code: string | undefined }>;
  ended = false;
  gone = false;
  readonly #raw: net.Socket;
  readonly #chunks: Buffer[] = [];
  readonly #waits = new Waits();

  constructor(socket: net.Socket, raw: net.Socket) {
    this.socket = socket;
    this.#raw = raw;
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.name;
    });
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#waits.changed();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#waits.changed();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.gone = true;
        this.#waits.changed();
        resolve({ ended: this.ended, code });
      });
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  /** All that came whole so far, interim ones too. */
  get messages(): readonly Response[] {
    return readResponses(this.received, this.methods, this.ended).messages;
  }

  /** Final ones. */
  get responses(): readonly Response[] {
    return this.messages.filter(({ status }) => status >= 200);
  }

  get statuses(): number[] {
    return this.messages.map(({ status }) => status);
  }

  /** What is no whole response. */
  get rest(): Buffer {
    return readResponses(this.received, this.methods, this.ended).rest;
  }

  /** Latin-1. Resolves when the kernel has it, or the connection is dead. */
  send(bytes: string | Buffer): Promise<void> {
    return writeAll(this.socket, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  sendSplit(bytes: string, positions: readonly number[]): Promise<void> {
    return writePieces(this.socket, Buffer.from(bytes, 'latin1'), positions);
  }

  /** Sends, and waits for the next final response. */
  async ask(bytes: string | Buffer, method = 'GET'): Promise<Response> {
    const due = this.responses.length;
    this.methods[due] = method;
    void this.send(bytes);
    return this.response(due);
  }

  /** The final response with this number. */
  async response(index = 0, deadlineMs = PATIENCE_MS): Promise<Response> {
    await this.#waits.when(
      () => this.responses.length > index,
      deadlineMs,
      () => `no response ${index}; ${JSON.stringify(this.text.slice(0, 400))} came`,
      () => (this.gone ? 'the connection is closed' : undefined),
    );
    return this.responses[index] as Response;
  }

  async when(holds: () => boolean, what: string, deadlineMs = PATIENCE_MS): Promise<void> {
    await this.#waits.when(
      holds,
      deadlineMs,
      () => `${what} did not come about; ${JSON.stringify(this.text.slice(0, 400))} came`,
      () => (this.gone ? 'the connection is closed' : undefined),
    );
  }

  /** Until the gateway has ended its side: everything that it has to say is there. */
  async end(deadlineMs = PATIENCE_MS): Promise<void> {
    await this.#waits.when(
      () => this.ended || this.gone,
      deadlineMs,
      () => `no end; ${JSON.stringify(this.text.slice(0, 400))} came`,
    );
  }

  /** FIN; goes on reading. */
  finish(): void {
    this.socket.end();
  }

  reset(): void {
    resetSocket(this.socket, this.#raw);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

export async function connectClient(port: number, options: RawClientOptions = {}): Promise<RawClient> {
  const { allowHalfOpen = true } = options;
  const raw = net.connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen });
  if (options.tls === undefined) {
    await once(raw, 'connect');
    return new RawClient(raw, raw);
  }
  raw.on('error', () => undefined);
  const secured = tls.connect({ allowHalfOpen, ...options.tls, socket: raw } as tls.ConnectionOptions);
  await once(secured, 'secureConnect');
  return new RawClient(secured, raw);
}
