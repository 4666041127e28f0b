// A node that takes fewer connections than the config says: how many it may have, when one more is tried, and what its refusals mean.
import { describe, expect, it, test, vi } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import type { MllpConnection } from '../../src/upstream/mllp/mllp-connection.ts';
import { NodeFullness } from '../../src/upstream/mllp/node-fullness.ts';
import { NodeQuirks, type QuirkOptions } from '../../src/upstream/mllp/node-quirks.ts';
import { useFakeClock } from '../helpers/fake-clock.ts';

useFakeClock(['setTimeout', 'clearTimeout', 'performance']);

const MAX = 10;
const SECOND = 1_000;
const full = () => new GatewayError('GW_ERR_NODE_FULL', { node: 'a' });
const refused = () => {
  const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  return new GatewayError('GW_ERR_NODE_CONNECT', { node: 'a', detail: 'ECONNREFUSED', cause });
};
const unreachable = () => {
  const cause = Object.assign(new Error('connect'), { code: 'EHOSTUNREACH' });
  return new GatewayError('GW_ERR_NODE_CONNECT', { node: 'a', detail: 'EHOSTUNREACH', cause });
};

function fullnessOf(open: number, options: QuirkOptions = {}) {
  const counts = { open, taken: open, dialling: 0 };
  const told: string[] = [];
  const fullness = new NodeFullness(counts, new NodeQuirks(options), {
    onTrial: () => void told.push('trial'),
    onFailure: ({ code }) => void told.push(code),
  });
  return { fullness, counts, told };
}

/** Dialled so many milliseconds ago, and ended by the node. */
function closedAfter(ms: number, more: Partial<Record<keyof MllpConnection, unknown>> = {}): MllpConnection {
  return { isEndedByNode: true, answered: 0, dialledAt: performance.now() - ms, ...more } as MllpConnection;
}
const CLOSED = new GatewayError('GW_ERR_NODE_CLOSED', { node: 'a' });

