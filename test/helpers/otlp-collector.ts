// A collector for a test: takes OTLP traces over HTTP (protobuf) or gRPC, keeps every span, and can refuse, dawdle, die
// and come back on its port.
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { type ReadSpan, readExportRequest } from './otlp-messages.ts';
import { until } from './until.ts';

/** What it does with an export: takes it, answers with this HTTP status, or never answers. */
export type Mood = 'takes' | number | 'silent';

export class OtlpCollector implements AsyncDisposable {
  readonly spans: ReadSpan[] = [];
  readonly requests: { readonly path: string; readonly headers: http.IncomingHttpHeaders }[] = [];
  mood: Mood = 'takes';
  readonly #protocol: 'http' | 'grpc';
  #server: http.Server | http2.Http2Server | undefined;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(protocol: 'http' | 'grpc') {
    this.#protocol = protocol;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = this.#protocol === 'http' ? this.#httpServer() : this.#grpcServer();
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  /** As when its machine loses power; `start` brings it back on the same port. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Once this many roots are there: the spans of their traces, parents before children, by their start. */
  async traces(count: number, deadlineMs = 30_000): Promise<Trace[]> {
    await until(() => this.#roots().length >= count, { deadlineMs, what: `${count} traces` });
    return this.#roots().map((rootSpan) => new Trace(rootSpan, this.spans));
  }

  /** The only one. */
  async trace(): Promise<Trace> {
    const [trace] = await this.traces(1);
    return trace as Trace;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #roots(): ReadSpan[] {
    // Not those of nodes, which the gateway tells of.
    return this.spans.filter(
      ({ kind, attributes }) => kind === 'server' && attributes['gateway.reported'] !== true,
    );
  }

  #take(body: Buffer): void {
    this.spans.push(...readExportRequest(body));
  }

  #httpServer(): http.Server {
    return http.createServer(async (request, response) => {
      const body = Buffer.concat(await request.toArray().catch(() => []));
      this.requests.push({ path: request.url ?? '', headers: request.headers });
      if (this.mood === 'silent') return;
      if (this.mood === 'takes') {
        this.#take(body);
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      } else response.writeHead(this.mood).end();
    });
  }

  /** Unary calls alone: a prefix of five bytes (compressed?, length) before the message, the status in the trailers. */
  #grpcServer(): http2.Http2Server {
    const server = http2.createServer();
    server.on('stream', async (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
      stream.on('error', () => {});
      const body = Buffer.concat(await stream.toArray().catch(() => []));
      this.requests.push({ path: String(headers[':path']), headers });
      if (this.mood === 'silent' || body.length < 5) return;
      this.#take(body.subarray(5));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    });
    return server;
  }
}

export class Trace {
  readonly root: ReadSpan;
  readonly spans: readonly ReadSpan[];

  constructor(rootSpan: ReadSpan, all: readonly ReadSpan[]) {
    this.root = rootSpan;
    this.spans = all.filter(({ traceId }) => traceId === rootSpan.traceId);
  }

  get children(): readonly ReadSpan[] {
    return this.spans.filter(({ parentId }) => parentId === this.root.spanId);
  }

  /** By the first word of their names: `forward` for each `forward NODE`. */
  named(name: string): readonly ReadSpan[] {
    return this.children.filter((span) => span.name === name || span.name.startsWith(`${name} `));
  }

  /** `server mllp ROUTE`, then a line for each child in order: kind, name, error, events. */
  get tree(): string[] {
    return [this.root, ...this.children].map((span, i) => {
      const { kind, name, attributes, events, status } = span;
      const failed = status === 'error' ? ` !${attributes['error.type']}` : '';
      const marks = events.length === 0 ? '' : ` [${events.map((event) => event.name).join(' ')}]`;
      return `${i === 0 ? '' : '  '}${kind} ${name}${failed}${marks}`;
    });
  }
}

export async function startCollector(protocol: 'http' | 'grpc' = 'http'): Promise<OtlpCollector> {
  const collector = new OtlpCollector(protocol);
  await collector.start();
  return collector;
}
