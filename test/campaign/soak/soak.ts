// One soak: a gateway, three nodes and the senders, the load on them, what happens to them, and the samples. Promises: the load
// is by the clock and does not wait for answers; every process ends with it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Prng } from '../../../src/tools/world/prng.ts';
import { freePort, ownAddress } from '../peers/addresses.ts';
import { type GatewayChild, type NodeChild, startGateway, startPeerNode } from '../peers/child.ts';
import type { Wire } from '../peers/orders.ts';
import { makeTlsFiles, type TlsFiles } from '../wire/tls.ts';
import { SoakConfig } from './config.ts';
import { receiptsOf } from './receipts.ts';
import { SoakSender } from './sender.ts';
import { percentile, type Sample, type Totals } from './verdict.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NODES = ['a', 'b', 'c'];
/** As a site has them: most over MLLP, some over TLS, some that post. */
const WIRES: readonly Wire[] = [
  ...Array<Wire>(16).fill('mllp'),
  ...Array<Wire>(4).fill('mllps'),
  ...Array<Wire>(4).fill('http'),
];
const WINDOW = 8;
const TICK_MS = 10;
const CAPACITY_MS = 6_000;
/** In which caches fill and code is compiled; not measured. */
const WARM_UP_MS = 4_000;
const SAMPLES_LEAST = 60;
const SAMPLE_MS_MOST = 5_000;
/** Between two things that happen. */
const EVENT_MS = 7_000;
const NODE_AWAY_MS = 2_000;
const LEAVING_SHARE = 0.25;
/** For senders to get their last answers, with every node well. */
const QUIET_MS = 60_000;
const END_MS = 30_000;

export interface SoakResult {
  readonly samples: readonly Sample[];
  readonly marks: readonly { readonly t: number; readonly kind: string }[];
  readonly totals: Totals & { readonly again: number };
  readonly perSecond: number;
}

interface SoakNode {
  readonly start: {
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly file: string;
  };
  child: NodeChild;
}

export class Soak {
  readonly #gateway: GatewayChild;
  readonly #config: SoakConfig;
  readonly #nodes: readonly SoakNode[];
  readonly #senders: readonly SoakSender[];
  readonly #prng = new Prng(1);
  #latencies: number[] = [];
  #answers = 0;
  /** Of the load, by what each sender could have answered: one that posts has one request at a time. */
  #shares: readonly number[] = [];

