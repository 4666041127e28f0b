// One connection to a node over HTTP/1, with one request on it at a time. Promises that it is not used again once anything of its
// node was not read as the response that was due, and that a request which was not begun has not been written.
import type { OnReadOpts, Socket } from 'node:net';
import { asGatewayError, GatewayError } from '../../errors.ts';
import { fieldValue, type HeaderFields } from '../../http/fields.ts';
import { type BodyFraming, requestHead } from '../../http/request-head.ts';
import { type ResponseEvents, ResponseParser } from '../../http/response-parser.ts';
import { monotonicMs } from '../../platform/time.ts';
import { LazyDeadline } from '../lazy-deadline.ts';
import type { NodeRequest, NodeResponseHandler, RequestController } from './node-request.ts';
import { StreamedBody } from './streamed-body.ts';

export interface HttpConnectionOptions {
  /** The node's name, for errors. */
  readonly node: string;
  /** To a response's head, and for silence within its body. */
  readonly ackMs: number;
  readonly idleMs: number;
}

export interface HttpConnectionOwner {
  /** It takes the next request. */
  onFree(connection: HttpConnection): void;
  /** It takes none any more. */
  onClosing(connection: HttpConnection): void;
  /** Its socket is gone. */
  onClosed(connection: HttpConnection): void;
  /** F97: the node ended it right behind its first response, without having said so. */
  onClosedBehind(): void;
}

/** Far above what servers send; a node that sends more is not one. A 103 (Early Hints) names what a page loads. */
const HEAD_LIMITS = { maxBytes: 256 * 1024, maxFields: 2000 };
/** As much as Node.js reads at a time. */
const READ_BYTES = 64 * 1024;
/** Where each read of any connection puts its bytes: they are parsed, and what is kept is copied, before the next one. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
/** A body up to this size goes out in one write with its head; beyond it a second write costs less than a copy. */
const MAX_JOINED_BYTES = 16 * 1024;
/** F97: closed so soon behind a response, it is that response's doing and not an idle limit. */
const SOON_MS = 100;
/** A node ends an idle connection at the time that it has said; a request that is written just then is lost. */
const KEEP_ALIVE_MARGIN_MS = 2_000;

export class HttpConnection implements ResponseEvents {
  /** Whose requests it carries; undefined: those of all. */
  readonly client: string | undefined;
  readonly #options: HttpConnectionOptions;
  readonly #owner: HttpConnectionOwner;
  readonly #parser: ResponseParser;
  #socket: Socket | undefined;
  #request: RequestInFlight | undefined;
  #requests = 0;
  /** What is on it is its last. */
  #isLast = false;
  #isClosing = false;
  /** When something of the node came last, in monotonicMs() milliseconds. */
  #readAt = 0;
  readonly #deadline = new LazyDeadline(() => this.#onDue());

  /** For the dialling: what is read goes past the socket's stream. */
  readonly onread: OnReadOpts = {
    buffer: readBuffer,
    callback: (length) => {
      this.#onBytes(length);
      return true;
    },
  };

  constructor(options: HttpConnectionOptions, owner: HttpConnectionOwner, client?: string) {
    this.client = client;
    this.#options = options;
    this.#owner = owner;
    this.#parser = new ResponseParser(HEAD_LIMITS, this);
  }

  /** How many requests it has been given. */
  get requests(): number {
    return this.#requests;
  }

