// What is told of the process: plausible values under the usual names, and an event loop that was held up shows.
import { closeSync, openSync } from 'node:fs';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { EventLoop } from '../../../src/observe/metrics/event-loop.ts';
import { ProcessMetrics } from '../../../src/observe/metrics/process.ts';
import { metricsText } from '../../../src/observe/metrics/text.ts';
import { until } from '../../helpers/until.ts';
import { Scrape } from './gateway/scrape.ts';

const metrics = new ProcessMetrics();
afterEach(() => metrics.stop());

async function told(): Promise<Scrape> {
  return new Scrape(metricsText(await metrics.families(), 'prometheus'));
}

function hold(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('CPU time, memory and file descriptors are those of the process', async () => {
  metrics.start();
  const before = await told();
  // Whatever else runs in this process may close some of its own meanwhile.
  const held = Array.from({ length: 60 }, () => openSync('/dev/null', 'r'));
  hold(50);
  const after = await told();
  for (const fd of held) closeSync(fd);
  const grown = (name: string): number => (after.value(name) ?? 0) - (before.value(name) ?? 0);
  expect(grown('process_cpu_seconds_total')).toBeGreaterThan(0.01);
  expect(after.value('process_cpu_seconds_total')).toBeCloseTo(
    (after.value('process_cpu_user_seconds_total') ?? 0) +
      (after.value('process_cpu_system_seconds_total') ?? 0),
  );
  expect(after.value('process_resident_memory_bytes')).toBeGreaterThan(10 * 2 ** 20);
  expect(after.value('process_start_time_seconds')).toBeCloseTo(performance.timeOrigin / 1000, 1);
  if (process.platform === 'linux') {
    expect(grown('process_open_fds')).toBeGreaterThanOrEqual(40);
    expect(after.value('process_max_fds')).toBeGreaterThanOrEqual(after.value('process_open_fds') ?? 0);
  }
});

test('an event loop that is held up shows', async () => {
  const loop = new EventLoop(0);
  loop.start();
  onTestFinished(() => loop.stop());
  // Two turns of its timer are needed, as a delay lies between them; and a report begins anew.
  let held = 0;
  const report = await until(() => {
    hold(100);
    const now = ++held % 4 === 0 ? loop.report() : undefined;
    return now !== undefined && now.maxSeconds > 0.07 && now;
  });
  expect(report.p50Seconds).toBeLessThanOrEqual(report.p99Seconds);
  expect(report.p99Seconds).toBeLessThanOrEqual(report.maxSeconds + 0.01);
  expect(report.meanSeconds).toBeLessThanOrEqual(report.maxSeconds);
  expect(report.utilization).toBeGreaterThan(0.1);
  expect(report.utilization).toBeLessThanOrEqual(1);
});

test('everybody who asks within the same time is told the same', () => {
  const loop = new EventLoop();
  loop.start();
  onTestFinished(() => loop.stop());
  expect(loop.report()).toBe(loop.report());
});

test('what is not started is not told', async () => {
  const scraped = await told();
  expect(scraped.types.has('nodejs_eventloop_lag_p99_seconds')).toBe(false);
  expect(scraped.types.has('process_cpu_seconds_total')).toBe(true);
});
