// The benchmark checks every answer and every message: a proxy that is wrong once has no figures, and it is said how it was wrong.
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAllAnswered } from '../../bench/messages.ts';
import { Nodes, Senders } from '../../bench/senders.ts';

/** What a proxy makes of the bytes of one message, or of one answer, half way through. */
interface Fault {
  readonly message?: (bytes: Buffer) => Buffer;
  readonly answer?: (bytes: Buffer) => Buffer;
}

const SENDERS = 4;
const EACH = 50;
const HALF_WAY = (SENDERS * EACH) / 2;
/** Only a run in which nothing more comes takes so long. */
const PATIENCE_MS = 30_000;

let nodes: Nodes;
let senders: Senders;

beforeAll(async () => {
  nodes = await new Nodes(2).ready();
  senders = new Senders();
  senders.use(2);
});
afterAll(async () => {
  await senders.stop();
  await nodes.stop();
});

/** Senders are in lockstep, so what one read brings to the proxy is one message, or one answer. */
async function runThrough({ message, answer }: Fault, load: object = {}): Promise<void> {
  let [messages, answers] = [0, 0];
  const sockets = new Set<net.Socket>();
  const proxy = net.createServer({ noDelay: true }, (sender) => {
    const node = net.connect({ host: '127.0.0.1', port: nodes.ports[0] ?? 0, noDelay: true });
    for (const socket of [sender, node]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    const atHalf = (count: number, bytes: Buffer, change?: (bytes: Buffer) => Buffer): Buffer =>
      count === HALF_WAY && change !== undefined ? change(bytes) : bytes;
    sender.on('data', (bytes: Buffer) => node.write(atHalf(++messages, bytes, message)));
    node.on('data', (bytes: Buffer) => sender.write(atHalf(++answers, bytes, answer)));
    sender.on('close', () => node.destroy());
    node.on('close', () => sender.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as net.AddressInfo;
  try {
    await nodes.report();
    const order = { connections: SENDERS, pipelining: 1, messages: EACH, patienceMs: PATIENCE_MS };
    await senders.begin({ ...order, ...load, port });
    await expectAllAnswered({ name: 'the proxy' }, await senders.finish(), nodes);
  } finally {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await once(proxy, 'close');
  }
}

const withOtherByte = (bytes: Buffer, at: number): Buffer => {
  const other = Buffer.from(bytes);
  other[at] = (other[at] as number) ^ 1;
  return other;
};

describe('a run of the benchmark', () => {
  it('has a result where every answer is right', async () => {
    await runThrough({});
    await runThrough({}, { bytes: 2_000 });
  });

  it('fails where an answer is another message’s', async () => {
    // The last digit of MSA-2 stands before CR FS CR.
    const answer = (bytes: Buffer) => withOtherByte(bytes, bytes.length - 4);
    await expect(runThrough({ answer })).rejects.toThrow(
      /^the proxy: 1 wrong answers, first: sender \d: not the answer to \d{10}: .*MSA\|AA\|/,
    );
  });

  it('fails where an answer is negative', async () => {
    const answer = (bytes: Buffer) => Buffer.from(bytes.toString('latin1').replace('MSA|AA', 'MSA|AE'));
    await expect(runThrough({ answer })).rejects.toThrow(/1 wrong answers, first: .*MSA\|AE\|/);
  });

  it('fails where another byte of an answer is not the node’s', async () => {
    await expect(runThrough({ answer: (bytes) => withOtherByte(bytes, 20) })).rejects.toThrow(
      /1 wrong answers/,
    );
  });

  it('fails where an answer comes twice', async () => {
    const answer = (bytes: Buffer) => Buffer.concat([bytes, bytes]);
    await expect(runThrough({ answer })).rejects.toThrow(/1 wrong answers, first: sender \d: more answers/);
  });

  it('fails where an answer has bytes behind it', async () => {
    const answer = (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('\x0b')]);
    await expect(runThrough({ answer })).rejects.toThrow(/wrong answers/);
  });

  it('fails where an answer is missing', async () => {
    const answer = () => Buffer.alloc(0);
    await expect(runThrough({ answer }, { patienceMs: 500 })).rejects.toThrow(
      /\d+ of \d+ messages were not answered/,
    );
  });

  it('fails where a node gets other bytes than were sent', async () => {
    const message = (bytes: Buffer) => withOtherByte(bytes, 400);
    await expect(runThrough({ message })).rejects.toThrow(
      /nodes got 1 wrong messages, first: a message is not as it was sent: control id \d{10}/,
    );
  });

  it('fails where a node gets a message twice', async () => {
    const message = (bytes: Buffer) => Buffer.concat([bytes, bytes]);
    await expect(runThrough({ message })).rejects.toThrow(
      /the proxy: .*wrong answers|nodes got \d+ messages/,
    );
  });
});
