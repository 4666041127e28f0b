// The admin API of a gateway of several processes: each decision is made and stored in the main process, and in force in all when the
// operator is told; what is asked is put together from all of them.
import type { Lines } from '../../admin/answer.ts';
import { newestFirst } from '../../admin/control/message-search.ts';
import { overviewOf, pulseOf } from '../../admin/control/overview.ts';
import type { HistoryCounts } from '../../admin/control/traffic-history.ts';
import type {
  By,
  CertificateInUse,
  ConfigFileReport,
  Control,
  ExplainedMessage,
  ExplainRequest,
  MemberReport,
  MessageQuery,
  MessageReport,
  NodeReport,
  OverviewReport,
  PulseReport,
  ReadinessReport,
  ReloadReport,
  RotateReport,
  RouteReport,
  SenderReport,
  StatusReport,
  TapRequest,
} from '../../admin/control.ts';
import type { GatewayControl } from '../../admin/gateway-control.ts';
import { OverviewStream } from '../../admin/overview-stream.ts';
import type { MetricsFormat } from '../../observe/metrics/text.ts';
import type { WorkerFigures } from '../protocol.ts';
import { mergedNode, mergedPools, mergedRoutes } from './merged-reports.ts';
import type { Supervisor } from './supervisor.ts';

/** A worker that is busy answers within milliseconds; what is told without one says so. */
export const REPORT_MS = 2_000;
/** As many as the admin API tells at most. */
const MOST_SENDERS = 100_000;

export interface WorkersControlOptions {
  readonly control: GatewayControl;
  readonly supervisor: Supervisor;
  /** Resolves when all workers go by what is decided. */
  readonly override: () => Promise<void>;
}

export class WorkersControl implements Control {
  readonly #control: GatewayControl;
  readonly #supervisor: Supervisor;
  readonly #override: () => Promise<void>;
  readonly #stream = new OverviewStream(() => this);

  constructor({ control, supervisor, override }: WorkersControlOptions) {
    this.#control = control;
    this.#supervisor = supervisor;
    this.#override = override;
  }

  /** No pool has a spool where there are several workers. */
  get spool(): Control['spool'] {
    return this.#control.spool;
  }

  get isLive(): boolean {
    return this.#control.isLive;
  }

  async readiness(pools: readonly string[]): Promise<ReadinessReport> {
    const report = this.#control.readiness(pools);
    const troubles = this.#troubles(await this.#figures());
    const runs = this.#supervisor.running.length > 0;
    return { ...report, ready: report.ready && runs, notes: [...report.notes, ...troubles] };
  }

