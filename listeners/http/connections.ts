// The connections of an HTTP listener: whose each is, which of its responses is due, and how it ends. Promises that the
// requests of one HTTP/1 connection are served one by one, and none behind a refusal or a response that ends it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Peer } from '../../routing/message-view.ts';
import { GatewayError } from '../../src/errors.ts';
import { hasNoPeer, isReset } from '../../src/mllp/graceful-close.ts';
import { clearInterval, setInterval } from '../../src/platform/time.ts';
import type { Incoming } from './client-request.ts';
import { breakOff, httpRefusalBytes, refuse } from './client-response.ts';
import { MAX_STREAMS } from './http-server.ts';
import { closeLingering, isDeaf, resetConnection, stopParsing } from './lingering-close.ts';

export interface ConnectionsOptions {
  readonly peerOf: (socket: Socket) => Peer;
  /** Of HTTP/2; for HTTP/1 the server has it. */
  readonly keepAliveMs: number;
  /** F69: a client that takes nothing of what is written to it. */
  readonly readMs: number;
  /** While the listener closes: for a request that has begun. */
  readonly headersMs: number;
  /** So many have a place; those beyond are told that there is none (F103). */
  readonly max: number;
  /** `incoming`: the request that it happened to, where there is one. */
  readonly onFault: (error: GatewayError, peer: Peer, incoming?: Incoming) => void;
}

interface Connection {
  readonly socket: Socket;
  readonly peer: Peer;
  isV2: boolean;
  session: ServerHttp2Session | undefined;
  /** It counts towards the limit. It does not before there was a place for it, nor once it had to make place. */
  hasPlace: boolean;
  /** How many so far. */
  requests: number;
  /** That number at the last check. */
  seen: number;
  /** Checks in a row at which nothing was due, and none had been asked for since the one before. */
  quiet: number;
  /** To its latest request, over HTTP/1. */
  last: ServerResponse | undefined;
  /** Requests that came before the response to the one before them was written. */
  waiting: number;
  /** Checks in a row, while the listener closes, at which nothing was due. */
  idle: number;
  /** It has asked for another protocol: nobody reads it while it has said too much, or the node of its tunnel takes nothing. */
  upgrades: boolean;
}

interface Session {
  readonly peer: Peer;
  readonly connection: Connection | undefined;
  /** To its requests, until their streams are gone. */
  readonly responses: Set<Http2ServerResponse>;
  /** Checks in a row, once it takes no more requests, at which there was none. */
  idle: number;
}

