// One connection to a scripted node: keeps what arrived and in which order, runs the script one message at a time.
// Promises: nothing that the peer does to the socket throws out of here; it is recorded instead.
import type net from 'node:net';
import { controlIdOf, FrameSplitter, frame } from './mllp.ts';
import { resetSocket, writeAll, writePieces } from './wire.ts';

/** What a script gets: one message, and the connection to answer on. */
export interface Exchange {
  readonly connection: NodeConnection;
  /** Number of this message over the whole node, from 0. */
  readonly index: number;
  readonly payload: Buffer;
  readonly controlId: string;
  readonly socket: net.Socket;
}

/** Decides what a node does with a message. As in Mirth, the next one on the connection waits until it returns. */
export type Script = (exchange: Exchange) => void | Promise<void>;

export interface NodeEvent {
  /** Counts over all nodes and connections of the process, so that events of several nodes can be put in order. */
  readonly order: number;
  readonly kind: 'open' | 'message' | 'answer' | 'peer-end' | 'close';
  readonly connection: number;
  /** Of the message, for `message` only. */
  readonly controlId?: string;
}

export interface ReceivedMessage extends Exchange {
  readonly order: number;
}

/** What the node gives to its connections; a function each, so that a behaviour changed in mid-test counts at once. */
export interface ConnectionRoom {
  script(): Script;
  onBytes(): ((connection: NodeConnection) => void) | undefined;
  inTurn(): boolean;
  arrived(connection: NodeConnection, payload: Buffer, controlId: string): ReceivedMessage;
  note(kind: NodeEvent['kind'], connection: NodeConnection): void;
  failed(error: unknown): void;
}

export class NodeConnection {
  /** From 0, in the order of arrival. */
  readonly id: number;
  readonly socket: net.Socket;
  readonly messages: ReceivedMessage[] = [];
  /** Resolves when the socket is gone. `code` is set if it broke (`ECONNRESET`). */
  readonly closed: Promise<{ code: string | undefined }>;
  readonly #raw: net.Socket;
  readonly #room: ConnectionRoom;
  readonly #chunks: Buffer[] = [];
  readonly #splitter = new FrameSplitter();
  #byteCount = 0;
  #turn: Promise<void> = Promise.resolve();
  #peerEnded = false;
  #closed = false;

  /** `raw` is the TCP socket below a TLS one, or the socket itself: only that can send an RST. */
  constructor(id: number, socket: net.Socket, raw: net.Socket, room: ConnectionRoom) {
    this.id = id;
    this.socket = socket;
    this.#raw = raw;
    this.#room = room;
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.name;
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#ended());
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#closed = true;
        room.note('close', this);
        resolve({ code });
      });
    });
  }

  /** Neither closed here nor ended by the peer. */
  get open(): boolean {
    return !this.#closed && !this.#peerEnded && !this.socket.writableEnded;
  }

  /** Exactly what has been read, framing and all. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** Sizes of the reads, to see how the peer wrote. */
  get readSizes(): number[] {
    return this.#chunks.map((chunk) => chunk.length);
  }

  /** Bytes that belonged to no frame. */
  get junk(): Buffer {
    return this.#splitter.junk;
  }

  /** A frame has begun and not ended. */
  get insideFrame(): boolean {
    return this.#splitter.open;
  }

  /** Writes these bytes, in pieces that the peer reads one by one if `cutAt` says so. */
  async write(bytes: Buffer, cutAt: readonly number[] = []): Promise<void> {
    if (this.#closed) return;
    this.#room.note('answer', this);
    await (cutAt.length === 0 ? writeAll(this.socket, bytes) : writePieces(this.socket, bytes, cutAt));
  }

  /** Frames and writes. */
  answer(payload: Buffer | string): Promise<void> {
    return this.write(frame(payload));
  }

  /** FIN, and no more reading: what a stopped Mirth channel does. */
  close(): void {
    this.socket.end();
    this.socket.destroySoon();
  }

  /** FIN on the writing side only; goes on reading. */
  halfClose(): void {
    this.socket.end();
  }

  /** RST: what a killed host or a firewall does. Whatever was not sent yet is lost. */
  reset(): void {
    resetSocket(this.socket, this.#raw);
  }

  /** Leaves everything that comes in the kernel's buffers, until it is full and the peer cannot write. */
  pauseReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#byteCount += chunk.length;
    for (const payload of this.#splitter.push(chunk)) {
      const received = this.#room.arrived(this, payload, controlIdOf(payload));
      this.messages.push(received);
      this.#perform(received);
    }
    this.#room.onBytes()?.(this);
  }

  #perform(received: ReceivedMessage): void {
    const before = this.#room.inTurn() ? this.#turn : Promise.resolve();
    const work = before
      .then(() => (this.#closed ? undefined : this.#room.script()(received)))
      .catch((error: unknown) => this.#room.failed(error));
    this.#turn = Promise.all([this.#turn, work]).then(() => undefined);
  }

  /** Mirth answers the message that it has in work before it closes in turn. */
  #ended(): void {
    this.#peerEnded = true;
    this.#room.note('peer-end', this);
    void this.#turn.then(() => this.socket.end());
  }
}
