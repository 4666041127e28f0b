// A simulated Mirth node: an MLLP listener that does what Mirth's does (facts: one message at a time on a connection,
// connections over the limit accepted and closed, its form of acknowledgement), and fails on request.
import net from 'node:net';
import tls from 'node:tls';
import type { Header } from '../hl7/header.ts';
import { listenError } from '../listen-error.ts';
import { frame, payloadOf } from '../mllp/frame.ts';
import { FrameReader } from '../mllp/frame-reader.ts';
import { endGently, TickWriter } from '../mllp/tick-writer.ts';
import { type ChannelOptions, MirthChannel, mirthAck, strangeAnswer } from './mirth-channel.ts';

export interface SimulatedNodeOptions extends ChannelOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly tls?: tls.TlsOptions | undefined;
  /** Mirth's default is 10. */
  readonly maxConnections: number;
  readonly maxFrameBytes: number;
}

export const MIRTH_DEFAULTS: SimulatedNodeOptions = {
  host: '127.0.0.1',
  port: 0,
  ack: 'AA',
  delayMs: 0,
  failEvery: 0,
  closeAfter: 0,
  maxConnections: 10,
  maxFrameBytes: 64 * 1024 * 1024,
};

/** Undefined `header`: it was no HL7. */
export type OnMessage = (payload: Buffer, header: Header | undefined, answer: string) => void;

export class SimulatedNode {
  readonly #options: SimulatedNodeOptions;
  readonly #channel: MirthChannel;
  readonly #onMessage: OnMessage;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(options: SimulatedNodeOptions, onMessage: OnMessage = () => {}) {
    this.#options = options;
    this.#channel = new MirthChannel(options);
    this.#onMessage = onMessage;
    const accept = (socket: net.Socket): void => this.#accept(socket);
    this.#server =
      options.tls === undefined
        ? net.createServer({ allowHalfOpen: true, noDelay: true }, accept)
        : tls.createServer({ allowHalfOpen: true, noDelay: true, ...options.tls }, accept);
  }

  get port(): number {
    const bound = this.#server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : this.#options.port;
  }

  get messages(): number {
    return this.#channel.messages;
  }

  /** @throws GatewayError GW_ERR_LISTEN */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => reject(listenError('simulated node on', host, port, cause)));
      this.#server.listen({ host, port }, resolve);
    });
  }

  /** Closes the port and ends every connection. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) endGently(socket);
    await closed;
  }

  #accept(socket: net.Socket): void {
    socket.on('error', () => {});
    if (this.#sockets.size >= this.#options.maxConnections) {
      endGently(socket);
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const writer = new TickWriter(socket);
    const waiting: Buffer[] = [];
    let busy = false;
    let ended = false;
    const next = (): void => {
      const payload = waiting.shift();
      if (payload === undefined) {
        if (ended) endGently(socket);
        return;
      }
      busy = true;
      this.#process(payload, (answer) => {
        busy = false;
        if (answer === 'close') endGently(socket);
        else {
          if (answer !== undefined) writer.write(frame(answer));
          next();
        }
      });
    };
    const reader = new FrameReader(
      {
        onFrame: (bytes) => {
          waiting.push(payloadOf(bytes));
          if (!busy) next();
        },
        onEmptyFrame: () => {},
        onFault: (code) => {
          if (code !== 'GW_ERR_FRAME_TRUNCATED') endGently(socket);
        },
      },
      {
        maxFrameBytes: this.#options.maxFrameBytes,
        maxJunkBytes: Number.MAX_SAFE_INTEGER,
        strayEndByte: 'content',
        missingCr: 'refuse',
      },
    );
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('end', () => {
      ended = true;
      if (!busy) next();
    });
  }

  #process(payload: Buffer, done: (answer: Buffer | 'close' | undefined) => void): void {
    this.#channel.take(payload, (header, verdict) => {
      const silent = verdict !== 'close' && header === undefined;
      this.#onMessage(payload, header, silent ? 'none' : verdict);
      if (verdict === 'close') done('close');
      else if (verdict === 'garbled' || verdict === 'mismatch') done(strangeAnswer(verdict, header));
      else done(header === undefined ? undefined : mirthAck(header, verdict, new Date()));
    });
  }
}
