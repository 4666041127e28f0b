// How many connections each source has to a listener: `limits.maxConnectionsPerSource`.
import { sourceKey } from '../../src/addresses.ts';

export class SourceConnections {
  readonly #max: number;
  /** No larger than the listener's connections. */
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Undefined: the source has as many as it may. Else the connection counts until the result is called, once. */
  take(address: string): (() => void) | undefined {
    const key = sourceKey(address);
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#max) return undefined;
    this.#counts.set(key, count + 1);
    return () => {
      const left = (this.#counts.get(key) ?? 0) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    };
  }
}
