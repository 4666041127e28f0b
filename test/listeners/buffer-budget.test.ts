// How `limits.maxBuffered` is shared, without sockets and by a clock of the test's own.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  BufferBudget,
  PartialMessage,
  SMALL_BYTES,
  type SourceBudget,
} from '../../listeners/accept/buffer-budget.ts';
import { turns } from '../helpers/until.ts';

const MIB = 1024 * 1024;
const MAX = 64 * MIB;
/** What large messages may take together. */
const LARGE = 48 * MIB;
const FRAME = 8 * MIB;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function partOf(source: SourceBudget, woken: string[] = [], name = ''): PartialMessage {
  return new PartialMessage(source, () => woken.push(name));
}

/** One that has brought its first bytes, and is let on or waits. */
function begun(source: SourceBudget, woken?: string[], name?: string, maxBytes = FRAME): PartialMessage {
  const part = partOf(source, woken, name);
  part.grow(2 * MIB, maxBytes);
  return part;
}

function totals({ heldBytes, smallBytes, largeBytes, pausedBytes }: BufferBudget): number[] {
  return [heldBytes, smallBytes, largeBytes, pausedBytes];
}

describe('small messages', () => {
  it('F119 a source may hold as much as it leaves free: half, and others have the rest', () => {
    const budget = new BufferBudget(MAX);
    const [a, b, c] = ['a', 'b', 'c'].map((key) => budget.source(key)) as [
      SourceBudget,
      SourceBudget,
      SourceBudget,
    ];
    const fill = (source: SourceBudget): number => {
      let bytes = 0;
      for (; source.hasRoom; bytes += SMALL_BYTES) source.hold(SMALL_BYTES);
      return bytes / MAX;
    };
    expect(fill(a)).toBeCloseTo(1 / 2, 2);
    expect(fill(b)).toBeCloseTo(1 / 4, 2);
    expect(fill(c)).toBeCloseTo(1 / 8, 2);
    expect([a.hasRoom, b.hasRoom, c.hasRoom, budget.source('d').hasRoom]).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  it('wakes those that wait for room, once, when there is some for their source', async () => {
    const budget = new BufferBudget(MAX);
    const a = budget.source('a');
    const woken: string[] = [];
    const [one, two] = [() => woken.push('one'), () => woken.push('two')];
    while (a.hasRoom) a.hold(SMALL_BYTES);
    a.hold(SMALL_BYTES);
    a.onRoom(one);
    a.onRoom(one);
    a.onRoom(two);
    a.forget(two);
    a.hold(-SMALL_BYTES);
    await turns();
    expect([woken, a.hasRoom]).toEqual([[], false]);
    a.hold(-SMALL_BYTES);
    await turns();
    expect([woken, a.hasRoom]).toEqual([['one'], true]);
    a.hold(-SMALL_BYTES);
    await turns();
    expect(woken).toEqual(['one']);
  });

  it('one that takes all the room and waits again is woken again, not for ever', async () => {
    const budget = new BufferBudget(MAX);
    const a = budget.source('a');
    let rounds = 0;
    const greedy = (): void => {
      rounds++;
      while (a.hasRoom) a.hold(SMALL_BYTES);
      a.onRoom(greedy);
    };
    greedy();
    a.hold(-SMALL_BYTES);
    await turns(10);
    expect(rounds).toBe(2);
  });

  it('a larger limit is room as well', async () => {
    const budget = new BufferBudget(MAX);
    const a = budget.source('a');
    const woken: string[] = [];
    while (a.hasRoom) a.hold(SMALL_BYTES);
    a.onRoom(() => woken.push('a'));
    const large = begun(budget.source('b'), woken, 'b', 40 * MIB);
    const other = begun(budget.source('c'), woken, 'c', 40 * MIB);
    expect([large.waits, other.waits]).toEqual([false, true]);
    budget.maxBytes = 4 * MAX;
    await turns();
    expect(woken).toEqual(['a', 'c']);
  });
});

describe('large messages', () => {
  it('F79 go on where what they may grow to fits, and leave the small ones their room', () => {
    const budget = new BufferBudget(MAX);
    const parts = Array.from({ length: 20 }, (_, i) => begun(budget.source(`s${i}`)));
    // 20 have begun: 40 MiB are there, and for so many there was room. Nobody else is held up by them.
    expect(parts.filter(({ waits }) => !waits).length).toBeGreaterThan(0);
    expect(budget.largeBytes).toBeLessThanOrEqual(LARGE);
    expect(budget.source('small').hasRoom).toBe(true);
    for (const part of parts) part.end();
    expect(totals(budget)).toEqual([0, 0, 0, 0]);
  });

  it('F79 one is let on when another is over, in order, and sources take turns', async () => {
    const budget = new BufferBudget(MAX);
    const woken: string[] = [];
    const [a, b] = [budget.source('a'), budget.source('b')];
    const first = partOf(a);
    first.grow(100_000, LARGE);
    first.grow(MIB, LARGE);
    const waiting = ['a1', 'a2', 'a3', 'b1'].map((name) =>
      begun(name.startsWith('a') ? a : b, woken, name, 30 * MIB),
    );
    expect([first.waits, ...waiting.map(({ waits }) => waits)]).toEqual([false, true, true, true, true]);
    first.end();
    for (const [i, name] of ['a1', 'b1', 'a2', 'a3'].entries()) {
      await turns();
      expect(woken).toEqual(['a1', 'b1', 'a2', 'a3'].slice(0, i + 1));
      waiting[['a1', 'a2', 'a3', 'b1'].indexOf(name)]?.end();
    }
    expect(totals(budget)).toEqual([0, 0, 0, 0]);
  });

  it('F120 unfinished ones of one source leave room to any other', async () => {
    const budget = new BufferBudget(MAX);
    const a = budget.source('a');
    for (let i = 0; i < 24; i++) begun(a);
    expect(a.largeBytes).toBeLessThanOrEqual(LARGE / 2 + FRAME);
    const other = begun(budget.source('b'));
    await turns();
    expect(other.waits).toBe(false);
  });

  it('F79 one that is larger than the limit goes on alone', async () => {
    const budget = new BufferBudget(MAX);
    const woken: string[] = [];
    const [one, two] = [
      begun(budget.source('a'), woken, 'one', 2 * MAX),
      begun(budget.source('b'), woken, 'two', 2 * MAX),
    ];
    await turns();
    expect([woken, one.waits, two.waits]).toEqual([['one'], false, true]);
    one.end();
    await turns();
    expect([woken, two.waits]).toEqual([['one', 'two'], false]);
    expect(budget.source('c').hasRoom).toBe(true);
  });

  it('F79 one that stalls while others wait gives its room to them, and has it again', async () => {
    const budget = new BufferBudget(MAX);
    const woken: string[] = [];
    const stalled = begun(budget.source('a'), woken, 'stalled', 40 * MIB);
    const next = begun(budget.source('b'), woken, 'next', 40 * MIB);
    expect([stalled.waits, next.waits]).toEqual([false, true]);
    vi.advanceTimersByTime(1000);
    await turns();
    expect([woken, next.waits]).toEqual([['next'], false]);
    // Now it sends again, and waits for its turn.
    stalled.grow(3 * MIB, 40 * MIB);
    expect(stalled.waits).toBe(true);
    next.end();
    await turns();
    expect([woken, stalled.waits]).toEqual([['next', 'stalled'], false]);
    stalled.end();
    expect([...totals(budget), vi.getTimerCount()]).toEqual([0, 0, 0, 0, 0]);
  });

  it('F79 one that goes on and brings its bytes keeps its room', async () => {
    const budget = new BufferBudget(MAX);
    const steady = begun(budget.source('a'), [], '', 40 * MIB);
    const next = begun(budget.source('b'), [], '', 40 * MIB);
    for (let i = 3; i < 13; i++) {
      steady.grow(i * MIB, 40 * MIB);
      vi.advanceTimersByTime(500);
      await turns();
      expect(next.waits).toBe(true);
    }
  });

  it('one whose length is known and that is all there waits for nobody', () => {
    const budget = new BufferBudget(MAX);
    begun(budget.source('a'), [], '', LARGE);
    const whole = partOf(budget.source('b'));
    whole.grow(2 * MIB, 2 * MIB);
    expect(whole.waits).toBe(false);
    whole.end();
  });

  it('those of medium size go on without asking while the small ones leave room', () => {
    const budget = new BufferBudget(MAX);
    begun(budget.source('a'), [], '', LARGE);
    const medium = partOf(budget.source('b'));
    medium.grow(budget.mediumBytes - 1, FRAME);
    expect(medium.waits).toBe(false);
    medium.grow(budget.mediumBytes + 1, FRAME);
    expect(medium.waits).toBe(true);
  });

  it('F79 every message comes to its end, whichever sizes, sources and pauses there are', async () => {
    interface Sent {
      readonly source: number;
      readonly bytes: number;
      /** It brings nothing for so many rounds, half way. */
      readonly pause: number;
    }
    const sent = fc.record<Sent>({
      source: fc.integer({ min: 0, max: 3 }),
      bytes: fc.integer({ min: 1, max: FRAME }),
      pause: fc.integer({ min: 0, max: 3 }),
    });
    const runs = fc.asyncProperty(
      fc.array(sent, { minLength: 1, maxLength: 40 }),
      fc.constantFrom(8 * MIB, 16 * MIB, MAX),
      async (messages, max) => {
        const budget = new BufferBudget(max);
        const live = messages.map((one) => ({
          ...one,
          part: partOf(budget.source(String(one.source))),
          there: 0,
          paused: one.pause,
        }));
        // One after the other, each with its pause and the time until that is noticed.
        const slowest = messages.reduce((sum, { bytes }) => sum + bytes / MIB + 6, 10);
        let most = 0;
        for (let round = 0; live.length > 0; round++) {
          expect(round).toBeLessThan(slowest);
          for (const one of [...live]) {
            if (one.part.waits) continue;
            if (one.there >= one.bytes / 2 && one.paused-- > 0) continue;
            one.there = Math.min(one.bytes, one.there + MIB);
            if (one.there === one.bytes) {
              one.part.end();
              live.splice(live.indexOf(one), 1);
            } else one.part.grow(one.there, FRAME);
          }
          most = Math.max(most, budget.heldBytes);
          await turns(1);
          vi.advanceTimersByTime(500);
          await turns(1);
        }
        expect(most).toBeLessThanOrEqual(max + FRAME + 40 * MIB);
        expect([...totals(budget), vi.getTimerCount()]).toEqual([0, 0, 0, 0, 0]);
      },
    );
    await fc.assert(runs, { numRuns: 60, seed: 79 });
  });
});

it('sources that hold nothing are forgotten, those that hold something are not', () => {
  const budget = new BufferBudget(MAX);
  const busy = budget.source('busy');
  busy.hold(1);
  const idle = budget.source('idle');
  for (let i = 0; i < 5000; i++) budget.source(`s${i}`);
  expect(budget.source('busy')).toBe(busy);
  expect(budget.source('idle')).not.toBe(idle);
});
