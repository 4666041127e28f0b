// Connections that another process has accepted, for the listeners of this one, by their names. Promises that one for a listener that
// is about to be replaced goes to the old one for as long as that takes connections.
import type { Socket } from 'node:net';

type Take = (socket: Socket) => void;

export class ConnectionSource {
  readonly #takers = new Map<string, Take[]>();
  #ports: ReadonlyMap<string, number> = new Map();

  /** Where the other process listens, by listener. */
  set ports(ports: ReadonlyMap<string, number>) {
    this.#ports = ports;
  }

  portOf(listener: string): number | undefined {
    return this.#ports.get(listener);
  }

  /** The result ends it. */
  register(listener: string, take: Take): () => void {
    const takers = this.#takers.get(listener) ?? [];
    this.#takers.set(listener, takers);
    takers.push(take);
    return () => {
      const at = takers.indexOf(take);
      if (at >= 0) takers.splice(at, 1);
      if (takers.length === 0 && this.#takers.get(listener) === takers) this.#takers.delete(listener);
    };
  }

  /** False: no listener of that name takes any; the socket is the caller's still. */
  give(listener: string, socket: Socket): boolean {
    const take = this.#takers.get(listener)?.[0];
    take?.(socket);
    return take !== undefined;
  }
}
