// Both kinds of wire on real sockets, plain and TLS: bytes and their order, back-pressure, the end of each side, and a socket
// that goes at any moment.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HandleWire } from '../../src/mllp/wire/handle-wire.ts';
import { handlesRefusedFor } from '../../src/mllp/wire/node-handles.ts';
import { StreamWire } from '../../src/mllp/wire/stream-wire.ts';
import type { Wire } from '../../src/mllp/wire/wire.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

type Kind = 'streams' | 'handle';

interface Pair extends AsyncDisposable {
  /** The side that is tested. */
  readonly socket: net.Socket;
  readonly wire: Wire;
  readonly peer: net.Socket;
  /** What has come. */
  readonly read: Buffer[];
  drains: number;
}

function wireOn(socket: net.Socket, kind: Kind): Wire {
  const wire = kind === 'handle' ? HandleWire.take(socket) : new StreamWire(socket);
  if (wire === undefined) throw new Error('no handle');
  return wire;
}

/** `first`: what the peer sends before the wire is there, which is put back as what follows a PROXY header is. */
async function pair(
  kind: Kind,
  isTls: boolean,
  first?: Buffer,
  onOpen: (wire: Wire) => void = () => {},
): Promise<Pair> {
  const { certPem, keyPem } = folder.pems.good;
  const server = isTls
    ? tls.createServer({ cert: certPem, key: keyPem })
    : net.createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const accepted = once(server, isTls ? 'secureConnection' : 'connection') as Promise<[net.Socket]>;
  const to = { port, host: '127.0.0.1', allowHalfOpen: true };
  const peer = isTls ? tls.connect({ ...to, ca: folder.caPem } as tls.ConnectionOptions) : net.connect(to);
  peer.on('error', () => {});
  const [socket] = await accepted;
  socket.allowHalfOpen = true;
  socket.on('error', () => {});
  if (first !== undefined) socket.unshift(first);
  const read: Buffer[] = [];
  const wire = wireOn(socket, kind);
  const result = { socket, wire, peer, read, drains: 0 };
  wire.open({
    onBytes: (bytes, isBorrowed) => read.push(isBorrowed ? Buffer.from(bytes) : bytes),
    onDrain: () => {
      result.drains++;
    },
  });
  onOpen(wire);
  const dispose = async (): Promise<void> => {
    socket.destroy();
    peer.destroy();
    server.close();
    await once(server, 'close');
  };
  return Object.assign(result, { [Symbol.asyncDispose]: dispose });
}

function numbered(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32BE((at * 2654435761) % 0xffffffff, at);
  return bytes;
}

