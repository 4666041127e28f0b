// The dials of an upstream that are under way. Promises that each has a place among those that are shared (F101), from its begin until
// the connection is closed, is kept for late answers alone, or has failed.
import type { GatewayError } from '../../errors.ts';
import { SocketTransport } from '../../mllp/socket-transport.ts';
import type { Transport } from '../../mllp/transport.ts';
import { type DialOptions, dial } from '../dial.ts';

export interface DialledConnection {
  readonly transport: Transport;
  readonly connectMs: number;
  /** Gives back its place before it is closed. */
  release(): void;
}

export class ConnectionDialer {
  readonly #takePlace: () => () => void;
  readonly #dials = new Set<() => void>();

  /** `takePlace` returns what gives it back, which may be called again. */
  constructor(takePlace: () => () => void) {
    this.#takePlace = takePlace;
  }

  get count(): number {
    return this.#dials.size;
  }

  /** Calls one of `opened` and `failed`, once, never before it returns. */
  dial(
    options: DialOptions,
    opened: (dialled: DialledConnection) => void,
    failed: (error: GatewayError) => void,
  ): void {
    const release = this.#takePlace();
    const stop = dial(
      options,
      (socket, connectMs) => {
        this.#dials.delete(abort);
        const transport = new SocketTransport(socket);
        transport.whenClosed(release);
        opened({ transport, connectMs, release });
      },
      (error) => {
        this.#dials.delete(abort);
        failed(error);
        release();
      },
    );
    const abort = (): void => {
      stop();
      release();
    };
    this.#dials.add(abort);
  }

  /** Those under way end without a call. */
  abort(): void {
    for (const abort of this.#dials) abort();
    this.#dials.clear();
  }
}
