// Clients and a node that were not written here get every answer right through a real gateway, whatever way the nodes
// write their answers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith } from '../config/config-folder.ts';
import { answers, type FaultyNode, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { ackFor, frame, message, msaOf, newControlId, unframe } from '../helpers/mllp.ts';
import type { Exchange } from '../helpers/node-connection.ts';
import { connectSender } from '../helpers/sender.ts';
import {
  type ForeignClient,
  hasMllpSend,
  mllpSend,
  NodeHl7Client,
  SimpleHl7Client,
  SimpleHl7Node,
} from './foreign-clients.ts';

/** Ways to write a right answer that MLLP allows or that real nodes have. */
const WAYS: Readonly<Record<string, Script>> = {
  'in one write': answers.aa(),
  'with 1C and 0D in two packets': answers.endInTwoPackets(),
  'byte by byte': answers.dripping(),
  'in three pieces': answers.chunked(1, -2),
  'with NULs, spaces and line ends before it': answers.junkBefore(),
  'with NULs, spaces and line ends behind it': answers.junkAfter(),
};

const CLIENTS: Readonly<Record<string, (port: number) => Promise<ForeignClient>>> = {
  'node-hl7-client': (port) => NodeHl7Client.connect(port),
  'simple-hl7': async (port) => new SimpleHl7Client(port),
};

async function twoNodes(
  script: Script,
  work: (gateway: TestGateway, nodes: readonly FaultyNode[]) => Promise<void>,
): Promise<void> {
  await using a = await startFaultyNode(script);
  await using b = await startFaultyNode(script);
  await using gateway = await startGateway({ nodes: [a.url, b.url], pool: { balance: 'round-robin' } });
  await work(gateway, [a, b]);
  expect(gateway.held).toEqual({ queued: 0, inFlight: 0, bytes: 0 });
}

function controlIds(nodes: readonly FaultyNode[]): string[] {
  return nodes.flatMap((node) => node.controlIds);
}

describe.for(Object.keys(CLIENTS))('%s', (name) => {
  const connect = CLIENTS[name] as (port: number) => Promise<ForeignClient>;

  test.for(Object.keys(WAYS))('gets its answers where the nodes give them %s', async (way) => {
    await twoNodes(WAYS[way] as Script, async (gateway, nodes) => {
      await using client = await connect(gateway.port());
      const ids = Array.from({ length: 6 }, newControlId);
      for (const controlId of ids) {
        const ack = await client.exchange(message({ controlId }).toString());
        expect(msaOf(Buffer.from(ack))).toEqual({ code: 'AA', controlId });
      }
      // Both nodes took part, so that one client's answers did come over several connections.
      expect(nodes.map((node) => node.messages.length)).toEqual([3, 3]);
      expect(controlIds(nodes).sort()).toEqual([...ids].sort());
    });
  });

  test('eight of them at once, each gets the answers to its own messages', async () => {
    await twoNodes(answers.aa(), async (gateway, nodes) => {
      const each = async (): Promise<void> => {
        await using client = await connect(gateway.port());
        for (let i = 0; i < 25; i++) {
          const controlId = newControlId();
          const ack = await client.exchange(message({ controlId }).toString());
          expect(msaOf(Buffer.from(ack))).toEqual({ code: 'AA', controlId });
        }
      };
      await Promise.all(Array.from({ length: 8 }, each));
      expect(new Set(controlIds(nodes)).size).toBe(200);
      expect(controlIds(nodes)).toHaveLength(200);
    });
  });

  test("a node's AE reaches it as an answer", async () => {
    await twoNodes(answers.ae(), async (gateway) => {
      await using client = await connect(gateway.port());
      const ack = await client.exchange(message({ controlId: 'REFUSED' }).toString());
      expect(msaOf(Buffer.from(ack))).toEqual({ code: 'AE', controlId: 'REFUSED' });
    });
  });
});

test('node-hl7-client that does not wait gets every answer, in its order', async () => {
  await twoNodes(answers.aa(), async (gateway, nodes) => {
    await using client = await NodeHl7Client.connect(gateway.port(), { waitAck: false });
    const ids = Array.from({ length: 50 }, newControlId);
    await Promise.all(ids.map((controlId) => client.send(message({ controlId }).toString())));
    const answered = (): string[] =>
      [...client.raw.join('\r').matchAll(/MSA\|AA\|([^|\r\n]+)/g)].map(([, id]) => id ?? '');
    await client.answered(() => answered().length >= ids.length);
    expect(answered()).toEqual(ids);
    expect(controlIds(nodes).sort()).toEqual([...ids].sort());
  });
});

describe.skipIf(!hasMllpSend)('mllp_send (python3-hl7; skipped where it is not installed)', () => {
  test.for(Object.keys(WAYS))('gets its answers where the nodes give them %s', async (way) => {
    await twoNodes(WAYS[way] as Script, async (gateway, nodes) => {
      const ids = Array.from({ length: 6 }, newControlId);
      const file = join(folderWith({}), 'messages.hl7');
      writeFileSync(file, Buffer.concat(ids.map((controlId) => message({ controlId, separator: '\n' }))));
      const { code, printed } = await mllpSend(gateway.port(), file);
      expect(code).toBe(0);
      expect(unframe(printed).map(msaOf)).toEqual(ids.map((controlId) => ({ code: 'AA', controlId })));
      // It reads once for each answer and prints what it read and a line end: nothing but whole frames may be there.
      const whole = unframe(printed).map((ack) => Buffer.concat([frame(ack), Buffer.from('\n')]));
      expect(printed).toEqual(Buffer.concat(whole));
      expect(controlIds(nodes).sort()).toEqual([...ids].sort());
    });
  });
});

/** Answers two messages of a connection by two frames in one write. */
function bothInOneWrite(): Script {
  const first = new Map<number, Exchange>();
  return ({ connection, payload, ...rest }) => {
    const before = first.get(connection.id);
    if (before === undefined) {
      first.set(connection.id, { connection, payload, ...rest });
      return undefined;
    }
    first.delete(connection.id);
    return connection.write(Buffer.concat([frame(ackFor(before.payload)), frame(ackFor(payload))]));
  };
}

describe('both sides awkward', () => {
  test('a node that answers two messages in one write: each sender gets its own', async () => {
    await using node = await startFaultyNode(bothInOneWrite());
    await using gateway = await startGateway({
      nodes: [node.url],
      pool: { connections: { max: 1, pipelining: 2 } },
    });
    await using one = await NodeHl7Client.connect(gateway.port());
    await using other = new SimpleHl7Client(gateway.port());
    const pairs = Array.from({ length: 10 }, () => [newControlId(), newControlId()] as const);
    for (const [first, second] of pairs) {
      const acks = await Promise.all([
        one.exchange(message({ controlId: first }).toString()),
        other.exchange(message({ controlId: second }).toString()),
      ]);
      expect(acks.map((ack) => msaOf(Buffer.from(ack))?.controlId)).toEqual([first, second]);
    }
    expect(node.connections.total).toBe(1);
  });

  test.for(Object.keys(WAYS))('two frames in one write of the sender, answers %s', async (way) => {
    await twoNodes(WAYS[way] as Script, async (gateway, nodes) => {
      await using sender = await connectSender(gateway.port());
      const pairs = Array.from({ length: 5 }, () => [newControlId(), newControlId()]);
      for (const pair of pairs) {
        void sender.sendTogether(pair.map((controlId) => message({ controlId })));
        const acks = await sender.nextAcks(2);
        expect(acks.map(msaOf)).toEqual(pair.map((controlId) => ({ code: 'AA', controlId })));
      }
      expect(sender.junk).toHaveLength(0);
      expect(controlIds(nodes).sort()).toEqual(pairs.flat().sort());
    });
  });
});

describe('simple-hl7 as a node, which takes all that one read brings for one message', () => {
  test('never gets two frames at once with pipelining 1: every message of ten hurried senders is answered', async () => {
    await using node = await SimpleHl7Node.start();
    await using gateway = await startGateway({
      nodes: [node.url],
      pool: { connections: { max: 3, pipelining: 1 } },
    });
    const each = async (): Promise<string[]> => {
      await using sender = await connectSender(gateway.port());
      const ids = Array.from({ length: 20 }, newControlId);
      void sender.sendTogether(ids.map((controlId) => message({ controlId })));
      const acks = await sender.nextAcks(ids.length);
      expect(acks.map(msaOf)).toEqual(ids.map((controlId) => ({ code: 'AA', controlId })));
      return ids;
    };
    const sent = (await Promise.all(Array.from({ length: 10 }, each))).flat();
    expect(node.errors).toEqual([]);
    const taken = node.took.map((raw) => unframe(Buffer.from(raw)));
    expect(taken.every((frames) => frames.length === 1)).toBe(true);
    expect(
      taken
        .flat()
        .map((payload) => payload.toString().split('|')[9])
        .sort(),
    ).toEqual([...sent].sort());
  });

  test('and its answers reach a foreign client', async () => {
    await using node = await SimpleHl7Node.start();
    await using gateway = await startGateway({ nodes: [node.url] });
    await using client = await NodeHl7Client.connect(gateway.port());
    const ack = await client.exchange(message({ controlId: 'THROUGH' }).toString());
    expect(msaOf(Buffer.from(ack))).toEqual({ code: 'AA', controlId: 'THROUGH' });
  });
});
