// A node on trial gets one message at a time, from one worker at a time.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TrialPermits, type VerdictTaker } from '../../src/workers/main/trial-permits.ts';

const NODE = { pool: 'p', node: 'a' };

class Taker implements VerdictTaker {
  isBusy = false;
  asked = 0;
  take(): void {}
  yieldTrial(): Promise<boolean> {
    this.asked++;
    return Promise.resolve(!this.isBusy);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(count: number) {
  const takers = Array.from({ length: count }, () => new Taker());
  const told: Taker[] = [];
  let running = takers;
  const permits = new TrialPermits(
    () => running,
    (taker) => void told.push(taker as Taker),
  );
  const holders = (): number[] => takers.flatMap((one, i) => (permits.has(one, NODE) ? [i] : []));
  return {
    takers,
    told,
    permits,
    holders,
    leave: (one: Taker) => (running = running.filter((each) => each !== one)),
  };
}

test('the permit goes round while nobody uses it, and is told to whoever gets it', async () => {
  const { permits, holders, told, takers } = setUp(3);
  permits.begin(NODE);
  const seen = [holders()];
  for (let turn = 0; turn < 3; turn++) {
    await vi.advanceTimersByTimeAsync(100);
    seen.push(holders());
  }
  expect(seen).toEqual([[0], [1], [2], [0]]);
  expect(told).toEqual([takers[1], takers[2], takers[0]]);
});

test('it stays with a worker whose message is with the node', async () => {
  const { permits, holders, takers } = setUp(2);
  permits.begin(NODE);
  (takers[0] as Taker).isBusy = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(holders()).toEqual([0]);
  (takers[0] as Taker).isBusy = false;
  await vi.advanceTimersByTimeAsync(100);
  expect(holders()).toEqual([1]);
});

test('nobody has it once the trial is over; that of a worker that has ended goes on', async () => {
  const { permits, holders, takers, leave } = setUp(2);
  permits.begin(NODE);
  leave(takers[0] as Taker);
  permits.onEnd(takers[0] as Taker);
  expect(holders()).toEqual([]);
  await vi.advanceTimersByTimeAsync(100);
  expect(holders()).toEqual([1]);
  permits.end(NODE);
  expect(holders()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(holders()).toEqual([]);
});
