// The tick writer on real sockets: one write for what one turn brings, order kept; and an end of a connection without a reset.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { closeGracefully } from '../../src/mllp/graceful-close.ts';
import { SocketTransport } from '../../src/mllp/socket-transport.ts';
import { HandleWire } from '../../src/mllp/wire/handle-wire.ts';
import { StreamWire } from '../../src/mllp/wire/stream-wire.ts';
import type { Wire } from '../../src/mllp/wire/wire.ts';
import { turns, until } from '../helpers/until.ts';

type Kind = 'streams' | 'handle';

/** `npm run test:streams` chooses those alone. */
const KINDS: readonly Kind[] =
  process.env.HL7_GATEWAY_WIRE === 'streams' ? ['streams'] : ['streams', 'handle'];

interface Pair extends AsyncDisposable {
  readonly near: net.Socket;
  readonly wire: Wire;
  readonly transport: SocketTransport;
  readonly onFlush: (() => void)[];
  readonly far: net.Socket;
  readonly chunks: Buffer[];
  /** How often the near side has handed something to the kernel. */
  readonly writes: () => number;
}

async function pair(kind: Kind): Promise<Pair> {
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[net.Socket]>;
  const far = net.connect({
    port: (server.address() as net.AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  const [near] = await connected;
  far.on('error', () => {});
  near.on('error', () => {});
  const chunks: Buffer[] = [];
  far.on('data', (chunk: Buffer) => chunks.push(chunk));
  let writes = 0;
  for (const name of ['_write', '_writev'] as const) {
    const original = near[name] as (...args: unknown[]) => void;
    Object.assign(near, {
      [name]: (...args: unknown[]) => {
        writes++;
        original.apply(near, args);
      },
    });
  }
  const handle: Record<string, (...args: unknown[]) => void> = Reflect.get(near, '_handle');
  for (const name of kind === 'handle' ? ['writeBuffer', 'writev'] : []) {
    const original = handle[name]?.bind(handle);
    handle[name] = (...args) => {
      writes++;
      return original?.(...args);
    };
  }
  const wire = kind === 'handle' ? HandleWire.take(near) : new StreamWire(near);
  if (wire === undefined) throw new Error('no handle');
  const transport = new SocketTransport(near, wire);
  const onFlush: (() => void)[] = [];
  transport.open({
    onRead: () => {},
    onEnd: () => {},
    onClosed: () => {},
    onFlush: () => {
      for (const called of onFlush) called();
    },
  });
  const dispose = async (): Promise<void> => {
    near.destroy();
    far.destroy();
    server.close();
    await once(server, 'close');
  };
  return {
    near,
    far,
    wire,
    transport,
    onFlush,
    chunks,
    writes: () => writes,
    [Symbol.asyncDispose]: dispose,
  };
}

const numbered = (count: number, size: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.alloc(size, i % 251));

describe.each(KINDS)('CoalescingWriter on %s', (kind) => {
  it.each([
    [1, 10],
    [100, 10],
    [100, 10_000],
    [3, 1_000_000],
  ])('%d parts of %d bytes in one turn are one write, in order', async (count, size) => {
    await using sockets = await pair(kind);
    const writer = sockets.transport;
    let flushes = 0;
    sockets.onFlush.push(() => flushes++);
    const parts = numbered(count, size);
    for (const part of parts) writer.write(part);
    expect(sockets.writes()).toBe(0);
    await turns(1);
    expect(sockets.writes()).toBe(1);
    // Nothing is left.
    writer.flush();
    expect(flushes).toBe(1);
    await until(() => Buffer.concat(sockets.chunks).length === count * size);
    expect(Buffer.concat(sockets.chunks).equals(Buffer.concat(parts))).toBe(true);
  });

  it('order holds over turns, also where a socket is full', async () => {
    await using sockets = await pair(kind);
    sockets.far.pause();
    const writer = sockets.transport;
    const parts = numbered(40, 500_000);
    for (const part of parts) {
      writer.write(part.subarray(0, 1));
      writer.write(part.subarray(1));
      await turns(1);
    }
    sockets.far.resume();
    await until(() => sockets.wire.unsentBytes === 0 && sumOf(sockets.chunks) === 20_000_000);
    expect(Buffer.concat(sockets.chunks).equals(Buffer.concat(parts))).toBe(true);
  });

  it('several writers of one turn each write once', async () => {
    await using a = await pair(kind);
    await using b = await pair(kind);
    const writers = [a.transport, b.transport];
    for (let i = 0; i < 5; i++) for (const writer of writers) writer.write(Buffer.from(`${i}`));
    await turns(1);
    expect([a.writes(), b.writes()]).toEqual([1, 1]);
    await until(() => sumOf(a.chunks) === 5 && sumOf(b.chunks) === 5);
    expect(Buffer.concat(b.chunks).toString()).toBe('01234');
  });

  it('says so before bytes leave, once a write; flush writes at once, and then nothing is left', async () => {
    await using sockets = await pair(kind);
    const seen: number[] = [];
    const writer = sockets.transport;
    sockets.onFlush.push(() => seen.push(sockets.writes()));
    writer.write(Buffer.from('a'));
    writer.write(Buffer.from('b'));
    writer.flush();
    expect([seen, sockets.writes()]).toEqual([[0], 1]);
    await turns(2);
    writer.flush();
    expect([seen, sockets.writes()]).toEqual([[0], 1]);
    writer.write(Buffer.from('c'));
    await turns(1);
    expect(seen).toEqual([0, 1]);
  });

  it('what is discarded is not written, nor what comes after the socket is gone', async () => {
    await using sockets = await pair(kind);
    const writer = sockets.transport;
    writer.write(Buffer.from('never'));
    writer.discard();
    writer.write(Buffer.from('kept'));
    await until(() => Buffer.concat(sockets.chunks).toString() === 'kept');
    sockets.near.destroy();
    let flushes = 0;
    sockets.onFlush.push(() => flushes++);
    writer.write(Buffer.from('late'));
    await turns(1);
    writer.flush();
    expect([sockets.writes(), flushes]).toEqual([1, 1]);
  });
});

describe.each(KINDS)('closeGracefully on %s', (kind) => {
  it('sends what was written and a FIN, no reset, though the peer is still sending', async () => {
    await using sockets = await pair(kind);
    const { near, far, wire, chunks } = sockets;
    let error: Error | undefined;
    far.on('error', (cause) => {
      error = cause;
    });
    for (let i = 0; i < 50; i++) far.write(Buffer.alloc(100_000));
    wire.pause();
    const bytes = Buffer.from('last words');
    wire.write(bytes, undefined, bytes.length, undefined);
    const ended = once(far, 'end');
    closeGracefully(near, wire);
    await ended;
    expect(Buffer.concat(chunks).toString()).toBe('last words');
    // Unread bytes in the near kernel would make its close a reset.
    far.end('more');
    await once(far, 'close');
    await until(() => near.destroyed);
    expect(error).toBeUndefined();
  });

  it('is over as soon as the peer has ended, too', async () => {
    await using sockets = await pair(kind);
    const { near, far, wire } = sockets;
    far.end();
    wire.resume();
    await once(near, 'end');
    closeGracefully(near, wire);
    await once(near, 'close');
    expect(near.destroyed).toBe(true);
  });

  it('does not wait for ever on a peer that keeps its side open', async () => {
    await using sockets = await pair(kind);
    const { near, far, wire } = sockets;
    far.resume();
    closeGracefully(near, wire);
    await once(far, 'end');
    expect(near.destroyed).toBe(false);
    await until(() => near.destroyed, { deadlineMs: 8_000 });
  });

  it('does nothing to a socket that is gone', async () => {
    await using sockets = await pair(kind);
    const { near, wire } = sockets;
    near.destroy();
    closeGracefully(near, wire);
    await once(near, 'close');
    expect(near.destroyed).toBe(true);
  });
});

function sumOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
