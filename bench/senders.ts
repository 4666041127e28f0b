// The senders and the nodes of the benchmark: processes that share the connections, or the nodes, among them.
// Promises: what one of them reports is in the sum.
import { Child } from './child.ts';
import type { LoadOrder, LoadReport } from './processes/load.ts';
import type { SinkReport } from './processes/sink.ts';

export class Senders {
  readonly #file: string;
  readonly #all: Child[];
  #used = 1;

  constructor(file = './processes/load.ts') {
    this.#file = file;
    this.#all = [new Child(file)];
  }

  /** So many processes from the next start on. */
  use(count: number): void {
    while (this.#all.length < count) this.#all.push(new Child(this.#file));
    this.#used = count;
  }

  get inUse(): readonly Child[] {
    return this.#all.slice(0, this.#used);
  }

  async begin(load: LoadOrder): Promise<void> {
    const share = Math.ceil(load.connections / this.#used);
    await Promise.all(
      this.inUse.map((child, i) => {
        const firstConnection = i * share;
        const connections = Math.max(0, Math.min(share, load.connections - firstConnection));
        return child.answer({ do: 'start', load: { ...load, connections, firstConnection } });
      }),
    );
  }

  report(): Promise<LoadReport> {
    return this.#ask('report');
  }

  /** Sends no more, and waits for what is owed. */
  finish(): Promise<LoadReport> {
    return this.#ask('stop');
  }

  async #ask(order: 'report' | 'stop'): Promise<LoadReport> {
    const reports = await Promise.all(this.inUse.map((child) => child.answer<LoadReport>({ do: order })));
    const sum = (of: (report: LoadReport) => number): number =>
      reports.reduce((total, one) => total + of(one), 0);
    // Each has the same share of the connections, so their quantiles have the same weight.
    const latencies = reports.flatMap((one) => one.latencies).sort((a, b) => a - b);
    const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
    return {
      sent: sum(({ sent }) => sent),
      answered: sum(({ answered }) => answered),
      wrong: sum(({ wrong }) => wrong),
      broken: sum(({ broken }) => broken),
      firstWrong: reports.find(({ firstWrong }) => firstWrong !== '')?.firstWrong ?? '',
      ...(reports.length === 1 && reports[0] !== undefined
        ? { p50: reports[0].p50, p99: reports[0].p99 }
        : { p50: at(0.5), p99: at(0.99) }),
      latencies,
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((child) => child.stop()));
  }
}

/** In two processes, as many in each. */
export class Nodes {
  readonly processes: readonly Child[];
  /** Of the nodes, from one process and the other in turn. */
  ports: readonly number[] = [];

  /** `rewritten`: what reaches them is no longer byte by byte what was sent. */
  constructor(count: number, kind: 'rewritten' | 'untouched' = 'untouched') {
    const args = [String(Math.ceil(count / 2)), kind];
    this.processes = [0, 1].map(() => new Child('./processes/sink.ts', {}, args));
  }

  async ready(): Promise<this> {
    const [one, other] = await Promise.all(
      this.processes.map((child) => child.answer<{ ports: readonly number[] }>()),
    );
    this.ports = (one?.ports ?? []).flatMap((port, i) => [port, other?.ports[i] ?? port]);
    return this;
  }

  /** What they were sent since the last report that was not what a sender had sent. */
  async report(): Promise<SinkReport> {
    const reports = await Promise.all(this.processes.map((child) => child.answer<SinkReport>({})));
    return reports.reduce((sum, one) => ({
      answered: sum.answered + one.answered,
      wrong: sum.wrong + one.wrong,
      firstWrong: sum.firstWrong || one.firstWrong,
    }));
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((child) => child.stop()));
  }
}
