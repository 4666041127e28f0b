// What Prometheus' client libraries tell of every process, under their names, so that common dashboards work.
import { readdir, readFile } from 'node:fs/promises';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { EventLoop } from './event-loop.ts';
import { type Family, histograms, number } from './family.ts';
import { BucketHistogram } from './histogram.ts';

/** By Node.js's own names of them (perf_hooks, `detail.kind`). */
const GC_KINDS = {
  minor: 'NODE_PERFORMANCE_GC_MINOR',
  major: 'NODE_PERFORMANCE_GC_MAJOR',
  incremental: 'NODE_PERFORMANCE_GC_INCREMENTAL',
  weakcb: 'NODE_PERFORMANCE_GC_WEAKCB',
} as const;

const MICRO = 1e-6;

export class ProcessMetrics {
  readonly #loop = new EventLoop();
  readonly #pauses = new Map(Object.keys(GC_KINDS).map((kind) => [kind, new BucketHistogram()]));
  #observer: PerformanceObserver | undefined;
  #maxFds: Promise<number | undefined> | undefined;

  start(): void {
    this.#loop.start();
    this.#observer ??= this.#watchCollections();
  }

  stop(): void {
    this.#loop.stop();
    this.#observer?.disconnect();
    this.#observer = undefined;
  }

  async families(): Promise<readonly Family[]> {
    const lagSeconds = await turnDelay();
    this.#maxFds ??= readMaxFds();
    const [openFds, maxFds] = await Promise.all([countFds(), this.#maxFds]);
    const { user, system } = process.cpuUsage();
    const memory = process.memoryUsage();
    const loop = this.#loop.report();
    const pauses = [...this.#pauses].map(([kind, histogram]) => ({ labels: { kind }, histogram }));
    return [
      number('process_cpu_seconds_total', (user + system) * MICRO),
      number('process_cpu_user_seconds_total', user * MICRO),
      number('process_cpu_system_seconds_total', system * MICRO),
      number('process_resident_memory_bytes', memory.rss),
      number('process_start_time_seconds', performance.timeOrigin / 1000),
      ...(openFds === undefined ? [] : [number('process_open_fds', openFds)]),
      ...(maxFds === undefined ? [] : [number('process_max_fds', maxFds)]),
      number('nodejs_eventloop_lag_seconds', lagSeconds),
      ...(loop === undefined
        ? []
        : [
            number('nodejs_eventloop_lag_mean_seconds', loop.meanSeconds),
            number('nodejs_eventloop_lag_max_seconds', loop.maxSeconds),
            number('nodejs_eventloop_lag_p50_seconds', loop.p50Seconds),
            number('nodejs_eventloop_lag_p99_seconds', loop.p99Seconds),
            number('nodejs_eventloop_utilization', loop.utilization),
          ]),
      number('nodejs_heap_size_total_bytes', memory.heapTotal),
      number('nodejs_heap_size_used_bytes', memory.heapUsed),
      number('nodejs_external_memory_bytes', memory.external),
      number('nodejs_array_buffers_bytes', memory.arrayBuffers),
      histograms('nodejs_gc_duration_seconds', pauses),
    ];
  }

  #watchCollections(): PerformanceObserver {
    const pauses = new Map<unknown, BucketHistogram | undefined>();
    for (const [kind, name] of Object.entries(GC_KINDS)) pauses.set(constants[name], this.#pauses.get(kind));
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const detail: unknown = Reflect.get(entry, 'detail');
        const kind: unknown = typeof detail === 'object' && detail !== null ? Reflect.get(detail, 'kind') : 0;
        pauses.get(kind)?.record(entry.duration / 1000);
      }
    });
    observer.observe({ entryTypes: ['gc'] });
    return observer;
  }
}

/** How long what is due now has to wait. */
function turnDelay(): Promise<number> {
  const asked = performance.now();
  return new Promise((resolve) => setImmediate(() => resolve((performance.now() - asked) / 1000)));
}

/** Linux only, undefined elsewhere. Less the one that the counting takes. */
async function countFds(): Promise<number | undefined> {
  try {
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return undefined;
  }
}

async function readMaxFds(): Promise<number | undefined> {
  try {
    const limits = await readFile('/proc/self/limits', 'latin1');
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
