// A wire on the handle below a socket, past its streams: a read makes no object but the bytes' own, a write that is done at
// once makes none. The end of the other side, errors and the close are told by the socket as ever.
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { setImmediate } from '../../platform/time.ts';
import { isTlsSocket } from '../../tls-kinds.ts';
import { binding, type Handle, handleOf, touch, type WriteRequest } from './node-handles.ts';
import type { Sent, Wire, WireUser } from './wire.ts';

/** What the last call of a handle came to is told there. */
const STATE = binding?.streamBaseState ?? new Int32Array(8);
const READ_BYTES = binding?.kReadBytesOrError ?? 0;
const WAS_ASYNC = binding?.kLastWriteWasAsync ?? 0;

/** All connections read into it, one at a time; as much as one system call brings. */
const RECEIVED = Buffer.allocUnsafeSlow(64 * 1024);
/** From here on the bytes are lent: a copy of so many is memory of its own, which V8 has to collect. */
const LENT_BYTES = 16 * 1024;
/** Parts up to this are copied together, which is cheaper than a list of them. */
const GATHER_BYTES = 64 * 1024;
/**
 * Of what is larger, so much is handed over in one turn of the event loop: the kernel may take 8 MB at once, which takes it milliseconds. Not
 * over TLS: where a write fails at once there, Node.js tells nobody, and it is the rest of a large one that tells.
 */
const PORTION_BYTES = 1024 * 1024;
/** What waits beyond this is more than the peer can take at the moment, as with the streams of Node.js. */
const BACKED_UP_BYTES = 64 * 1024;

/** What waits behind a write that is under way. Without parts: somebody only wants to know. */
interface Waiting {
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  readonly sent: Sent | undefined;
}

/** Where parts are gathered; another one takes its place where the operating system has not taken them at once. */
let gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);
/** Of a write that was done at once, for the next one. */
let spareRequest: WriteRequest | undefined;

export class HandleWire implements Wire {
  readonly #socket: Socket;
  readonly #portionBytes: number;
  #user: WireUser = { onBytes: () => {} };
  readonly #handle: Handle;
  /** What Node.js does where nothing is read any more. */
  readonly #onEnded: Handle['onread'];
  #isPaused = false;
  /** Came before it was opened, or after TLS was told to stop: that goes on handing over what it has read. */
  #held: Buffer[] = [];
  /** The peer has ended, or the connection has failed, behind those: as the handle said it. */
  #heldEnd: number | undefined;
  /** Handed to the operating system, which has not taken all: so many bytes, and who is to be told. One at a time. */
  #sending: { readonly bytes: number; readonly sent: Sent | undefined } | undefined;
  #waiting: Waiting[] = [];
  #unsent = 0;
  #isBackedUp = false;
  #isClosed = false;
  /** Sends FIN, when all is sent. */
  #end: (() => void) | undefined;

  /** Undefined: what is below the socket is not as it should be. */
  static take(socket: Socket): HandleWire | undefined {
    if (binding === undefined || socket.destroyed || socket.connecting) return undefined;
    if (socket.readableEnded || socket.writableLength > 0 || socket.writableEnded) return undefined;
    const handle = handleOf(socket);
    return handle && new HandleWire(socket, handle);
  }

  private constructor(socket: Socket, handle: Handle) {
    this.#socket = socket;
    this.#portionBytes = isTlsSocket(socket) ? Number.POSITIVE_INFINITY : PORTION_BYTES;
    this.#handle = handle;
    this.#onEnded = handle.onread;
  }

