// How many connections each source has to one listener: `limits.maxConnectionsPerSource`.
import type net from 'node:net';
import { sourceKey } from '../../src/addresses.ts';

export class SourceConnections {
  readonly #max: number;
  /** No larger than the listener's connections. */
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** False: the source has as many as it may. Else the socket counts until it is closed. */
  take(socket: net.Socket, address: string): boolean {
    const key = sourceKey(address);
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#max) return false;
    this.#counts.set(key, count + 1);
    socket.once('close', () => this.#giveBack(key));
    return true;
  }

  #giveBack(key: string): void {
    const left = (this.#counts.get(key) ?? 0) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}
