// Every client and every server that was not written here, in every kind of traffic, directly and through the gateway: each
// answer is that of its message, and there are as many as directly.
import { describe, expect, test } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message, msaOf, newControlId } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { type ForeignClient, NodeHl7Client, SimpleHl7Client } from './foreign-clients.ts';
import { MedplumClient, PythonClients } from './foreign-peers.ts';
import {
  type Code,
  type ForeignServer,
  hasNodeHl7Server,
  hasPythonHl7,
  medplumServer,
  nodeHl7Server,
  pythonServer,
  simpleHl7Server,
} from './foreign-servers.ts';

const PATIENCE_MS = 30_000;
const SLOW = { timeout: 120_000 } as const;
const MIB = 1024 * 1024;

/** Connections of one client, as many as a test asks for. */
type Connect = () => Promise<ForeignClient>;

/** Messages one after the other on a connection of its own; returns a code for each. */
type Sends = (count: number, size?: number) => Promise<readonly string[]>;

/** What an acknowledgement says of a message: its code, where it is that message's. */
function said(ack: string | Buffer, controlId: string): string {
  const msa = msaOf(typeof ack === 'string' ? Buffer.from(ack, 'latin1') : ack);
  return msa?.controlId === controlId ? msa.code : `an answer to ${msa?.controlId}`;
}

/** The kinds of traffic that clients and servers have in common. Each is a list of codes. */
const KINDS: Readonly<Record<string, (sends: Sends) => Promise<readonly string[]>>> = {
  'a single message': (sends) => sends(1),
  'ten on a connection that is kept open': (sends) => sends(10),
  'twenty connections at once': async (sends) =>
    (await Promise.all(Array.from({ length: 20 }, () => sends(3)))).flat(),
  '1 MiB': (sends) => sends(1, MIB),
  'a connection that ends, and the next': async (sends) => [...(await sends(2)), ...(await sends(2))],
};

/** How many messages each kind has. */
const COUNTS: Readonly<Record<string, number>> = {
  'a single message': 1,
  'ten on a connection that is kept open': 10,
  'twenty connections at once': 60,
  '1 MiB': 1,
  'a connection that ends, and the next': 4,
};

const CLIENTS: Readonly<
  Record<string, { there: boolean; open(port: number): Promise<AsyncDisposable & { connect: Connect }> }>
> = {
  'simple-hl7': { there: true, open: async (port) => lone(async () => new SimpleHl7Client(port)) },
  '@medplum/hl7': { there: true, open: async (port) => lone(async () => new MedplumClient(port)) },
  'node-hl7-client': { there: true, open: async (port) => lone(() => NodeHl7Client.connect(port)) },
  'python3-hl7': {
    there: hasPythonHl7,
    open: async (port) => {
      const clients = new PythonClients(port);
      return {
        connect: async () => clients.connect(),
        [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose](),
      };
    },
  },
};

function lone(connect: Connect): AsyncDisposable & { connect: Connect } {
  return { connect, [Symbol.asyncDispose]: async () => undefined };
}

const clientSends =
  (connect: Connect): Sends =>
  async (count, size) => {
    await using client = await connect();
    const codes: string[] = [];
    for (let i = 0; i < count; i++) {
      const controlId = newControlId();
      const text = message({ controlId, ...(size === undefined ? {} : { size }) }).toString('latin1');
      codes.push(said(await client.exchange(text), controlId));
    }
    return codes;
  };

describe.for(Object.keys(CLIENTS))('%s as a client', SLOW, (name) => {
  const { there, open } = CLIENTS[name] as (typeof CLIENTS)[string];

  test.skipIf(!there).for(Object.keys(KINDS))('%s: every answer, as many as directly', async (kind) => {
    await using node = await startFaultyNode(answers.aa());
    await using gateway = await startGateway({ nodes: [node.url] });
    const run = KINDS[kind] as (typeof KINDS)[string];
    for (const port of [node.port, gateway.port()]) {
      await using clients = await open(port);
      expect(await run(clientSends(clients.connect))).toEqual(Array(COUNTS[kind]).fill('AA'));
    }
    expect(new Set(node.controlIds).size).toBe(2 * (COUNTS[kind] ?? 0));
  });

  test.skipIf(!there)('a negative answer, as directly', async () => {
    await using node = await startFaultyNode(answers.ae());
    await using gateway = await startGateway({ nodes: [node.url] });
    for (const port of [node.port, gateway.port()]) {
      await using clients = await open(port);
      expect(await clientSends(clients.connect)(3)).toEqual(['AE', 'AE', 'AE']);
    }
  });
});

