// A node of the campaign, a process of its own that can be killed and stopped, over MLLP or HTTP, with or without TLS.
// Promises: it keeps its address; what it does with a message or a connection is by the mode that it was told.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import tls from 'node:tls';
import { httpServerFor } from './node-http.ts';
import { MllpConnection } from './node-mllp.ts';
import { NodeState } from './node-state.ts';
import { isHttp, isNodeOrder, isTls, type NodeMode, type NodeStart } from './orders.ts';

/** A port that was just ours may still be in use by a connection of the node that was killed. */
const LISTEN_TRIES = 200;
const LISTEN_PAUSE_MS = 25;

const start: NodeStart = JSON.parse(process.argv[2] ?? '');
const state = new NodeState(start);
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, accept);
const secureContext =
  isTls(start.wire) && start.tls !== undefined
    ? tls.createSecureContext({ cert: readFileSync(start.tls.cert), key: readFileSync(start.tls.key) })
    : undefined;
const resets = new WeakMap<net.Socket, () => void>();
const httpServer = isHttp(start.wire)
  ? httpServerFor(state, (socket) => resets.get(socket) ?? (() => socket.destroy()))
  : undefined;
const openMllp = new Set<MllpConnection>();
const openHttp = new Set<net.Socket>();

function accept(raw: net.Socket): void {
  raw.on('error', () => {});
  if (state.mode === 'full' && httpServer === undefined) {
    // Mirth above its `maxConnections`: accepted, never read, closed.
    raw.pause();
    setTimeout(() => raw.destroy(), state.prng.int(0, 2));
    return;
  }
  const socket = secureContext === undefined ? raw : secured(raw, secureContext);
  const reset = (): void => {
    raw.resetAndDestroy();
    socket.destroy();
  };
  if (httpServer === undefined) {
    const connection = new MllpConnection(state, socket, reset);
    openMllp.add(connection);
    socket.once('close', () => openMllp.delete(connection));
    return;
  }
  resets.set(socket, reset);
  openHttp.add(socket);
  socket.on('error', () => {});
  socket.once('close', () => openHttp.delete(socket));
  httpServer.emit('connection', socket);
}

function secured(raw: net.Socket, context: tls.SecureContext): net.Socket {
  const socket = new tls.TLSSocket(raw, { isServer: true, secureContext: context });
  socket.allowHalfOpen = true;
  // A check that connects and closes; and one that resets while the handshake is going on.
  socket.on('error', () => {});
  raw.on('close', () => socket.destroy());
  return socket;
}

async function listen(port: number): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: start.host, port }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      const bound = server.address();
      const taken = typeof bound === 'object' && bound !== null ? bound.port : port;
      state.listens(taken);
      return taken;
    } catch (error) {
      if (tries === LISTEN_TRIES) throw error;
      await pause(LISTEN_PAUSE_MS);
    }
  }
}

function enter(next: NodeMode): void {
  const before = state.mode;
  state.enters(next);
  if (next === 'refuse' || next === 'full') for (const connection of [...openMllp]) connection.stop();
  if (next === 'refuse') {
    for (const socket of openHttp) socket.destroy();
    server.close();
  } else if (before === 'refuse') void listen(boundPort);
}

const boundPort = await listen(start.port);
process.on('message', (order) => {
  if (isNodeOrder(order)) enter(order.mode);
});
// Without the runner there is nobody to end it.
process.on('disconnect', () => process.exit());
process.send?.({ port: boundPort });
