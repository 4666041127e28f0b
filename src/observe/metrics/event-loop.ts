// How late turns of the event loop are, and how busy it is: while nothing is late, messages are passed on at once.
// Promises the same figures to everybody who asks within ten seconds, so that two who ask do not cut each other's time.
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';

export interface EventLoopReport {
  readonly meanSeconds: number;
  readonly maxSeconds: number;
  readonly p50Seconds: number;
  readonly p99Seconds: number;
  /** 0 to 1. */
  readonly utilization: number;
}

/** A timer each so often: 50 wake-ups a second cost a thousandth of a core. */
const RESOLUTION_MS = 20;
/** Less than any usual interval of scrapes; 500 samples are enough for a p99. */
const WINDOW_MS = 10_000;

const NANO = 1e-9;

export class EventLoop {
  readonly #windowMs: number;
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #utilization: EventLoopUtilization | undefined;
  #since = 0;
  #last: EventLoopReport | undefined;

  constructor(windowMs = WINDOW_MS) {
    this.#windowMs = windowMs;
  }

  start(): void {
    if (this.#delay !== undefined) return;
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
    this.#begin();
  }

  stop(): void {
    this.#delay?.disable();
    this.#delay = undefined;
    this.#last = undefined;
  }

  /** Undefined while it is not started. */
  report(): EventLoopReport | undefined {
    const delay = this.#delay;
    if (delay === undefined) return undefined;
    if (this.#last !== undefined && performance.now() - this.#since < this.#windowMs) return this.#last;
    // Node.js counts the whole interval of its timer, which is no delay.
    const late = (nanoseconds: number): number =>
      delay.count === 0 ? 0 : Math.max(0, nanoseconds * NANO - RESOLUTION_MS / 1000);
    const now = performance.eventLoopUtilization();
    this.#last = {
      meanSeconds: late(delay.mean),
      maxSeconds: late(delay.max),
      p50Seconds: late(delay.percentile(50)),
      p99Seconds: late(delay.percentile(99)),
      utilization: performance.eventLoopUtilization(now, this.#utilization).utilization,
    };
    this.#begin();
    return this.#last;
  }

  #begin(): void {
    this.#delay?.reset();
    this.#utilization = performance.eventLoopUtilization();
    this.#since = performance.now();
  }
}