  async status(): Promise<StatusReport> {
    const [nodes, figures] = await Promise.all([this.#nodes(), this.#figures()]);
    const own = this.#control.status();
    const troubles = this.#troubles(figures);
    const hasFailed = own.condition === 'failed' || this.#supervisor.running.length === 0;
    return {
      ...own,
      condition: hasFailed ? 'failed' : troubles.length > 0 ? 'degraded' : own.condition,
      problems: [...own.problems, ...troubles],
      bufferedBytes: figures.reduce((all, { bufferedBytes }) => all + bufferedBytes, 0),
      pools: mergedPools(
        own.pools,
        nodes,
        figures.map(({ queued }) => queued),
      ),
      workers: this.#supervisor.running.map(({ number, pid, connections }) => ({
        worker: number,
        pid,
        connections,
      })),
    };
  }

  async nodes(): Promise<readonly NodeReport[]> {
    const workers = await this.#nodes();
    return this.#control.nodes().map((one) => mergedNode(one, workers));
  }

  async routes(): Promise<readonly RouteReport[]> {
    const routes = await this.#supervisor.askAll<readonly RouteReport[]>({ ask: 'routes' }, REPORT_MS);
    return mergedRoutes(this.#control.routes(), routes);
  }

  members(): Promise<readonly MemberReport[]> {
    return this.#control.members();
  }

  async senders(): Promise<readonly SenderReport[]> {
    const request = { ask: 'senders', most: MOST_SENDERS } as const;
    return (await this.#supervisor.askAll<readonly SenderReport[]>(request, REPORT_MS)).flat();
  }

  async overview(): Promise<OverviewReport> {
    const histories = this.#histories();
    return overviewOf(await this.status(), await histories);
  }

  async pulse(): Promise<PulseReport> {
    const histories = this.#histories();
    return pulseOf(await this.status(), await histories);
  }

  /** Each worker has its own last ones: of some there may be more than of others. */
  async messages(query: MessageQuery): Promise<readonly MessageReport[] | undefined> {
    if (this.#control.messages(query) === undefined) return undefined;
    const request = { ask: 'messages', query } as const;
    const all = await this.#supervisor.askAll<readonly MessageReport[]>(request, REPORT_MS);
    return all.flat().sort(newestFirst).slice(0, query.limit);
  }

  explain(request: ExplainRequest): readonly ExplainedMessage[] {
    return this.#control.explain(request);
  }

  events(): Lines {
    return this.#stream.open();
  }

  certificates(): readonly CertificateInUse[] {
    return this.#control.certificates();
  }

  configFile(): ConfigFileReport {
    return this.#control.configFile();
  }

  effectiveConfig(): string {
    return this.#control.effectiveConfig();
  }

  /** The main process gathers those of its workers. */
  metrics(format: MetricsFormat): Promise<string | undefined> {
    return this.#control.metrics(format);
  }

  drain(pool: string, node: string, by: By, reason?: string): Promise<NodeReport> {
    return this.#decided(this.#control.drain(pool, node, by, reason));
  }

  maintenance(pool: string, node: string, by: By, reason?: string): Promise<NodeReport> {
    return this.#decided(this.#control.maintenance(pool, node, by, reason));
  }

  ready(pool: string, node: string, by: By, reason?: string): Promise<NodeReport> {
    return this.#decided(this.#control.ready(pool, node, by, reason));
  }

  setWeight(pool: string, node: string, weight: number, by: By, reason?: string): Promise<NodeReport> {
    return this.#decided(this.#control.setWeight(pool, node, weight, by, reason));
  }

  addNode(pool: string, node: string, settings: unknown, by: By, reason?: string): Promise<NodeReport> {
    return this.#decided(this.#control.addNode(pool, node, settings, by, reason));
  }

  async removeNode(pool: string, node: string, by: By, reason?: string): Promise<void> {
    this.#control.removeNode(pool, node, by, reason);
    await this.#override();
  }

  reload(by: By, reason?: string): Promise<ReloadReport> {
    return this.#control.reload(by, reason);
  }

  rotate(by: By, reason?: string): RotateReport {
    return this.#control.rotate(by, reason);
  }

  /** The config is refused that has it and several workers. */
  tap(request: TapRequest, by: By): Lines {
    return this.#control.tap(request, by);
  }

  async #decided(report: NodeReport): Promise<NodeReport> {
    await this.#override();
    return mergedNode(report, await this.#nodes());
  }

  async #nodes(): Promise<readonly NodeReport[]> {
    return (await this.#supervisor.askAll<readonly NodeReport[]>({ ask: 'nodes' }, REPORT_MS)).flat();
  }

  async #histories(): Promise<readonly HistoryCounts[]> {
    const theirs = await this.#supervisor.askAll<HistoryCounts>({ ask: 'history' }, REPORT_MS);
    return [this.#control.history, ...theirs];
  }

  #figures(): Promise<readonly WorkerFigures[]> {
    return this.#supervisor.askAll<WorkerFigures>({ ask: 'figures' }, REPORT_MS);
  }

  #troubles(figures: readonly WorkerFigures[]): readonly string[] {
    const { running, count } = this.#supervisor;
    const troubles = new Set<string>();
    if (running.length < count) troubles.add(`${count - running.length} of ${count} workers do not run`);
    if (figures.length < running.length) troubles.add('a worker does not answer: its figures are missing');
    for (const { parsingError } of figures)
      if (parsingError !== undefined) troubles.add(`the threads that parse do not start (${parsingError})`);
    return [...troubles];
  }
}
