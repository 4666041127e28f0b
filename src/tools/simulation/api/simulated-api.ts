// The port of a simulated Mirth server's REST API, over HTTPS or plain. Promises bounds on connections, time and headers,
// and that stopping it leaves no connection behind.
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type tls from 'node:tls';
import { listen } from '../../../listen.ts';
import type { RestApi } from './rest-api.ts';

export interface SimulatedApiOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** Undefined: over plain HTTP, which a real one does not do. */
  readonly tls?: tls.TlsOptions | undefined;
}

/** A few gateways, each with one connection a check. */
const MAX_CONNECTIONS = 100;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** Jetty's. */
const IDLE_MS = 30_000;
const MAX_HEADER_BYTES = 16 * 1024;

export class SimulatedApi {
  readonly #options: SimulatedApiOptions;
  readonly #server: http.Server | https.Server;
  readonly #sockets = new Set<Socket>();
  #port: number;

  constructor(options: SimulatedApiOptions, rest: Pick<RestApi, 'serve'>) {
    this.#options = options;
    this.#port = options.port;
    const limits: http.ServerOptions = {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    const serve: RequestListener = (request, response) => rest.serve(request, response);
    this.#server =
      options.tls === undefined
        ? http.createServer(limits, serve)
        : https.createServer({ ...limits, ...options.tls }, serve);
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** @throws GatewayError GW_ERR_LISTEN */
  async start(): Promise<void> {
    this.#port = await listen(this.#server, "simulated node's API on", this.#options.host, this.#port);
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // Those in a handshake too.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
