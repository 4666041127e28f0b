// The keep-alive connections to one node over HTTP. Promises never more of them than the config says, requests in the order in which
// they came, and that what a node has said behind a response is seen before the next request is written behind it.
import type { OnReadOpts, Socket } from 'node:net';
import type { GatewayError } from '../../errors.ts';
import { TurnEnd } from '../../turn.ts';
import { HttpConnection, type HttpConnectionOptions, type HttpConnectionOwner } from './http-connection.ts';
import type { NodeRequest, NodeResponseHandler } from './node-request.ts';

export interface ConnectionPoolOptions extends HttpConnectionOptions {
  readonly maxConnections: number;
  /** Requests that a connection carries; undefined: any number. */
  readonly reuse: number | undefined;
}

/** Calls back once, with a connected socket or with why there is none. */
type Dial = (onread: OnReadOpts, done: (dialled: Socket | GatewayError) => void) => void;

interface Waiting {
  readonly request: NodeRequest;
  readonly handler: NodeResponseHandler;
}

/** Those that have got a request in this turn. */
const dirty = new TurnEnd<ConnectionPool>();

export class ConnectionPool implements HttpConnectionOwner {
  readonly #options: ConnectionPoolOptions;
  readonly #dial: Dial;
  /** The one that was used last is at the end: those that are not needed become idle for long enough to be closed. */
  readonly #free: HttpConnection[] = [];
  readonly #open = new Set<HttpConnection>();
  #dialling = 0;
  readonly #waiting: Waiting[] = [];
  #isDirty = false;
  #isClosing = false;
  /** F97: the node closes behind its responses without saying so: each request has a connection to itself. */
  #closesBehind = false;

  constructor(options: ConnectionPoolOptions, dial: Dial) {
    this.#options = options;
    this.#dial = dial;
  }

  /**
   * Written at the end of this turn of the event loop at the earliest: what the kernel has of the node by now is read first, so that
   * a connection on which the node has said too much, or which it has ended, is not used (F31, F64).
   */
  dispatch(request: NodeRequest, handler: NodeResponseHandler): void {
    this.#waiting.push({ request, handler });
    this.#flushSoon();
  }

  /** Requests under way end first. */
  close(): void {
    this.#isClosing = true;
    for (const connection of this.#free.splice(0)) connection.retire();
    if (this.#waiting.length > 0) return;
    for (const connection of this.#open) connection.retire();
  }

  onFree(connection: HttpConnection): void {
    if (this.#isClosing && this.#waiting.length === 0) {
      connection.retire();
      return;
    }
    this.#free.push(connection);
    if (this.#waiting.length > 0) this.#flushSoon();
  }

  onClosing(connection: HttpConnection): void {
    const at = this.#free.lastIndexOf(connection);
    if (at >= 0) this.#free.splice(at, 1);
  }

  onClosed(connection: HttpConnection): void {
    this.#open.delete(connection);
    if (this.#waiting.length > 0) this.#flushSoon();
  }

  onClosedBehind(): void {
    this.#closesBehind = true;
  }

  #flushSoon(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    dirty.add(this);
  }

  flush(): void {
    this.#isDirty = false;
    const waiting = this.#waiting;
    while (waiting.length > 0) {
      const connection = this.#free.pop();
      if (connection === undefined) break;
      const { request, handler } = waiting.shift() as Waiting;
      connection.send(request, handler, this.#isLastOn(connection));
    }
    const { maxConnections } = this.#options;
    while (this.#dialling < waiting.length && this.#open.size + this.#dialling < maxConnections)
      this.#connect();
  }

  #isLastOn({ requests }: HttpConnection): boolean {
    return this.#closesBehind || requests + 1 >= (this.#options.reuse ?? Number.POSITIVE_INFINITY);
  }

  #connect(): void {
    this.#dialling++;
    const connection = new HttpConnection(this.#options, this);
    this.#dial(connection.onread, (dialled) => {
      this.#dialling--;
      if (dialled instanceof Error) {
        const failed = this.#waiting.shift();
        // Its place is another one's.
        if (this.#waiting.length > 0) this.#flushSoon();
        failed?.handler.onResponseError(undefined, dialled);
        return;
      }
      this.#open.add(connection);
      connection.attach(dialled);
      const next = this.#waiting.shift();
      if (next === undefined) this.onFree(connection);
      else connection.send(next.request, next.handler, this.#isLastOn(connection));
      // Whom it was dialled for has gone, and nobody else waits for it.
      if (connection.requests === 0 && next !== undefined && this.#waiting.length === 0) connection.retire();
    });
  }
}
