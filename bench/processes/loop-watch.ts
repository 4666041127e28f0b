// Loaded into a gateway by --import: measures how late its event loop is, and tells when asked over the channel.
import { createHistogram, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

export interface LoopReport {
  /** Milliseconds beyond the sampling interval: by whatever held the loop up, other processes on its core too. */
  readonly p99: number;
  readonly max: number;
  /** The loop's own doing: CPU milliseconds of its thread between two ticks of a timer. */
  readonly heldP99: number;
  readonly heldMax: number;
  /** The longest collection of garbage. */
  readonly gcMax: number;
  readonly rssMib: number;
}

/** Sampled as often as this; Node.js counts the interval into the delay. */
const RESOLUTION_MS = 2;

function threadMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Answered with what there is since the last order. */
export interface LoopOrder {
  readonly on: boolean;
  /** Collects garbage first, so that memory is what is in use. */
  readonly collect?: boolean;
}

if (isMainThread && process.send !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const held = createHistogram();
  let gcMax = 0;
  const collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcMax = Math.max(gcMax, duration);
  });
  let before = threadMicros();
  let timer: NodeJS.Timeout | undefined;
  const beyond = (nanos: number): number => Math.max(0, nanos / 1e6 - RESOLUTION_MS);
  process.on('message', ({ on, collect = false }: LoopOrder) => {
    const loop = {
      p99: beyond(delay.percentile(99)),
      max: beyond(delay.max),
      heldP99: held.percentile(99) / 1_000,
      heldMax: held.max / 1_000,
      gcMax,
    };
    if (collect) for (let i = 0; i < 3; i++) globalThis.gc?.();
    process.send?.({ ...loop, rssMib: process.memoryUsage.rss() / 2 ** 20 } satisfies LoopReport);
    clearInterval(timer);
    delay.disable();
    collections.disconnect();
    gcMax = 0;
    delay.reset();
    held.reset();
    if (!on) return;
    delay.enable();
    collections.observe({ entryTypes: ['gc'] });
    before = threadMicros();
    timer = setInterval(() => {
      const now = threadMicros();
      held.record(Math.max(1, now - before));
      before = now;
    }, RESOLUTION_MS).unref();
  });
  // It must not keep the gateway from ending.
  process.channel?.unref();
}
