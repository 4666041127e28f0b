// One connection of a fuzzer to the gateway: writes bytes in pieces, keeps what comes, ends as it is told.
// Promises: no error of a socket is thrown; every wait has a limit and says whether it held.
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import tls from 'node:tls';

export interface LineOptions {
  readonly port: number;
  /** Speaks TLS and offers these protocols. */
  readonly tls?: { readonly ca: string; readonly protocols?: readonly string[] } | undefined;
  /** Goes before everything else, TLS included. */
  readonly before?: Buffer | undefined;
}

const NO_BYTES = Buffer.alloc(0);

/** Within an input, its number. */
export const inputUnderWay = new AsyncLocalStorage<number>();
/** Which input has used a port last: what is left in the gateway is found by it. */
export const inputsByPort = new Map<number, number>();

export class Line {
  readonly socket: net.Socket;
  readonly #raw: net.Socket;
  #chunks: Buffer[] = [];
  #joined = NO_BYTES;
  readonly #sent: Buffer[] = [];
  /** The gateway has ended its side. */
  ended = false;
  gone = false;
  /** Called before waits look again. */
  onBytes: ((chunk: Buffer) => void) | undefined;
  #wakes: (() => void)[] = [];

  constructor(socket: net.Socket, raw: net.Socket) {
    this.socket = socket;
    this.#raw = raw;
    socket.on('error', ignore);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.onBytes?.(chunk);
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    socket.on('close', () => {
      this.gone = true;
      this.#wake();
    });
  }

  get received(): Buffer {
    if (this.#chunks.length > 0) {
      this.#joined = Buffer.concat([this.#joined, ...this.#chunks]);
      this.#chunks = [];
    }
    return this.#joined;
  }

  /** All that was written, in order. */
  get sent(): Buffer {
    return Buffer.concat(this.#sent);
  }

  write(bytes: Buffer): void {
    if (!this.socket.writable || bytes.length === 0) return;
    this.#sent.push(bytes);
    this.socket.write(bytes);
  }

  /** Each piece in a turn of its own. */
  async writePieces(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      if (!this.socket.writable) return;
      this.write(piece);
      if (this.socket.writableNeedDrain)
        await Promise.race([
          once(this.socket, 'drain').catch(ignore),
          once(this.socket, 'close').catch(ignore),
        ]);
      else await turn();
    }
  }

  /** False: not within the limit. */
  async until(holds: () => boolean, limitMs: number): Promise<boolean> {
    if (holds()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const wake = (): void => {
      if (holds()) resolve(true);
    };
    this.#wakes.push(wake);
    const timer = setTimeout(() => resolve(false), limitMs);
    const held = await promise;
    clearTimeout(timer);
    this.#wakes = this.#wakes.filter((one) => one !== wake);
    return held;
  }

  /** FIN; goes on reading. */
  finish(): void {
    this.socket.end();
  }

  reset(): void {
    if (this.socket === this.#raw) this.socket.resetAndDestroy();
    // Not within a callback of the TLS layer, which would go on with a handle that is gone.
    else setImmediate(() => this.#raw.resetAndDestroy());
  }

  destroy(): void {
    this.socket.destroy();
    this.#raw.destroy();
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
  }
}

function ignore(): void {}

/** Undefined where the gateway took the connection and closed it before TLS was up, or did not take it. */
export async function connectLine(options: LineOptions): Promise<Line | undefined> {
  const raw = net.connect({ host: '127.0.0.1', port: options.port, noDelay: true, allowHalfOpen: true });
  raw.on('error', ignore);
  if (!(await opened(raw, 'connect'))) return undefined;
  const input = inputUnderWay.getStore();
  if (input !== undefined && raw.localPort !== undefined) inputsByPort.set(raw.localPort, input);
  if (options.before !== undefined) raw.write(options.before);
  if (options.tls === undefined) return new Line(raw, raw);
  const secured = tls.connect({
    socket: raw,
    ca: options.tls.ca,
    servername: 'localhost',
    ...(options.tls.protocols === undefined ? {} : { ALPNProtocols: [...options.tls.protocols] }),
  });
  secured.on('error', ignore);
  if (!(await opened(secured, 'secureConnect'))) {
    raw.destroy();
    return undefined;
  }
  return new Line(secured, raw);
}

/** For a handshake on a busy machine. */
const OPEN_MS = 20_000;

async function opened(socket: net.Socket, event: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once(event, () => resolve(true));
  socket.once('close', () => resolve(false));
  const timer = setTimeout(() => resolve(false), OPEN_MS);
  const is = await promise;
  clearTimeout(timer);
  if (!is) socket.destroy();
  return is;
}
