// A relay of MLLP as a Node.js user builds it, in a process of its own: `node relay-peer.ts KIND PORT NODE-PORTS…`. A library's
// server receives, its client sends on to a node, and what the node answered is passed back.
// Promises: nothing but what the libraries' manuals show; a connection to a node for each sender's, or one for all where the
// library finds the answer to each message by itself.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type net from 'node:net';
import { Hl7Client, Hl7Server } from '@medplum/hl7';
import { Client, Message } from 'node-hl7-client';

const [kind, portText, ...nodeTexts] = process.argv.slice(2);
const port = Number(portText);
const nodes = nodeTexts.map(Number);
const requires = createRequire(import.meta.url);
let turn = 0;
const nextNode = (): number => nodes[turn++ % nodes.length] ?? 0;

/** `sendAndWait` finds answers by their control id, so senders share the connections. */
async function medplum(): Promise<void> {
  const clients = nodes.map((node) => new Hl7Client({ host: '127.0.0.1', port: node, keepAlive: true }));
  for (const client of clients) await client.connect();
  const server = new Hl7Server((connection) => {
    connection.addEventListener('error', () => undefined);
    connection.addEventListener('message', async ({ message }) => {
      const answer = await clients[turn++ % clients.length]?.sendAndWait(message);
      if (answer !== undefined && !connection.isClosed()) connection.send(answer);
    });
  });
  await server.start(port);
}

interface SimpleHl7 {
  readonly Server: {
    createTcpClient(options: { host: string; port: number; keepalive: boolean }): SimpleHl7Client;
    createTcpServer(
      options: object,
      handle: (error: Error | null, req: { msg: object }, res: SimpleHl7Response) => void,
    ): { start(port: number): void };
  };
}

interface SimpleHl7Client {
  send(message: object, callback: (error: Error | null, ack: object) => void): void;
  close(): void;
}

interface SimpleHl7Response {
  ack: object;
  /** Of the sender; not in the manual, and the only thing that tells one sender from another. */
  readonly socket: net.Socket;
  end(): void;
}

/** Its client has one message on its way at most, so each sender gets one. */
function simpleHl7(): void {
  const { Server } = requires('simple-hl7') as SimpleHl7;
  const clients = new WeakMap<net.Socket, SimpleHl7Client>();
  const clientOf = (socket: net.Socket): SimpleHl7Client => {
    const known = clients.get(socket);
    if (known !== undefined) return known;
    const client = Server.createTcpClient({ host: '127.0.0.1', port: nextNode(), keepalive: true });
    clients.set(socket, client);
    socket.once('close', () => client.close());
    return client;
  };
  const server = Server.createTcpServer({}, (error, { msg }, res) => {
    if (error !== null) return;
    clientOf(res.socket).send(msg, (failure, ack) => {
      if (failure !== null) return;
      res.ack = ack;
      res.end();
    });
  });
  server.start(port);
}

interface NodeHl7Server {
  readonly Server: new (
    options: object,
  ) => {
    createInbound(
      options: object,
      handle: (
        req: { getMessage(): { toString(): string } },
        res: { sendResponse(code: 'AA' | 'AE' | 'AR'): Promise<void> },
      ) => unknown,
    ): NodeJS.EventEmitter;
  };
}

/** The server makes the answer itself; the node's code is all that can be passed on. Answers come to one handler, in order. */
async function nodeHl7(): Promise<void> {
  const { Server } = requires('node-hl7-server') as NodeHl7Server;
  const clients = await Promise.all(
    nodes.map(async (node) => {
      const waiting: ((code: string) => void)[] = [];
      const client = new Client({ host: '127.0.0.1', version: '2.5.1' });
      const connection = client.createConnection({ port: node, version: '2.5.1' }, async (res) => {
        waiting.shift()?.(res.getMessage().get('MSA.1').toString());
      });
      await once(connection, 'connect');
      return { connection, waiting };
    }),
  );
  new Server({ bindAddress: '127.0.0.1' }).createInbound({ port }, async (req, res) => {
    const client = clients[turn++ % clients.length];
    if (client === undefined) return;
    const answer = new Promise<string>((resolve) => client.waiting.push(resolve));
    await client.connection.sendMessage(new Message({ text: req.getMessage().toString() }));
    const code = await answer;
    await res.sendResponse(code === 'AA' || code === 'AR' ? code : 'AE');
  });
}

// What senders leave behind ends no relay.
process.on('uncaughtException', () => {});
process.on('unhandledRejection', () => {});
process.once('SIGTERM', () => process.exit());
if (kind === '@medplum/hl7') await medplum();
else if (kind === 'simple-hl7') simpleHl7();
else await nodeHl7();
