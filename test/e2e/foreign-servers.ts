// MLLP servers that were not written here, as nodes: each answers what its own library answers. Promises: nothing about
// what they are but that it is their own code; `stop` ends every connection.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import net from 'node:net';
import { Hl7Server } from '@medplum/hl7';

export interface ForeignServer extends AsyncDisposable {
  readonly port: number;
  /** Ends it, connections and all. */
  stop(): Promise<void>;
}

/** Positive (AA), or an application error (AE). */
export type Code = 'AA' | 'AE';

const requires = createRequire(import.meta.url);

function disposable(port: number, stop: () => Promise<void>): ForeignServer {
  let stopped: Promise<void> | undefined;
  const once = (): Promise<void> => {
    stopped ??= stop();
    return stopped;
  };
  return { port, stop: once, [Symbol.asyncDispose]: once };
}

function portOf(server: net.Server | undefined): number {
  const address = server?.address();
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen');
  return address.port;
}

export async function medplumServer(code: Code): Promise<ForeignServer> {
  const sockets = new Set<net.Socket>();
  const server = new Hl7Server((connection) => {
    sockets.add(connection.socket);
    connection.addEventListener('error', () => undefined);
    connection.addEventListener('message', ({ message }) =>
      connection.send(message.buildAck({ ackCode: code })),
    );
  });
  await server.start(0);
  return disposable(portOf(server.server), async () => {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  });
}

interface SimpleHl7Server {
  createTcpServer(
    options: object,
    answer: (error: Error | null, req: object, res: SimpleHl7Response) => void,
  ): { start(port: number): void; stop(): void; readonly server: net.Server };
}

interface SimpleHl7Response {
  readonly ack: { getSegment(name: string): { setField(index: number, value: string): void } };
  end(): void;
}

export async function simpleHl7Server(code: Code): Promise<ForeignServer> {
  const { Server } = requires('simple-hl7') as { Server: SimpleHl7Server };
  const sockets = new Set<net.Socket>();
  const node = Server.createTcpServer({}, (error, _, res) => {
    if (error !== null) return;
    if (code !== 'AA') res.ack.getSegment('MSA').setField(1, code);
    res.end();
  });
  node.start(0);
  node.server.on('connection', (socket) => sockets.add(socket));
  await once(node.server, 'listening');
  return disposable(portOf(node.server), async () => {
    const closed = once(node.server, 'close');
    node.stop();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
}

interface NodeHl7Server {
  readonly Server: new (
    options: object,
  ) => {
    createInbound(
      options: object,
      answer: (req: object, res: { sendResponse(code: string): Promise<void> }) => unknown,
    ): NodeJS.EventEmitter & { close(): Promise<boolean> };
  };
}

/** https://www.npmjs.com/package/node-hl7-server; undefined where it is not installed. */
const nodeHl7 = installed('node-hl7-server') as NodeHl7Server | undefined;

export const hasNodeHl7Server = nodeHl7 !== undefined;

function installed(name: string): unknown {
  try {
    return requires(name);
  } catch {
    return undefined;
  }
}

/** It takes no port 0. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

export async function nodeHl7Server(code: Code): Promise<ForeignServer> {
  if (nodeHl7 === undefined) throw new Error('node-hl7-server is not installed');
  const server = new nodeHl7.Server({ bindAddress: '127.0.0.1' });
  // Another process may have taken the port meanwhile.
  for (let tries = 0; tries < 5; tries++) {
    const port = await freePort();
    const inbound = server.createInbound({ port }, (_, res) => res.sendResponse(code));
    const listens = await Promise.race([
      once(inbound, 'listen').then(() => true),
      once(inbound, 'error').then(() => false),
    ]).catch(() => false);
    if (listens) return disposable(port, async () => void (await inbound.close()));
  }
  throw new Error('node-hl7-server found no port');
}

const PYTHON = '/usr/bin/python3';

/** Of Debian's python3-hl7. */
export const hasPythonHl7 = spawnSync(PYTHON, ['-c', 'import hl7.mllp']).status === 0;

const PYTHON_SERVER = `
import asyncio, sys
import hl7
from hl7.mllp import start_hl7_server
async def serve(reader, writer):
    try:
        while not writer.is_closing():
            message = await reader.readmessage()
            writer.writemessage(message.create_ack(ack_code=sys.argv[1]))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()
async def main():
    server = await start_hl7_server(serve, '127.0.0.1', 0, limit=1 << 22)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()
asyncio.run(main())
`;

export async function pythonServer(code: Code): Promise<ForeignServer> {
  const child = spawn(PYTHON, ['-c', PYTHON_SERVER, code], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return disposable(Number(line.toString()), async () => {
    child.kill('SIGKILL');
    await ended;
  });
}
