// F34: a node that goes down, or is taken out, while a connection to it is being made: whoever waits for that goes elsewhere at once,
// with nothing written, whatever the protocol.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { ackFor, message, msaOf } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { startRawNode } from '../helpers/raw-http-node.ts';
import { until } from '../helpers/until.ts';
import { Peer, startTcpNode } from '../listeners/tcp/tcp-room.ts';
import { GET, request } from './http-room.ts';

const MESSAGE = message({ controlId: 'X1' }).toString('latin1');
const POST = request(
  'POST /in HTTP/1.1',
  ['Content-Type: application/hl7-v2', `Content-Length: ${MESSAGE.length}`],
  MESSAGE,
);
const UPGRADE = request('GET /ws HTTP/1.1', [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]);

/** Takes connections and never answers a TLS handshake. */
async function startSilentServer() {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => {
    sockets.push(socket.resume());
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    sockets,
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function nodeA({ gateway }: TestGateway) {
  const node = gateway.pools.runtimes.get('pool')?.nodes.find(({ name }) => name === 'a');
  if (node === undefined) throw new Error('no node a');
  return node;
}

const POOL = {
  health: { interval: '1h', fastInterval: '1h', fall: 1 },
  timeouts: { connect: '50s' },
};

describe.each(['down', 'maintenance'] as const)('F34 a node that is dialled goes to %s', (state) => {
  const takeOut = (gw: TestGateway): void => {
    const node = nodeA(gw);
    if (state === 'maintenance') node.maintenance();
    else node.onFailure(new GatewayError('GW_ERR_NODE_CONNECT'));
  };

  it.each([
    { what: 'a message over HTTP', ask: POST },
    { what: 'a proxied request', ask: GET },
    { what: 'an upgrade', ask: UPGRADE },
  ])('$what goes to the other node', async ({ what, ask }) => {
    await using silent = await startSilentServer();
    await using good = await startRawNode(async (connection, { body }) => {
      if (what === 'a message over HTTP') await connection.answer(ackFor(body, 'AA').toString('latin1'));
      else await connection.answer('ok');
    });
    await using gw = await startGateway({
      nodes: [{ url: `https://127.0.0.1:${silent.port}` }, { url: good.url, backup: true }],
      listener: { protocol: 'http' },
      pool: POOL,
    });
    await using client = await connectClient(gw.port());
    const response = client.ask(ask);
    await until(() => silent.sockets.length === 1);
    takeOut(gw);
    const { status, body } = await response;
    expect(status).toBe(200);
    if (what === 'a message over HTTP') expect(msaOf(body)?.code).toBe('AA');
    await until(() => silent.sockets.every(({ readableEnded, destroyed }) => readableEnded || destroyed));
  });

  it('a connection that is passed on goes to the other node', async () => {
    await using silent = await startSilentServer();
    await using good = await startTcpNode({ onConnection: (peer) => peer.write('hello') });
    await using gw = await startGateway({
      nodes: [{ url: `tls://127.0.0.1:${silent.port}` }, { url: good.url, backup: true }],
      listener: { protocol: 'tcp' },
      pool: POOL,
    });
    const peer = new Peer(net.connect(gw.port(), '127.0.0.1'));
    await until(() => silent.sockets.length === 1);
    takeOut(gw);
    await peer.got(5);
    expect(peer.text).toBe('hello');
    peer.socket.resetAndDestroy();
    await until(() => gw.held.inFlight === 0);
  });
});
