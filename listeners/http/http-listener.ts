// A port that takes HTTP/1 and, over TLS, HTTP/2: tells HL7 messages from requests to be proxied, and hands each to its
// way. What both have in common is checked here: the request itself, who may send it, what it expects.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Http2ServerResponse } from 'node:http2';
import type net from 'node:net';
import type { ServerTls } from '../../certs/server-tls.ts';
import type { MessageView, Peer } from '../../routing/message-view.ts';
import { remoteOf } from '../../routing/trace-sampler.ts';
import { AddressRanges } from '../../src/addresses.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { asGatewayError, causeCode, GatewayError } from '../../src/errors.ts';
import { isHl7Type, parseContentType } from '../../src/hl7/content-type.ts';
import type { Observers } from '../../src/observe/observer.ts';
import { TraceContext } from '../../src/observe/traces/trace-context.ts';
import type { Pipeline } from '../../src/relay/pipeline.ts';
import type { Admission, RouteResolver } from '../../src/relay/route-resolver.ts';
import type { BufferBudget } from '../accept/buffer-budget.ts';
import { ConnectionAcceptor } from '../accept/connection-acceptor.ts';
import type { ConnectionSource } from '../accept/connection-source.ts';
import { admissionOf, type ConnectedSender, type Listener, type StrayCounts } from '../listener.ts';
import { ClientRequest, type Incoming, type RequestLimits } from './client-request.ts';
import { type AnyServerResponse, refuse } from './client-response.ts';
import { Connections, MAX_SURPLUS } from './connections.ts';
import { Hl7Endpoint } from './hl7-endpoint.ts';
import { asksForTunnel, createHttpServer, requestError } from './http-server.ts';
import { isDeaf } from './lingering-close.ts';
import type { ProxyRequest } from './proxy/proxy-request.ts';
import type { ReverseProxy } from './proxy/reverse-proxy.ts';
import { tunnelTo } from './proxy/tunnel.ts';
import { UpgradeOffer } from './proxy/upgrade-offer.ts';

export class HttpListener implements Listener {
  readonly name: string;
  readonly #budget: BufferBudget;
  #config: ListenerConfig;
  readonly #relay: Pipeline;
  readonly #proxy: ReverseProxy;
  readonly #observers: Observers;
  #admission: Admission;
  readonly #trusted: AddressRanges;
  #messages: Hl7Endpoint;
  readonly #connections: Connections;
  readonly #acceptor: ConnectionAcceptor;
  #limits: RequestLimits | undefined;
  #draining = false;

