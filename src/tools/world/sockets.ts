// Sockets and servers as the gateway knows them, on the simulated network: streams of Node.js, with what it uses of net.Socket and
// net.Server. Promises: events come in the order in which Node.js has them.
import { EventEmitter } from 'node:events';
import type { ListenOptions, NetConnectOpts, OnReadOpts, Server, ServerOpts, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Acceptor, End, EndUser, Network } from './network.ts';
import type { SimulatedTimer } from './virtual-time.ts';

type Done = (error?: Error | null) => void;

function systemError(code: string, call: string): Error {
  return Object.assign(new Error(`${call} ${code}`), { code, syscall: call });
}

export class SimulatedSocket extends Duplex implements EndUser {
  connecting: boolean;
  bytesRead = 0;
  bytesWritten = 0;
  timeout: number | undefined;
  #end: End | undefined;
  #blocked: Done | undefined;
  #idle: SimulatedTimer | undefined;
  #activeAt = 0;
  readonly #network: Network;
  readonly #onread: OnReadOpts | undefined;

  constructor(network: Network, end: End | undefined, allowHalfOpen: boolean, onread?: OnReadOpts) {
    super({
      ...{ allowHalfOpen, autoDestroy: true, emitClose: true, decodeStrings: true },
      writableHighWaterMark: network.windowBytes,
    });
    this.#network = network;
    this.#end = end;
    this.#onread = onread;
    this.connecting = end === undefined;
  }

  dial(host: string, address: string): this {
    this.#end = this.#network.connect(host, address, this);
    return this;
  }

  get remoteAddress(): string | undefined {
    return this.#end?.peer?.host;
  }

  get remotePort(): number | undefined {
    return this.#end?.peer?.port;
  }

  get remoteFamily(): string {
    return 'IPv4';
  }

  get localAddress(): string | undefined {
    return this.#end?.host;
  }

  get localPort(): number | undefined {
    return this.#end?.port;
  }

  get pending(): boolean {
    return this.connecting;
  }

  get readyState(): string {
    return this.connecting ? 'opening' : this.destroyed ? 'closed' : 'open';
  }

  address(): object {
    return { address: this.localAddress, port: this.localPort, family: 'IPv4' };
  }

  onConnected(): void {
    if (this.destroyed) return;
    this.connecting = false;
    this.#touch();
    this.emit('connect');
    this.emit('ready');
  }

  onBytes(bytes: Buffer): void {
    this.bytesRead += bytes.length;
    this.#touch();
    if (this.#onread !== undefined) {
      this.#readInto(this.#onread, bytes);
      return;
    }
    if (!this.push(bytes)) this.#end?.pause();
  }

  onEnd(): void {
    this.push(null);
    // As Node.js does where nobody reads: the end is seen all the same.
    if (this.#onread !== undefined) this.resume();
  }

  onGone(code: string): void {
    this.destroy(systemError(code, this.connecting ? 'connect' : 'read'));
  }

  onRoom(): void {
    const blocked = this.#blocked;
    this.#blocked = undefined;
    this.#touch();
    blocked?.();
  }

  override _read(): void {
    this.#end?.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    if (this.connecting) {
      this.once('connect', () => this._final(done));
      return;
    }
    this.#end?.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#idle?.cancel();
    this.connecting = false;
    this.#end?.close();
    const blocked = this.#blocked;
    this.#blocked = undefined;
    blocked?.(error ?? systemError('ECANCELED', 'write'));
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  setTimeout(ms: number, callback?: () => void): this {
    if (callback !== undefined) {
      if (ms > 0) this.once('timeout', callback);
      else this.off('timeout', callback);
    }
    this.timeout = ms;
    this.#idle?.cancel();
    this.#idle = undefined;
    this.#activeAt = this.#network.time.nowMs;
    if (ms > 0) this.#watch(ms);
    return this;
  }

  resetAndDestroy(): this {
    this.#end?.reset();
    this.destroy();
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  #send(chunks: readonly Buffer[], done: Done): void {
    if (this.connecting) {
      this.once('connect', () => this.#send(chunks, done));
      return;
    }
    const end = this.#end;
    if (end === undefined || end.isGone) {
      done(systemError('EPIPE', 'write'));
      return;
    }
    this.#touch();
    for (const chunk of chunks) {
      this.bytesWritten += chunk.length;
      // What it is given may be used again once it has been taken.
      end.write(Buffer.from(chunk));
    }
    if (end.isFull) this.#blocked = done;
    else done();
  }

  #readInto({ buffer, callback }: OnReadOpts, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const into = typeof buffer === 'function' ? buffer() : buffer;
      const size = Math.min(into.byteLength, bytes.length - at);
      into.set(bytes.subarray(at, at + size));
      at += size;
      if (callback(size, into) === false) this.#end?.pause();
    }
  }