test(
  '@medplum/hl7 as a client: ten that do not wait for each other, each its answer, as directly',
  SLOW,
  async () => {
    await using node = await startFaultyNode(answers.aa());
    await using gateway = await startGateway({ nodes: [node.url] });
    for (const port of [node.port, gateway.port()]) {
      await using client = new MedplumClient(port);
      // It has a connection from its first message on.
      const ids = Array.from({ length: 11 }, newControlId);
      const exchange = async (controlId: string) =>
        said(await client.exchange(message({ controlId }).toString()), controlId);
      const first = await exchange(ids[0] as string);
      expect([first, ...(await Promise.all(ids.slice(1).map(exchange)))]).toEqual(Array(11).fill('AA'));
    }
  },
);

const NODE_HL7_SERVER = 'node-hl7-server (skipped where it is not installed)';

const SERVERS: Readonly<Record<string, { there: boolean; start(code: Code): Promise<ForeignServer> }>> = {
  'simple-hl7': { there: true, start: simpleHl7Server },
  '@medplum/hl7': { there: true, start: medplumServer },
  [NODE_HL7_SERVER]: { there: hasNodeHl7Server, start: nodeHl7Server },
  'python3-hl7 (skipped where it is not installed)': { there: hasPythonHl7, start: pythonServer },
};

const senderSends =
  (port: number): Sends =>
  async (count, size) => {
    await using sender = await connectSender(port);
    const codes: string[] = [];
    for (let i = 0; i < count; i++) {
      const controlId = newControlId();
      const sent = message({ controlId, ...(size === undefined ? {} : { size }) });
      codes.push(said(await sender.exchange(sent, PATIENCE_MS), controlId));
    }
    return codes;
  };

describe.for(Object.keys(SERVERS))('%s as a node', SLOW, (name) => {
  const { there, start } = SERVERS[name] as (typeof SERVERS)[string];
  const before = (server: ForeignServer) => startGateway({ nodes: [`mllp://127.0.0.1:${server.port}`] });

  test.skipIf(!there).for(Object.keys(KINDS))('%s: every answer, as many as directly', async (kind) => {
    await using server = await start('AA');
    await using gateway = await before(server);
    const run = KINDS[kind] as (typeof KINDS)[string];
    const right = Array(COUNTS[kind]).fill('AA');
    expect(await run(senderSends(gateway.port()))).toEqual(right);
    // node-hl7-server keeps what it has read, and answers the first message of a connection again with each that follows.
    if (name !== NODE_HL7_SERVER) expect(await run(senderSends(server.port))).toEqual(right);
  });

  test.skipIf(!there)('a negative answer, as directly', async () => {
    await using server = await start('AE');
    await using gateway = await before(server);
    expect(await senderSends(gateway.port())(3)).toEqual(['AE', 'AE', 'AE']);
    if (name !== NODE_HL7_SERVER) expect(await senderSends(server.port)(3)).toEqual(['AE', 'AE', 'AE']);
  });

  test.skipIf(!there)('ten frames in one write: every answer, in their order', async () => {
    await using server = await start('AA');
    await using gateway = await before(server);
    await using sender = await connectSender(gateway.port());
    const ids = Array.from({ length: 10 }, newControlId);
    void sender.sendTogether(ids.map((controlId) => message({ controlId })));
    const acks = await sender.nextAcks(ids.length, PATIENCE_MS);
    expect(acks.map(msaOf)).toEqual(ids.map((controlId) => ({ code: 'AA', controlId })));
  });

  test.skipIf(!there)('that goes away: nothing is acknowledged that it has not acknowledged', async () => {
    await using server = await start('AA');
    await using gateway = await startGateway({
      nodes: [`mllp://127.0.0.1:${server.port}`],
      pool: { queue: { timeout: '200ms' }, retry: { budget: '200ms' } },
    });
    await using sender = await connectSender(gateway.port());
    const controlId = newControlId();
    expect(said(await sender.exchange(message({ controlId }), PATIENCE_MS), controlId)).toBe('AA');
    await server.stop();
    void sender.send(message());
    await sender.closed;
    expect(sender.acks.length).toBe(1);
  });
});
