// The keep-alive connections to one node over HTTP. Promises never more of them than the config says, requests in the order in which
// they came, that what a node has said behind a response is seen before the next request is written behind it, and, where each is of
// one client, that none carries requests of two.
import type { OnReadOpts, Socket } from 'node:net';
import { GatewayError } from '../../errors.ts';
import { TurnEnd } from '../../turn.ts';
import { clientKey, type PerClient } from '../per-client.ts';
import { HttpConnection, type HttpConnectionOptions, type HttpConnectionOwner } from './http-connection.ts';
import type { NodeRequest, NodeResponseHandler } from './node-request.ts';

export interface ConnectionPoolOptions extends HttpConnectionOptions {
  readonly maxConnections: number;
  /** Requests that a connection carries; undefined: any number. */
  readonly reuse: number | undefined;
  /** Each connection is of one client address. */
  readonly perClient?: PerClient | undefined;
}

/** Calls back once, with a connected socket or with why there is none. The result aborts; then it is not called. */
type Dial = (
  onread: OnReadOpts,
  clientAddress: string | undefined,
  done: (dialled: Socket | GatewayError) => void,
) => () => void;

/** A connection that is on its way. */
interface Dialling {
  readonly client: string | undefined;
  abort: () => void;
}

interface Waiting {
  /** Whose connection it needs; undefined: any. */
  readonly client: string | undefined;
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
  /** Were idle, and leave their places to other clients. */
  readonly #leaving = new Set<HttpConnection>();
  readonly #dialling = new Set<Dialling>();
  readonly #waiting: Waiting[] = [];
  /** Why a dial has just failed, while its request is told so: that may take the node out, and what waits then fails of this. */
  #dialError: GatewayError | undefined;
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
    const client = this.#options.perClient && clientKey(request.clientAddress);
    this.#waiting.push({ client, request, handler });
    this.#flushSoon();
  }

  /** Requests under way end first. */
  close(): void {
    this.#isClosing = true;
    // Those that have a request may be needed for what waits.
    for (const connection of this.#free.splice(0)) connection.retire();
    if (this.#waiting.length === 0) this.retire();
  }

  /** Those that are open end, each behind the response that is due. */
  retire(): void {
    for (const connection of this.#free.splice(0)) connection.retire();
    for (const connection of this.#open) connection.retire();
  }

  /** F34: fails what waits for a connection, with nothing written, and ends those that are on their way. */
  giveBack(): void {
    const error = this.#dialError ?? new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node });
    const waiting = this.#waiting.splice(0);
    for (const { abort } of this.#dialling) abort();
    this.#dialling.clear();
    for (const { handler } of waiting) handler.onResponseError(undefined, error);
  }

  onFree(connection: HttpConnection): void {
    if (this.#isClosing && this.#waiting.length === 0) {
      connection.retire();
      return;
    }
    if (this.#waiting.length > 0) this.#flushSoon();
    else if (this.#isBeyondOwn(connection)) {
      connection.retire();
      return;
    }
    this.#free.push(connection);
  }

  onClosing(connection: HttpConnection): void {
    const at = this.#free.lastIndexOf(connection);
    if (at >= 0) this.#free.splice(at, 1);
  }

  onClosed(connection: HttpConnection): void {
    this.#open.delete(connection);
    this.#leaving.delete(connection);
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
    if (this.#options.perClient !== undefined) {
      this.#flushByClient();
      return;
    }
    const waiting = this.#waiting;
    while (waiting.length > 0) {
      const connection = this.#free.pop();
      if (connection === undefined) break;
      const { request, handler } = waiting.shift() as Waiting;
      connection.send(request, handler, this.#isLastOn(connection));
    }
    const { maxConnections } = this.#options;
    while (this.#dialling.size < waiting.length && this.#open.size + this.#dialling.size < maxConnections)
      this.#connect(undefined);
  }

  #flushByClient(): void {
    const { maxConnections } = this.#options;
    for (const one of this.#waiting.splice(0)) {
      const at = this.#free.findLastIndex(({ client }) => client === one.client);
      const [connection] = at < 0 ? [] : this.#free.splice(at, 1);
      if (connection === undefined) this.#waiting.push(one);
      else connection.send(one.request, one.handler, this.#isLastOn(connection));
    }
    const underWay = new Map<string, number>();
    for (const { client = '' } of this.#dialling) underWay.set(client, (underWay.get(client) ?? 0) + 1);
    const asked = new Map<string, number>();
    let without = 0;
    for (const { client = '', request } of this.#waiting) {
      const before = asked.get(client) ?? 0;
      asked.set(client, before + 1);
      if (before < (underWay.get(client) ?? 0)) continue;
      if (this.#open.size + this.#dialling.size < maxConnections) this.#connect(request.clientAddress);
      else without++;
    }
    // The one that has been idle for longest gives its place first.
    for (let more = without - this.#leaving.size; more > 0; more--) {
      const idle = this.#free.shift();
      if (idle === undefined) return;
      this.#leaving.add(idle);
      idle.retire();
    }
  }

  /** Its client has as many idle ones as are kept. */
  #isBeyondOwn({ client }: HttpConnection): boolean {
    const { perClient } = this.#options;
    if (perClient === undefined) return false;
    return this.#free.filter((one) => one.client === client).length >= perClient.max;
  }

  #isLastOn({ requests }: HttpConnection): boolean {
    return this.#closesBehind || requests + 1 >= (this.#options.reuse ?? Number.POSITIVE_INFINITY);
  }

  #connect(clientAddress: string | undefined): void {
    const { perClient } = this.#options;
    const client = perClient && clientKey(clientAddress);
    const dialling: Dialling = { client, abort: () => {} };
    this.#dialling.add(dialling);
    const options = perClient === undefined ? this.#options : { ...this.#options, idleMs: perClient.idleMs };
    const connection = new HttpConnection(options, this, client);
    dialling.abort = this.#dial(connection.onread, clientAddress, (dialled) => {
      this.#dialling.delete(dialling);
      if (dialled instanceof Error) {
        const failed = this.#next(client);
        // Its place is another one's.
        if (this.#waiting.length > 0) this.#flushSoon();
        this.#dialError = dialled;
        failed?.handler.onResponseError(undefined, dialled);
        this.#dialError = undefined;
        return;
      }
      this.#open.add(connection);
      connection.attach(dialled);
      const next = this.#next(client);
      if (next === undefined) this.onFree(connection);
      else connection.send(next.request, next.handler, this.#isLastOn(connection));
      // Whom it was dialled for has gone, and nobody else waits for it.
      if (connection.requests === 0 && next !== undefined && this.#waiting.length === 0) connection.retire();
    });
  }

  /** Takes out the first that waits for a connection of this client. */
  #next(client: string | undefined): Waiting | undefined {
    if (client === undefined) return this.#waiting.shift();
    const at = this.#waiting.findIndex((one) => one.client === client);
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
  }
}
