// What senders see when a node is killed, when the config is reloaded again and again, when another process takes over, and
// when the collector of traces dies:
// `node bench/failover.ts [--quick] [--json]`. Promises: every message is followed from the moment it was due to its answer, and
// looked up in what the nodes put on record; senders, gateway and nodes are processes of their own on loopback.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/terminal.ts';
import type { OpenLoad, OpenReport } from './processes/open-load.ts';
import { freePort, MAIN, started } from './proxies.ts';

const { values: options } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const perSecond = Number(options.rate);
const seconds = Number(options.seconds ?? (options.quick ? 4 : 20));
const rounds = Number(options.rounds ?? (options.quick ? 2 : 10));

/** Each sends a hundred messages a second at 5,000: it hardly ever has two outstanding. */
const CONNECTIONS = 50;
/** In a round the node is killed after the first, and the second is what is looked at. */
const ROUND_S = 2;
const RELOAD_MS = 500;
/** For the gateway to find the node up again: a check every half second. */
const BACK_MS = 2_000;

interface Row {
  readonly what: string;
  readonly messages: number;
  /** AA, and no node has it; or no answer at all. */
  readonly lost: number;
  /** Deliveries beyond the first. */
  readonly duplicates: number;
  /** Connections that broke while an answer was owed: reset, or closed. */
  readonly resetsOwed: number;
  readonly closedOwed: number;
  /** From when a message was due to its answer, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const folder = mkdtempSync(join(tmpdir(), 'hl7-bench-'));
const file = join(folder, 'gateway.yaml');
const records = ['a', 'b'].map((name) => join(folder, name));
const running = new Set<ChildProcess>();
const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
let firstId = 1;

function keep<T extends ChildProcess>(child: T): T {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function answerOf<T>(child: ChildProcess): Promise<T> {
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

async function startNode(at: number, port: number): Promise<{ child: ChildProcess; port: number }> {
  const child = keep(fork(fileOf('processes/record-sink.ts'), [records[at] ?? '', String(port)]));
  return { child, ...(await answerOf<{ port: number }>(child)) };
}

function writeConfig(port: number, nodes: readonly number[], weight: number, collector?: number): void {
  const config = {
    listeners: { in: { bind: `127.0.0.1:${port}` } },
    pools: {
      p: {
        nodes: {
          a: { url: `mllp://127.0.0.1:${nodes[0]}`, weight },
          b: { url: `mllp://127.0.0.1:${nodes[1]}` },
        },
        connections: { max: 32 },
        health: { interval: '500ms', rise: 1 },
      },
    },
    routes: [{ to: 'p' }],
    hotRestart: true,
    telemetry: {
      log: { level: 'warn', messages: false },
      ...(collector === undefined ? {} : { traces: { endpoint: `http://127.0.0.1:${collector}` } }),
    },
  };
  writeFileSync(`${file}.new`, JSON.stringify(config));
  renameSync(`${file}.new`, file);
}

function spawnGateway(...more: string[]): ChildProcess {
  return keep(
    spawn(process.execPath, [MAIN, 'run', '-c', file, ...more], { stdio: ['ignore', 'ignore', 'inherit'] }),
  );
}

/** Sends for so long while `meanwhile` happens; that is called when the first message is due. */
async function load(
  port: number,
  forSeconds: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<OpenReport> {
  const child = keep(fork(fileOf('processes/open-load.ts')));
  const order: OpenLoad = { port, connections: CONNECTIONS, perSecond, seconds: forSeconds, firstId };
  firstId += perSecond * forSeconds;
  const begun = answerOf(child);
  child.send(order);
  await begun;
  const report = answerOf<OpenReport>(child);
  await pause(200);
  await meanwhile();
  const told = await report;
  child.disconnect();
  if (told.wrong > 0) throw new Error(`${told.wrong} answers were wrong`);
  return told;
}

/** How often each control id is on record. */
function deliveries(): Map<number, number> {
  const counts = new Map<number, number>();
  for (const record of records) {
    if (!existsSync(record)) continue;
    const bytes = readFileSync(record);
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      const id = bytes.readUInt32LE(at);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}

interface Timed {
  /** Microseconds from when the first message was due. */
  readonly from: number;
  readonly until: number;
  /** Not those that were with the node when it died: their senders were told nothing, and said them again. */
  readonly onlySaidOnce?: boolean;
}

/** Counts are of all messages, times of those that `timed` is of. */
function rowOf(
  what: string,
  reports: readonly (OpenReport & { readonly from: number })[],
  timed: Timed = { from: 0, until: Number.POSITIVE_INFINITY },
): Row {
  const counts = deliveries();
  const latencies: number[] = [];
  let [messages, lost, duplicates] = [0, 0, 0];
  for (const { dueAt, ackedAt, sends, from } of reports) {
    messages += dueAt.length;
    for (const [place, due] of dueAt.entries()) {
      const acked = ackedAt[place] ?? 0;
      const times = counts.get(from + place) ?? 0;
      if (acked === 0 || times === 0) lost++;
      duplicates += Math.max(0, times - 1);
      const sinceFirst = due - (dueAt[0] ?? 0);
      if (acked === 0 || sinceFirst < timed.from || sinceFirst >= timed.until) continue;
      if (timed.onlySaidOnce !== true || sends[place] === 1) latencies.push((acked - due) / 1_000);
    }
  }
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  const sum = (of: (report: OpenReport) => number): number =>
    reports.reduce((total, one) => total + of(one), 0);
  return {
    ...{ what, messages, lost, duplicates },
    resetsOwed: sum(({ resets }) => resets),
    closedOwed: sum(({ closedOwed }) => closedOwed),
    ...{ p50: at(0.5), p99: at(0.99), max: at(1) },
  };
}

/** With the most memory that the process had meanwhile, every 50 ms. */
async function watchingMemory<T>(
  { pid }: ChildProcess,
  meanwhile: () => Promise<T>,
): Promise<{ readonly result: T; readonly mib: number }> {
  let kib = 0;
  const timer = setInterval(() => {
    const [, rss] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    kib = Math.max(kib, Number(rss));
  }, 50);
  try {
    return { result: await meanwhile(), mib: Math.round(kib / 1024) };
  } finally {
    clearInterval(timer);
  }
}

const rows: Row[] = [];

function show(row: Row): void {
  rows.push(row);
  if (options.json) console.log(JSON.stringify(row));
}

try {
  const port = await freePort();
  const nodes = [await startNode(0, 0), await startNode(1, 0)];
  const ports = nodes.map((one) => one.port);
  writeConfig(port, ports, 1);
  let gateway = spawnGateway();
  await started('gateway', gateway, port);

  const measured = async (
    forSeconds: number,
    meanwhile?: () => Promise<void>,
  ): Promise<OpenReport & { from: number }> => {
    const from = firstId;
    return { ...(await load(port, forSeconds, meanwhile)), from };
  };
  // Code that is not compiled yet is not what a day is like.
  await measured(2);
  show(rowOf('nothing happens', [await measured(Math.min(seconds, 5))]));

  const killed: (OpenReport & { from: number })[] = [];
  for (let round = 0; round < rounds; round++) {
    const report = await measured(ROUND_S, async () => {
      await pause((ROUND_S * 1_000) / 2);
      nodes[0]?.child.kill('SIGKILL');
    });
    killed.push(report);
    const again = await startNode(0, ports[0] ?? 0);
    nodes[0] = again;
    await pause(BACK_MS);
  }
  const half = (ROUND_S * 1e6) / 2;
  show(rowOf(`a node is killed, ${rounds} times: the second before`, killed, { from: 0, until: half }));
  const after = { from: half, until: 2 * half };
  show(rowOf('  the second after', killed, after));
  show(rowOf('  and of that what was sent once', killed, { ...after, onlySaidOnce: true }));

  let weight = 1;
  const reloads = await measured(seconds, async () => {
    const end = performance.now() + seconds * 1_000;
    while (performance.now() < end) {
      weight = 3 - weight;
      writeConfig(port, ports, weight);
      gateway.kill('SIGHUP');
      await pause(RELOAD_MS);
    }
  });
  show(rowOf(`reload every ${RELOAD_MS} ms`, [reloads]));

  const restarts = await measured(seconds, async () => {
    for (let at = 0; at < 2; at++) {
      await pause((seconds * 1_000) / 3);
      const old = gateway;
      const gone = once(old, 'exit');
      gateway = spawnGateway('--replace', String(old.pid));
      const [code] = await gone;
      if (code !== 0) throw new Error(`the old process ended with ${code}`);
    }
  });
  show(rowOf('two hot restarts', [restarts]));

  const collectorPort = await freePort();
  const startCollector = async (): Promise<ChildProcess> => {
    const child = keep(fork(fileOf('processes/otlp-sink.ts'), [String(collectorPort)]));
    await answerOf(child);
    return child;
  };
  let collector = await startCollector();
  writeConfig(port, ports, weight, collectorPort);
  gateway.kill('SIGHUP');
  await measured(2);
  const withTraces = await watchingMemory(gateway, () => measured(seconds));
  show(rowOf('every message traced', [withTraces.result]));
  const troubled = await watchingMemory(gateway, () =>
    measured(seconds, async () => {
      for (let at = 0; at < 2; at++) {
        await pause((seconds * 1_000) / 6);
        collector.kill('SIGKILL');
        await pause((seconds * 1_000) / 6);
        collector = await startCollector();
      }
    }),
  );
  show(rowOf('  its collector is killed and comes back, twice', [troubled.result]));

  if (!options.json) {
    const numbers = (row: Row): string[] => [
      ...[row.messages, row.lost, row.duplicates, row.resetsOwed, row.closedOwed].map(String),
      ...[row.p50, row.p99, row.max].map((ms) => ms.toFixed(1)),
    ];
    const head = [
      '',
      'messages',
      'lost',
      'twice',
      'resets owed',
      'closed owed',
      'p50 ms',
      'p99 ms',
      'max ms',
    ];
    console.log(`${perSecond} messages a second over ${CONNECTIONS} connections, open loop`);
    for (const line of table([head, ...rows.map((row) => [row.what, ...numbers(row)])])) console.log(line);
    console.log(
      `most memory of the gateway: ${withTraces.mib} MiB with the collector there, ${troubled.mib} MiB with it killed`,
    );
  }
} finally {
  await Promise.all(
    [...running].map(async (child) => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }),
  );
  rmSync(folder, { recursive: true });
}
