// The connections to one node over HTTP: a keep-alive pool (undici's) behind the gateway's own dialling. Carries
// proxied requests as they are, and HL7 messages as POSTs whose response's body is the acknowledgement.
import type { Socket } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import { asGatewayError, GatewayError } from '../../errors.ts';
import type { MatchMode } from '../../hl7/answers.ts';
import type { Channel, Delivery } from '../delivery.ts';
import { type DialTls, dial } from '../dial.ts';
import type { Upstream, UpstreamOwner } from '../upstream.ts';
import { type DedicatedHandler, sendAlone } from './dedicated-request.ts';
import { HttpDelivery } from './http-delivery.ts';
import { type NodeRequest, nodeError } from './node-request.ts';
import { type NodeResponseHandler, PooledClient } from './pooled-client.ts';

export interface HttpUpstreamOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
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
}

/** Far above what servers send; a node that sends more is not one. */
const MAX_RESPONSE_HEADER_BYTES = 256 * 1024;

/** For a request that never began. */
const NO_CONTROLLER: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort: () => {},
  pause: () => {},
  resume: () => {},
};

/** There is no order to keep over HTTP: each message has a connection to itself. */
const CHANNEL: Channel = { takes: () => false };

export class HttpUpstream implements Upstream {
  readonly #options: HttpUpstreamOptions;
  readonly #owner: UpstreamOwner;
  readonly #pool: Pool;
  /** `host:port` as in a URL, for comparing with what the node says of itself. */
  readonly authority: string;
  /** As clients write it: without the port that its scheme has anyway. */
  readonly #host: string;
  #inFlight = 0;
  #open = 0;
  #closing = false;
  /** F97: the node closes behind its responses without saying so: each request has a connection to itself. */
  #closes = false;

  constructor(options: HttpUpstreamOptions, owner: UpstreamOwner) {
    this.#options = options;
    this.#owner = owner;
    const { host, port } = options;
    this.authority = `${host.includes(':') ? `[${host}]` : host}:${port}`.toLowerCase();
    const isUsualPort = options.port === (options.tls === undefined ? 80 : 443);
    this.#host = isUsualPort ? this.authority.replace(/:\d+$/, '') : this.authority;
    const limits = {
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: options.idleMs,
      keepAliveMaxTimeout: options.idleMs,
      headersTimeout: options.ackMs,
      bodyTimeout: options.ackMs,
      maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
      strictContentLength: true,
      ...(options.reuse !== undefined && { maxRequestsPerClient: options.reuse }),
    };
    const onClosedBehind = (): void => {
      this.#closes = true;
    };
    // TLS is the dialling's. To undici it is always `http`: for `https` it would dial anew whenever a request has another
    // Host than the one before, and here they have the clients'.
    this.#pool = new Pool(`http://${this.authority}`, {
      connections: options.maxConnections,
      factory: (origin) => new PooledClient(origin, limits, (done) => this.#dial(done), onClosedBehind),
    });
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
    const httpDelivery = new HttpDelivery(delivery, { ...this.#options, authority: this.#host }, (result) => {
      this.#inFlight--;
      if (!(result instanceof GatewayError)) this.#owner.onAnswered(result);
      else if (result.code !== 'GW_ERR_NODE_BUSY' && result.code !== 'GW_ERR_NODE_REFUSED')
        this.#owner.onFailure(result);
      this.#owner.onRoom();
    });
    this.#dispatch(httpDelivery.request, httpDelivery);
  }

  /** Sends a proxied request, which `occupy` has counted; `over` must be called once when it needs the node no more. */
  dispatch(request: NodeRequest, handler: NodeResponseHandler): void {
    this.#dispatch(request, handler);
  }

  /** A request that is sent by other means counts among those in flight, until `over`. */
  occupy(): void {
    this.#inFlight++;
  }

  /** What came of a request that was counted by `occupy`; undefined: nothing that says anything of the node. */
  over(result: 'answered' | GatewayError | undefined): void {
    this.#inFlight--;
    if (result === 'answered') this.#owner.onAnswered();
    else if (result !== undefined) this.#owner.onFailure(result);
    this.#owner.onRoom();
  }

  /** What `undici` says of a request, in the gateway's words. `sent`: it may have been written. */
  error(thrown: unknown, sent: boolean): GatewayError {
    return nodeError(thrown, sent, this.#options.node);
  }

  /** The same on a connection of its own, which may become a tunnel. */
  dispatchAlone(request: NodeRequest, handler: DedicatedHandler): void {
    this.#dial((dialled) => {
      if (dialled instanceof GatewayError) {
        handler.onResponseError?.(NO_CONTROLLER, dialled);
        return;
      }
      const timeoutMs = request.timeoutMs ?? this.#options.ackMs;
      try {
        sendAlone(dialled, request, timeoutMs, MAX_RESPONSE_HEADER_BYTES, handler);
      } catch (thrown) {
        dialled.destroy();
        handler.onResponseError?.(NO_CONTROLLER, asGatewayError(thrown));
      }
    });
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    // Requests under way end first; at the end of a shutdown the process ends with the rest.
    this.#pool.close().catch(() => {});
  }

  #dispatch({ method, path, headers, body, timeoutMs }: NodeRequest, handler: NodeResponseHandler): void {
    const limits = timeoutMs === undefined ? {} : { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    try {
      this.#pool.dispatch({ method, path, headers, body, reset: this.#closes, ...limits }, handler);
    } catch (thrown) {
      handler.onResponseError?.(NO_CONTROLLER, thrown as Error);
    }
  }

  #dial(done: (dialled: Socket | GatewayError) => void): void {
    const { node, host, port, tls, connectMs } = this.#options;
    dial(
      { node, host, port, tls, connectMs, settleMs: 0 },
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
