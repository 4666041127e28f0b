// A node over HTTP: a message is posted, the response holds its acknowledgement; any other request is echoed, and an upgrade opens
// a tunnel that echoes. Promises: as for a node over MLLP, what it does is by its mode.
import { createHash } from 'node:crypto';
import http from 'node:http';
import type net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { NodeState, Received } from './node-state.ts';

type Request = http.IncomingMessage;
type Response = http.ServerResponse;

/** Its name in the log, which the gateway's connection keeps. */
const numbers = new WeakMap<net.Socket, number>();

export function httpServerFor(state: NodeState, resetOf: (socket: net.Socket) => () => void): http.Server {
  const server = http.createServer({ keepAliveTimeout: 60_000 });
  server.on('connection', (socket: net.Socket) => {
    const c = state.opened();
    numbers.set(socket, c);
    socket.once('close', () => state.closed(c, 'gateway', 'close'));
  });
  server.on('request', (request, response) => {
    const reset = resetOf(request.socket);
    if (isMessage(request))
      readBody(request, (body) => void serveMessage(state, body, request, response, reset));
    else void serveRequest(state, request, response, reset);
  });
  server.on('upgrade', (request: Request, socket: net.Socket, head: Buffer) =>
    openTunnel(state, request, socket, head),
  );
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

function isMessage({ method, headers }: Request): boolean {
  return method === 'POST' && headers['content-type']?.includes('hl7-v2') === true;
}

function readBody(request: Request, onBody: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => onBody(Buffer.concat(chunks)));
  request.on('error', () => {});
}

async function serveMessage(
  state: NodeState,
  body: Buffer,
  request: Request,
  response: Response,
  reset: () => void,
): Promise<void> {
  const { prng, start } = state;
  if (state.mode === 'full') return decline(response);
  const c = numbers.get(request.socket) ?? 0;
  const message = state.received(c, body);
  const answer = (code: string, status = 200): void => {
    if (!response.destroyed) reply(response, status, state.answer(c, message, 'right', code));
  };
  switch (state.mode) {
    case 'black-hole':
      return;
    case 'reset':
    case 'half-close':
      if (prng.chance(0.5)) await pause(prng.int(0, 5));
      return reset();
    case 'slow':
      await pause(prng.int(start.ackMs / 8, start.ackMs / 2));
      return answer('AA');
    case 'late':
      await pause(prng.int(start.ackMs * 1.1, start.ackMs * 2));
      return answer('AA');
    case 'wrong': {
      const wrong = state.ack('AA', state.wrongId(message.id));
      state.note(c, message, 'wrong', 'AA', wrong);
      return reply(response, 200, wrong);
    }
    case 'garbled':
      return garble(state, c, message, response, reset);
    case 'negative':
      // Mirth answers AE with 500.
      return answer(prng.pick(['AE', 'AR']), prng.pick([200, 500]));
    default:
      if (prng.chance(0.7)) await pause(prng.int(1, 3));
      return answer('AA');
  }
}

function garble(state: NodeState, c: number, message: Received, response: Response, reset: () => void): void {
  state.note(c, message, 'garbled', '', Buffer.alloc(0));
  const how = state.prng.pick(['html', 'empty', 'error', 'broken'] as const);
  if (how === 'html') reply(response, 200, Buffer.from('<html><body>502</body></html>'));
  else if (how === 'empty') response.writeHead(204).end();
  else if (how === 'error') reply(response, 500, Buffer.from('out of order'));
  else {
    response.writeHead(200, { 'content-length': '1000', 'content-type': 'application/hl7-v2' });
    response.write('MSH|^~\\&|', reset);
  }
}

function reply(response: Response, status: number, body: Buffer): void {
  response
    .writeHead(status, { 'content-type': 'application/hl7-v2', 'content-length': body.length })
    .end(body);
}

function decline(response: Response): void {
  response.writeHead(503, { 'content-length': 0 }).end();
}

/** Says whose request it was, and what its body was, by which the client knows that this is its own. */
async function serveRequest(
  state: NodeState,
  request: Request,
  response: Response,
  reset: () => void,
): Promise<void> {
  const { prng, start, mode } = state;
  if (mode === 'full') return decline(response);
  if (mode === 'black-hole') return;
  if (mode === 'reset' || mode === 'half-close') return reset();
  if (mode === 'slow') await pause(prng.int(1, start.ackMs / 2));
  if (mode === 'late') await pause(prng.int(start.ackMs * 1.1, start.ackMs * 2));
  const id = String(request.headers['x-campaign-id'] ?? '');
  response.writeHead(200, { 'x-campaign-id': id, 'content-type': 'application/octet-stream' });
  const seen = createHash('sha256');
  request.on('data', (chunk: Buffer) => {
    seen.update(chunk);
    if (!response.write(chunk)) request.pause();
  });
  response.on('drain', () => request.resume());
  response.on('error', () => {});
  request.on('error', () => response.destroy());
  request.on('end', () => {
    if (mode === 'garbled') reset();
    else response.end();
  });
}

function openTunnel(state: NodeState, request: Request, socket: net.Socket, head: Buffer): void {
  socket.on('error', () => {});
  const { mode, prng } = state;
  if (mode === 'full' || mode === 'refuse') {
    socket.end('HTTP/1.1 503 Full\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return;
  }
  if (mode === 'black-hole') return;
  if (mode === 'reset') {
    socket.destroy();
    return;
  }
  const open = (): void => {
    if (socket.destroyed) return;
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\nX-Campaign-Id: ${request.headers['x-campaign-id']}\r\n\r\n`,
    );
    socket.write(head);
    socket.pipe(socket);
  };
  if (prng.chance(0.5)) open();
  else setTimeout(open, prng.int(0, 5));
}