  constructor(
    config: ListenerConfig,
    tls: ServerTls | undefined,
    relay: Pipeline,
    proxy: ReverseProxy,
    budget: BufferBudget,
    observers: Observers,
    source?: ConnectionSource,
  ) {
    this.name = config.name;
    this.#config = config;
    this.#relay = relay;
    this.#proxy = proxy;
    this.#observers = observers;
    this.#budget = budget;
    const { http, limits } = config;
    this.#admission = admissionOf(config);
    this.#trusted = new AddressRanges(config.trustedProxies);
    this.#messages = this.#createEntrance();
    this.#connections = new Connections({
      peerOf: (socket) => this.#acceptor.peerOf(socket),
      keepAliveMs: http.keepAliveMs,
      readMs: limits.writeTimeoutMs,
      headersMs: http.headersTimeoutMs,
      max: limits.maxConnections,
      onFault: (error, peer, incoming) => this.#fault(error, peer, incoming),
    });
    this.#acceptor = new ConnectionAcceptor(
      config,
      this.#createServer(tls),
      (error, peer) => this.#fault(error, peer),
      MAX_SURPLUS,
      source,
    );
  }

  get config(): ListenerConfig {
    return this.#config;
  }

  get admission(): Admission {
    return this.#admission;
  }

  answerAfterMove(): boolean {
    return this.#acceptor.answerAfterMove();
  }

  reconfigure(config: ListenerConfig): void {
    this.#config = config;
    this.#admission = admissionOf(config);
    this.#limits = undefined;
    this.#messages = this.#createEntrance();
  }

  #createEntrance(): Hl7Endpoint {
    return new Hl7Endpoint({
      config: this.#config,
      admission: this.#admission,
      relay: this.#relay,
      budget: this.#budget,
      trusted: this.#trusted,
      onMessage: (message) => this.#observers.onMessage(message),
      onOver: (message, isDelivered) => {
        message.endReply(isDelivered);
        this.#observers.onReply(message, isDelivered);
      },
      onFault: (error, peer, incoming) => this.#fault(error, peer, incoming),
      mustClose: () => this.#draining,
    });
  }

  get port(): number {
    return this.#acceptor.port;
  }

  get address(): string {
    return this.#acceptor.address;
  }

  get connections(): number {
    return this.#connections.count;
  }

  async start(): Promise<void> {
    await this.#acceptor.listen();
    this.#connections.watch();
  }

  get strays(): StrayCounts {
    return { skippedBytes: 0, emptyFrames: 0 };
  }

  senders(): readonly ConnectedSender[] {
    return [];
  }

  close(): void {
    this.#acceptor.close();
  }

  async drain(): Promise<void> {
    this.#draining = true;
    // HTTP servers of Node.js end with it the connections on which nothing has been asked.
    this.#acceptor.close();
    await this.#connections.drain();
  }

  stop(): void {
    this.#acceptor.close();
    this.#connections.destroy();
    this.#acceptor.destroyPending();
  }

  #createServer(tls: ServerTls | undefined): net.Server {
    const connections = this.#connections;
    return createHttpServer(this.#config.http, tls, {
      // Behind a response that is not yet written nothing can be switched.
      mayUpgrade: (incoming) => asksForTunnel(incoming) && !connections.isBusy(incoming.socket),
      onRequest: (incoming, response) => this.#onRequest(incoming, response),
      onUpgrade: (incoming, socket, head) => this.#onUpgrade(incoming, socket, head),
      onError: (error, socket) => this.#onClientError(error, socket),
      onTimeout: (socket) => connections.onTimeout(socket),
      onSocket: (socket) => connections.admit(socket),
      onSession: (session) => connections.admitSession(session),
    });
  }

  #onRequest(incoming: Incoming, response: AnyServerResponse): void {
    // An error of either is told by its 'close'.
    incoming.on('error', () => {});
    response.on('error', () => {});
    if (response instanceof Http2ServerResponse) {
      this.#connections.began(response.req, response);
      this.#begin(incoming, response);
    } else this.#connections.inTurn(response.req, response, () => this.#begin(incoming, response));
  }

  #begin(incoming: Incoming, response: AnyServerResponse): void {
    const peer = this.#connections.peerOf(incoming);
    try {
      this.#serve(this.#read(incoming, peer), response);
    } catch (thrown) {
      this.#refuse(incoming, response, thrown, peer);
    }
  }

  #refuse(incoming: Incoming, response: AnyServerResponse, thrown: unknown, peer: Peer): void {
    const error = asGatewayError(thrown);
    this.#fault(error, peer, incoming);
    // Whatever is behind a request that makes no sense, or of its body, makes none either.
    refuse(response, error, true);
  }

  #serve(request: ClientRequest, response: AnyServerResponse): void {
    const isPost = request.method === 'POST';
    const type = isPost ? parseContentType(request.header('content-type') ?? '') : undefined;
    const isHl7 =
      (type !== undefined && isHl7Type(type.type)) ||
      (isPost &&
        this.#routes.somePathIsHl7(this.#admission) &&
        this.#routes.findRoute(this.#viewOf(request), this.#admission)?.http?.hl7 === true);
    // Whether it may be sent, and whether its route rejects it, is asked of the message that it holds.
    if (isHl7) this.#messages.receive(request, response, type);
    else this.#forward(request, response, undefined);
  }

  #viewOf(request: ClientRequest): MessageView {
    return { header: undefined, http: request, listener: this.name, peer: request.peer };
  }

  get #routes(): RouteResolver {
    return this.#relay.routes;
  }

  #forward(request: ClientRequest, response: AnyServerResponse, tunnel: ProxyRequest['tunnel']): void {
    const view = this.#viewOf(request);
    this.#proxy.forward({
      request,
      response,
      target: this.#routes.decideRequest(view, this.#admission),
      decideAgain: (record) =>
        this.#routes.isOutdated(record) ? this.#routes.decideRequest(view, this.#admission) : undefined,
      listener: this.name,
      trusted: this.#trusted,
      bodyTimeoutMs: this.#config.http.bodyTimeoutMs,
      writeTimeoutMs: this.#config.limits.writeTimeoutMs,
      tunnel,
      mustClose: () => this.#draining,
      over: (record) => this.#observers.onRequest(record),
    });
  }

  /** F56: nothing of what follows goes to a node before the node has agreed. */
  #onUpgrade(incoming: IncomingMessage, socket: net.Socket, head: Buffer): void {
    const offer = new UpgradeOffer(incoming, socket, head, () => this.#connections.onTimeout(socket));
    const response: ServerResponse = offer.response;
    this.#connections.expect(socket, response);
    const peer = this.#connections.peerOf(incoming);
    try {
      const request = this.#read(incoming, peer);
      this.#forward(request, response, (node, nodeHead, fields) => {
        try {
          tunnelTo(socket, offer.accept(), node, nodeHead, fields);
        } catch (thrown) {
          this.#fault(asGatewayError(thrown), peer, incoming);
          socket.destroy();
          node.destroy();
        }
      });
    } catch (thrown) {
      this.#refuse(incoming, response, thrown, peer);
    }
  }

  #read(incoming: Incoming, peer: Peer): ClientRequest {
    if (!this.#connections.hasPlace(incoming)) throw new GatewayError('GW_ERR_SENDER_LIMIT');
    // Asked once: the operating system is asked for the port each time.
    this.#limits ??= {
      maxHeaders: this.#config.http.maxHeaders,
      path: this.#config.http.path,
      trusted: this.#trusted,
      port: this.port,
      secure: this.#config.tls !== undefined,
    };
    return new ClientRequest(incoming, peer, this.#limits);
  }

  /** What Node.js's parser refuses (F49 and its like), or what came too late. */
  #onClientError(thrown: Error, socket: net.Socket): void {
    // Of what nobody looks at any more.
    if (isDeaf(socket)) return;
    if (causeCode(thrown) === 'ECONNRESET' || !socket.writable) socket.destroy();
    else this.#connections.refuse(socket, requestError(thrown));
  }

  /** `incoming`: the request that it happened to; its client's trace is that of the fault. */
  #fault(error: GatewayError, peer: Peer | undefined, incoming?: Incoming): void {
    // What went wrong is recorded whatever anybody says of sampling, so trust is not asked for.
    const trace = new TraceContext(incoming && remoteOf(incoming.rawHeaders, false));
    this.#observers.onFault({ listener: this.name, protocol: 'http', error, peer, header: undefined, trace });
  }
}
