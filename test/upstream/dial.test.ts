// What dialling leaves behind when it is given up. How a dial fails is in test/faults: F30, F32 and F47.
import { expect, test } from 'vitest';
import { dial } from '../../src/upstream/dial.ts';
import { startBlackHole } from '../helpers/black-hole.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { until } from '../helpers/until.ts';

const OPTIONS = { node: 'a', host: '127.0.0.1', tls: undefined, connectMs: 5_000, settleMs: 0 };

function refuseAll(): never {
  throw new Error('called after the abort');
}

test('given up while the node does not accept: gone after connectMs, not when the operating system gives up', async (context) => {
  await using hole = await startBlackHole();
  if (hole === undefined) return context.skip();
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocket')).length;
  const before = sockets();
  const abort = dial({ ...OPTIONS, port: hole.port, connectMs: 1_000 }, refuseAll, refuseAll);
  try {
    await until(() => sockets() > before, { deadlineMs: 500 });
  } finally {
    abort();
  }
  await until(() => sockets() === before);
});

test('given up while it connects, or while it is watched: the node sees FIN, no reset, whatever it says', async () => {
  await using node = await startFaultyNode();
  node.onConnection = (connection) => void connection.write(Buffer.alloc(10_000, 'x'));
  const abortWhileConnecting = dial({ ...OPTIONS, port: node.port }, refuseAll, refuseAll);
  abortWhileConnecting();
  const abortWhileWatched = dial({ ...OPTIONS, port: node.port, settleMs: 10_000 }, refuseAll, refuseAll);
  const [first, second] = await node.connected(2);
  await until(() => node.events.filter(({ kind }) => kind === 'answer').length === 2);
  abortWhileWatched();
  expect(await first?.closed).toEqual({ code: undefined });
  expect(await second?.closed).toEqual({ code: undefined });
});