/** How often clients are looked at that do not read, so that their deadline may be exceeded by as much. */
const CHECK_MS = 1_000;
/** As many as HTTP/2 allows: what waits is held, parsed, in memory. Browsers pipeline nothing. */
const MAX_PIPELINED = MAX_STREAMS;
/** F103: connections beyond the limit that are told of it. Those beyond these are dropped by Node.js. */
export const MAX_SURPLUS = 64;
/** A connection beyond the limit has so many checks, some seconds, for its request; then it is told all the same. */
const SURPLUS_CHECKS = 3;
const NOBODY: Peer = { address: '', port: 0 };

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #connections = new Map<Socket, Connection>();
  /** By the client's address and port: an HTTP/2 session hides its socket behind a stand-in. */
  readonly #named = new Map<string, Connection>();
  readonly #sessions = new Map<ServerHttp2Session, Session>();
  /** Of the connections: how many have a place. */
  #placed = 0;
  #timer: NodeJS.Timeout | undefined;
  #closing = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#connections.size;
  }

  watch(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
    this.#timer.unref();
  }

  admit(socket: Socket): void {
    // F116: Node.js takes its own listener away where a request wants a tunnel; and then an error would end the process.
    socket.on('error', ignore);
    // Refused by the acceptor.
    if (socket.destroyed) return;
    const name = nameOf(socket);
    const connection: Connection = {
      socket,
      peer: this.#options.peerOf(socket),
      isV2: false,
      session: undefined,
      hasPlace: false,
      requests: 0,
      seen: 0,
      quiet: 0,
      last: undefined,
      waiting: 0,
      idle: 0,
      upgrades: false,
    };
    if (this.#placed < this.#options.max) this.#place(connection);
    this.#connections.set(socket, connection);
    socket.once('end', () => destroyIfReset(socket));
    this.#named.set(name, connection);
    socket.once('close', () => {
      this.#displace(connection);
      this.#connections.delete(socket);
      if (this.#named.get(name) === connection) this.#named.delete(name);
      if (this.#connections.size === 0) this.#onEmpty?.();
    });
  }

  admitSession(session: ServerHttp2Session): void {
    const { socket } = session;
    const known = socket && this.#named.get(nameOf(socket));
    if (known !== undefined) {
      known.isV2 = true;
      known.session = session;
    }
    const entry: Session = {
      peer: known?.peer ?? NOBODY,
      connection: known,
      responses: new Set(),
      idle: 0,
    };
    this.#sessions.set(session, entry);
    session.once('close', () => this.#sessions.delete(session));
    session.setTimeout(this.#options.keepAliveMs, () => closeSession(session));
    if (this.#closing) closeSession(session);
  }

  peerOf(incoming: Incoming): Peer {
    if (!('stream' in incoming)) return this.#connections.get(incoming.socket)?.peer ?? NOBODY;
    return this.#sessionOf(incoming)?.peer ?? NOBODY;
  }

  /** A request of HTTP/2, whose streams need not wait for each other. */
  began(incoming: Http2ServerRequest, response: Http2ServerResponse): void {
    const session = this.#sessionOf(incoming);
    if (session === undefined) return;
    session.responses.add(response);
    if (session.connection !== undefined) session.connection.requests++;
    response.once('close', () => session.responses.delete(response));
  }

  #sessionOf({ stream }: Http2ServerRequest): Session | undefined {
    return stream.session && this.#sessions.get(stream.session as ServerHttp2Session);
  }

  /** A response of this connection is due or under way. */
  isBusy(socket: Socket): boolean {
    const last = this.#connections.get(socket)?.last;
    return last !== undefined && !last.writableFinished;
  }

  /** The response to a request for another protocol, which Node.js has not made. */
  expect(socket: Socket, response: ServerResponse): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    connection.last = response;
    connection.requests++;
    connection.upgrades = true;
  }

  /**
   * F103: whether the connection of this request has a place. It gets one that is free by now, or that of the one which
   * has been idle for longest. Otherwise this is its last request.
   */
  hasPlace(incoming: Incoming): boolean {
    const connection =
      'stream' in incoming ? this.#sessionOf(incoming)?.connection : this.#connections.get(incoming.socket);
    if (connection === undefined || connection.hasPlace) return true;
    if (this.#placed < this.#options.max || this.#makePlace()) {
      this.#place(connection);
      return true;
    }
    if (connection.session !== undefined) closeSession(connection.session);
    return false;
  }

  #place(connection: Connection): void {
    connection.hasPlace = true;
    this.#placed++;
  }

  #displace(connection: Connection): void {
    if (!connection.hasPlace) return;
    connection.hasPlace = false;
    this.#placed--;
  }

  /** Ends a connection without anything due, as it would end at its keep-alive timeout. */
  #makePlace(): boolean {
    let longest: [Socket, Connection] | undefined;
    for (const entry of this.#connections) {
      const [socket, connection] = entry;
      // Behind its last check it may have been asked for something.
      if (!connection.hasPlace || connection.requests !== connection.seen || this.#isDue(socket, connection))
        continue;
      if (connection.quiet > (longest?.[1].quiet ?? 0)) longest = entry;
    }
    if (longest === undefined) return false;
    const [socket, connection] = longest;
    this.#displace(connection);
    if (connection.session === undefined) closeLingering(socket);
    else closeSession(connection.session);
    return true;
  }

  /** A response is due or under way. */
  #isDue(socket: Socket, { session }: Connection): boolean {
    if (session === undefined) return this.isBusy(socket);
    return isActive(this.#sessions.get(session));
  }

  /** F103: a connection without a place that has asked for nothing. */
  #endSurplus(socket: Socket, { session, last, quiet }: Connection): void {
    if (quiet < SURPLUS_CHECKS) return;
    // A session waits for its streams.
    if (session !== undefined && quiet === SURPLUS_CHECKS) closeSession(session);
    else if (session !== undefined) session.destroy();
    else if (last === undefined && !isDeaf(socket))
      this.refuse(socket, new GatewayError('GW_ERR_SENDER_LIMIT'));
  }

  /** Calls `serve` when all requests before this one have been answered; never, if the connection ends with one of them. */
  inTurn(incoming: IncomingMessage, response: ServerResponse, serve: () => void): void {
    const { socket } = incoming;
    const connection = this.#connections.get(socket);
    // The parser goes on with what it has, while the connection's last response is written already.
    if (connection === undefined || socket.destroyed || isDeaf(socket)) return;
    connection.last = response;
    connection.requests++;
    // Node.js gives a response its socket when its turn comes.
    if (response.socket !== null) {
      serve();
      return;
    }
    connection.waiting++;
    if (connection.waiting > MAX_PIPELINED) {
      this.#options.onFault(
        new GatewayError('GW_ERR_HTTP_REQUEST', { detail: 'pipelined' }),
        connection.peer,
        incoming,
      );
      socket.destroy();
      return;
    }
    response.once('socket', () => {
      connection.waiting--;
      // It has been refused in the meantime if its body made no sense.
      if (!response.writableEnded) serve();
    });
  }

  /** What came makes no request: nothing that follows is looked at, and what is due is written before the connection ends. */
  refuse(socket: Socket, error: GatewayError): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) {
      socket.destroy();
      return;
    }
    const { last } = connection;
    this.#options.onFault(error, connection.peer, last?.req.complete === false ? last.req : undefined);
    stopParsing(socket);
    if (last === undefined || last.writableFinished) {
      socket.write(httpRefusalBytes(error));
      closeLingering(socket);
    } else if (!last.req.complete) {
      // It is this request's body. A response that is whole, as a refusal is, goes out all the same.
      if (last.writableEnded) last.once('finish', () => closeLingering(socket));
      else if (last.headersSent) breakOff(last);
      else refuse(last, error, true);
    } else {
      // Behind a CONNECT Node.js tells nobody any more.
      socket.on('drain', () => last.emit('drain'));
      last.once('finish', () => {
        if (socket.writable) socket.write(httpRefusalBytes(error));
        closeLingering(socket);
      });
    }
  }

  /** Ends those that have nothing due, and the others when they have. Resolves when there are none. */
  async drain(): Promise<void> {
    this.#closing = true;
    for (const session of this.#sessions.keys()) closeSession(session);
    for (const [socket, connection] of this.#connections) {
      const { last } = connection;
      if (last === undefined || last.writableFinished) continue;
      // Its headers may have been sent without saying so.
      last.once('finish', () => {
        if (connection.last === last) closeLingering(socket);
      });
    }
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  destroy(): void {
    clearInterval(this.#timer);
    for (const session of this.#sessions.keys()) session.destroy();
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  /** Behind a socket's timeout, which is that of a connection without requests, or set by `#check`. */
  onTimeout(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (socket.writableLength > 0) {
      this.#options.onFault(new GatewayError('GW_ERR_SENDER_NOT_READING'), connection?.peer ?? NOBODY);
      resetConnection(socket);
    } else if (this.isBusy(socket)) socket.setTimeout(0);
    else socket.destroy();
  }

  #check(): void {
    for (const [session, entry] of this.#sessions) {
      // It waits for its streams, and one may never have got beyond its headers.
      if (!session.closed || isActive(entry)) entry.idle = 0;
      else if (++entry.idle * CHECK_MS > this.#options.headersMs) {
        // F115: Node.js ends the connection, and then waits for a client that never ends its own side.
        if (session.destroyed) entry.connection?.socket.destroy();
        else session.destroy();
      }
    }
    for (const [socket, connection] of this.#connections) {
      if (isGone(connection)) socket.destroy();
      const isQuiet = connection.requests === connection.seen && !this.#isDue(socket, connection);
      connection.quiet = isQuiet ? connection.quiet + 1 : 0;
      connection.seen = connection.requests;
      if (!connection.hasPlace) this.#endSurplus(socket, connection);
      // Node.js counts from when the reader last took some.
      if (socket.writableLength > 0 && (socket.timeout ?? 0) === 0) socket.setTimeout(this.#options.readMs);
      // A server that closes looks after no deadlines any more.
      if (!this.#closing || connection.isV2 || connection.last?.writableFinished === false)
        connection.idle = 0;
      else if (++connection.idle * CHECK_MS > this.#options.headersMs) closeLingering(socket);
    }
  }
}

/** F68, F115: nothing in its stream may tell so. One that was ended here may have been taken whole, and still be read. */
function isGone({ socket, isV2, upgrades }: Connection): boolean {
  if (isV2 || (upgrades && !socket.writableEnded)) return hasNoPeer(socket);
  return isReset(socket);
}

/** F68: who has only ended its side waits for its answer (F102), and who has reset the connection does not. */
function destroyIfReset(socket: Socket): void {
  if (isReset(socket)) socket.destroy();
}

/**
 * A response is due or under way. F115: behind a frame that makes no sense nghttp2 neither reads nor writes any more, and
 * Node.js does not say so; streams that are cancelled then are closed, and never gone.
 */
function isActive(session: Session | undefined): boolean {
  for (const { stream } of session?.responses ?? []) if (!stream.closed && !stream.destroyed) return true;
  return false;
}

/** Lets what is under way end, and takes no more. */
function closeSession(session: ServerHttp2Session): void {
  if (!session.closed && !session.destroyed) session.close();
}

function nameOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}

/** 'close' follows and says it all. */
function ignore(): void {}