  open(user: WireUser): void {
    const socket = this.#socket;
    const handle = this.#handle;
    this.#user = user;
    // What was put back behind a PROXY header, or came with the end of a handshake.
    const before: unknown = socket.read();
    handle.useUserBuffer(RECEIVED);
    handle.onread = this.#onRead;
    socket.once('close', () => this.#onClosed());
    if (before instanceof Buffer) {
      this.#held.push(before);
      process.nextTick(() => this.#handOn());
    } else this.#start();
  }

  get unsentBytes(): number {
    return this.#unsent;
  }

  get isBackedUp(): boolean {
    return this.#isBackedUp;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#isClosed || !this.#handle.reading) return;
    this.#handle.reading = false;
    this.#handle.readStop();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#handOn();
  }

  /** What was held first, and reads on. */
  #handOn(): void {
    while (!this.#isPaused && this.#held.length > 0) this.#user.onBytes(this.#held.shift() as Buffer, false);
    if (this.#isPaused) return;
    if (this.#heldEnd !== undefined) this.#tellEnd(this.#heldEnd);
    else this.#start();
  }

  #start(): void {
    if (this.#isClosed || this.#handle.reading) return;
    this.#handle.reading = true;
    const status = this.#handle.readStart();
    if (status < 0) this.#socket.destroy(systemError(status, 'read'));
  }

  /** A field, and no method: a handle calls it with nothing in between. */
  readonly #onRead = (): void => {
    const count = STATE[READ_BYTES] as number;
    if (count === 0 || this.#isClosed) return;
    const holds = this.#isPaused || this.#held.length > 0;
    if (count < 0) {
      if (holds) this.#heldEnd = count;
      else this.#tellEnd(count);
      return;
    }
    touch(this.#socket);
    if (count >= LENT_BYTES && !holds) {
      this.#user.onBytes(RECEIVED.subarray(0, count), true);
      return;
    }
    const bytes = Buffer.allocUnsafe(count);
    RECEIVED.copy(bytes, 0, 0, count);
    if (holds) this.#held.push(bytes);
    else this.#user.onBytes(bytes, false);
  };

  /** Node.js goes on as if it had read so itself. */
  #tellEnd(status: number): void {
    this.#heldEnd = undefined;
    if (this.#isClosed) return;
    STATE[READ_BYTES] = status;
    Reflect.apply(this.#onEnded, this.#handle, []);
    // Its stream ends only while it is read.
    this.#socket.resume();
  }

  write(first: Buffer, more: readonly Buffer[] | undefined, bytes: number, sent: Sent | undefined): boolean {
    if (this.#isClosed || this.#socket.destroyed) {
      sent?.(new Error('destroyed'));
      return false;
    }
    if (this.#sending !== undefined) {
      this.#waiting.push({ parts: more === undefined ? [first] : [first, ...more], bytes, sent });
      this.#add(bytes);
      return false;
    }
    if (more === undefined) return this.#hand(first, bytes, sent);
    if (bytes > GATHER_BYTES) return this.#hand([first, ...more], bytes, sent);
    first.copy(gathered, 0);
    let at = first.length;
    for (const part of more) {
      part.copy(gathered, at);
      at += part.length;
    }
    const isSent = this.#hand(gathered.subarray(0, bytes), bytes, sent);
    if (this.#sending !== undefined) gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);
    return isSent;
  }

  whenSent(sent: Sent): void {
    if (this.#isClosed || this.#sending === undefined) sent();
    else this.#waiting.push({ parts: [], bytes: 0, sent });
  }

  end(done: () => void): void {
    this.#end = () => this.#socket.end(done);
    if (this.#sending === undefined) this.#end();
  }

  #hand(what: Buffer | readonly Buffer[], bytes: number, sent: Sent | undefined): boolean {
    if (bytes <= this.#portionBytes) return this.#handAll(what, bytes, sent);
    const [portion, rest] = splitAt(what instanceof Uint8Array ? [what] : what, PORTION_BYTES);
    const left = bytes - PORTION_BYTES;
    this.#waiting.unshift({ parts: rest, bytes: left, sent });
    this.#add(left);
    if (this.#handAll(portion, PORTION_BYTES, undefined)) {
      // Taken at once: the others have their turn before the next.
      this.#sending = { bytes: PORTION_BYTES, sent: undefined };
      this.#add(PORTION_BYTES);
      setImmediate(() => this.#onSent(0));
    }
    return false;
  }

  #handAll(what: Buffer | readonly Buffer[], bytes: number, sent: Sent | undefined): boolean {
    const request = spareRequest ?? newRequest();
    spareRequest = undefined;
    const status =
      what instanceof Uint8Array
        ? this.#handle.writeBuffer(request, what)
        : this.#handle.writev(request, what, true);
    touch(this.#socket);
    if (status !== 0) {
      const error = systemError(status, 'write');
      this.#socket.destroy(error);
      sent?.(error);
      return false;
    }
    if (STATE[WAS_ASYNC] === 0) {
      spareRequest = request;
      return true;
    }
    request.bytes = what;
    request.oncomplete = (ended) => this.#onSent(ended);
    this.#sending = { bytes, sent };
    this.#add(bytes);
    return false;
  }

  #onSent(status: number): void {
    const done = this.#sending;
    if (this.#isClosed || done === undefined) return;
    if (status < 0) {
      // The socket's close tells all.
      this.#socket.destroy(systemError(status, 'write'));
      return;
    }
    this.#sending = undefined;
    this.#unsent -= done.bytes;
    if (this.#waiting.length > 0) this.#sendWaiting();
    done.sent?.();
    if (this.#sending !== undefined || this.#isClosed) return;
    if (this.#isBackedUp) {
      this.#isBackedUp = false;
      this.#user.onDrain?.();
    }
    this.#end?.();
  }

  /** All of it in one; but what is left of something large by itself. */
  #sendWaiting(): void {
    const [first] = this.#waiting;
    if (first !== undefined && first.bytes > this.#portionBytes) {
      this.#waiting.shift();
      this.#unsent -= first.bytes;
      this.#hand(first.parts, first.bytes, first.sent);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    const parts = waiting.flatMap((write) => write.parts);
    const bytes = waiting.reduce((sum, write) => sum + write.bytes, 0);
    this.#unsent -= bytes;
    const tellAll: Sent = (error) => {
      for (const { sent } of waiting) sent?.(error);
    };
    if (parts.length === 0) tellAll();
    else if (this.#hand(parts, bytes, tellAll)) tellAll();
  }

  #add(bytes: number): void {
    this.#unsent += bytes;
    if (this.#unsent >= BACKED_UP_BYTES) this.#isBackedUp = true;
  }

  #onClosed(): void {
    this.#isClosed = true;
    this.#held = [];
    const error = this.#socket.errored ?? new Error('closed');
    const lost = [this.#sending, ...this.#waiting.splice(0)];
    this.#sending = undefined;
    this.#unsent = 0;
    for (const write of lost) write?.sent?.(error);
  }
}

/** What there is of these up to so many bytes, and the rest; there are more. */
function splitAt(parts: readonly Buffer[], bytes: number): [Buffer[], Buffer[]] {
  const head: Buffer[] = [];
  let left = bytes;
  for (const [i, part] of parts.entries()) {
    if (part.length > left) {
      head.push(part.subarray(0, left));
      return [head, [part.subarray(left), ...parts.slice(i + 1)]];
    }
    head.push(part);
    left -= part.length;
  }
  return [head, []];
}

function newRequest(): WriteRequest {
  if (binding === undefined) throw new TypeError('no handles');
  return new binding.WriteWrap();
}

function systemError(status: number, syscall: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno: status, syscall });
}
