// An HTTP node that a test scripts: Node.js's own server with every request's head and end kept. For what the simulated
// node does not do: redirections, trailers, compression, answers that wait. Promises nothing about bodies but their digest.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type net from 'node:net';
import { Waits } from '../helpers/until.ts';
import { PATIENCE_MS } from './http-vips.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  /** As they came: name, value, name, value. */
  readonly rawHeaders: readonly string[];
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Promise<{ readonly bytes: number; readonly sha256: string }>;
  /** The response was written, or its connection was lost before. */
  readonly closed: Promise<'answered' | 'lost'>;
}

/** Answers a request; its body is read by the node. */
export type Serve = (request: IncomingMessage, response: ServerResponse, seen: Seen) => unknown;

export class WebNode implements AsyncDisposable {
  readonly name: string;
  readonly server: http.Server;
  readonly seen: Seen[] = [];
  readonly #waits = new Waits();
  /** Connections that were opened so far. */
  connections = 0;

  constructor(name: string, serve: Serve) {
    this.name = name;
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      response.setHeader('x-node', name);
      const seen = seenOf(request, response);
      this.seen.push(seen);
      this.#waits.changed();
      void serve(request, response, seen);
    };
    this.server = http.createServer({ keepAliveTimeout: PATIENCE_MS }, onRequest);
    this.server.on('connection', () => this.connections++);
    // The gateway asks before it sends a body; so that a script can say no, nothing is said here.
    this.server.on('checkContinue', onRequest);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
  }

  async arrived(count: number): Promise<void> {
    await this.#waits.when(
      () => this.seen.length >= count,
      PATIENCE_MS,
      () => `${this.seen.length} of ${count} requests at node ${this.name}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

export async function startWebNode(name: string, serve: Serve): Promise<WebNode> {
  const node = new WebNode(name, serve);
  node.server.listen(0, '127.0.0.1');
  await once(node.server, 'listening');
  return node;
}

function seenOf(request: IncomingMessage, response: ServerResponse): Seen {
  const { method = '', url = '', rawHeaders, headers } = request;
  const closed = new Promise<'answered' | 'lost'>((resolve) => {
    response.once('close', () => resolve(response.writableFinished ? 'answered' : 'lost'));
  });
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  return { method, url, rawHeaders, headers, body: digestOf(request), closed };
}

/** Never settles where the body does not end. */
function digestOf(request: IncomingMessage): Seen['body'] {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  return new Promise((resolve) => {
    request.once('end', () => resolve({ bytes, sha256: hash.digest('hex') }));
  });
}
