// Spans on their way to the collector: a bounded queue, sent in batches. Promises that nobody waits for it: what finds no
// room is dropped and counted, one batch at most is serialised in a turn of the event loop, and no more than a few are
// under way.
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { QueueLimits } from './environment.ts';

export interface QueueStats {
  /** Taken by the collector. */
  readonly exported: number;
  /** Found no room, or were in a batch that the collector did not take. */
  readonly dropped: number;
  /** Batches that the collector did not take. */
  readonly failedExports: number;
  readonly queued: number;
}

export interface QueueWatcher {
  /** The first batch that was not taken after one that was, or at all. */
  onFailing(error: Error | undefined): void;
  /** The first that was taken after one that was not. */
  onRecovered(): void;
}

/** Enough for a collector 20 ms away to take 100,000 spans a second; each is 120 KB in memory at most. */
const MAX_UNDER_WAY = 4;
/** ExportResultCode.SUCCESS. */
const TAKEN = 0;

export class SpanQueue {
  readonly #exporter: SpanExporter;
  readonly #limits: QueueLimits;
  readonly #watcher: QueueWatcher;
  readonly #full: ReadableSpan[][] = [];
  #filling: ReadableSpan[] = [];
  #queued = 0;
  #underWay = 0;
  #underWaySpans = 0;
  #exported = 0;
  #dropped = 0;
  #failedExports = 0;
  #isFailing = false;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #flushing = false;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(exporter: SpanExporter, limits: QueueLimits, watcher: QueueWatcher) {
    this.#exporter = exporter;
    this.#limits = limits;
    this.#watcher = watcher;
  }

  get stats(): QueueStats {
    return {
      exported: this.#exported,
      dropped: this.#dropped,
      failedExports: this.#failedExports,
      queued: this.#queued,
    };
  }

  /**
   * To be asked before spans are made. The last quarter is for those that matter most: of a message that failed, while the
   * collector is slow, rather than of the next one that went well.
   */
  hasRoom(spans: number, isUrgent: boolean): boolean {
    const { maxSpans } = this.#limits;
    return !this.#closed && this.#queued + spans <= (isUrgent ? maxSpans : maxSpans * 0.75);
  }

  /** Spans that were not made for want of room. */
  drop(spans: number): void {
    this.#dropped += spans;
  }

  add(spans: readonly ReadableSpan[]): void {
    if (this.#closed) {
      this.#dropped += spans.length;
      return;
    }
    for (const span of spans) {
      this.#filling.push(span);
      if (this.#filling.length >= this.#limits.batchSpans) this.#close();
    }
    this.#queued += spans.length;
    this.#schedule();
  }

  /**
   * Sends all there is. Resolves when it is taken or given up, or after `limitMs`, to the spans that are neither; takes
   * nothing any more.
   */
  async shutdown(limitMs: number): Promise<number> {
    if (this.#closed) return 0;
    this.#flushing = true;
    const { promise: idle, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(resolve, limitMs);
    this.#schedule();
    if (this.#isIdle) resolve();
    await idle;
    clearTimeout(timer);
    this.#closed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    const unsent = this.#queued + this.#underWaySpans;
    this.#dropped += this.#queued;
    this.#queued = 0;
    this.#full.length = 0;
    this.#filling = [];
    // It would wait for what is under way, and that has had its time.
    this.#exporter.shutdown().catch(() => {});
    return unsent;
  }

  /** The collector has neither taken nor refused these yet. */
  get underWay(): number {
    return this.#underWay;
  }

  get #isIdle(): boolean {
    return this.#queued === 0 && this.#underWay === 0;
  }

  #close(): void {
    this.#full.push(this.#filling);
    this.#filling = [];
  }

  #schedule(): void {
    if (this.#turn !== undefined) return;
    if (this.#full.length > 0 || (this.#flushing && this.#queued > 0)) {
      if (this.#underWay < MAX_UNDER_WAY) {
        this.#turn = setImmediate(() => {
          this.#turn = undefined;
          this.#send();
          this.#schedule();
        });
      }
    } else if (this.#queued > 0 && this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        if (this.#full.length === 0 && this.#filling.length > 0) this.#close();
        this.#schedule();
      }, this.#limits.delayMs);
      this.#timer.unref();
    }
  }

  #send(): void {
    if (this.#full.length === 0 && this.#filling.length > 0) this.#close();
    const batch = this.#full.shift();
    if (batch === undefined) return;
    this.#queued -= batch.length;
    this.#underWay++;
    this.#underWaySpans += batch.length;
    let isOver = false;
    const over = (error: Error | undefined, taken: boolean): void => {
      if (isOver) return;
      isOver = true;
      this.#underWay--;
      this.#underWaySpans -= batch.length;
      if (taken) this.#onTaken(batch.length);
      else this.#onRefused(batch.length, error);
      this.#schedule();
      if (this.#isIdle) this.#onIdle?.();
    };
    try {
      this.#exporter.export(batch, ({ code, error }) => over(error, code === TAKEN));
    } catch (thrown) {
      over(thrown instanceof Error ? thrown : undefined, false);
    }
  }

  #onTaken(spans: number): void {
    this.#exported += spans;
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#watcher.onRecovered();
  }

  #onRefused(spans: number, error: Error | undefined): void {
    this.#dropped += spans;
    this.#failedExports++;
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#watcher.onFailing(error);
  }
}
