// `workers: 1` beside `workers: 2`, in turns: `node bench/workers.ts [--rounds 5] [--seconds 2] [--json]`. Promises: CPU time of every
// process of a gateway counts, every answer is checked, and what the other processes of the run take is told.
//
// On a machine where senders and nodes need the cores as well, messages a second say little of cores; so there are two rows. `relay`:
// the ordinary config, whose messages cost the gateway less than the senders and nodes; of it the messages that each worker's CPU second
// carries are what counts. `conditions`: routes that read two hundred fields of each message, so that the gateway is what is slow and
// senders and nodes hardly count: of it the messages a second.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/terminal.ts';
import { expectAllAnswered } from './messages.ts';
import { cpuMs, freePort, nodesConfig, type ProxyProcess, spawnGateway } from './proxies.ts';
import { spreadOf } from './rounds.ts';
import { Nodes, Senders } from './senders.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const windowMs = Number(options.seconds) * 1_000;

const LOAD = { connections: 64, pipelining: 8 };
const NODES = 2;
const WARM_UP_MS = 1_500;

interface Row {
  readonly name: string;
  readonly routes: readonly object[];
}

const REST = { name: 'rest', to: 'p' };
/** Each asks for another field, and finds nothing. */
const CONDITIONS = Array.from({ length: 200 }, (_, i) => ({
  name: `r${i}`,
  when: {
    [`OBX[${1 + (i % 4)}]-${1 + (Math.floor(i / 4) % 10)}.${1 + Math.floor(i / 40)}`]: '/^(NO|NOTHING)$/',
  },
  to: 'p',
}));
const ROWS: readonly Row[] = [
  { name: 'relay', routes: [REST] },
  { name: 'conditions', routes: [...CONDITIONS, REST] },
];

interface Figures {
  readonly perSecond: number;
  /** CPU time of each message, in microseconds: of the processes that carry it, and of the main process where that is another one. */
  readonly workerMicros: number;
  readonly mainMicros: number;
  /** Cores that were in use: by the gateway, by senders and nodes. */
  readonly gatewayCores: number;
  readonly otherCores: number;
}

const folder = mkdtempSync(join(tmpdir(), 'hl7-bench-'));
const senders = new Senders();
const nodes = await new Nodes(NODES).ready();

async function start({ routes }: Row, workers: number): Promise<ProxyProcess> {
  const port = await freePort();
  return spawnGateway(`workers: ${workers}`, folder, port, {
    listeners: { in: { bind: `127.0.0.1:${port}` } },
    pools: {
      p: {
        nodes: nodesConfig('mllp', nodes.ports.slice(0, NODES)),
        connections: { max: 4, pipelining: 256 },
      },
    },
    routes,
    workers,
    telemetry: { log: { level: 'warn', messages: false } },
  });
}

/** Processes that this one has started. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
}

async function measure(proxy: ProxyProcess): Promise<Figures> {
  await nodes.report();
  await senders.begin({ ...LOAD, port: proxy.port });
  await pause(WARM_UP_MS);
  const workers = childrenOf(proxy.pid);
  const others = [...senders.inUse, ...nodes.processes];
  const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);
  const read = () => ({
    main: cpuMs(proxy.pid),
    workers: sum(workers.map(cpuMs)),
    others: sum(others.map((child) => child.cpuMs)),
  });
  const first = await senders.report();
  const [before, startedAt] = [read(), performance.now()];
  await pause(windowMs);
  const [after, ms] = [read(), performance.now() - startedAt];
  const last = await senders.report();
  await expectAllAnswered(proxy, await senders.finish(), nodes);
  const count = last.answered - first.answered;
  const main = after.main - before.main;
  const ofWorkers = after.workers - before.workers;
  const isOne = workers.length === 0;
  return {
    perSecond: (count / ms) * 1_000,
    workerMicros: ((isOne ? main : ofWorkers) * 1_000) / count,
    mainMicros: isOne ? 0 : (main * 1_000) / count,
    gatewayCores: (main + ofWorkers) / ms,
    otherCores: (after.others - before.others) / ms,
  };
}

const results: Record<string, unknown>[] = [];
const shown: string[][] = [];
for (const row of ROWS) {
  const gateways = [await start(row, 1), await start(row, 2)];
  const all = gateways.map(() => [] as Figures[]);
  for (const gateway of gateways) await measure(gateway);
  for (let round = 0; round < rounds; round++)
    for (const [i, gateway] of gateways.entries()) all[i]?.push(await measure(gateway));
  for (const gateway of gateways) await gateway.stop();
  const medians = all.map((figures) => {
    const of = (name: keyof Figures) => spreadOf(figures.map((one) => one[name])).median;
    return {
      perSecond: of('perSecond'),
      workerMicros: of('workerMicros'),
      mainMicros: of('mainMicros'),
      gatewayCores: of('gatewayCores'),
      otherCores: of('otherCores'),
    };
  });
  const [one, two] = medians;
  if (one === undefined || two === undefined) continue;
  // With a core for each process, and senders and nodes elsewhere: what each worker's core carries, times their number.
  const countedOut = [1e6 / one.workerMicros, (2 * 1e6) / two.workerMicros];
  results.push({
    row: row.name,
    one,
    two,
    ratio: two.perSecond / one.perSecond,
    countedOutRatio: (countedOut[1] ?? 0) / (countedOut[0] ?? 1),
    rounds: all,
  });
  for (const [i, each] of medians.entries())
    shown.push([
      i === 0 ? row.name : '',
      `${i + 1}`,
      each.perSecond.toFixed(0),
      i === 0 ? '' : (two.perSecond / one.perSecond).toFixed(2),
      each.workerMicros.toFixed(2),
      each.mainMicros.toFixed(2),
      each.gatewayCores.toFixed(2),
      each.otherCores.toFixed(2),
      (countedOut[i] ?? 0).toFixed(0),
      i === 0 ? '' : ((countedOut[1] ?? 0) / (countedOut[0] ?? 1)).toFixed(2),
    ]);
}
await Promise.all([senders.stop(), nodes.stop()]);
rmSync(folder, { recursive: true, force: true });

const HEAD = [
  'row',
  'workers',
  'messages/s',
  'ratio',
  'µs each: workers',
  'main',
  'cores: gateway',
  'others',
  'a core each: messages/s',
  'ratio',
];
if (options.json) for (const result of results) console.log(JSON.stringify(result));
else for (const line of table([HEAD, ...shown])) console.log(line);
