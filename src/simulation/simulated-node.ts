// A simulated Mirth node: an MLLP listener that does what Mirth's does (facts: one message at a time on a connection,
// connections over the limit accepted and closed, its form of acknowledgement), and fails on request.
import net from 'node:net';
import tls from 'node:tls';
import { type Header, readHeader } from '../hl7/header.ts';
import { listenError } from '../listen-error.ts';
import { frame, payloadOf } from '../mllp/frame.ts';
import { FrameReader } from '../mllp/frame-reader.ts';
import { endGently, TickWriter } from '../mllp/tick-writer.ts';

export interface SimulatedNodeOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly tls?: tls.TlsOptions | undefined;
  /** MSA-1 of its answers. */
  readonly ack: 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';
  /** How long a message takes. */
  readonly delayMs: number;
  /** Every so many messages it answers AE; 0: never. */
  readonly failEvery: number;
  /** Every so many messages it closes the connection without an answer; 0: never. */
  readonly closeAfter: number;
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
  readonly #onMessage: OnMessage;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #messages = 0;

  constructor(options: SimulatedNodeOptions, onMessage: OnMessage = () => {}) {
    this.#options = options;
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
    return this.#messages;
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
    const { delayMs, failEvery, closeAfter } = this.#options;
    const count = ++this.#messages;
    const finish = (): void => {
      const header = headerOf(payload);
      if (closeAfter > 0 && count % closeAfter === 0) {
        this.#onMessage(payload, header, 'close');
        done('close');
        return;
      }
      if (header === undefined) {
        this.#onMessage(payload, undefined, 'none');
        done(undefined);
        return;
      }
      const code = failEvery > 0 && count % failEvery === 0 ? 'AE' : this.#options.ack;
      this.#onMessage(payload, header, code);
      done(mirthAck(header, code, new Date()));
    };
    if (delayMs === 0) finish();
    else setTimeout(finish, delayMs);
  }
}

function headerOf(payload: Buffer): Header | undefined {
  try {
    return readHeader(payload);
  } catch {
    return undefined;
  }
}

/** As Mirth Connect 4.5.2 makes it, byte for byte but for the time: its MSH-10 is a timestamp, not unique. */
export function mirthAck(header: Header, code: SimulatedNodeOptions['ack'], now: Date): Buffer {
  const { field, component } = header.delimiters;
  const fs = String.fromCharCode(field);
  const cs = component < 0 ? '' : String.fromCharCode(component);
  const time = `${now.toISOString().slice(0, 19).replace(/[-T:]/g, '')}.${String(now.getMilliseconds()).padStart(3, '0')}`;
  const event = component < 0 ? undefined : header.text(9).split(cs)[1];
  const type = event === undefined ? 'ACK' : ['ACK', event, 'ACK'].join(cs);
  const msh = [
    'MSH',
    header.text(2),
    header.text(5),
    header.text(6),
    header.text(3),
    header.text(4),
    time,
    '',
    type,
    time,
  ];
  const msa = ['MSA', code, header.has(10) ? header.text(10) : '1'];
  if (code === 'AE' || code === 'CE') msa.push('An Error Occurred Processing Message.');
  if (code === 'AR' || code === 'CR') msa.push('Message Rejected.');
  return Buffer.from(`${[...msh, header.text(11), header.text(12)].join(fs)}\r${msa.join(fs)}\r`, 'latin1');
}
