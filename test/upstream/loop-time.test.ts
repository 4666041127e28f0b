// A wait that counts only time in which the event loop runs.
import { once } from 'node:events';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { afterLoopTime } from '../../src/upstream/loop-time.ts';
import { turns } from '../helpers/until.ts';

/** The event loop stands still for so long. */
function block(ms: number): number {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return performance.now();
}

describe('loop time', () => {
  test.each([1, 10, 50, 60])('%i ms: not called before', async (ms) => {
    const from = performance.now();
    await new Promise<void>((resolve) => void afterLoopTime(ms, resolve));
    expect(performance.now() - from).toBeGreaterThanOrEqual(ms - 1);
  });

  test('F95 a stall does not count: what is left is waited for behind it', async () => {
    let calledAt = 0;
    const done = new Promise<void>((resolve) => {
      afterLoopTime(50, () => {
        calledAt = performance.now();
        resolve();
      });
    });
    await turn();
    const endedAt = block(200);
    await done;
    expect(calledAt - endedAt).toBeGreaterThanOrEqual(49);
  });

  test('F95 stalls again and again: it ends all the same', async () => {
    let stalls = 0;
    let isOver = false;
    const done = new Promise<void>((resolve) => void afterLoopTime(50, resolve)).then(() => {
      isOver = true;
    });
    while (!isOver && stalls < 100) {
      block(50);
      stalls++;
      await turns(2);
    }
    await done;
    expect(stalls).toBeLessThan(100);
  });

  test('F97 data and an end that have come in a stall are seen first', async () => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.end('answer');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const seen: string[] = [];
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.on('data', () => seen.push('data')).on('end', () => seen.push('end'));
    await once(socket, 'connect');
    await new Promise<void>((resolve) => {
      afterLoopTime(1, () => {
        seen.push('done');
        resolve();
      });
      block(100);
    });
    socket.destroy();
    server.close();
    // The server has accepted it in the same loop.
    expect(seen.slice(0, 2)).toEqual(['data', 'end']);
  });

  test('one that is ended is not called', async () => {
    let called = 0;
    const end = afterLoopTime(1, () => called++);
    const late = new Promise<void>((resolve) => void afterLoopTime(60, resolve));
    end();
    await late;
    expect(called).toBe(0);
  });
});
