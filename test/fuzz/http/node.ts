// The fuzzers' own HTTP node: what it gets is read by the strict reader alone. Promises: what is no strict HTTP/1.1 is reported;
// what it answers is up to whoever made it.
import { once } from 'node:events';
import net from 'node:net';
import { NotStrict, type Request, readRequests } from '../../helpers/strict-http.ts';
import { shown } from '../wire/bytes.ts';

export interface HttpLink {
  readonly socket: net.Socket;
  write(bytes: string | Buffer): void;
}

export interface HttpNodeOptions {
  onRequest(request: Request, link: HttpLink): void;
  /** The request is the last that is read as HTTP on its link. */
  takes?(request: Request): boolean;
  /** What comes on a link that was taken. */
  onBytes?(chunk: Buffer, link: HttpLink): void;
  onClose?(link: HttpLink): void;
  report(finding: string): void;
}

export class HttpNode implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(options: HttpNodeOptions) {
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#admit(socket, options),
    );
  }

  static async start(options: HttpNodeOptions): Promise<HttpNode> {
    const node = new HttpNode(options);
    node.#server.listen(0, '127.0.0.1', 4096);
    await once(node.#server, 'listening');
    return node;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #admit(socket: net.Socket, options: HttpNodeOptions): void {
    this.#sockets.add(socket);
    const link: HttpLink = {
      socket,
      write: (bytes) => {
        if (socket.writable) socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      },
    };
    let rest: Buffer = Buffer.alloc(0);
    let state: 'http' | 'taken' | 'broken' = 'http';
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      options.onClose?.(link);
    });
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      if (state === 'taken') options.onBytes?.(chunk, link);
      if (state !== 'http') return;
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      try {
        const reading = readRequests(rest);
        rest = reading.rest;
        for (const request of reading.messages) {
          if (options.takes?.(request) === true) state = 'taken';
          options.onRequest(request, link);
        }
        if (state === 'taken' && rest.length > 0) options.onBytes?.(rest, link);
      } catch (error) {
        if (!(error instanceof NotStrict)) throw error;
        state = 'broken';
        options.report(`a node got what is no strict HTTP (${error.message}): ${shown(rest)}`);
        socket.destroy();
      }
    });
  }
}

export function ok(body: string, more = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
}
