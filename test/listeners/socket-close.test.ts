// Callbacks for a connection's end that come and go with its requests.
import net, { type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { offSocketClose, onSocketClose } from '../../listeners/http/socket-close.ts';

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.destroy();
  });
}

it('are one listener of the socket, however many there were', async () => {
  const socket = new net.Socket();
  const calls: number[] = [];
  const listeners = new Set<number>();
  for (let i = 0; i < 100; i++) {
    const callback = (): void => void calls.push(i);
    onSocketClose(socket, callback);
    listeners.add(socket.listenerCount('close'));
    offSocketClose(socket, callback);
  }
  expect([...listeners]).toEqual([1]);
  await closed(socket);
  expect(calls).toEqual([]);
});

it('are called once each, in their order, but for those that were taken back', async () => {
  const socket = new net.Socket();
  const calls: string[] = [];
  const one = (): void => {
    calls.push('one');
    // It is over.
    offSocketClose(socket, one);
  };
  const [two, three, four] = ['two', 'three', 'four'].map((name) => () => void calls.push(name));
  onSocketClose(socket, one);
  for (const callback of [two, three, four]) if (callback !== undefined) onSocketClose(socket, callback);
  if (three !== undefined) offSocketClose(socket, three);
  await closed(socket);
  expect(calls).toEqual(['one', 'two', 'four']);
});
