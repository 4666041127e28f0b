// A client's connection whose first bytes stand in one packet with what the protocol above it writes first, or byte by byte.
// Promises: bytes in order; what one turn of the event loop writes goes out together.
import type net from 'node:net';
import { Duplex } from 'node:stream';
import { writePieces } from '../helpers/wire.ts';

/** How what one turn of the client's event loop writes goes out: at once, or byte by byte, up to a limit. */
export type Cut = 'together' | 'each byte';
const MAX_PIECES = 2_500;

/** A client's connection, below TLS where there is some: what is written first goes out behind `first`. */
export class Wire extends Duplex {
  readonly raw: net.Socket;
  /** Its own. */
  readonly port: number;
  /** The server has ended the connection. */
  readonly gone: Promise<unknown>;
  readonly #cut: Cut;
  #parts: Buffer[];
  #done: (() => void)[] = [];

  constructor(raw: net.Socket, first: Buffer, cut: Cut) {
    super();
    this.raw = raw;
    this.port = raw.localPort ?? 0;
    this.#parts = [first];
    this.#cut = cut;
    this.gone = new Promise((resolve) => raw.once('end', resolve).once('close', resolve));
    raw.on('data', (chunk) => this.push(chunk));
    raw.on('end', () => this.push(null));
    raw.on('error', () => this.destroy());
    raw.on('close', () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.#parts.push(chunk);
    this.#done.push(done);
    // TLS hands over its records one by one.
    if (this.#done.length === 1) setImmediate(() => void this.#flush());
  }

  override _final(done: () => void): void {
    this.raw.end(done);
  }

  override _destroy(_: Error | null, done: () => void): void {
    this.raw.destroy();
    done();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#parts);
    const dones = this.#done;
    this.#parts = [];
    this.#done = [];
    const cuts = this.#cut === 'together' ? 0 : MAX_PIECES;
    await writePieces(
      this.raw,
      bytes,
      Array.from({ length: cuts }, (_, at) => at),
    );
    for (const done of dones) done();
  }
}