  /** `socket`: dialled with `onread`. */
  attach(socket: Socket): void {
    this.#socket = socket;
    socket.on('error', (error: Error) => this.#lose(error));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#request?.body?.onDrain());
    socket.on('close', () => {
      this.#deadline.end();
      this.#lose(new ConnectionLost('closed'));
      this.#owner.onClosed(this);
    });
    this.#deadline.begin(this.#options.idleMs);
  }

  /** Ends it, behind the response that is due. */
  retire(): void {
    this.#isLast = true;
    if (this.#request === undefined) this.#destroy();
  }

  /** Only where it is free. `close`: it is the connection's last. */
  send(request: NodeRequest, handler: NodeResponseHandler, close: boolean): void {
    const inFlight = new RequestInFlight(this, handler);
    this.#request = inFlight;
    try {
      this.#begin(request, inFlight, close);
    } catch (thrown) {
      this.#fail(asGatewayError(thrown));
    }
  }

  #begin(request: NodeRequest, inFlight: RequestInFlight, close: boolean): void {
    const { method, path, headers, body } = request;
    const { handler } = inFlight;
    const framing = framingOf(request);
    const head = (framed: BodyFraming): string => requestHead(method, path, headers, framed, close);
    let text: string;
    try {
      text = head(framing);
    } catch (cause) {
      this.#request = undefined;
      const detail = 'the request cannot be written';
      handler.onResponseError(undefined, new GatewayError('GW_ERR_INTERNAL', { detail, cause }));
      this.#owner.onFree(this);
      return;
    }
    handler.onRequestStart(inFlight);
    // It was given up while it waited: nothing is written, and nothing is lost.
    if (this.#request === undefined) {
      this.#owner.onFree(this);
      return;
    }
    inFlight.isBegun = true;
    this.#requests++;
    this.#isLast ||= close;
    this.#parser.begin(method);
    this.#deadline.begin(request.timeoutMs ?? this.#options.ackMs);
    const socket = this.#socket as Socket;
    if (body === null) socket.write(text, 'latin1');
    else if (!Buffer.isBuffer(body))
      inFlight.body = new StreamedBody({
        socket,
        body,
        framing: framing === 'none' ? 'chunked' : framing,
        head,
        trailers: () => handler.trailers?.() ?? NO_FIELDS,
        onProgress: () => this.#deadline.refresh(monotonicMs()),
        onError: (error) => this.#fail(error),
      });
    else if (body.length <= MAX_JOINED_BYTES) socket.write(joined(text, body));
    else {
      socket.cork();
      socket.write(text, 'latin1');
      socket.write(body);
      socket.uncork();
    }
  }

  /** The controller's. */
  abort(request: RequestInFlight): void {
    if (this.#request !== request) return;
    if (request.isBegun) this.#drop();
    else this.#request = undefined;
  }

  /** The controller's. */
  pause(request: RequestInFlight): void {
    if (this.#request !== request || request.isPaused) return;
    request.isPaused = true;
    this.#socket?.pause();
  }

  /** The controller's. */
  resume(request: RequestInFlight): void {
    if (this.#request !== request || !request.isPaused) return;
    request.isPaused = false;
    this.#deadline.refresh(monotonicMs());
    this.#socket?.resume();
  }

  onInterim(status: number, fields: HeaderFields, reason: string): void {
    const request = this.#request as RequestInFlight;
    this.#deadline.refresh(this.#readAt);
    if (status === 100) request.handler.onContinue?.();
    else request.handler.onResponseStart(request, status, fields, reason);
  }

  onHead(status: number, fields: HeaderFields, reason: string): void {
    const request = this.#request as RequestInFlight;
    request.hasHead = true;
    this.#deadline.refresh(this.#readAt);
    request.handler.onResponseStart(request, status, fields, reason);
  }

  onData(bytes: Buffer, from: number, to: number): void {
    const request = this.#request as RequestInFlight;
    this.#deadline.refresh(this.#readAt);
    // The buffer is the next read's.
    const chunk = Buffer.allocUnsafe(to - from);
    bytes.copy(chunk, 0, from, to);
    request.handler.onResponseData(request, chunk);
  }

  onEnd(trailers: HeaderFields): void {
    const request = this.#request as RequestInFlight;
    this.#request = undefined;
    const { body } = request;
    // F67: it was answered before all of it was sent, and what would follow is no request.
    if (body?.isWritten === false) this.#isLast = true;
    body?.stop();
    if (request.isPaused) this.#socket?.resume();
    if (!this.#parser.keepsAlive) this.#isLast = true;
    request.handler.onResponseEnd(request, trailers);
  }

  #onBytes(length: number): void {
    this.#readAt = monotonicMs();
    // What nobody asked for belongs to nobody.
    if (this.#request === undefined) {
      this.#destroy();
      return;
    }
    try {
      const end = this.#parser.read(readBuffer, 0, length);
      if (this.#parser.isDue || this.#isClosing) return;
      if (end < length || this.#isLast) this.#destroy();
      else this.#release();
    } catch (thrown) {
      this.#fail(thrown as Error);
    }
  }

  #onEnd(): void {
    const socket = this.#socket as Socket;
    if (this.#request === undefined) {
      const isSoon = monotonicMs() - this.#readAt < SOON_MS;
      if (this.#requests === 1 && isSoon && !this.#isClosing) this.#owner.onClosedBehind();
      this.#destroy();
      return;
    }
    // F66: a body without a length ends with its connection, and a reset is no end.
    if (!this.#parser.endsWithConnection || socket.errored !== null) {
      this.#lose(new ConnectionLost('ended'));
      return;
    }
    try {
      this.#parser.end();
      this.#destroy();
    } catch (thrown) {
      this.#fail(thrown as Error);
    }
  }

  /** A response has been read to its end, and nothing behind it. */
  #release(): void {
    const { idleMs } = this.#options;
    const { keepAlive } = this.#parser;
    const seconds = keepAlive === undefined ? undefined : /timeout=(\d+)/i.exec(keepAlive)?.[1];
    const said = seconds === undefined ? idleMs : Number(seconds) * 1_000 - KEEP_ALIVE_MARGIN_MS;
    if (said <= 0) {
      this.#destroy();
      return;
    }
    this.#deadline.begin(Math.min(said, idleMs));
    this.#owner.onFree(this);
  }

  #lose(error: Error): void {
    if (this.#request === undefined) this.#destroy();
    else this.#fail(error);
  }

  #fail(error: Error): void {
    const request = this.#request;
    this.#drop();
    if (request !== undefined) request.handler.onResponseError(request, error);
  }

  /** Gives up what is on it. */
  #drop(): void {
    const request = this.#request;
    this.#request = undefined;
    this.#parser.stop();
    this.#destroy();
    request?.body?.stop();
  }

  #destroy(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#owner.onClosing(this);
    this.#socket?.destroy();
  }

  #onDue(): void {
    if (this.#request === undefined) this.#destroy();
    else if (this.#isNotTheNodes(this.#request)) this.#deadline.begin(this.#deadline.limitMs);
    else this.#fail(new GatewayError('GW_ERR_ACK_TIMEOUT', { node: this.#options.node }));
  }

  /** It is the client that is slow, and the client's own deadlines run. */
  #isNotTheNodes({ body, hasHead, isPaused }: RequestInFlight): boolean {
    if (hasHead) return isPaused;
    return body?.isWritten === false && this.#socket?.writableNeedDrain === false;
  }
}

/** The connection ended before the response did. */
class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** One request on its connection, and its handler's hold on it. Once it is over, none of its methods does anything. */
class RequestInFlight implements RequestController {
  readonly #connection: HttpConnection;
  readonly handler: NodeResponseHandler;
  /** It is written as it comes. */
  body: StreamedBody | undefined;
  isBegun = false;
  hasHead = false;
  isPaused = false;

  constructor(connection: HttpConnection, handler: NodeResponseHandler) {
    this.#connection = connection;
    this.handler = handler;
  }

  abort(): void {
    this.#connection.abort(this);
  }

  pause(): void {
    this.#connection.pause(this);
  }

  resume(): void {
    this.#connection.resume(this);
  }
}

const NO_FIELDS: readonly string[] = [];

function framingOf({ headers, body }: NodeRequest): BodyFraming {
  if (body === null) return 'none';
  if (Buffer.isBuffer(body)) return { length: body.length };
  const length = fieldValue(headers, 'content-length');
  return length === undefined ? 'chunked' : { length: Number(length) };
}

/** `head`: of Latin-1. */
function joined(head: string, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 0, 'latin1');
  bytes.set(body, head.length);
  return bytes;
}
