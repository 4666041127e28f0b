// F101: pools that share the connections of one address: never more than the limit together, and each gets its turn.
import { describe, expect, test } from 'vitest';
import { SharedLimit, SharedLimits, type Sharer } from '../../src/upstream/shared-limit.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';
import { reload } from '../reload/room.ts';
import { upstreamTo } from './deliveries.ts';
import { TestDelivery } from './test-delivery.ts';

const LONG = { timeout: 60_000 } as const;

function sharer(more: Partial<Sharer> = {}): Sharer & { places: number; ended: boolean[] } {
  const one = {
    maxConnections: 2,
    inUse: 0,
    places: 0,
    ended: [] as boolean[],
    endOne: (mayBeBusy: boolean) => {
      one.ended.push(mayBeBusy);
      return true;
    },
    onPlace: () => void one.places++,
    ...more,
  };
  return one;
}

describe('F101 a shared limit', () => {
  test('places are given in the order in which they were asked for', () => {
    const limit = new SharedLimit();
    const [a, b, c] = [sharer(), sharer(), sharer()];
    for (const one of [a, b, c]) limit.join(one);
    const [first] = [limit.take(a), limit.take(a)];
    expect([limit.freeFor(a), limit.freeFor(b)]).toEqual([0, 0]);
    limit.ask(b);
    limit.ask(c);
    const given: string[] = [];
    Object.assign(b, {
      onPlace: () => given.push(`b ${limit.freeFor(b)} ${limit.freeFor(c)}`) && limit.take(b),
    });
    Object.assign(c, { onPlace: () => given.push('c') });
    first();
    expect(given).toEqual(['b 1 0']);
    // Once is enough.
    first();
    expect([limit.taken, given.length]).toEqual([2, 1]);
    for (const one of [a, b, c]) limit.leave(one);
  });

  test('who has most gives one back, and no more than are asked for', () => {
    const limit = new SharedLimit();
    const [a, b, c] = [
      sharer({ maxConnections: 3, inUse: 2 }),
      sharer({ maxConnections: 3, inUse: 1 }),
      sharer(),
    ];
    Object.assign(c, { maxConnections: 3 });
    for (const one of [a, b, c]) limit.join(one);
    const [ofA] = [limit.take(a), limit.take(a), limit.take(b)];
    limit.ask(c);
    expect([a.ended, b.ended]).toEqual([[true], []]);
    Object.assign(a, { inUse: 1 });
    // One is on its way already.
    limit.ask(c);
    expect([a.ended, b.ended]).toEqual([[true], []]);
    Object.assign(c, { onPlace: () => c.places++ === 0 && limit.take(c) });
    ofA();
    expect([c.places, limit.taken]).toEqual([1, 3]);
    for (const one of [a, b, c]) limit.leave(one);
  });

  test('where all have as many, only what is idle is given back', () => {
    const limit = new SharedLimit();
    const [a, b] = [sharer({ maxConnections: 4, inUse: 2 }), sharer({ maxConnections: 4, inUse: 2 })];
    for (const one of [a, b]) {
      limit.join(one);
      limit.take(one);
      limit.take(one);
    }
    limit.ask(b);
    expect([a.ended, b.ended]).toEqual([[false], []]);
    for (const one of [a, b]) limit.leave(one);
  });

  test('the least of what they say holds, for as long as who says it is there', () => {
    const limit = new SharedLimit();
    const [a, b] = [sharer({ maxConnections: 5 }), sharer({ maxConnections: 2 })];
    limit.join(a);
    expect(limit.freeFor(a)).toBe(5);
    limit.join(b);
    expect(limit.freeFor(a)).toBe(2);
    limit.leave(b);
    expect([limit.freeFor(a), a.places > 0]).toEqual([5, true]);
    limit.leave(a);
  });

  test('one for each address, until the last connection of the last one is over', () => {
    const limits = new SharedLimits();
    const limit = limits.of('H', 1);
    expect([limits.of('h', 1) === limit, limits.of('h', 2) === limit]).toEqual([true, false]);
    const a = sharer();
    limit.join(a);
    const release = limit.take(a);
    limit.leave(a);
    expect(limits.size).toBe(2);
    release();
    expect(limits.size).toBe(1);
  });
});

/** The most connections that were open at once, as the node sees it: from each opening to both ends of its close. */
function most(node: { readonly events: readonly { kind: string }[] }, from = 0): number {
  let [open, max] = [0, 0];
  for (const [index, { kind }] of node.events.entries()) {
    if (kind === 'open') open++;
    else if (kind === 'close') open--;
    if (index >= from) max = Math.max(max, open);
  }
  return max;
}

function opened({ events }: { readonly events: readonly { kind: string }[] }): number {
  return events.reduce((open, { kind }) => open + (kind === 'open' ? 1 : kind === 'close' ? -1 : 0), 0);
}

