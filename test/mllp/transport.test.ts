// What a transport promises its owner, on real connections: what is read, written, paused, ended and broken.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { SocketTransport } from '../../src/mllp/socket-transport.ts';
import type { Transport, TransportOwner } from '../../src/mllp/transport.ts';
import { turns, until } from '../helpers/until.ts';

interface Line extends AsyncDisposable {
  readonly transport: Transport;
  readonly peer: net.Socket;
  /** What the owner was told, in order; bytes as their text. */
  readonly told: string[];
}

/** Both sides may be half-open, as a sender's connection is. */
async function connect(make: (socket: net.Socket) => Transport): Promise<Line> {
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[net.Socket]>;
  const { port } = server.address() as net.AddressInfo;
  const peer = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  peer.on('error', () => {});
  const [socket] = await connected;
  const transport = make(socket);
  const told: string[] = [];
  const owner: TransportOwner = {
    onRead: (chunk) => told.push(chunk.toString()),
    onEnd: () => told.push('end'),
    onClosed: (error) => told.push(error === undefined ? 'closed' : 'closed broken'),
    onError: () => told.push('error'),
    onDrain: () => told.push('drain'),
    onIdle: () => told.push('idle'),
    onWriteTimeout: () => told.push('write timeout'),
    onFlush: () => told.push('flush'),
    onHanded: () => told.push('handed'),
    onWritten: (error) => told.push(error == null ? 'written' : 'not written'),
  };
  transport.open(owner);
  const dispose = async (): Promise<void> => {
    transport.destroy();
    peer.destroy();
    server.close();
    await once(server, 'close');
  };
  return { transport, peer, told, [Symbol.asyncDispose]: dispose };
}

describe.each([['a socket', (socket: net.Socket): Transport => new SocketTransport(socket)]])(
  '%s',
  (_, make) => {
    it('tells of bytes, of the end, and once that it is over', async () => {
      await using line = await connect(make);
      line.peer.end('abc');
      await until(() => line.told.includes('end'));
      expect([line.told, line.transport.hasEnded, line.transport.isDestroyed]).toEqual([
        ['abc', 'end'],
        true,
        false,
      ]);
      const gone = new Promise<void>((resolve) => line.transport.whenClosed(resolve));
      line.transport.end();
      await gone;
      expect([line.told, line.transport.isDestroyed]).toEqual([['abc', 'end', 'closed'], true]);
      await new Promise<void>((resolve) => line.transport.whenClosed(resolve));
    });

    it('reads nothing while it is paused', async () => {
      await using line = await connect(make);
      line.transport.pause();
      await new Promise<void>((resolve) => line.peer.end('abc', resolve));
      await turns(5);
      expect([line.told, line.transport.isPaused]).toEqual([[], true]);
      line.transport.resume();
      await until(() => line.told.includes('end'));
      expect(line.told).toEqual(['abc', 'end']);
    });

    it('writes what one turn brings as one, and says when it leaves and when it is taken', async () => {
      await using line = await connect(make);
      const read: Buffer[] = [];
      line.peer.on('data', (chunk: Buffer) => read.push(chunk));
      line.transport.write(Buffer.from('never'));
      line.transport.discard();
      line.transport.write(Buffer.from('a'));
      line.transport.write(Buffer.from('b'));
      expect(line.told).toEqual([]);
      await until(() => line.told.includes('written') && line.told.includes('handed'));
      await until(() => Buffer.concat(read).length === 2);
      expect([Buffer.concat(read).toString(), line.told[0], line.told.toSorted()]).toEqual([
        'ab',
        'flush',
        ['flush', 'handed', 'written'],
      ]);
      line.transport.write(Buffer.from('c'));
      line.transport.flush();
      expect(line.told.slice(3)).toContain('handed');
      line.transport.destroy();
      line.transport.write(Buffer.from('late'));
      line.transport.flush();
      expect(line.told.slice(-3).toSorted()).toEqual(['flush', 'handed', 'not written']);
    });

    it('says that its peer takes nothing, and when it does again', async () => {
      await using line = await connect(make);
      line.peer.pause();
      line.transport.setWriteTimeout(20);
      line.transport.write(Buffer.alloc(8 * 1024 * 1024));
      line.transport.flush();
      expect([line.transport.needsDrain, line.transport.isBlocked]).toEqual([true, true]);
      await until(() => line.told.includes('write timeout'));
      line.peer.resume();
      await until(() => line.told.includes('drain'));
      await new Promise<void>((resolve) => line.transport.whenTaken(resolve));
      expect([line.transport.needsDrain, line.transport.isBlocked]).toEqual([false, false]);
    });

    it('says that nothing goes either way, until its time is set to 0', async () => {
      await using line = await connect(make);
      line.transport.setIdleTimeout(20);
      await until(() => line.told.includes('idle'));
      line.transport.setIdleTimeout(0);
      const { length } = line.told;
      line.peer.end('x');
      await until(() => line.told.includes('end'));
      expect(line.told.slice(length)).toEqual(['x', 'end']);
    });

    it('is not idle while something is about to be written', async () => {
      let given: net.Socket | undefined;
      await using line = await connect((socket) => {
        given = socket;
        return make(socket);
      });
      line.transport.setIdleTimeout(60_000);
      line.transport.write(Buffer.from('x'));
      given?.emit('timeout');
      expect(line.told).not.toContain('idle');
      line.transport.flush();
      given?.emit('timeout');
      expect(line.told).toContain('idle');
    });

    it('knows a reset from an end', async () => {
      await using line = await connect(make);
      line.peer.end();
      await until(() => line.told.includes('end'));
      expect(line.transport.wasReset()).toBe(false);
      line.peer.destroy();
      line.transport.write(Buffer.from('nobody reads this'));
      line.transport.flush();
      await until(() => line.transport.wasReset() || line.transport.isDestroyed);
      await using broken = await connect(make);
      broken.peer.resetAndDestroy();
      await until(() => broken.told.length >= 2);
      expect([broken.told, broken.transport.hasEnded]).toEqual([['error', 'closed broken'], false]);
    });
  },
);
