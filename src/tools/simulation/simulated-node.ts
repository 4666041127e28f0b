// A simulated Mirth node: an MLLP listener that does what Mirth's does (facts: one message at a time on a connection,
// connections over the limit accepted and closed, its form of acknowledgement), and fails on request.
import type net from 'node:net';
import tls from 'node:tls';
import { piecesOf } from '../../hl7/batch.ts';
import type { Header } from '../../hl7/header.ts';
import { listen } from '../../listen.ts';
import { frame, payloadOf } from '../../mllp/frame.ts';
import { FrameReader } from '../../mllp/frame-reader.ts';
import { closeGracefully } from '../../mllp/graceful-close.ts';
import { SocketTransport } from '../../mllp/socket-transport.ts';
import { platform } from '../../platform/current.ts';
import { clearTimeout, monotonicMs, setTimeout, wallMs } from '../../platform/time.ts';
import { type ChannelOptions, MirthChannel, mirthAck, strangeAnswer } from './mirth-channel.ts';

export interface SimulatedNodeOptions extends ChannelOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly tls?: tls.TlsOptions | undefined;
  /** Mirth's default is 10. */
  readonly maxConnections: number;
  readonly maxFrameBytes: number;
  /** Mirth's Keep Connection Open = No: it closes behind each answer. */
  readonly closeAfterAnswer?: boolean | undefined;
  /** Connections over the limit are closed so long after they were accepted; Mirth takes up to 90 ms. */
  readonly lateFullMs?: number | undefined;
  /** Mirth's Process Batch: each message of a frame is answered in a frame of its own, and the next frame right behind is swallowed. */
  readonly processBatch?: boolean | undefined;
}

/** With Process Batch, a frame that comes this soon behind a batch's answers is swallowed (seen: at 0 s, not at 0.3 s). */
const SWALLOWED_MS = 150;

/** One message of a frame. */
interface Received {
  readonly payload: Buffer;
  readonly endsFrame: boolean;
  readonly endsBatch: boolean;
}

/** Undefined `header`: it was no HL7. */
export type OnMessage = (payload: Buffer, header: Header | undefined, answer: string) => void;

export class SimulatedNode {
  readonly #options: SimulatedNodeOptions;
  readonly #channel: MirthChannel;
  readonly #onMessage: OnMessage;
  readonly #server: net.Server;
  /** Each with what ends it when its message in work is answered. */
  readonly #sockets = new Map<net.Socket, () => void>();
  /** Closed by the node, and not by its peer. */
  readonly #ending = new Set<net.Socket>();
  /** Over the limit, and not closed yet. */
  readonly #refused = new Set<net.Socket>();
  #port: number;

  constructor(options: SimulatedNodeOptions, onMessage: OnMessage = () => {}) {
    this.#options = options;
    this.#port = options.port;
    this.#channel = new MirthChannel(options);
    this.#onMessage = onMessage;
    const accept = (socket: net.Socket): void => this.#accept(socket);
    this.#server =
      options.tls === undefined
        ? platform.createServer({ allowHalfOpen: true, noDelay: true }, accept)
        : tls.createServer({ allowHalfOpen: true, noDelay: true, ...options.tls }, accept);
  }

  /** That which the system picked stays, also while it is closed. */
  get port(): number {
    return this.#port;
  }

  get messages(): number {
    return this.#channel.messages;
  }

  /** Also again, after `suspend`. @throws GatewayError GW_ERR_LISTEN */
  async start(): Promise<void> {
    this.#port = await listen(this.#server, 'simulated node on', this.#options.host, this.#port);
  }

  /** As when a channel is stopped: the message in work is answered, what waits behind it is not. */
  suspend(): void {
    this.#server.close();
    for (const end of this.#sockets.values()) end();
  }

  /** Closes the port and ends every connection. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of [...this.#sockets.keys(), ...this.#refused, ...this.#ending])
      closeGracefully(socket);
    await closed;
  }

  #accept(socket: net.Socket): void {
    socket.on('error', () => {});
    if (this.#sockets.size >= this.#options.maxConnections) {
      if (this.#options.lateFullMs === undefined) closeGracefully(socket);
      else {
        // Neither read nor answered until then.
        const timer = setTimeout(() => closeGracefully(socket), this.#options.lateFullMs);
        socket.once('close', () => clearTimeout(timer));
        this.#refused.add(socket);
        socket.once('close', () => this.#refused.delete(socket));
      }
      return;
    }
    socket.once('close', () => this.#sockets.delete(socket));
    const transport = new SocketTransport(socket);
    const waiting: Received[] = [];
    let busy = false;
    let ended = false;
    let suspended = false;
    let swallowsUntil = 0;
    // What was answered in this tick is not written yet.
    const end = (): void => {
      // What has come behind is not taken, as Mirth does not read it.
      suspended = true;
      waiting.length = 0;
      transport.flush();
      // In Mirth a connection that it has closed has no place any more.
      this.#sockets.delete(socket);
      this.#ending.add(socket);
      socket.once('close', () => this.#ending.delete(socket));
      transport.end();
    };
    const next = (): void => {
      const received = waiting.shift();
      if (received === undefined) {
        if (ended) end();
        return;
      }
      busy = true;
      this.#process(received.payload, (answer) => {
        busy = false;
        if (answer === 'close') end();
        else {
          if (answer !== undefined) transport.write(frame(answer));
          if (received.endsBatch) swallowsUntil = monotonicMs() + SWALLOWED_MS;
          if (this.#options.closeAfterAnswer === true && received.endsFrame) end();
          else next();
        }
      });
    };
    this.#sockets.set(socket, () => {
      ended = true;
      suspended = true;
      waiting.length = 0;
      if (!busy) next();
    });
    const reader = new FrameReader(
      {
        onFrame: (bytes) => {
          if (suspended || monotonicMs() < swallowsUntil) return;
          waiting.push(...this.#messagesOf(payloadOf(bytes)));
          if (!busy) next();
        },
        onEmptyFrame: () => {},
        onFault: (code) => {
          if (code !== 'GW_ERR_FRAME_TRUNCATED') end();
        },
      },
      {
        maxFrameBytes: this.#options.maxFrameBytes,
        maxJunkBytes: Number.MAX_SAFE_INTEGER,
        strayEndByte: 'content',
        missingCr: 'refuse',
      },
    );
    transport.open({
      onRead: (chunk, isBorrowed) => reader.push(chunk, isBorrowed),
      onEnd: () => {
        ended = true;
        if (!busy) next();
      },
      onClosed: () => {},
    });
  }

  #messagesOf(payload: Buffer): Received[] {
    const single = [{ payload, endsFrame: true, endsBatch: false }];
    if (this.#options.processBatch !== true) return single;
    const messages = piecesOf(payload).filter(({ kind }) => kind === 'message');
    if (messages.length < 2) return single;
    return messages.map(({ bytes }, i) => {
      const isLast = i === messages.length - 1;
      return { payload: bytes, endsFrame: isLast, endsBatch: isLast };
    });
  }

  #process(payload: Buffer, done: (answer: Buffer | 'close' | undefined) => void): void {
    this.#channel.take(payload, (header, verdict) => {
      const silent = verdict !== 'close' && header === undefined;
      this.#onMessage(payload, header, silent ? 'none' : verdict);
      if (verdict === 'close') done('close');
      else if (verdict === 'garbled' || verdict === 'mismatch') done(strangeAnswer(verdict, header));
      else done(header === undefined ? undefined : mirthAck(header, verdict, new Date(wallMs())));
    });
  }
}
