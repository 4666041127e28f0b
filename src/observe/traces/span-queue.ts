// Spans on their way to the collector: a bounded queue, sent in batches. Promises that nobody waits for it: what finds no
// room is dropped and counted, one batch at most is handed over in a turn of the event loop, and no more than a few are
// under way, each for a limited time. A batch that the collector could not take waits in its place and is sent again.
import { clearImmediate, clearTimeout, setImmediate, setTimeout } from '../../platform/time.ts';
import type { BatchOutcome, CollectorLine } from './collector-line.ts';
import type { QueueLimits } from './environment.ts';
import { type SpanBatch, type SpanSource, SpanWriter } from './span-writer.ts';

export interface QueueStats {
  /** Taken by the collector. */
  readonly exported: number;
  /** Found no room, or were not taken by the collector: with their batch, or out of it. */
  readonly dropped: number;
  /** Batches that the collector did not take. */
  readonly failedExports: number;
  readonly queued: number;
}

export interface SpanQueueWatcher {
  /** The first batch that was not taken after one that was, or at all. */
  onFailing(error: Error | undefined): void;
  /** The first that was taken after one that was not. */
  onRecovered(): void;
  /** So many are lost. */
  onDropped?(spans: number): void;
}

/** Enough for a collector 20 ms away to take 100,000 spans a second; each is some 150 KB in memory. */
const MAX_UNDER_WAY = 4;

/** A collector that is away is asked again after so long, then after twice as long, and so on up to the last. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 15_000;

export class SpanQueue {
  readonly #line: CollectorLine;
  readonly #limits: QueueLimits;
  readonly #watcher: SpanQueueWatcher;
  readonly #writer: SpanWriter;
  readonly #full: SpanBatch[] = [];
  #fullSpans = 0;
  #underWay = 0;
  #underWaySpans = 0;
  #overdue = 0;
  #exported = 0;
  #dropped = 0;
  #failedExports = 0;
  #isFailing = false;
  /** Of the next try at a collector that is away; 0: it is not. */
  #pauseMs = 0;
  #pause: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #flushing = false;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(line: CollectorLine, source: SpanSource, limits: QueueLimits, watcher: SpanQueueWatcher) {
    this.#line = line;
    this.#limits = limits;
    this.#watcher = watcher;
    this.#writer = new SpanWriter(source, limits.batchSpans, (batch) => this.#close(batch));
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
    // What a collector that is away does not take comes back, and needs its room.
    const held = this.#queued + (this.#pauseMs > 0 ? this.#underWaySpans : 0);
    return !this.#closed && held + spans <= (isUrgent ? maxSpans : maxSpans * 0.75);
  }

  /** Spans that were not made for want of room. */
  drop(spans: number): void {
    if (spans === 0) return;
    this.#dropped += spans;
    this.#watcher.onDropped?.(spans);
  }

  /** Takes what `write` writes, which there was room for. */
  add(write: (out: SpanWriter) => void): void {
    if (this.#closed) return;
    write(this.#writer);
    this.#writer.cut();
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
    clearTimeout(this.#pause);
    clearImmediate(this.#turn);
    const unsent = this.#queued + this.#underWaySpans;
    this.#dropped += this.#queued;
    this.#fullSpans = 0;
    this.#full.length = 0;
    this.#writer.take();
    // It would wait for what is under way, and that has had its time.
    this.#line.shutdown().catch(() => {});
    return unsent;
  }

  /** Batches that the collector has neither taken nor refused yet, with those that were given up meanwhile. */
  get underWay(): number {
    return this.#underWay + this.#overdue;
  }

  get #isIdle(): boolean {
    return this.#queued === 0 && this.#underWay === 0;
  }

  get #queued(): number {
    return this.#fullSpans + this.#writer.spans;
  }

  #close(batch: SpanBatch): void {
    this.#full.push(batch);
    this.#fullSpans += batch.spans;
  }

  #closeLast(): void {
    if (this.#full.length === 0 && this.#writer.spans > 0) this.#close(this.#writer.take());
  }

  #schedule(): void {
    if (this.#turn !== undefined) return;
    if (this.#pauseMs > 0 && !this.#flushing && (this.#pause !== undefined || this.#underWay > 0)) return;
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
        this.#closeLast();
        this.#schedule();
      }, this.#limits.delayMs);
      this.#timer.unref();
    }
  }

  #send(): void {
    this.#closeLast();
    const batch = this.#full.shift();
    if (batch === undefined) return;
    const { spans } = batch;
    this.#fullSpans -= spans;
    this.#underWay++;
    this.#underWaySpans += spans;
    let isOver = false;
    const over = (sent: BatchOutcome): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      this.#underWay--;
      this.#underWaySpans -= spans;
      if (sent.isTaken) this.#onTaken(spans, sent.rejected);
      else this.#onRefused(batch, sent);
      this.#schedule();
      if (this.#isIdle) this.#onIdle?.();
    };
    const timer = setTimeout(() => {
      this.#overdue++;
      over(refused(new Error('time-out')));
    }, this.#limits.exportMs);
    timer.unref();
    try {
      this.#line.send(batch, (sent) => {
        if (isOver) this.#overdue--;
        over(sent);
        // Of one that failed some bytes may still be on their way into a connection.
        if (sent.isTaken) this.#writer.giveBack(batch);
      });
    } catch (thrown) {
      over(refused(thrown));
    }
  }

  /** Its bytes are whole: only those of a batch that was taken are written over. */
  #takeBack(batch: SpanBatch): boolean {
    if (this.#queued + batch.spans > this.#limits.maxSpans) return false;
    this.#full.unshift(batch);
    this.#fullSpans += batch.spans;
    return true;
  }

  /** One try at a time from now on, each after a pause, until one succeeds. */
  #rest(): void {
    if (this.#pause !== undefined) return;
    this.#pauseMs = Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, 2 * this.#pauseMs));
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#schedule();
    }, this.#pauseMs);
    this.#pause.unref();
  }

  #onTaken(spans: number, rejected: number): void {
    this.#exported += spans - rejected;
    this.drop(rejected);
    this.#pauseMs = 0;
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#watcher.onRecovered();
  }

  #onRefused(batch: SpanBatch, { error, isRetryable = false }: BatchOutcome): void {
    this.#failedExports++;
    if (isRetryable && !this.#flushing && !this.#closed && this.#takeBack(batch)) this.#rest();
    else this.drop(batch.spans);
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#watcher.onFailing(error);
  }
}

function refused(thrown: unknown): BatchOutcome {
  return { isTaken: false, rejected: 0, error: thrown instanceof Error ? thrown : undefined };
}
