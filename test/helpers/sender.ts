// A sender that a test drives by hand, on a real socket: what goes out when, in which pieces, and what comes back.
// Promises: every ACK is read once and in order; a wait for an ACK ends with the connection or its deadline.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { FrameSplitter, frame } from './mllp.ts';
import { PATIENCE_MS, Waits } from './until.ts';
import { resetSocket, writeAll, writePieces } from './wire.ts';

export interface SenderOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Where it comes from: an address of 127.0.0.0/8. */
  readonly localAddress?: string;
  /** TLS with these. `servername` and `rejectUnauthorized` are as node:tls has them. */
  readonly tls?: tls.ConnectionOptions;
  /** True: stays writable after the peer's FIN. Default false, as most senders are. */
  readonly allowHalfOpen?: boolean;
}

export class Sender {
  readonly socket: net.Socket;
  /** Payloads of all ACKs so far, also of those that `nextAck` has not handed out. */
  readonly acks: Buffer[] = [];
  /** Resolves when the socket is gone. `code` is set if it broke (`ECONNRESET`). */
  readonly closed: Promise<{ hadError: boolean; code: string | undefined }>;
  readonly #raw: net.Socket;
  readonly #splitter = new FrameSplitter();
  readonly #chunks: Buffer[] = [];
  #handedOut = 0;
  #ended = false;
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
      this.acks.push(...this.#splitter.push(chunk));
      this.#waits.changed();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#waits.changed();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (hadError) => {
        this.#ended = true;
        resolve({ hadError, code });
        this.#waits.changed();
      });
    });
  }

  /** Exactly what came back, framing and all. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Sizes of the reads, to see how the peer wrote. */
  get readSizes(): number[] {
    return this.#chunks.map((chunk) => chunk.length);
  }

  /** What came back outside of frames. */
  get junk(): Buffer {
    return this.#splitter.junk;
  }

  /** The peer has ended its side. */
  get ended(): boolean {
    return this.#ended;
  }

  /** This sender's own port, as the peer sees it. */
  get localPort(): number {
    return this.#raw.localPort ?? 0;
  }

  /** Frames and writes. Need not be awaited; does not resolve while the peer does not read and the buffers are full. */
  send(message: Buffer | string): Promise<void> {
    return this.write(frame(message));
  }

  /** Several messages in one write, which the peer may get as one read. */
  sendTogether(messages: readonly (Buffer | string)[]): Promise<void> {
    return this.write(Buffer.concat(messages.map(frame)));
  }

  /** Unframed. */
  write(bytes: Buffer | string): Promise<void> {
    return writeAll(this.socket, typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes);
  }

  /** Unframed, in pieces that a peer of this process reads one by one. */
  writeSplit(bytes: Buffer, positions: readonly number[]): Promise<void> {
    return writePieces(this.socket, bytes, positions);
  }

  /** The next ACK's payload. Rejects at once if the connection ends before it. */
  async nextAck(deadlineMs = PATIENCE_MS): Promise<Buffer> {
    const index = this.#handedOut++;
    await this.#waits.when(
      () => this.acks.length > index,
      deadlineMs,
      () => `no ACK number ${index + 1}; ${this.acks.length} came, ${this.received.length} bytes`,
      () => (this.#ended ? 'the connection has ended' : undefined),
    );
    return this.acks[index] as Buffer;
  }

  /** The next `count` ACKs' payloads, in order. */
  async nextAcks(count: number, deadlineMs = PATIENCE_MS): Promise<Buffer[]> {
    const acks: Buffer[] = [];
    for (let i = 0; i < count; i++) acks.push(await this.nextAck(deadlineMs));
    return acks;
  }

  /** Sends, and waits for the answer. */
  async exchange(message: Buffer | string, deadlineMs?: number): Promise<Buffer> {
    void this.send(message);
    return this.nextAck(deadlineMs);
  }

  /** FIN; still reads. Resolves when it is handed to the kernel. */
  async end(): Promise<void> {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    const finished = once(this.socket, 'finish').catch(() => undefined);
    this.socket.end();
    await Promise.race([finished, this.closed]);
  }

  /** RST. */
  reset(): void {
    resetSocket(this.socket, this.#raw);
  }

  pauseReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

/** Resolves when connected, over TLS when the handshake is done; rejects with the socket's error. */
export async function connectSender(port: number, options: SenderOptions = {}): Promise<Sender> {
  const host = options.host ?? '127.0.0.1';
  const { localAddress, allowHalfOpen = false } = options;
  const source = localAddress === undefined ? {} : { localAddress };
  const raw = net.connect({ host, port, noDelay: true, allowHalfOpen, ...source });
  if (options.tls === undefined) {
    await once(raw, 'connect');
    return new Sender(raw, raw);
  }
  const secured = tls.connect({ ...options.tls, socket: raw });
  raw.on('error', () => undefined);
  await once(secured, 'secureConnect');
  return new Sender(secured, raw);
}