  #touch(): void {
    this.#activeAt = this.#network.time.nowMs;
    if (this.#idle === undefined && !this.destroyed && (this.timeout ?? 0) > 0)
      this.#watch(this.timeout ?? 0);
  }

  /** As in Node.js it fires once, and again only after something was read or written. */
  #watch(ms: number): void {
    this.#idle = this.#network.time.timer(
      () => {
        const leftMs = this.#activeAt + (this.timeout ?? 0) - this.#network.time.nowMs;
        if (leftMs > 1) this.#watch(leftMs);
        else {
          this.#idle = undefined;
          this.emit('timeout');
        }
      },
      ms,
      false,
    );
  }
}

export class SimulatedServer extends EventEmitter implements Acceptor {
  maxConnections: number | undefined;
  listening = false;
  readonly allowHalfOpen: boolean;
  readonly #network: Network;
  readonly #host: string;
  #port = 0;
  #sockets = 0;
  #onClosed: (() => void)[] = [];

  constructor(network: Network, host: string, options: ServerOpts, onConnection: (socket: Socket) => void) {
    super();
    this.#network = network;
    this.#host = host;
    this.allowHalfOpen = options.allowHalfOpen === true;
    this.on('connection', onConnection);
  }

  listen({ port, reusePort }: ListenOptions, onListening?: () => void): this {
    if (onListening !== undefined) this.once('listening', onListening);
    this.#port = port === undefined || port === 0 ? this.#network.nextPort() : port;
    const isFree = this.#network.listen(`${this.#host}:${this.#port}`, this, reusePort === true);
    this.#network.time.after(0, () => {
      if (!isFree) {
        this.emit('error', systemError('EADDRINUSE', 'listen'));
        return;
      }
      this.listening = true;
      this.emit('listening');
    });
    return this;
  }

  address(): object | null {
    return this.listening ? { address: this.#host, port: this.#port, family: 'IPv4' } : null;
  }

  accept(end: End): EndUser | undefined {
    if (this.#network.isFull(this.#host)) return undefined;
    if (this.maxConnections !== undefined && this.#sockets >= this.maxConnections) {
      this.emit('drop', { remoteAddress: end.peer?.host, remotePort: end.peer?.port });
      return undefined;
    }
    const socket = new SimulatedSocket(this.#network, end, this.allowHalfOpen);
    this.#sockets++;
    socket.once('close', () => {
      this.#sockets--;
      this.#tellIfClosed();
    });
    end.user = socket;
    this.emit('connection', socket);
    return socket;
  }

  close(done?: () => void): this {
    if (done !== undefined) this.#onClosed.push(done);
    if (this.listening) this.#network.close(`${this.#host}:${this.#port}`, this);
    this.listening = false;
    this.#network.time.after(0, () => this.#tellIfClosed());
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  getConnections(callback: (error: Error | null, count: number) => void): void {
    callback(null, this.#sockets);
  }

  #tellIfClosed(): void {
    if (this.listening || this.#sockets > 0) return;
    this.emit('close');
    for (const done of this.#onClosed.splice(0)) done();
  }
}

/** For the gateway on `host`. */
export function connectFrom(network: Network, host: string, options: NetConnectOpts): Socket {
  if (!('port' in options)) throw new Error('a simulated world has no sockets in its file system');
  const socket = new SimulatedSocket(network, undefined, options.allowHalfOpen === true, options.onread);
  socket.dial(host, `${options.host}:${options.port}`);
  return socket as unknown as Socket;
}

export function createServerOn(
  network: Network,
  host: string,
  options: ServerOpts,
  onConnection: (socket: Socket) => void,
): Server {
  return new SimulatedServer(network, host, options, onConnection) as unknown as Server;
}
