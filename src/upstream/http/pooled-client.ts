// One connection of a node's keep-alive pool: undici's client, and what that leaves out. Promises that a 100 (Continue)
// nobody asked for is passed on (RFC 9110 15.2), and to tell a response that ended from one that was cut off (F66).
import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';

export interface NodeResponseHandler extends Dispatcher.DispatchHandler {
  /** Set before the request begins; the handler calls its `begin` then. */
  connection?: NodeConnection | undefined;
  /** The node said 100 (Continue). */
  onContinue?(): void;
  /** What goes behind the request's body, names and values; asked when that has ended. */
  trailers?(): readonly string[];
}

/** A 103 (Early Hints) names what a page loads: a hundred links fit. */
const MAX_INTERIM_BYTES = 64 * 1024;
/** `HTTP/1.1 200`: where the status begins. */
const STATUS_AT = 9;
const MINOR_VERSION_AT = 7;
const HEAD_END = '\r\n\r\n';
/** As undici ends a body in chunks. */
const LAST_CHUNK = '\r\n0\r\n\r\n';
/** What its head says instead where such a body is empty. */
const NO_BYTES = /content-length: 0\r\n$/;

const NOTHING: readonly string[] = [];

type Written = (error?: Error | null) => void;

/** F97: closed so soon behind a response, it is that response's doing and not an idle limit. */
const SOON_MS = 100;

export class NodeConnection {
  /** Called when the node closes a connection right behind its first response, without having said so (F97). */
  readonly #onClosedBehind: () => void;
  #requests = 0;
  #readAt = 0;
  #socket: Socket | undefined;
  #handler: NodeResponseHandler | undefined;
  #held: Buffer | undefined;
  /** What is written is its. */
  #request: NodeResponseHandler | undefined;
  #isOld = false;

  constructor(onClosedBehind: () => void = () => {}) {
    this.#onClosedBehind = onClosedBehind;
  }

  /** The response that ended last was cut off by a reset, and one without a length only looks whole. */
  get isBroken(): boolean {
    return this.#socket !== undefined && this.#socket.errored !== null;
  }

  /** The response is one of HTTP/1.0, which has no Transfer-Encoding (RFC 9112 6.1). */
  get isOld(): boolean {
    return this.#isOld;
  }

  /**
   * undici reads with `read` alone, and what a request's response begins with goes past here. It writes with `write`
   * alone, bodies as bytes and all that frames them as text, and knows no trailers.
   */
  attach(socket: Socket): Socket {
    const read = socket.read.bind(socket);
    const write = socket.write.bind(socket);
    socket.read = (size) => {
      const bytes = read(size);
      if (bytes !== null) this.#readAt = performance.now();
      return this.#handler === undefined ? bytes : this.#screen(bytes);
    };
    socket.once('end', () => {
      const isBehind = this.#handler === undefined && performance.now() - this.#readAt < SOON_MS;
      if (this.#socket === socket && this.#requests === 1 && isBehind) this.#onClosedBehind();
    });
    this.#requests = 0;
    socket.write = (chunk: string | Uint8Array, encoding?: BufferEncoding | Written, done?: Written) => {
      const bytes = typeof chunk === 'string' && chunk.endsWith(HEAD_END) ? this.#withTrailers(chunk) : chunk;
      return typeof encoding === 'string' ? write(bytes, encoding, done) : write(bytes, encoding);
    };
    this.#socket = socket;
    this.#handler = undefined;
    this.#held = undefined;
    return socket;
  }

  /** A request is about to be written: what is read next is its response's start. */
  begin(handler: NodeResponseHandler): void {
    this.#requests++;
    this.#handler = handler;
    this.#request = handler;
    this.#held = undefined;
  }

  /** RFC 9112 7.1.2. `text`: ends a body in chunks, or the head of a request without one. */
  #withTrailers(text: string): string {
    const fields = this.#request?.trailers?.() ?? NOTHING;
    if (fields.length === 0) return text;
    let section = '0\r\n';
    for (let i = 0; i < fields.length; i += 2) section += `${fields[i]}: ${fields[i + 1]}\r\n`;
    if (text === LAST_CHUNK) return `\r\n${section}\r\n`;
    const head = text.slice(0, -2).replace(NO_BYTES, '');
    return `${head}transfer-encoding: chunked\r\n\r\n${section}\r\n`;
  }

  /** Takes interim responses one by one, until a final one begins. */
  #screen(read: Buffer | null): Buffer | null {
    let bytes = this.#held;
    if (read !== null) bytes = bytes === undefined ? read : Buffer.concat([bytes, read]);
    while (bytes !== undefined && bytes.length > STATUS_AT) {
      if (bytes[STATUS_AT] !== 0x31) {
        this.#isOld = bytes[MINOR_VERSION_AT] === 0x30;
        return this.#letPass(bytes);
      }
      const end = bytes.indexOf(HEAD_END);
      if (end < 0) {
        // Whatever is too long for undici is an error there.
        if (bytes.length > MAX_INTERIM_BYTES) return this.#letPass(bytes);
        break;
      }
      const head = bytes.subarray(0, end + HEAD_END.length);
      const rest = bytes.length === head.length ? undefined : bytes.subarray(head.length);
      const start = head.toString('latin1', 0, STATUS_AT + 4);
      // What is none at all is undici's to judge.
      if (!/^HTTP\/1\.1 1\d\d[ \r]$/.test(start)) return this.#letPass(bytes);
      this.#held = rest;
      if (!start.startsWith('100', STATUS_AT)) return head;
      this.#handler?.onContinue?.();
      bytes = rest;
    }
    this.#held = bytes;
    return null;
  }

  #letPass(bytes: Buffer): Buffer {
    this.#handler = undefined;
    this.#held = undefined;
    return bytes;
  }
}

export class PooledClient extends Client {
  readonly #connection: NodeConnection;

  /** `dial` calls back once, with a connected socket or with why there is none. */
  constructor(
    origin: URL,
    options: Omit<Client.Options, 'connect'>,
    dial: (done: (dialled: Socket | Error) => void) => void,
    onClosedBehind?: () => void,
  ) {
    const connection = new NodeConnection(onClosedBehind);
    super(origin, {
      ...options,
      connect: (_, done) =>
        dial((dialled) => {
          if (dialled instanceof Error) done(dialled, null);
          else done(null, connection.attach(dialled));
        }),
    });
    this.#connection = connection;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: NodeResponseHandler): boolean {
    handler.connection = this.#connection;
    return super.dispatch(options, handler);
  }
}
