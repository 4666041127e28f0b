// The gateway beside HAProxy: CPU time of the proxy for each message, messages per second, and round trips.
// Both stand in front of the same two nodes, take turns in rounds, and are told by their median.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../src/commands/terminal.ts';
import type { LoadOrder, LoadReport } from './load.ts';
import { topFunctions } from './profile.ts';
import {
  cpuMs,
  type GatewayShape,
  haproxyVersion,
  hasHaproxy,
  type NodePorts,
  type ProxyProcess,
  startGateway,
  startHaproxy,
} from './proxies.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

/** Full: 4 loads x 3 or 4 proxies x 5 rounds, under three minutes. Quick: under 40 seconds. */
const ROUNDS = options.quick ? 2 : 5;
const WARM_UP_MS = options.quick ? 150 : 400;
const WINDOW_MS = options.quick ? 400 : 1_000;

const LOADS = [
  { connections: 8, pipelining: 1 },
  { connections: 64, pipelining: 1 },
  { connections: 8, pipelining: 8 },
  { connections: 64, pipelining: 8 },
];

/** 64 connections to each of two nodes: no message of 64 lockstep senders ever waits for another's. */
const LOCKSTEP: GatewayShape = {
  name: 'gateway, max 64, pipelining 1',
  max: 64,
  pipelining: 1,
  logMessages: false,
};
const PIPELINED: GatewayShape = {
  name: 'gateway, max 2, pipelining 256',
  max: 2,
  pipelining: 256,
  logMessages: false,
};
const LOGGED: GatewayShape = { ...PIPELINED, name: 'the same, log.messages: true', logMessages: true };

interface Measured {
  readonly microsPerMessage: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

class Child {
  readonly process: ChildProcess;

  constructor(file: string) {
    this.process = fork(fileURLToPath(new URL(file, import.meta.url)));
  }

  async answer<T>(order?: object): Promise<T> {
    const answer = once(this.process, 'message');
    if (order !== undefined) this.process.send(order);
    const [value] = (await answer) as [T];
    return value;
  }

  async stop(): Promise<void> {
    const gone = once(this.process, 'exit');
    this.process.disconnect();
    await gone;
  }
}

async function measure(
  proxy: ProxyProcess,
  load: Child,
  order: Omit<LoadOrder, 'port'>,
  windowMs: number,
): Promise<Measured> {
  await load.answer({ do: 'start', load: { ...order, port: proxy.port } });
  await pause(WARM_UP_MS);
  const before = await load.answer<LoadReport>({ do: 'report' });
  const cpuBefore = cpuMs(proxy.pid);
  const startedAt = performance.now();
  await pause(windowMs);
  const after = await load.answer<LoadReport>({ do: 'report' });
  const cpu = cpuMs(proxy.pid) - cpuBefore;
  const seconds = (performance.now() - startedAt) / 1_000;
  const end = await load.answer<LoadReport>({ do: 'stop' });
  const messages = after.answered - before.answered;
  if (end.wrong > 0 || end.broken > 0 || end.answered !== end.sent || end.checked === 0) {
    throw new Error(`${proxy.name}: ${JSON.stringify(end)}: not every message was answered rightly`);
  }
  return {
    microsPerMessage: (cpu * 1_000) / messages,
    perSecond: messages / seconds,
    p50: after.p50,
    p99: after.p99,
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[sorted.length % 2 === 0 ? middle - 1 : middle],
    sorted[middle],
  ];
  return (low + high) / 2;
}

function medians(all: readonly Measured[]): Measured {
  return {
    microsPerMessage: median(all.map((one) => one.microsPerMessage)),
    perSecond: median(all.map((one) => one.perSecond)),
    p50: median(all.map((one) => one.p50)),
    p99: median(all.map((one) => one.p99)),
  };
}

async function compare(load: Child, nodes: NodePorts, folder: string): Promise<void> {
  const rows = [
    ['senders', 'outstanding', 'proxy', 'CPU µs/message', 'of HAProxy', 'messages/s', 'p50 ms', 'p99 ms'],
  ];
  for (const order of LOADS) {
    const proxies: ProxyProcess[] = [];
    try {
      if (hasHaproxy) proxies.push(await startHaproxy(nodes, folder));
      proxies.push(await startGateway(LOCKSTEP, nodes, folder), await startGateway(PIPELINED, nodes, folder));
      if (order.connections === 64 && order.pipelining === 1)
        proxies.push(await startGateway(LOGGED, nodes, folder));
      const results = new Map<ProxyProcess, Measured[]>(proxies.map((proxy) => [proxy, []]));
      // A gateway's first second is spent in code that is not compiled yet; it is not what a day is like.
      for (const proxy of proxies) await measure(proxy, load, order, WINDOW_MS / 2);
      for (let round = 0; round < ROUNDS; round++)
        for (const proxy of proxies) results.get(proxy)?.push(await measure(proxy, load, order, WINDOW_MS));
      const peer = hasHaproxy
        ? medians(results.get(proxies[0] as ProxyProcess) ?? []).microsPerMessage
        : Number.NaN;
      for (const [{ name }, all] of results) {
        const result = medians(all);
        const ratio = result.microsPerMessage / peer;
        if (options.json) console.log(JSON.stringify({ ...order, proxy: name, ...result, ofHaproxy: ratio }));
        rows.push([
          String(order.connections),
          String(order.pipelining),
          name,
          result.microsPerMessage.toFixed(1),
          Number.isNaN(ratio) ? '' : ratio.toFixed(2),
          Math.round(result.perSecond).toLocaleString('en'),
          result.p50.toFixed(2),
          result.p99.toFixed(2),
        ]);
      }
      if (process.stderr.isTTY)
        process.stderr.write(`${order.connections} senders x ${order.pipelining}: done\n`);
    } finally {
      for (const proxy of proxies) await proxy.stop();
    }
  }
  if (!options.json) for (const line of table(rows)) console.log(line);
}

async function profile(load: Child, nodes: NodePorts, folder: string): Promise<void> {
  const kept = mkdtempSync(join(tmpdir(), 'hl7-gateway-profile-'));
  for (const [shape, order] of [
    [PIPELINED, { connections: 64, pipelining: 8 }],
    [LOCKSTEP, { connections: 64, pipelining: 1 }],
  ] as const) {
    const at = join(kept, `pipelining-${shape.pipelining}`);
    const gateway = await startGateway(shape, nodes, folder, ['--cpu-prof', `--cpu-prof-dir=${at}`]);
    await measure(gateway, load, order, 5_000);
    await gateway.stop();
    console.log(
      `${shape.name}, ${order.connections} senders x ${order.pipelining}, self time; profile in ${at}`,
    );
    for (const line of topFunctions(at, 15)) console.log(line);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-bench-'));
const children = [new Child('./sink.ts'), new Child('./sink.ts'), new Child('./load.ts')] as const;
const [a, b, load] = children;
try {
  const [first, second] = await Promise.all([a.answer<{ port: number }>(), b.answer<{ port: number }>()]);
  const nodes: NodePorts = [first.port, second.port];
  if (!options.json) {
    console.log(
      `Node.js ${process.versions.node}, ${availableParallelism()} cores, messages of 600 bytes, loopback`,
    );
    console.log(
      hasHaproxy
        ? `HAProxy ${haproxyVersion()}`
        : 'HAProxy is not installed: it is left out, and so are the ratios',
    );
  }
  await (options.profile ? profile(load, nodes, folder) : compare(load, nodes, folder));
} finally {
  for (const child of children) await child.stop();
  rmSync(folder, { recursive: true });
}
