// Requests of one connection, one after the other: RFC 9112 9.3.2 lets them overlap only where none changes anything.
// Promises that what stands behind the last request of a connection is not done.
import type { Socket } from 'node:net';

/** Nobody waits for so many answers; what asks for them does not read. */
const MAX_WAITING = 100;

interface Line {
  waiting: number;
  last: Promise<void>;
  isOver: boolean;
}

export class RequestQueue {
  readonly #lines = new WeakMap<Socket, Line>();

  /** `work` must not reject. False: too many wait already. */
  take(socket: Socket, work: () => Promise<void>): boolean {
    const line = this.#lineOf(socket);
    if (line.waiting >= MAX_WAITING) return false;
    line.waiting++;
    line.last = line.last
      .then(() => (line.isOver ? undefined : work()))
      .finally(() => {
        line.waiting--;
      });
    return true;
  }

  /** The connection is told to close with the answer that is under way (RFC 9112 9.6). */
  end(socket: Socket): void {
    this.#lineOf(socket).isOver = true;
  }

  #lineOf(socket: Socket): Line {
    let line = this.#lines.get(socket);
    if (line === undefined) {
      line = { waiting: 0, last: Promise.resolve(), isOver: false };
      this.#lines.set(socket, line);
    }
    return line;
  }
}
