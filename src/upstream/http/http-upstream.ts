// What goes to one node over HTTP: proxied requests as they are, and HL7 messages as POSTs whose response's body is the
// acknowledgement. Promises to count each, and to tell the node's owner what came of it.
import type { OnReadOpts, Socket } from 'node:net';
import { asGatewayError, GatewayError } from '../../errors.ts';
import type { MatchMode } from '../../hl7/answers.ts';
import type { Channel, Delivery } from '../delivery.ts';
import { type DialTls, dial } from '../dial.ts';
import { dialFor, isOfOneClient, type PerClient } from '../per-client.ts';
import type { Upstream, UpstreamOwner } from '../upstream.ts';
import { ConnectionPool } from './connection-pool.ts';
import { type DedicatedHandler, sendAlone } from './dedicated-request.ts';
import { HttpDelivery, type HttpDeliveryOptions } from './http-delivery.ts';
import { type NodeRequest, type NodeResponseHandler, nodeError } from './node-request.ts';

export interface HttpUpstreamOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** Where connections come from. Undefined: the system picks an address. */
  readonly source?: string | undefined;
  readonly tls: DialTls | undefined;
  /** Of the node's URL. */
  readonly path: string;
  readonly maxConnections: number;
  readonly idleMs: number;
  readonly connectMs: number;
  /** To a response's headers, and for silence within its body. */
  readonly ackMs: number;
  /** Of an answer to a message. */
  readonly maxAnswerBytes: number;
  /** Of messages. */
  readonly contentType: string;
  /** How MSA-2 is compared; `lenient`, unless said otherwise. */
  readonly match?: MatchMode;
  /** Requests that a connection carries before it is ended; undefined: any number. */
  readonly reuse?: number | undefined;
  /** Each connection is of one client address. */
  readonly perClient?: PerClient | undefined;
}

/** Far above what servers send; a node that sends more is not one. */
const MAX_RESPONSE_HEADER_BYTES = 256 * 1024;

/** There is no order to keep over HTTP: each message has a connection to itself. */
const CHANNEL: Channel = { takes: () => false };

export class HttpUpstream implements Upstream {
  readonly #options: HttpUpstreamOptions;
  readonly #owner: UpstreamOwner;
  readonly #pool: ConnectionPool;
  /** `host:port` as in a URL, for comparing with what the node says of itself. */
  readonly authority: string;
  readonly #deliveryOptions: HttpDeliveryOptions;
  /** Of requests that are to have a connection of their own: end the dial, and have the request fail unsent. */
  readonly #diallingAlone = new Set<() => void>();
  #inFlight = 0;
  #open = 0;

  constructor(options: HttpUpstreamOptions, owner: UpstreamOwner) {
    this.#options = options;
    this.#owner = owner;
    const { host: name, port } = options;
    this.authority = `${name.includes(':') ? `[${name}]` : name}:${port}`.toLowerCase();
    const isUsualPort = options.port === (options.tls === undefined ? 80 : 443);
    // As clients write it: without the port that its scheme has anyway.
    const host = isUsualPort ? this.authority.replace(/:\d+$/, '') : this.authority;
    this.#deliveryOptions = { ...options, authority: host };
    const { node, ackMs, idleMs, maxConnections, reuse, perClient } = options;
    this.#pool = new ConnectionPool(
      { node, ackMs, idleMs, maxConnections, reuse, perClient },
      (onread, client, done) => this.#dial(onread, client, done),
    );
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.#options.maxConnections;
  }

  /** Nothing tells a full web server from a slow one. */
  get isFull(): boolean {
    return false;
  }

  get openConnections(): number {
    return this.#open;
  }

  /** Sends an HL7 message. */
  send(delivery: Delivery): void {
    this.#inFlight++;
    delivery.assigned(CHANNEL, 0);
    const httpDelivery = new HttpDelivery(delivery, this.#deliveryOptions, (result) => {
      this.#inFlight--;
      if (!(result instanceof GatewayError)) this.#owner.onAnswered(result);
      else if (result.code !== 'GW_ERR_NODE_BUSY' && result.code !== 'GW_ERR_NODE_REFUSED')
        this.#failed(result);
      this.#owner.onRoom();
    });
    this.#pool.dispatch(httpDelivery.request, httpDelivery);
  }

  /** Sends a proxied request, which `occupy` has counted; `over` must be called once when it needs the node no more. */
  dispatch(request: NodeRequest, handler: NodeResponseHandler): void {
    this.#pool.dispatch(request, handler);
  }

  /** A request that is sent by other means counts among those in flight, until `over`. */
  occupy(): void {
    this.#inFlight++;
  }

  /** What came of a request that was counted by `occupy`; undefined: nothing that says anything of the node. */
  over(result: 'answered' | GatewayError | undefined): void {
    this.#inFlight--;
    if (result === 'answered') this.#owner.onAnswered();
    else if (result !== undefined) this.#failed(result);
    this.#owner.onRoom();
  }

  #failed(error: GatewayError): void {
    if (!isOfOneClient(error, this.#options.perClient, this.#open)) this.#owner.onFailure(error);
  }

  /** What went wrong with a request, in the gateway's words. `sent`: it may have been written. */
  error(thrown: unknown, sent: boolean): GatewayError {
    return nodeError(thrown, sent, this.#options.node);
  }

  /** The same on a connection of its own, which may become a tunnel. */
  dispatchAlone(request: NodeRequest, handler: DedicatedHandler): void {
    const giveBack = (): void => {
      abort();
      this.#diallingAlone.delete(giveBack);
      handler.onResponseError(undefined, new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
    };
    this.#diallingAlone.add(giveBack);
    const abort = this.#dial(undefined, request.clientAddress, (dialled) => {
      this.#diallingAlone.delete(giveBack);
      if (dialled instanceof GatewayError) {
        handler.onResponseError(undefined, dialled);
        return;
      }
      const timeoutMs = request.timeoutMs ?? this.#options.ackMs;
      try {
        sendAlone(dialled, request, timeoutMs, MAX_RESPONSE_HEADER_BYTES, handler);
      } catch (thrown) {
        dialled.destroy();
        handler.onResponseError(undefined, asGatewayError(thrown));
      }
    });
  }

  retire(): void {
    this.#pool.retire();
  }

  /** What is written is answered. */
  giveBack(): void {
    this.#pool.giveBack();
    for (const giveBack of [...this.#diallingAlone]) giveBack();
  }

  /** Requests under way end first; at the end of a shutdown the process ends with the rest. */
  close(): void {
    this.#pool.close();
  }

  #dial(
    onread: OnReadOpts | undefined,
    client: string | undefined,
    done: (dialled: Socket | GatewayError) => void,
  ): () => void {
    const { node, host, port, source, tls, connectMs, perClient } = this.#options;
    const own = dialFor(perClient, client);
    return dial(
      { node, host, port, source, tls, connectMs, settleMs: 0, ...own, ...(onread && { onread }) },
      (socket) => {
        this.#open++;
        socket.once('close', () => this.#open--);
        this.#owner.onReached();
        done(socket);
      },
      done,
    );
  }
}
