// The small parts of a gateway of several processes, each by itself.
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { NodeReport } from '../../src/admin/control.ts';
import { parseConfig } from '../../src/config/load.ts';
import { METRICS, type MetricName } from '../../src/observe/metrics/catalogue.ts';
import { histograms, numbers } from '../../src/observe/metrics/family.ts';
import { BucketHistogram } from '../../src/observe/metrics/histogram.ts';
import { IpcChannel } from '../../src/workers/channel.ts';
import { LogLines } from '../../src/workers/main/log-lines.ts';
import { MergedMetrics, mergeOf } from '../../src/workers/main/merged-metrics.ts';
import { mergedNode } from '../../src/workers/main/merged-reports.ts';
import { workerConfig } from '../../src/workers/worker-config.ts';

describe('log lines', () => {
  test('whole lines pass, split wherever they are; one that is not finished does not', () => {
    const text = '{"a":1}\n{"b":"ü"}\n{"c":3}\n';
    const bytes = Buffer.from(`${text}{"torn`);
    for (let at = 0; at <= bytes.length; at++) {
      const taken: string[] = [];
      let lines = 0;
      const log = new LogLines((part, count) => {
        expect(part.at(-1)).toBe(0x0a);
        taken.push(part.toString());
        lines += count;
      });
      log.push(bytes.subarray(0, at));
      log.push(bytes.subarray(at));
      expect([taken.join(''), lines]).toEqual([text, 3]);
    }
  });
});

describe('metrics', () => {
  test('every gauge says how it is put together', () => {
    const names = Object.keys(METRICS) as MetricName[];
    expect(names.filter((name) => mergeOf(name) === undefined)).toEqual([]);
  });

  test('counters are summed, and stay when their worker has ended', () => {
    const merged = new MergedMetrics();
    const [one, two] = [{}, {}];
    const counts = (value: number) => [
      numbers('hl7_gateway_retries_total', [{ labels: { class: 'not_sent' }, value }]),
      numbers('hl7_gateway_held_bytes', [{ labels: {}, value }]),
      numbers('nodejs_eventloop_utilization', [{ labels: {}, value: value / 100 }]),
      numbers('hl7_gateway_connections', [{ labels: { pool: 'p', node: 'a' }, value }]),
    ];
    const told = (name: MetricName): number | undefined => {
      const family = merged.with(counts(1)).find((each) => each.name === name);
      return family?.kind === 'histogram' ? undefined : family?.samples[0]?.value;
    };
    merged.told(one, counts(10));
    merged.told(two, counts(20));
    const names = [
      'hl7_gateway_retries_total',
      'hl7_gateway_held_bytes',
      'nodejs_eventloop_utilization',
      'hl7_gateway_connections',
    ] as const;
    expect(names.map(told)).toEqual([31, 31, 0.2, 30]);
    merged.onWorkerEnd(two);
    expect(names.map(told)).toEqual([31, 11, 0.1, 10]);
    const three = {};
    merged.told(three, counts(5));
    expect(names.map(told)).toEqual([36, 16, 0.1, 15]);
  });

  test('histograms are summed bucket by bucket', () => {
    const merged = new MergedMetrics();
    const of = (...values: number[]) => {
      const histogram = new BucketHistogram();
      for (const value of values) histogram.record(value);
      return [histograms('hl7_gateway_ack_seconds', [{ labels: { pool: 'p', node: 'a' }, histogram }])];
    };
    // As they come from another process: plain data.
    merged.told({}, structuredClone(of(0.0001, 3)));
    const [family] = merged.with(of(0.0002, 0.0001));
    const sum = family?.kind === 'histogram' ? family.samples[0]?.histogram : undefined;
    expect(sum?.count).toBe(4);
    expect(sum?.counts.slice(0, 2)).toEqual([2, 1]);
    expect(sum?.sum).toBeCloseTo(3.0004);
  });
});

test('of a node, the main process judges and workers count', () => {
  const report = (more: Partial<NodeReport>): NodeReport => ({
    pool: 'p',
    node: 'a',
    url: 'mllp://h:1',
    state: 'up',
    health: 'up',
    available: true,
    trial: false,
    since: '',
    reason: '',
    backup: false,
    weight: 1,
    effectiveWeight: 1,
    inFlight: 0,
    connections: 0,
    lastCheck: undefined,
    answers: {},
    failures: {},
    ejections: 0,
    answersPerSecond: 0,
    p50Ms: undefined,
    p99Ms: undefined,
    runtime: false,
    ...more,
  });
  const workers = [
    report({ inFlight: 1, connections: 2, answers: { AA: 3 }, p99Ms: 5, answersPerSecond: 1 }),
    report({ inFlight: 2, connections: 1, answers: { AA: 1, AE: 1 }, p99Ms: 9, answersPerSecond: 2 }),
    report({ node: 'b', inFlight: 9 }),
  ];
  expect(mergedNode(report({ state: 'down', ejections: 4, inFlight: 7 }), workers)).toEqual(
    report({
      state: 'down',
      ejections: 4,
      inFlight: 3,
      connections: 3,
      answers: { AA: 4, AE: 1 },
      p99Ms: 9,
      answersPerSecond: 3,
    }),
  );
});

