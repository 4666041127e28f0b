// Mirth's REST API as far as health checks use it, over HTTPS on port 0: status, channels, sessions, and its oddities.
// Promises: every request is on record; what it says may change at any time; closing it leaves nothing behind.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import type tls from 'node:tls';

export interface ApiRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** What it was answered with. */
  status: number;
}

export class MirthApi implements AsyncDisposable {
  /** 0 OK, 1 unavailable, 2 engine starting, 3 initial deploy. */
  status = 0;
  /** Name to state. */
  channels: Record<string, string> = { ADT: 'STARTED' };
  user = 'health';
  password = 'right';
  /** Answers XML whatever is asked for. */
  xml = false;
  /** Instead of all that: null answers nothing. */
  override: ((response: ServerResponse) => void) | undefined;
  readonly requests: ApiRequest[] = [];
  /** How many sessions were made. */
  logins = 0;
  readonly #sessions = new Set<string>();
  readonly #sockets = new Set<net.Socket>();
  readonly #server: https.Server;

  constructor(options: tls.TlsOptions) {
    this.#server = https.createServer(options, (request, response) => this.#serve(request, response));
    this.#server.on('connection', (socket: net.Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** As after a restart. */
  forgetSessions(): void {
    this.#sessions.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    const record = { path, headers: request.headers, status: 0 };
    this.requests.push(record);
    response.on('finish', () => {
      record.status = response.statusCode;
    });
    if (this.override !== undefined) this.override(response);
    else if (request.headers['x-requested-with'] === undefined) response.writeHead(400).end();
    else if (path === '/api/server/status')
      this.#answer(response, { int: this.status }, `<int>${this.status}</int>`);
    else if (path !== '/api/channels/statuses') response.writeHead(404).end();
    else if (!this.#isKnown(request, response)) response.writeHead(401).end();
    else this.#answer(response, { list: this.#list() }, '<list/>');
  }

  #isKnown({ headers }: IncomingMessage, response: ServerResponse): boolean {
    const session = /JSESSIONID=(\w+)/.exec(headers.cookie ?? '')?.[1];
    if (session !== undefined && this.#sessions.has(session)) return true;
    const basic = `Basic ${Buffer.from(`${this.user}:${this.password}`).toString('base64')}`;
    if (headers.authorization !== basic) return false;
    const made = `node0${++this.logins}`;
    this.#sessions.add(made);
    response.setHeader('set-cookie', `JSESSIONID=${made};Path=/api;Secure;HttpOnly`);
    return true;
  }

  /** As XStream writes it: no list for one, and null for none. */
  #list(): unknown {
    const all = Object.entries(this.channels).map(([name, state]) => ({
      channelId: 'c0ffee',
      name,
      state,
      childStatuses: { dashboardStatus: [{ name: 'Source', state: 'STOPPED' }] },
    }));
    if (all.length === 0) return null;
    return { dashboardStatus: all.length === 1 ? all[0] : all };
  }

  #answer(response: ServerResponse, json: unknown, xml: string): void {
    if (this.xml) response.writeHead(200, { 'content-type': 'application/xml' }).end(xml);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  }
}

export async function startMirthApi(options: tls.TlsOptions): Promise<MirthApi> {
  const api = new MirthApi(options);
  await api.listen();
  return api;
}
