// Messages of one turn of the event loop leave in one write on one connection, while the node is fast.
import { expect, it, vi } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { gate, turns } from '../helpers/until.ts';
import { upstreamTo } from './deliveries.ts';
import { TestDelivery } from './test-delivery.ts';

/** A node that has answered so many messages, each `ms` after it was sent by the clock that the gateway reads. */
async function warm(upstream: ReturnType<typeof upstreamTo>['upstream'], ms: number): Promise<void> {
  for (let i = 0; i < 60; i++) {
    const delivery = new TestDelivery(`W${i}`);
    upstream.send(delivery);
    vi.advanceTimersByTime(ms);
    await delivery.over();
  }
}

async function spread(ms: number, messages: number, pipelining: number): Promise<number[]> {
  vi.useFakeTimers({ toFake: ['performance'] });
  const hold = gate();
  await using node = await startFaultyNode(answers.aa());
  using room = upstreamTo(node, { pipelining, maxConnections: 2, repeatedIds: 'reuse', settleMs: 0 });
  const { upstream } = room;
  // Both connections are there.
  node.script = answers.detached(hold);
  const first = ['A', 'B', 'C', 'D'].map((id) => new TestDelivery(id));
  for (const delivery of first) upstream.send(delivery);
  await node.received(4);
  hold.open();
  for (const delivery of first) await delivery.over();
  node.script = answers.aa();
  await warm(upstream, ms);
  const burst = Array.from({ length: messages }, (_, i) => new TestDelivery(`M${i}`));
  for (const delivery of burst) upstream.send(delivery);
  await turns(1);
  for (const delivery of burst) await delivery.over();
  const channels = [...new Set(burst.map(({ channel }) => channel))];
  vi.useRealTimers();
  return channels.map((one) => burst.filter(({ channel }) => channel === one).length).sort((a, b) => b - a);
}

it('all on one connection, as long as it takes them', async () => {
  expect(await spread(0, 10, 20)).toEqual([10]);
});

it('no more than 32 of them', async () => {
  expect((await spread(0, 60, 100))[0]).toBe(32);
});

it('a node that takes its time has them on all of its connections', async () => {
  expect(await spread(5, 10, 20)).toEqual([5, 5]);
});

it('no more on one than its pipelining', async () => {
  expect(await spread(0, 8, 4)).toEqual([4, 4]);
});
