// The way to the collector: bounded, in batches, one in a turn; what is dropped or refused is counted.
import { resourceFromAttributes } from '@opentelemetry/resources';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { BatchOutcome, CollectorLine } from '../../../src/observe/traces/collector-line.ts';
import { SpanQueue } from '../../../src/observe/traces/span-queue.ts';
import { SERVER, type SpanBatch, type SpanWriter } from '../../../src/observe/traces/span-writer.ts';
import { TraceContext } from '../../../src/observe/traces/trace-context.ts';
import { readExportRequest } from '../../helpers/otlp-messages.ts';

/** Batches as they came, each to be ended by hand. */
class FakeLine implements CollectorLine {
  readonly batches: number[] = [];
  readonly bytes: Uint8Array[] = [];
  readonly pending: ((sent: BatchOutcome) => void)[] = [];
  isShut = false;

  send({ spans, bytes }: SpanBatch, done: (sent: BatchOutcome) => void): void {
    this.batches.push(spans);
    this.bytes.push(bytes);
    this.pending.push(done);
  }

  shutdown(): Promise<void> {
    this.isShut = true;
    return Promise.resolve();
  }

  end(error?: Error, rejected = 0): void {
    this.pending.shift()?.({ error, isTaken: error === undefined, rejected });
  }
}

const SOURCE = { resource: resourceFromAttributes({}), scope: { name: 'test', version: '1' } };

function spans(count: number, name = 'span') {
  return (out: SpanWriter): void => {
    for (let i = 0; i < count; i++) {
      out.root(new TraceContext(), name, SERVER, 0, 0);
      out.end();
    }
  };
}

function queueOf(limits: { maxSpans: number; batchSpans: number } = { maxSpans: 100, batchSpans: 10 }) {
  const line = new FakeLine();
  const said: string[] = [];
  const queue = new SpanQueue(
    line,
    SOURCE,
    { ...limits, delayMs: 1000, exportMs: 5000 },
    {
      onFailing: (error) => said.push(`failing ${error?.message}`),
      onRecovered: () => said.push('recovered'),
    },
  );
  return { exporter: line, queue, said };
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

it('hands over one batch in a turn, and has four under way at most', () => {
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
  const { queue } = queueOf({ maxSpans: 100, batchSpans: 100 });
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

it('a line that throws has refused the batch', () => {
  const { exporter, queue, said } = queueOf();
  exporter.send = () => {
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
  expect([queue.hasRoom(1, true), queue.stats.queued]).toEqual([false, 0]);
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

it('spans that a collector rejects out of a batch that it takes are dropped', () => {
  const { exporter, queue, said } = queueOf();
  queue.add(spans(10));
  vi.advanceTimersByTime(1);
  exporter.end(undefined, 3);
  expect(queue.stats).toEqual({ exported: 7, dropped: 3, failedExports: 0, queued: 0 });
  expect(said).toEqual([]);
});

it('gives a batch up after its time, and counts it once', () => {
  const { exporter, queue, said } = queueOf();
  queue.add(spans(10));
  vi.advanceTimersByTime(1);
  vi.advanceTimersByTime(4998);
  expect(queue.stats.dropped).toBe(0);
  vi.advanceTimersByTime(1);
  expect(queue.stats).toEqual({ exported: 0, dropped: 10, failedExports: 1, queued: 0 });
  expect(said).toEqual(['failing time-out']);
  // The line goes on with it, and the process has to wait for that, or not to.
  expect(queue.underWay).toBe(1);
  exporter.end();
  expect(queue.underWay).toBe(0);
  expect(queue.stats).toEqual({ exported: 0, dropped: 10, failedExports: 1, queued: 0 });
});

it('the bytes of a batch stay until it is taken, and then are those of a later one', () => {
  const { exporter, queue } = queueOf({ maxSpans: 1000, batchSpans: 10 });
  const names = (at: number) =>
    new Set(readExportRequest(exporter.bytes[at] as Uint8Array).map((one) => one.name));
  for (let i = 0; i < 4; i++) queue.add(spans(10, `batch ${i}`));
  vi.advanceTimersByTime(10);
  exporter.end();
  exporter.end(new Error('no'));
  for (let i = 4; i < 6; i++) queue.add(spans(10, `batch ${i}`));
  queue.add(spans(5, 'batch 6'));
  vi.advanceTimersByTime(10);
  for (const kept of [1, 2, 3, 4, 5]) expect([...names(kept)]).toEqual([`batch ${kept}`]);
  const buffers = exporter.bytes.map(({ buffer }) => buffer);
  expect(buffers.lastIndexOf(buffers[0] as ArrayBuffer)).toBeGreaterThan(3);
  expect(buffers.lastIndexOf(buffers[1] as ArrayBuffer)).toBe(1);
});
