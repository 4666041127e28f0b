// The `ws` library at both ends of the gateway: a client that keeps what came, and a node that a test scripts.
// Promises: whatever is awaited of either has a deadline, and both are closed with their scope.
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type net from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { Waits } from '../helpers/until.ts';
import { PATIENCE_MS, type Vip, type VipCertificate } from './http-vips.ts';

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** One end of a WebSocket. */
export class End implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly messages: (string | Buffer)[] = [];
  readonly pings: string[] = [];
  readonly pongs: string[] = [];
  closed: Closed | undefined;
  /** The node that agreed to it; of a client only. */
  node: string | undefined;
  readonly #waits = new Waits();

  constructor(socket: WebSocket) {
    this.socket = socket;
    const changed = (): void => this.#waits.changed();
    socket.on('upgrade', ({ headers }) => {
      this.node = String(headers['x-simulated-node']);
    });
    // What it was is told by the close code.
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer, isBinary) => {
      this.messages.push(isBinary ? data : data.toString('utf8'));
      changed();
    });
    socket.on('ping', (data) => {
      this.pings.push(data.toString());
      changed();
    });
    socket.on('pong', (data) => {
      this.pongs.push(data.toString());
      changed();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      changed();
    });
  }

  async when(holds: () => boolean, what: string): Promise<void> {
    await this.#waits.when(
      holds,
      PATIENCE_MS,
      () => `${what} did not come about; closed: ${JSON.stringify(this.closed)}`,
    );
  }

  /** Sends, and resolves to the next message. */
  async exchange(data: string | Buffer): Promise<string | Buffer> {
    const before = this.messages.length;
    this.socket.send(data);
    await this.when(() => this.messages.length > before || this.closed !== undefined, 'an answer');
    if (this.messages.length === before) throw new Error(`closed: ${JSON.stringify(this.closed)}`);
    return this.messages[before] as string | Buffer;
  }

  async ended(): Promise<Closed> {
    await this.when(() => this.closed !== undefined, 'the close');
    return this.closed as Closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed === undefined) this.socket.terminate();
    await this.ended();
  }
}

/** What a node can do with its end: every message goes back as it came. */
export function echo({ socket }: End): void {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

/** Connects to a VIP; rejects where it does not come to a WebSocket. */
export async function openWebSocket(
  { port, certificate, path = '/ws' }: { port: number; certificate: VipCertificate; path?: string },
  vip: Vip,
  options: { headers?: Record<string, string>; protocols?: string[]; perMessageDeflate?: boolean } = {},
): Promise<End> {
  const { protocols = [], ...rest } = options;
  const url = `${vip === 'https' ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`;
  const socket = new WebSocket(url, protocols, {
    ca: certificate.caPem,
    perMessageDeflate: false,
    handshakeTimeout: PATIENCE_MS,
    ...rest,
  });
  const end = new End(socket);
  await once(socket, 'open');
  return end;
}

export interface WebSocketNode extends AsyncDisposable {
  readonly url: string;
  /** Ends of the WebSockets that were opened, in order, with the request that asked for each. */
  readonly ends: readonly { readonly end: End; readonly request: IncomingMessage }[];
  /** The end with this number, once it is there. */
  end(number?: number): Promise<End>;
}

/** `onEnd`: told of each new end. */
export async function startWebSocketNode(
  onEnd: (end: End) => void = () => undefined,
  options: { perMessageDeflate?: boolean; protocol?: string } = {},
): Promise<WebSocketNode> {
  const { perMessageDeflate = false, protocol } = options;
  const server = http.createServer((_, response) => response.end('no WebSocket'));
  const webSockets = new WebSocketServer({
    server,
    perMessageDeflate,
    handleProtocols: (offered) => (protocol !== undefined && offered.has(protocol) ? protocol : false),
  });
  const ends: { end: End; request: IncomingMessage }[] = [];
  const waits = new Waits();
  webSockets.on('connection', (socket, request) => {
    const end = new End(socket);
    ends.push({ end, request });
    onEnd(end);
    waits.changed();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    ends,
    async end(number = 0) {
      await waits.when(
        () => ends.length > number,
        PATIENCE_MS,
        () => `no WebSocket ${number} at the node`,
      );
      return (ends[number] as { end: End }).end;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      for (const { end } of ends) end.socket.terminate();
      webSockets.close();
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
