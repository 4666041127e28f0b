// F97: a node that closes behind its answers, told from one that keeps its connections, over time and whatever happens between.
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  ConnectionReuse,
  type Kept,
  PROBE_MS,
  type WatchedConnection,
} from '../../src/upstream/mllp/connection-reuse.ts';
import { answers, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { gate, until } from '../helpers/until.ts';
import { upstreamTo } from './deliveries.ts';
import { TestDelivery } from './test-delivery.ts';

let nowMs = 0;

function clock(): void {
  nowMs = 1_000_000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
}
afterEach(() => void vi.restoreAllMocks());

function connection(more: Partial<WatchedConnection> = {}): WatchedConnection {
  return { answered: 1, answeredAt: nowMs, isClosedInWatch: false, ...more };
}

/** One connection's whole life at a node that does not close it. */
function keep(reuse: ConnectionReuse): Kept[] {
  const one = connection();
  const said = [reuse.onKept(one)];
  if (said[0] === 'watch') {
    nowMs += PROBE_MS;
    said.push(reuse.onKept(one));
  }
  reuse.onClosed(one, false);
  return said;
}

describe('F97 what is believed of a node', () => {
  test('kept once at the start: it keeps its connections', () => {
    clock();
    const reuse = new ConnectionReuse();
    expect([reuse.isWatched, reuse.closes]).toEqual([true, false]);
    expect(keep(reuse)).toEqual(['use']);
    expect([reuse.isWatched, reuse.closes]).toEqual([false, false]);
  });

  test('known to close: one watch without a close, or two, or a hundred at once change nothing', () => {
    clock();
    const reuse = new ConnectionReuse();
    expect(reuse.onClosed(connection(), true)).toBe(true);
    const many = Array.from({ length: 100 }, () => connection());
    expect(many.map((one) => reuse.onKept(one))).toEqual(['watch', ...Array(99).fill('end')]);
    expect(reuse.closes).toBe(true);
  });

  test('three that are kept for long, at growing intervals: it keeps them again', () => {
    clock();
    const reuse = new ConnectionReuse();
    reuse.onClosed(connection(), true);
    const pauses: number[] = [];
    let kept = 0;
    for (let ms = 0; reuse.closes && ms < 60_000; ms += 100, nowMs += 100) {
      const said = keep(reuse);
      if (said.length === 2) {
        kept++;
        pauses.push(ms);
      } else expect(said).toEqual(['end']);
    }
    expect([kept, reuse.closes, reuse.isWatched]).toEqual([3, false, false]);
    const [first = 0, second = 0, third = 0] = pauses;
    expect(second - first).toBeGreaterThanOrEqual(1_000);
    expect(third - second).toBeGreaterThanOrEqual(2_000);
  });

  test('one that is closed in between: from the beginning', () => {
    clock();
    const reuse = new ConnectionReuse();
    reuse.onClosed(connection(), true);
    for (let round = 0; round < 20; round++) {
      keep(reuse);
      nowMs += 5_000;
      keep(reuse);
      nowMs += 5_000;
      reuse.onClosed(connection(), true);
    }
    expect(reuse.closes).toBe(true);
  });

  test('the one that is watched for long is closed, or ended for other reasons: the next may be', () => {
    clock();
    const reuse = new ConnectionReuse();
    reuse.onClosed(connection(), true);
    for (const byNode of [true, false]) {
      const one = connection();
      expect(reuse.onKept(one)).toBe('watch');
      expect(reuse.onKept(connection())).toBe('end');
      reuse.onClosed({ ...one, isClosedInWatch: byNode }, byNode);
      // The same one, as the upstream has it.
      reuse.onClosed(one, byNode);
      nowMs += 10;
    }
    expect(keep(reuse)).toEqual(['watch', 'end']);
    expect(reuse.closes).toBe(true);
  });

  test('closed behind a later answer: that does not undo what is known', () => {
    clock();
    const reuse = new ConnectionReuse();
    reuse.onClosed(connection(), true);
    expect(reuse.onClosed(connection({ answered: 5 }), true)).toBe(false);
    expect(reuse.closes).toBe(true);
  });

  test('closed while it was watched, however long that took: behind its answer', () => {
    clock();
    const reuse = new ConnectionReuse();
    expect(reuse.onClosed(connection({ answeredAt: nowMs - 5_000 }), true)).toBe(false);
    expect(reuse.onClosed(connection({ answeredAt: nowMs - 5_000, isClosedInWatch: true }), true)).toBe(true);
    expect(reuse.closes).toBe(true);
  });
});

const closing: Script = answers.all(answers.aa(), ({ connection: own }) => own.close());

describe('F97 a node that closes, and is late with it', () => {
  test.each([1, 4])('max %i: what it has not closed takes no further message', async (maxConnections) => {
    const hold = gate();
    await using node = await startFaultyNode(
      answers.by(({ controlId }) =>
        controlId.startsWith('LATE')
          ? answers.all(
              answers.aa(),
              answers.after(hold, () => {}),
            )
          : closing,
      ),
    );
    using room = upstreamTo(node, { maxConnections, pipelining: 4, repeatedIds: 'reuse' });
    const send = async (id: string): Promise<string> => {
      await until(() => room.upstream.hasRoom);
      const delivery = new TestDelivery(id);
      room.upstream.send(delivery);
      return delivery.over();
    };
    expect(await send('X0')).toBe('answered AA');
    await until(() => room.upstream.openConnections === 0);
    expect(await send('LATE1')).toBe('answered AA');
    for (let i = 1; i < 6; i++) expect(await send(`X${i}`)).toBe('answered AA');
    const counts = new Map<number, number>();
    for (const { connection: own } of node.messages) counts.set(own.id, (counts.get(own.id) ?? 0) + 1);
    expect([...counts.values()]).toEqual(Array(7).fill(1));
    expect(room.told.filter((what) => what.startsWith('GW_'))).toEqual([]);
    hold.open();
  });
});
