// The buffers of bodies that have gone by are collected after every 16 MiB of them, by a young collection, and not before:
// of request bodies, of responses, and of tunnels. It takes Node.js's `--expose-gc`. What is counted are collections that were asked for: V8's own do not say so.
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { spend } from '../../listeners/http/spent-buffers.ts';
import { GET, openHttpRoom, request } from '../faults/http-room.ts';
import { turns, until } from '../helpers/until.ts';

const MIB = 1024 * 1024;
const { NODE_PERFORMANCE_GC_MINOR: MINOR, NODE_PERFORMANCE_GC_FLAGS_FORCED: FORCED } = constants;

/** What `--expose-gc` on the command line gives. */
const exposed = Reflect.get(globalThis, 'gc');
beforeAll(() => {
  setFlagsFromString('--expose-gc');
  Reflect.set(globalThis, 'gc', runInNewContext('globalThis.gc'));
  return () => Reflect.set(globalThis, 'gc', exposed);
});

/** Of collections that were asked for. */
let kinds: (number | undefined)[];
beforeEach(() => {
  kinds = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind, flags = 0 } = Reflect.get(entry, 'detail') as { kind?: number; flags?: number };
      if ((flags & FORCED) !== 0) kinds.push(kind);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  onTestFinished(() => observer.disconnect());
});

test('every 16 MiB', async () => {
  for (let time = 0; time < 3; time++) {
    spend(8 * MIB);
    spend(8 * MIB - 1);
    await turns(20);
    expect(kinds.length).toBe(time);
    spend(1);
    await until(() => kinds.length > time);
  }
  // Where a whole collection is under way, V8 ends that in its place.
  expect(kinds.length).toBe(3);
  expect(kinds.filter((kind) => kind === MINOR).length).toBeGreaterThanOrEqual(2);
});

test('without the flag nothing is asked for', async () => {
  const collect = Reflect.get(globalThis, 'gc');
  Reflect.set(globalThis, 'gc', undefined);
  onTestFinished(() => void Reflect.set(globalThis, 'gc', collect));
  spend(32 * MIB);
  await turns(20);
  expect(kinds).toEqual([]);
});

const BODY = Buffer.alloc(17 * MIB);
const UPGRADE = request('GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket']);
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

test.each<[string, string, Buffer, string, Buffer]>([
  [
    'a request',
    `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`,
    BODY,
    '',
    Buffer.alloc(0),
  ],
  ['a response', GET, Buffer.alloc(0), `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n`, BODY],
  ['a tunnel to the node', UPGRADE, BODY, SWITCH, Buffer.alloc(0)],
  ['a tunnel to the client', UPGRADE, Buffer.alloc(0), SWITCH, BODY],
])('of %s', async (_, head, body, answerHead, answer) => {
  let answered = false;
  await using room = await openHttpRoom({
    node: {
      onBytes: (connection) => {
        if (!answered) void connection.write(Buffer.concat([Buffer.from(answerHead), answer]));
        answered = true;
        return true;
      },
    },
  });
  await using client = await room.connect();
  client.socket.write(head);
  client.socket.write(body);
  await until(() => kinds.length > 0, { deadlineMs: 15_000, what: 'a collection' });
});
