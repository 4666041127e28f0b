// What goes to one node of a TCP pool: connections, each for one sender's connection and for as long as that is open. Promises that a
// place is taken from the dial to the end, that no more are taken than there are, and to tell the node's owner what came of each.
import type { Socket } from 'node:net';
import { GatewayError } from '../../errors.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import type { Delivery } from '../delivery.ts';
import { type DialTls, dial } from '../dial.ts';
import { dialFor, isOfOneClient, type PerClient } from '../per-client.ts';
import { type ProxiedConnection, type ProxyProtocolVersion, proxyHeader } from '../proxy-header.ts';
import type { Upstream, UpstreamOwner } from '../upstream.ts';

export interface TcpUpstreamOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** Where connections come from. Undefined: the system picks an address. */
  readonly source?: string | undefined;
  readonly tls: DialTls | undefined;
  /** The node is told whose each connection is. */
  readonly proxyProtocol?: ProxyProtocolVersion | undefined;
  readonly maxConnections: number;
  readonly connectMs: number;
  /** Where the node is taken out of the config: how long its connections go on. */
  readonly leaveMs: number;
  /** Its connections come from the addresses of those that they are for. */
  readonly perClient?: PerClient | undefined;
}

/** Whoever has a place at a node. */
export interface PlaceHolder {
  /** Of the sender, as the listener trusts it. */
  readonly clientAddress?: string | undefined;
  readonly proxied?: ProxiedConnection | undefined;
  /** The node's connection, which nobody listens to yet. */
  onConnected(socket: Socket, connectMs: number): void;
  /** The dial failed; the place is given back. */
  onDialFailed(error: GatewayError): void;
  /** The node is gone from the config, and time is over. */
  onCut(): void;
}

/** A node that has kept a connection for so long has taken it, whether it says something or not. */
const KEPT_MS = 2_000;

export class TcpUpstream implements Upstream {
  readonly #options: TcpUpstreamOptions;
  readonly #owner: UpstreamOwner;
  readonly #places = new Map<NodePlace, PlaceHolder>();
  #open = 0;
  /** Of dials under way: end one, and have its holder fail. */
  readonly #dialling = new Set<() => void>();
  #leaving: NodeJS.Timeout | undefined;

  constructor(options: TcpUpstreamOptions, owner: UpstreamOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  get inFlight(): number {
    return this.#places.size;
  }

  get hasRoom(): boolean {
    return this.#places.size < this.#options.maxConnections;
  }

  /** Of a connection that is closed at once nobody can tell whether that was the answer. */
  get isFull(): boolean {
    return false;
  }

  get openConnections(): number {
    return this.#open;
  }

  get isDialling(): boolean {
    return this.#dialling.size > 0;
  }

  /** The config leads no message here: it is refused, and no byte of it is sent. */
  send(delivery: Delivery): void {
    delivery.failed(
      new GatewayError('GW_ERR_INTERNAL', { node: this.#options.node, detail: 'its pool takes no messages' }),
    );
  }

  /** Takes a place and dials. Exactly one of `onConnected` and `onDialFailed` is called, unless the place ends before. */
  take(holder: PlaceHolder): NodePlace {
    const { node, host, port, source, tls, connectMs, perClient, proxyProtocol: version } = this.#options;
    const { from } = dialFor(perClient, holder.clientAddress);
    const header = version && proxyHeader(version, holder.proxied);
    const giveBack = (): void => {
      place.end();
      holder.onDialFailed(new GatewayError('GW_ERR_NODE_STALE', { node }));
    };
    this.#dialling.add(giveBack);
    const dialled = (): boolean => this.#dialling.delete(giveBack);
    const abort = dial(
      // Watched for no close, as a server may speak first, and what it says must not be read here.
      { node, host, port, source, tls, connectMs, settleMs: 0, from, proxyHeader: header && (() => header) },
      (socket, ms) => {
        dialled();
        this.#open++;
        socket.once('close', () => this.#open--);
        this.#owner.onReached();
        place.begin();
        holder.onConnected(socket, ms);
      },
      (error) => {
        dialled();
        place.end(error);
        holder.onDialFailed(error);
      },
    );
    const place = new NodePlace(
      () => this.#owner.onAnswered(),
      (failure) => {
        if (dialled()) abort();
        this.#places.delete(place);
        if (this.#places.size === 0) clearTimeout(this.#leaving);
        if (failure !== undefined && !isOfOneClient(failure, perClient, this.#open))
          this.#owner.onFailure(failure);
        this.#owner.onRoom();
      },
    );
    this.#places.set(place, holder);
    return place;
  }

  /** Connections that are there go on. */
  giveBack(): void {
    for (const giveBack of [...this.#dialling]) giveBack();
  }

  /** Nothing new is given to it. What is open goes on for as long as a shutdown would wait. */
  close(): void {
    if (this.#places.size === 0) return;
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => {
      for (const holder of [...this.#places.values()]) holder.onCut();
    }, this.#options.leaveMs).unref();
  }
}

/** What one sender's connection has at a node. */
export class NodePlace {
  readonly #onAnswered: () => void;
  readonly #onEnd: (failure: GatewayError | undefined) => void;
  #timer: NodeJS.Timeout | undefined;
  #hasAnswered = false;
  #hasEnded = false;

  constructor(onAnswered: () => void, onEnd: (failure: GatewayError | undefined) => void) {
    this.#onAnswered = onAnswered;
    this.#onEnd = onEnd;
  }

  /** The node has taken the connection. */
  begin(): void {
    this.#timer = setTimeout(() => this.answered(), KEPT_MS).unref();
  }

  /** The node has sent something, or has kept the connection: it works. */
  answered(): void {
    if (this.#hasAnswered || this.#hasEnded) return;
    this.#hasAnswered = true;
    clearTimeout(this.#timer);
    this.#onAnswered();
  }

  /** Gives it back; a dial under way ends. `failure`: says something of the node, which has not answered. May be called again. */
  end(failure?: GatewayError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#onEnd(this.#hasAnswered ? undefined : failure);
  }
}