describe('F32 closed at once', () => {
  it('keeps what it has, and a second later one more is tried', () => {
    const { fullness, told } = fullnessOf(3);
    expect([fullness.isKnown, fullness.mayDial, fullness.allowed(MAX)]).toEqual([false, true, MAX]);
    expect(fullness.onDialFailed(full()).code).toBe('GW_ERR_NODE_FULL');
    expect([fullness.isFull, fullness.mayDial, fullness.allowed(MAX)]).toEqual([true, false, 3]);
    vi.advanceTimersByTime(SECOND - 1);
    expect(told).toEqual(['GW_ERR_NODE_FULL']);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(['GW_ERR_NODE_FULL', 'trial']);
    expect([fullness.isTrying, fullness.isFull, fullness.mayDial, fullness.allowed(MAX)]).toEqual([
      ...[true, false, true],
      4,
    ]);
  });

  it('one is tried at a time', () => {
    const { fullness, counts } = fullnessOf(3);
    fullness.onDialFailed(full());
    vi.advanceTimersByTime(SECOND);
    counts.dialling = 1;
    expect(fullness.mayDial).toBe(false);
  });

  it('kept: it is not full any more', () => {
    const { fullness, counts } = fullnessOf(3);
    fullness.onDialFailed(full());
    vi.advanceTimersByTime(SECOND);
    counts.open = 4;
    fullness.onReached();
    expect([fullness.isKnown, fullness.mayDial, fullness.allowed(MAX)]).toEqual([false, true, MAX]);
    // But it has been: a check on its port would take a place.
    expect(fullness.isLimited).toBe(true);
  });

  it('closed again: the second begins again', () => {
    const { fullness, told } = fullnessOf(3);
    fullness.onDialFailed(full());
    vi.advanceTimersByTime(SECOND);
    fullness.onDialFailed(full());
    expect([fullness.isFull, fullness.mayDial]).toEqual([true, false]);
    vi.advanceTimersByTime(SECOND);
    expect(told.filter((what) => what === 'trial')).toHaveLength(2);
  });

  it('full again while the second runs: it counts from the last time', () => {
    const { fullness, told } = fullnessOf(3);
    fullness.onDialFailed(full());
    vi.advanceTimersByTime(SECOND / 2);
    fullness.onDialFailed(full());
    vi.advanceTimersByTime(SECOND / 2);
    expect(told).not.toContain('trial');
    vi.advanceTimersByTime(SECOND / 2);
    expect(told).toContain('trial');
  });

  it('never allows more than the config does, and is not tried once it is stopped', () => {
    const { fullness, told } = fullnessOf(3);
    fullness.onDialFailed(full());
    expect(fullness.allowed(2)).toBe(2);
    fullness.stop();
    vi.advanceTimersByTime(10 * SECOND);
    expect(told).toEqual(['GW_ERR_NODE_FULL']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a dial that fails of something else ends a trial: whatever it is now, it is not full', () => {
    const { fullness } = fullnessOf(3);
    fullness.onDialFailed(full());
    vi.advanceTimersByTime(SECOND);
    expect(fullness.onDialFailed(unreachable()).code).toBe('GW_ERR_NODE_CONNECT');
    expect(fullness.isKnown).toBe(false);
  });

  it('while none is open it is full, but nothing is known of a limit', () => {
    const { fullness } = fullnessOf(0);
    fullness.onDialFailed(full());
    expect([fullness.isFull, fullness.isLimited, fullness.allowed(MAX)]).toEqual([true, false, 0]);
  });
});

describe('F96 refused', () => {
  it('while others are open: it is full', () => {
    const { fullness, told } = fullnessOf(2);
    const error = fullness.onDialFailed(refused());
    expect([error.code, error.detail, told]).toEqual([
      'GW_ERR_NODE_FULL',
      'ECONNREFUSED',
      ['GW_ERR_NODE_FULL'],
    ]);
    expect([fullness.isFull, fullness.isLimited, fullness.allowed(MAX)]).toEqual([true, true, 2]);
  });

  it('while none is open: it is down', () => {
    const { fullness, told } = fullnessOf(0);
    expect(fullness.onDialFailed(refused()).code).toBe('GW_ERR_NODE_CONNECT');
    expect([fullness.isKnown, told]).toEqual([false, ['GW_ERR_NODE_CONNECT']]);
  });

  it('while others are under way: what it means is said when one of those is kept', () => {
    const { fullness, counts, told } = fullnessOf(0);
    counts.dialling = 1;
    fullness.onDialFailed(refused());
    expect(told).toEqual([]);
    counts.dialling = 0;
    counts.open = 1;
    fullness.onReached();
    expect([fullness.isFull, fullness.isLimited, told]).toEqual([true, true, []]);
  });

  it('or when the last of them has failed: all have', () => {
    const { fullness, counts, told } = fullnessOf(0);
    for (const dialling of [2, 1, 0]) {
      counts.dialling = dialling;
      expect(told).toEqual([]);
      fullness.onDialFailed(refused());
    }
    expect([fullness.isKnown, told]).toEqual([false, Array(3).fill('GW_ERR_NODE_CONNECT')]);
  });

  it('and the last open one has closed: it is not full, and dialled again at once', () => {
    const { fullness, counts } = fullnessOf(1);
    expect(fullness.onNoneOpen()).toBe(false);
    fullness.onDialFailed(refused());
    counts.open = 0;
    expect([fullness.onNoneOpen(), fullness.mayDial, fullness.onNoneOpen()]).toEqual([true, true, false]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('F95 closed later', () => {
  test.each<[what: string, expected: boolean, connection: () => MllpConnection, othersAnswer: boolean]>([
    ['at its first use, while others answer', true, () => closedAfter(90), true],
    ['while no other answers', false, () => closedAfter(90), false],
    ['behind an answer', false, () => closedAfter(90, { answered: 1 }), true],
    ['by the gateway', false, () => closedAfter(90, { isEndedByNode: false }), true],
    ['after half a second', true, () => closedAfter(500), true],
    ['after more than that', false, () => closedAfter(501), true],
  ])('%s: %s', (_, expected, connection, othersAnswer) => {
    const { fullness } = fullnessOf(2);
    expect(fullness.isLateFull(connection(), CLOSED, othersAnswer)).toBe(expected);
    expect(fullness.isFull).toBe(expected);
  });

  it('of another error: not', () => {
    const timeout = new GatewayError('GW_ERR_ACK_TIMEOUT', { node: 'a' });
    for (const error of [timeout, undefined])
      expect(fullnessOf(2).fullness.isLateFull(closedAfter(90), error, true)).toBe(false);
  });

  it('a new one is watched for twice as long as that took, and half a second at most', () => {
    for (const [closedMs, watchedMs] of [
      [10, 250],
      [200, 400],
      [400, 500],
    ] as const) {
      const { fullness } = fullnessOf(2);
      expect(fullness.settleMs(1, false)).toBe(1);
      fullness.isLateFull(closedAfter(closedMs), CLOSED, true);
      expect(fullness.settleMs(1, false)).toBe(watchedMs);
      expect(fullness.settleMs(5_000, false)).toBe(5_000);
    }
  });

  it('one more than serve already is watched for longer, as there is time', () => {
    const { fullness } = fullnessOf(2);
    expect([fullness.settleMs(10, true), fullness.settleMs(300, true)]).toEqual([250, 300]);
  });
});

describe('F97 a connection for each message', () => {
  it('in the place of one that is used up another may be dialled though it is full', () => {
    const { fullness, counts } = fullnessOf(3, { reuse: 1 });
    fullness.onDialFailed(full());
    expect([fullness.mayDial, fullness.allowed(MAX)]).toEqual([false, 3]);
    counts.open = 1;
    counts.taken = 2;
    expect([fullness.mayDial, fullness.allowed(MAX)]).toEqual([true, 3]);
  });

  it('is not watched for longer: each message would wait for it', () => {
    const { fullness } = fullnessOf(3, { reuse: 1 });
    fullness.onDialFailed(full());
    expect(fullness.settleMs(1, false)).toBe(1);
  });
});