  private constructor(
    gateway: GatewayChild,
    config: SoakConfig,
    nodes: readonly SoakNode[],
    to: { readonly host: string; readonly ports: ReadonlyMap<Wire, number>; readonly tls: TlsFiles },
  ) {
    this.#gateway = gateway;
    this.#config = config;
    this.#nodes = nodes;
    const { host, ports, tls } = to;
    this.#senders = WIRES.map((wire, number) => {
      const port = ports.get(wire) ?? 0;
      const window = wire === 'http' ? 1 : WINDOW;
      return new SoakSender({ number, wire, host, port, tls, window }, (ms) => {
        this.#latencies.push(ms);
        this.#answers++;
      });
    });
  }

  static async start(folder: string): Promise<Soak> {
    const tls = makeTlsFiles(folder);
    const nodeHost = ownAddress();
    const nodes = await Promise.all(
      NODES.map(async (name): Promise<SoakNode> => {
        const start = { name, host: nodeHost, port: 0, file: join(folder, `node-${name}.bin`) };
        const child = await startPeerNode('../soak/node.ts', name, start);
        return { start: { ...start, port: child.port }, child };
      }),
    );
    const host = ownAddress();
    const ports = new Map<Wire, number>();
    for (const wire of new Set(WIRES)) ports.set(wire, await freePort(host));
    const listeners = new Map([...ports].map(([wire, port]) => [wire, `${host}:${port}`]));
    const urls = nodes.map(({ start }) => [start.name, `mllp://${start.host}:${start.port}`] as const);
    const config = new SoakConfig(join(folder, 'gateway.yaml'), { nodes: urls, listeners, tls });
    const gateway = await startGateway(ROOT, config.path, join(folder, 'gateway'));
    return new Soak(gateway, config, nodes, { host, ports, tls });
  }

  /** Messages a second that are answered where every sender always has some to say. */
  async capacity(): Promise<number> {
    const fill = setInterval(() => {
      for (const sender of this.#senders) while (sender.unanswered < WINDOW * 2) sender.say();
    }, 1);
    await pause(WARM_UP_MS);
    const before = this.#answers;
    const since = performance.now();
    const ackedBefore = this.#senders.map(({ acked }) => acked.count);
    await pause(CAPACITY_MS);
    const perSecond = (this.#answers - before) / ((performance.now() - since) / 1_000);
    clearInterval(fill);
    this.#shares = this.#senders.map(({ acked }, i) => acked.count - (ackedBefore[i] ?? 0));
    await this.#quiet();
    return perSecond;
  }

  async run(perSecond: number, durationMs: number, say: (line: string) => void): Promise<SoakResult> {
    const samples: Sample[] = [];
    const marks: { t: number; kind: string }[] = [];
    const startedAt = performance.now();
    const seconds = (): number => (performance.now() - startedAt) / 1_000;
    const load = this.#load(perSecond);
    const sampleMs = Math.min(SAMPLE_MS_MOST, durationMs / SAMPLES_LEAST);
    this.#latencies = [];
    const sampling = setInterval(() => {
      samples.push(this.#sample(seconds(), sampleMs));
      const last = samples.at(-1);
      if (last !== undefined && samples.length % 12 === 0)
        say(
          `${last.t.toFixed(0)} s: RSS ${(last.rss / 1_048_576).toFixed(0)} MiB, ${last.descriptors} descriptors, p99 ${last.p99.toFixed(1)} ms, ${last.answers.toFixed(0)}/s`,
        );
    }, sampleMs);
    try {
      while (seconds() * 1_000 < durationMs - EVENT_MS) {
        await pause(EVENT_MS);
        const kind = (['node killed', 'reload', 'clients leave'] as const)[marks.length % 3] ?? 'reload';
        marks.push({ t: seconds(), kind });
        await this.#happen(kind);
      }
      await pause(Math.max(0, durationMs - seconds() * 1_000));
    } finally {
      clearInterval(load);
      clearInterval(sampling);
    }
    const unanswered = await this.#quiet();
    const totals = await this.#totals(unanswered);
    return { samples, marks, totals, perSecond };
  }

  async kill(): Promise<void> {
    for (const sender of this.#senders) sender.end();
    await Promise.all(
      [this.#gateway, ...this.#nodes.map(({ child }) => child)].map((one) => one[Symbol.asyncDispose]()),
    );
  }

  /** By the clock: a tick that comes late says what was due by then. */
  #load(perSecond: number): NodeJS.Timeout {
    const since = performance.now();
    const sum = this.#shares.reduce((all, share) => all + share, 0);
    const rates = this.#senders.map(
      (_, i) => perSecond * (sum > 0 ? (this.#shares[i] ?? 0) / sum : 1 / this.#senders.length),
    );
    const said = rates.map(() => 0);
    return setInterval(() => {
      const seconds = (performance.now() - since) / 1_000;
      this.#senders.forEach((sender, i) => {
        const due = Math.floor(seconds * (rates[i] ?? 0));
        for (let n = said[i] ?? 0; n < due; n++) sender.say();
        said[i] = due;
      });
    }, TICK_MS);
  }

  #sample(t: number, intervalMs: number): Sample {
    const latencies = this.#latencies;
    this.#latencies = [];
    const { pid } = this.#gateway;
    const status = this.#gateway.gone ? '' : readFileSync(`/proc/${pid}/status`, 'utf8');
    const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    const descriptors = this.#gateway.gone ? 0 : readdirSync(`/proc/${pid}/fd`).length;
    return {
      t,
      rss,
      descriptors,
      p99: percentile(latencies, 0.99),
      answers: latencies.length / (intervalMs / 1_000),
    };
  }

  async #happen(kind: 'node killed' | 'reload' | 'clients leave'): Promise<void> {
    if (kind === 'reload') {
      this.#config.change();
      this.#gateway.signal('SIGHUP');
      return;
    }
    if (kind === 'clients leave') {
      for (const sender of this.#senders)
        if (this.#prng.chance(LEAVING_SHARE))
          sender.leave(this.#prng.pick(['reset', 'destroy', 'mid-frame'] as const));
      return;
    }
    const node = this.#prng.pick(this.#nodes);
    await node.child[Symbol.asyncDispose]();
    await pause(NODE_AWAY_MS);
    node.child = await startPeerNode('../soak/node.ts', node.start.name, node.start);
  }

  /** How many messages are without an answer after that. */
  async #quiet(): Promise<number> {
    const deadline = performance.now() + QUIET_MS;
    const open = (): number => this.#senders.reduce((sum, { unanswered }) => sum + unanswered, 0);
    while (open() > 0 && performance.now() < deadline) await pause(TICK_MS);
    return open();
  }

  async #totals(unanswered: number): Promise<SoakResult['totals']> {
    const sum = (of: (sender: SoakSender) => number): number =>
      this.#senders.reduce((all, one) => all + of(one), 0);
    const failures = await this.#failures();
    const { bySender, again } = receiptsOf(this.#nodes.map(({ start }) => start.file));
    let lost = 0;
    this.#senders.forEach(({ acked }, number) => {
      lost += acked.missingIn(bySender.get(number));
    });
    return {
      messages: sum(({ made }) => made),
      acknowledged: sum(({ acked }) => acked.count),
      misattributed: sum(({ misattributed }) => misattributed),
      ...{ lost, unanswered, again, failures },
    };
  }

  async #failures(): Promise<string[]> {
    const gateway = this.#gateway;
    const failures: string[] = [];
    if (gateway.gone) failures.push('the gateway ended by itself');
    gateway.signal('SIGTERM');
    const exit = await Promise.race([gateway.exited, pause(END_MS, undefined, { ref: false })]);
    if (exit?.code !== 0) failures.push(`the gateway’s end: ${JSON.stringify(exit ?? 'none')}`);
    const stderr = readFileSync(gateway.stderr, 'utf8');
    if (stderr !== '') failures.push(`on stderr: ${stderr.slice(0, 500)}`);
    const lines = readFileSync(gateway.log, 'utf8').split('\n');
    const wrong = lines.filter((line) => /"level":"(error|fatal)"|GW_ERR_INTERNAL/.test(line));
    failures.push(...wrong.slice(0, 5).map((line) => line.slice(0, 300)));
    const taken = lines.filter((line) => line.includes('"config loaded"')).length;
    if (taken !== this.#config.changes) failures.push(`${this.#config.changes} reloads, ${taken} taken up`);
    const dropped = this.#senders.reduce((all, one) => all + one.dropped, 0);
    if (dropped > 0) failures.push(`${dropped} messages were more than the gateway took`);
    return failures;
  }
}