test('limits that are not handed out as needed are shared out: all workers together have no more', () => {
  const text = JSON.stringify({
    listeners: { a: { bind: ':1' }, h: { protocol: 'http', bind: ':2', limits: { maxConnections: 7 } } },
    pools: {
      m: { nodes: { a: { url: 'mllp://h:1' } }, queue: { max: 11 }, connections: { max: 8 } },
      w: { nodes: { a: { url: 'http://h:1' } }, connections: { max: 10 } },
    },
    routes: [{ name: 'm', when: { listener: 'a' }, to: 'm' }, { to: 'w' }],
    workers: 3,
    limits: { maxBuffered: '100MiB' },
    admin: { token: 'some-token-of-a-test' },
  });
  const { config } = parseConfig(text, { env: {} });
  const all = [0, 1, 2].map((index) => workerConfig(config, index, 3));
  const sum = (of: (one: (typeof all)[number]) => number | undefined): number =>
    all.reduce((total, one) => total + (of(one) ?? 0), 0);
  expect(sum(({ pools }) => pools[0]?.queue.max)).toBe(11);
  expect(sum(({ pools }) => pools[1]?.connections.max)).toBe(10);
  expect(sum(({ listeners }) => listeners[1]?.limits.maxConnections)).toBe(7);
  expect(sum(({ maxBufferedBytes }) => maxBufferedBytes)).toBeLessThanOrEqual(config.maxBufferedBytes);
  // Leased, and counted by the main process.
  expect(all.map(({ pools }) => pools[0]?.connections.max)).toEqual([8, 8, 8]);
  // The API is the main process's; a worker keeps its part of the last messages for it, and has no secret of it.
  const kept = { token: undefined, tls: undefined, messages: 334 };
  expect(all.map(({ admin }) => admin)).toMatchObject([kept, kept, kept]);
  expect(JSON.stringify(all)).not.toContain('some-token-of-a-test');
});

describe('messages between processes', () => {
  function pair() {
    const [here, there] = [new Port(), new Port()];
    here.other = there;
    there.other = here;
    return { here, there };
  }

  class Port extends EventEmitter {
    connected = true;
    other: Port | undefined;
    isStopped = false;
    readonly #unsent: (() => void)[] = [];

    send(
      message: unknown,
      _handle: unknown,
      _options: unknown,
      done: (error: Error | null) => void,
    ): boolean {
      const deliver = (): void => {
        setImmediate(() => {
          this.other?.emit('message', structuredClone(message), undefined);
          done(null);
        });
      };
      if (this.isStopped) this.#unsent.push(deliver);
      else deliver();
      return true;
    }
  }

  const noHooks = { onMessage: () => {}, onStuck: () => {} };

  test('a question has its answer, or the error that it was answered with', async () => {
    const { here, there } = pair();
    const channel = new IpcChannel(here, noHooks);
    new IpcChannel<object, object, { what: string }>(there, {
      ...noHooks,
      onQuestion: ({ what }) => {
        if (what === 'bad') throw new TypeError('of the other side');
        return `${what} is fine`;
      },
    });
    expect(await channel.ask({ what: 'good' }, 5_000)).toBe('good is fine');
    await expect(channel.ask({ what: 'bad' }, 5_000)).rejects.toMatchObject({ code: 'GW_ERR_INTERNAL' });
  });

  test('without an answer in time, or with the other side gone, it fails by its code', async () => {
    const { here } = pair();
    const channel = new IpcChannel(here, noHooks);
    await expect(channel.ask({}, 10)).rejects.toMatchObject({ code: 'GW_ERR_WORKER' });
    const asked = channel.ask({}, 60_000);
    channel.end();
    await expect(asked).rejects.toMatchObject({ code: 'GW_ERR_WORKER' });
    await expect(channel.ask({}, 60_000)).rejects.toMatchObject({ code: 'GW_ERR_WORKER' });
  });

  test('whoever does not read is given up, and no more is kept for it', () => {
    const { here } = pair();
    here.isStopped = true;
    let stuck = 0;
    const channel = new IpcChannel(here, { ...noHooks, onStuck: () => void stuck++ });
    for (let i = 0; i < 25_000; i++) channel.tell({ kind: 'any' });
    expect(stuck).toBeGreaterThan(0);
    expect(channel.unwritten).toBeLessThanOrEqual(20_000);
  });
});