describe('F101 two upstreams to one node', LONG, () => {
  test.each([
    { maxConnections: 1, pools: 2 },
    { maxConnections: 2, pools: 2 },
    { maxConnections: 3, pools: 2 },
    { maxConnections: 2, pools: 5 },
  ])(
    '$maxConnections connections, $pools pools: never more, and all are served',
    async ({ maxConnections, pools }) => {
      await using node = await startFaultyNode();
      const shared = new SharedLimit();
      const rooms = Array.from({ length: pools }, () =>
        upstreamTo(node, { maxConnections, shared, repeatedIds: 'reuse' }),
      );
      const ends = await Promise.all(
        rooms.flatMap(({ upstream }, name) =>
          Array.from({ length: 6 }, async (_, s) => {
            const own: string[] = [];
            for (let i = 0; i < 8; i++) {
              while (!upstream.hasRoom) await until(() => upstream.hasRoom, { deadlineMs: 30_000 });
              const delivery = new TestDelivery(`${name}-${s}-${i}`);
              upstream.send(delivery);
              own.push(await until(() => delivery.end, { deadlineMs: 30_000 }));
            }
            return own;
          }),
        ),
      );
      expect(new Set(ends.flat())).toEqual(new Set(['answered AA']));
      expect(node.messages.length).toBe(48 * pools);
      expect(most(node)).toBeLessThanOrEqual(maxConnections);
      for (const { told, upstream } of rooms) {
        expect(told.filter((what) => what.startsWith('GW_'))).toEqual([]);
        upstream.close();
      }
    },
  );

  test('the only connection has a message in work: it is given back when that is answered', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    const shared = new SharedLimit();
    using one = upstreamTo(node, { maxConnections: 1, shared });
    using other = upstreamTo(node, { maxConnections: 1, shared });
    const [first, second] = [new TestDelivery('X1'), new TestDelivery('X2')];
    one.upstream.send(first);
    await node.received(1);
    expect([other.upstream.hasRoom, other.upstream.isFull]).toEqual([true, false]);
    other.upstream.send(second);
    expect(other.upstream.hasRoom).toBe(false);
    hold.open();
    expect([await first.over(), await second.over()]).toEqual(['answered AA', 'answered AA']);
    expect(most(node)).toBe(1);
    expect(node.connections.total).toBe(2);
  });

  test('no place for as long as a node may take to answer: not sent, and said so', async () => {
    await using node = await startFaultyNode(answers.none());
    const shared = new SharedLimit();
    using one = upstreamTo(node, { maxConnections: 1, shared });
    using other = upstreamTo(node, { maxConnections: 1, shared, ackMs: 50 });
    const [first, second] = [new TestDelivery('X1'), new TestDelivery('X2')];
    one.upstream.send(first);
    await node.received(1);
    other.upstream.send(second);
    expect(await second.over()).toBe('GW_ERR_NODE_FULL');
    expect([other.upstream.inFlight, node.messages.length]).toEqual([0, 1]);
  });

  test('a message whose control id repeats on the only connection gets another one all the same', async () => {
    await using node = await startFaultyNode();
    const shared = new SharedLimit();
    using one = upstreamTo(node, { maxConnections: 1, shared, repeatedIds: 'redial' });
    using _ = upstreamTo(node, { maxConnections: 1, shared });
    for (let i = 0; i < 3; i++) {
      const delivery = new TestDelivery('SAME');
      while (!one.upstream.hasRoom) await until(() => one.upstream.hasRoom);
      one.upstream.send(delivery);
      expect(await delivery.over()).toBe('answered AA');
    }
    expect([node.connections.total, most(node)]).toEqual([3, 1]);
  });
});

describe('F101 two pools with one node', LONG, () => {
  const config = (url: string, shared: boolean): string =>
    JSON.stringify({
      listeners: { p: { bind: '127.0.0.1:0' }, q: { bind: '127.0.0.1:0' } },
      pools: Object.fromEntries(
        ['p', 'q'].map((name) => [
          name,
          {
            nodes: { a: { url } },
            connections: { max: 3, shared },
            health: { type: 'none' },
            queue: { timeout: '30s' },
          },
        ]),
      ),
      routes: [{ when: { listener: 'p' }, to: 'p' }, { to: 'q' }],
    });

  async function load(gw: TestGateway, round: string): Promise<string[]> {
    const all = await Promise.all(
      ['p', 'q'].flatMap((listener) =>
        Array.from({ length: 6 }, async (_, s) => {
          await using sender = await connectSender(gw.port(listener));
          const told: string[] = [];
          for (let i = 0; i < 5; i++)
            told.push(
              said(await sender.exchange(message({ controlId: `${round}${listener}${s}-${i}` }), 30_000)),
            );
          return told;
        }),
      ),
    );
    return all.flat().filter((answer) => !answer.startsWith('AA '));
  }

  test('together no more than max, and a reload turns it on and off', async () => {
    // Slow enough for each pool to want all that it may have.
    await using node = await startFaultyNode(async (exchange) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await answers.aa()(exchange);
    });
    await using gw = await startGateway(config(node.url, true));
    expect(await load(gw, 'ON')).toEqual([]);
    expect(most(node)).toBe(3);
    await reload(gw, config(node.url, false));
    expect(await load(gw, 'OFF')).toEqual([]);
    expect(most(node)).toBeGreaterThan(3);
    await reload(gw, config(node.url, true));
    await until(() => opened(node) === 0);
    const from = node.events.length;
    expect(await load(gw, 'AGAIN')).toEqual([]);
    expect(most(node, from)).toBe(3);
    expect(gw.log.filter(({ msg }) => msg === 'node down')).toEqual([]);
  });
});
