// Requests over one HTTP connection that is dialled as those to nodes are, so that certificates, pins and reasons are the
// same: messages that are posted, checks of nodes, the admin API. Promises a bound on an answer's size. Deadlines are its
// users' (`signal`), for each answer as a whole: undici's own begin again with each byte.
import { Client, type Dispatcher } from 'undici';
import { type DialOptions, type DialTls, dial } from '../dial.ts';

export interface HttpClientOptions {
  /** For errors. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** Undefined: http. */
  readonly tls: DialTls | undefined;
  readonly connectMs: number;
  readonly source?: string | undefined;
  readonly proxyHeader?: DialOptions['proxyHeader'];
  /** Undefined: without a bound, for what is read as it comes. */
  readonly maxAnswerBytes: number | undefined;
}

export type HttpClientRequest = Pick<
  Dispatcher.RequestOptions,
  'method' | 'path' | 'headers' | 'body' | 'signal' | 'reset'
>;

/** `https://[::1]:8443`, say. */
export function originOf({ host, port, tls }: Pick<HttpClientOptions, 'host' | 'port' | 'tls'>): string {
  return `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** RFC 7617. */
export function basicAuthorization({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

export class HttpClient {
  readonly #client: Client;
  #abortDial = (): void => {};
  #isConnected = false;

  constructor(options: HttpClientOptions) {
    this.#client = new Client(originOf(options), {
      allowH2: false,
      maxResponseSize: options.maxAnswerBytes ?? -1,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_, done) => {
        this.#abortDial = dial(
          { ...options, settleMs: 0 },
          (socket) => done(null, socket),
          (error) => done(error, null),
        );
      },
    });
    this.#client.on('connect', () => {
      this.#isConnected = true;
    });
    this.#client.on('disconnect', () => {
      this.#isConnected = false;
    });
  }

  /** There is a connection. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Calls back once, when there is one next. The result takes that back. */
  onceConnected(callback: () => void): () => void {
    this.#client.once('connect', callback);
    return () => this.#client.off('connect', callback);
  }

  request(request: HttpClientRequest): Promise<Dispatcher.ResponseData> {
    return this.#client.request(request);
  }

  /** Whatever is under way has been answered, or is given up on. */
  close(): void {
    this.#abortDial();
    this.#client.destroy().catch(() => {});
  }
}