const sizeOf = (chunks: readonly Buffer[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

function write(wire: Wire, ...parts: Buffer[]): Promise<Error | null | undefined> {
  const [first = Buffer.alloc(0), ...more] = parts;
  return new Promise((resolve) => {
    if (wire.write(first, more.length > 0 ? more : undefined, sizeOf(parts), (error) => resolve(error)))
      resolve(undefined);
  });
}

/** `npm run test:streams` chooses those. */
const HAS_HANDLES = process.env.HL7_GATEWAY_WIRE !== 'streams';

it.runIf(HAS_HANDLES)('this Node.js has the handles that are expected', () => {
  expect(handlesRefusedFor).toBeUndefined();
});

const KINDS = [
  ['streams', false],
  ['handle', false],
  ['streams', true],
  ['handle', true],
] as const;

describe.each(KINDS.filter(([kind]) => kind === 'streams' || HAS_HANDLES))(
  'a wire on %s, TLS: %s',
  (kind, isTls) => {
    it('hands on what comes, small and large, in order', async () => {
      await using sides = await pair(kind, isTls);
      const sent = numbered(3 * MIB + 5);
      let at = 0;
      for (const size of [1, 100, 16 * KIB, 70_000, MIB, sent.length]) {
        sides.peer.write(sent.subarray(at, at + size));
        at += size;
        await turns(2);
      }
      await until(() => sizeOf(sides.read) === sent.length);
      expect(Buffer.concat(sides.read).equals(sent)).toBe(true);
    });

    it('hands on first what had come before', async () => {
      const first = Buffer.from('\x0bMSH|');
      await using sides = await pair(kind, isTls, first);
      sides.peer.write('^~\\&|');
      await until(() => sizeOf(sides.read) === 10);
      expect(Buffer.concat(sides.read).toString()).toBe('\x0bMSH|^~\\&|');
    });

    it('hands on what had come before not until it is resumed, where it was paused at once', async () => {
      await using sides = await pair(kind, isTls, Buffer.from('\x0bMSH|'), (wire) => wire.pause());
      sides.peer.write('^~\\&|');
      await turns(10);
      expect(sizeOf(sides.read)).toBe(0);
      sides.wire.resume();
      await until(() => sizeOf(sides.read) === 10);
      expect(Buffer.concat(sides.read).toString()).toBe('\x0bMSH|^~\\&|');
    });

    it('hands on nothing while it is paused, and all of it afterwards', async () => {
      await using sides = await pair(kind, isTls);
      const sent = numbered(2 * MIB);
      sides.peer.write(sent);
      await until(() => sides.read.length > 0);
      while (sizeOf(sides.read) < sent.length) {
        sides.wire.pause();
        expect(sides.wire.isPaused).toBe(true);
        // What the kernel had handed over may still come from a stream, not from a handle.
        if (kind === 'streams') await turns(3);
        const before = sizeOf(sides.read);
        await turns(5);
        expect(sizeOf(sides.read)).toBe(before);
        sides.wire.resume();
        await until(() => sizeOf(sides.read) > before || before === sent.length);
      }
      expect(Buffer.concat(sides.read).equals(sent)).toBe(true);
    });

    it('the end of the peer comes behind its bytes, also where it is paused, and writing goes on', async () => {
      await using sides = await pair(kind, isTls);
      const sent = numbered(300 * KIB);
      sides.wire.pause();
      sides.peer.end(sent);
      let hasEnded = false;
      sides.socket.once('end', () => {
        hasEnded = true;
      });
      await turns(20);
      expect(hasEnded).toBe(false);
      sides.wire.resume();
      await until(() => hasEnded);
      expect(Buffer.concat(sides.read).equals(sent)).toBe(true);
      const answer = once(sides.peer, 'data') as Promise<[Buffer]>;
      await write(sides.wire, Buffer.from('answer'));
      expect((await answer)[0].toString()).toBe('answer');
    });

    it('sends parts in order, says when they are taken, and is backed up meanwhile', async () => {
      await using sides = await pair(kind, isTls);
      sides.peer.pause();
      const sent = numbered(24 * MIB);
      const told: number[] = [];
      let at = 0;
      const parts = [10, 3, 60_000, 5 * MIB, 100_000, 200_000, 7, MIB];
      for (let i = 0; at < sent.length; i++) {
        const size = parts[i % parts.length] as number;
        const cut = [sent.subarray(at, at + size), sent.subarray(at + size, at + 2 * size)];
        at += 2 * size;
        void write(sides.wire, ...cut.filter(({ length }) => length > 0)).then((error) => {
          expect(error ?? undefined).toBeUndefined();
          told.push(i);
        });
      }
      expect([sides.wire.isBackedUp, sides.wire.unsentBytes > MIB]).toEqual([true, true]);
      let isSent = false;
      sides.wire.whenSent(() => {
        isSent = true;
      });
      await turns(10);
      expect([isSent, sides.drains]).toEqual([false, 0]);
      const received: Buffer[] = [];
      sides.peer.on('data', (bytes: Buffer) => received.push(bytes));
      sides.peer.resume();
      await until(() => sizeOf(received) === sent.length, { deadlineMs: 30_000 });
      await until(() => isSent && sides.drains > 0);
      expect(Buffer.concat(received).equals(sent)).toBe(true);
      expect([told, sides.wire.unsentBytes, sides.wire.isBackedUp]).toEqual([
        told.toSorted((a, b) => a - b),
        0,
        false,
      ]);
    });

    it('parts that were gathered are not changed by what is written next', async () => {
      await using sides = await pair(kind, isTls);
      sides.peer.pause();
      const sent: Buffer[] = [];
      for (let i = 0; sides.wire.unsentBytes < 100 * KIB && i < 20_000; i++) {
        const parts = [Buffer.alloc(20_000, i % 250), Buffer.alloc(20_000, (i + 1) % 250)];
        sent.push(...parts);
        void write(sides.wire, ...parts);
      }
      const received: Buffer[] = [];
      sides.peer.on('data', (bytes: Buffer) => received.push(bytes));
      sides.peer.resume();
      await until(() => sizeOf(received) === sizeOf(sent), { deadlineMs: 30_000 });
      expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
    });

    it('ends behind what it was given', async () => {
      await using sides = await pair(kind, isTls);
      sides.peer.pause();
      const sent = numbered(12 * MIB);
      void write(sides.wire, sent);
      let isDone = false;
      sides.wire.end(() => {
        isDone = true;
      });
      const received: Buffer[] = [];
      sides.peer.on('data', (bytes: Buffer) => received.push(bytes));
      const ended = once(sides.peer, 'end');
      sides.peer.resume();
      await ended;
      expect(Buffer.concat(received).equals(sent)).toBe(true);
      await until(() => isDone);
    });

    it.runIf(kind === 'handle' && !isTls)('hands over a large one in portions, a turn for each', async () => {
      await using sides = await pair(kind, isTls);
      const received: Buffer[] = [];
      sides.peer.on('data', (bytes: Buffer) => received.push(bytes));
      const sent = numbered(8 * MIB);
      const order: string[] = [];
      const first = write(sides.wire, sent).then(() => order.push('large'));
      expect(sides.wire.unsentBytes).toBe(8 * MIB);
      const second = write(sides.wire, Buffer.from('behind')).then(() => order.push('behind'));
      await turns(1);
      expect(sides.wire.unsentBytes).toBeGreaterThan(5 * MIB);
      await Promise.all([first, second]);
      expect(order).toEqual(['large', 'behind']);
      await until(() => Buffer.concat(received).length === sent.length + 6);
      expect(Buffer.concat(received).equals(Buffer.concat([sent, Buffer.from('behind')]))).toBe(true);
    });

    it('of each write it is told once, with an error, when the connection goes', async () => {
      await using sides = await pair(kind, isTls);
      sides.peer.pause();
      const told: unknown[] = [];
      for (let i = 0; i < 4; i++) void write(sides.wire, numbered(8 * MIB)).then((error) => told.push(error));
      sides.peer.destroy();
      await until(() => told.length === 4, { deadlineMs: 20_000 });
      expect(told.at(-1)).toBeInstanceOf(Error);
      await until(() => sides.socket.destroyed);
      expect(await write(sides.wire, Buffer.from('late'))).toBeInstanceOf(Error);
      let isTold = false;
      sides.wire.whenSent(() => {
        isTold = true;
      });
      await until(() => isTold);
      sides.wire.pause();
      sides.wire.resume();
    });

    it.runIf(kind === 'handle')('its idle time begins anew with what comes and what is sent', async () => {
      await using sides = await pair(kind, isTls);
      let begun = 0;
      Object.assign(sides.socket, { _unrefTimer: () => begun++ });
      sides.peer.write('x');
      await until(() => sides.read.length > 0);
      expect(begun).toBe(0);
      sides.socket.setTimeout(60_000);
      sides.peer.write('y');
      await until(() => sides.read.length > 1);
      const afterRead = begun;
      await write(sides.wire, Buffer.from('z'));
      expect([afterRead > 0, begun > afterRead]).toEqual([true, true]);
    });
  },
);
