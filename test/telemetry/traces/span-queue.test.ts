// The way to the collector: bounded, in batches, one in a turn; what is dropped or refused is counted.
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SpanQueue } from '../../../src/telemetry/traces/span-queue.ts';

type Done = (error?: Error) => void;

/** Batches as they came, each to be ended by hand. */
class FakeExporter implements SpanExporter {
  readonly batches: number[] = [];
  readonly pending: Done[] = [];
  isShut = false;

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.batches.push(spans.length);
    this.pending.push((error) => done(error === undefined ? { code: 0 } : { code: 1, error }));
  }

  shutdown(): Promise<void> {
    this.isShut = true;
    return Promise.resolve();
  }

  end(error?: Error): void {
    this.pending.shift()?.(error);
  }
}

const spans = (count: number): ReadableSpan[] => Array.from({ length: count }, () => ({}) as ReadableSpan);

function queueOf(limits = { maxSpans: 100, batchSpans: 10, delayMs: 1000 }) {
  const exporter = new FakeExporter();
  const said: string[] = [];
  const queue = new SpanQueue(exporter, limits, {
    onFailing: (error) => said.push(`failing ${error?.message}`),
    onRecovered: () => said.push('recovered'),
  });
  return { exporter, queue, said };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('sends what there is after the delay, and a full batch at once', () => {
  const { exporter, queue } = queueOf();
  queue.add(spans(4));
  vi.advanceTimersByTime(999);
  expect(exporter.batches).toEqual([]);
  vi.advanceTimersByTime(2);
  expect(exporter.batches).toEqual([4]);
  queue.add(spans(7));
  queue.add(spans(7));
  vi.advanceTimersByTime(1);
  expect(exporter.batches).toEqual([4, 10]);
  vi.advanceTimersByTime(1000);
  expect(exporter.batches).toEqual([4, 10, 4]);
});

it('serialises one batch in a turn, and has four under way at most', () => {
  const { exporter, queue } = queueOf();
  queue.add(spans(60));
  expect(exporter.batches).toHaveLength(0);
  vi.advanceTimersToNextTimer();
  expect(exporter.batches).toHaveLength(1);
  vi.advanceTimersByTime(100);
  expect([exporter.batches.length, queue.underWay, queue.stats.queued]).toEqual([4, 4, 20]);
  exporter.end();
  vi.advanceTimersByTime(1);
  expect([exporter.batches.length, queue.underWay]).toEqual([5, 4]);
});

it('has room up to its bound, and the last quarter for what is urgent', () => {
  const { queue } = queueOf({ maxSpans: 100, batchSpans: 100, delayMs: 1000 });
  expect([queue.hasRoom(75, false), queue.hasRoom(76, false)]).toEqual([true, false]);
  expect([queue.hasRoom(100, true), queue.hasRoom(101, true)]).toEqual([true, false]);
  queue.add(spans(75));
  expect([queue.hasRoom(1, false), queue.hasRoom(25, true), queue.hasRoom(26, true)]).toEqual([
    false,
    true,
    false,
  ]);
  queue.drop(5);
  expect(queue.stats).toEqual({ exported: 0, dropped: 5, failedExports: 0, queued: 75 });
});

it('counts what is taken and what is refused, and says when that changes', () => {
  const { exporter, queue, said } = queueOf();
  for (let i = 0; i < 4; i++) queue.add(spans(10));
  vi.advanceTimersByTime(100);
  exporter.end();
  exporter.end(new Error('no'));
  exporter.end(new Error('no'));
  expect(queue.stats).toEqual({ exported: 10, dropped: 20, failedExports: 2, queued: 0 });
  exporter.end();
  expect(said).toEqual(['failing no', 'recovered']);
});

it('an exporter that throws has refused the batch', () => {
  const { exporter, queue, said } = queueOf();
  exporter.export = () => {
    throw new Error('broken');
  };
  queue.add(spans(10));
  vi.advanceTimersByTime(1);
  expect(queue.stats).toMatchObject({ dropped: 10, failedExports: 1 });
  expect(said).toEqual(['failing broken']);
});

it('at the end sends all, and resolves when it is taken', async () => {
  const { exporter, queue } = queueOf();
  queue.add(spans(13));
  const ended = queue.shutdown(2000);
  vi.advanceTimersByTime(10);
  expect(exporter.batches).toEqual([10, 3]);
  exporter.end();
  exporter.end();
  expect(await ended).toBe(0);
  expect([queue.stats.exported, exporter.isShut]).toEqual([13, true]);
  queue.add(spans(1));
  expect([queue.hasRoom(1, true), queue.stats.dropped]).toEqual([false, 1]);
});

it('at the end waits no longer than it may, and counts what is left', async () => {
  const { exporter, queue } = queueOf();
  queue.add(spans(70));
  const ended = queue.shutdown(2000);
  vi.advanceTimersByTime(1999);
  expect(exporter.isShut).toBe(false);
  vi.advanceTimersByTime(1);
  expect(await ended).toBe(70);
  expect(queue.stats).toEqual({ exported: 0, dropped: 30, failedExports: 0, queued: 0 });
  expect(queue.underWay).toBe(4);
});
