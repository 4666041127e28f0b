// What the main process of a gateway of several processes has beside an ordinary gateway: it accepts connections, judges nodes, holds
// what is one for all, and hands the work to its workers. docs/decisions/0022-several-processes.md says what is shared how.
import { FrontListener } from '../../../listeners/accept/front-listener.ts';
import type { StickTable } from '../../../routing/stick-table.ts';
import type { GatewayControl } from '../../admin/gateway-control.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { workerCount } from '../../config/worker-count.ts';
import { asGatewayError, type GatewayError } from '../../errors.ts';
import type { Gateway, ProcessRole } from '../../gateway.ts';
import type { AuditTrail } from '../../observe/audit/audit-trail.ts';
import type { Log } from '../../observe/log/log.ts';
import type { Family } from '../../observe/metrics/family.ts';
import { identifierKey } from '../../observe/traces/identifiers.ts';
import { randomBytes } from '../../platform/random.ts';
import type { Prepared } from '../../reload/reconfigurable.ts';
import type { AuditWishes, FromWorker, PoolOverride, StartOrder, WorkerRequest } from '../protocol.ts';
import { workerConfig } from '../worker-config.ts';
import { KeyBook } from './key-book.ts';
import type { TakeLines } from './log-lines.ts';
import { MergedMetrics } from './merged-metrics.ts';
import { SharedNodes } from './shared-nodes.ts';
import { Supervisor } from './supervisor.ts';
import type { WorkerProcess } from './worker-process.ts';
import { REPORT_MS, WorkersControl } from './workers-control.ts';

export interface WorkersOptions {
  readonly program: { readonly entry: string; readonly args: readonly string[] };
  readonly gateway: () => Gateway;
  readonly control: GatewayControl;
  readonly trail: AuditTrail;
  readonly log: Log;
  readonly takeLines: TakeLines;
  /** As the log of the main process is written. */
  readonly logFormat: GatewayConfig['log']['format'];
}

/** A worker that does not do what operators decide is ended. */
const OVERRIDE_MS = 5_000;
/** A config with thousands of certificates takes some seconds. */
const PREPARE_MS = 30_000;
const COMMIT_MS = 10_000;

export class Workers {
  readonly role: ProcessRole;
  readonly control: WorkersControl;
  readonly #options: WorkersOptions;
  readonly #supervisor: Supervisor;
  readonly #nodes: SharedNodes;
  readonly #keys: KeyBook;
  readonly #metrics = new MergedMetrics();
  readonly #secrets = { identifiers: identifierKey(), tickets: randomBytes(32) };
  /** The one that workers go by, before it is shared out. */
  #config: GatewayConfig;

  constructor(config: GatewayConfig, options: WorkersOptions) {
    this.#config = config;
    this.#options = options;
    const { program, takeLines, log, control, gateway } = options;
    this.#keys = new KeyBook((pool, key) => this.#senders(pool)?.get(key));
    this.#nodes = new SharedNodes(
      () => gateway().pools,
      () => this.#supervisor.running,
    );
    this.#supervisor = new Supervisor({
      count: workerCount(config),
      program,
      takeLines,
      log,
      startOrder: (index) => this.#startOrder(index),
      onMessage: (worker, message) => this.#onMessage(worker, message),
      onStarted: (worker) => {
        for (const verdict of this.#nodes.verdictsFor(worker)) worker.take(verdict);
        void this.override([worker]);
      },
      onEnd: (worker) => {
        this.#keys.remove(worker);
        this.#nodes.onWorkerEnd(worker);
        this.#metrics.onWorkerEnd(worker);
      },
    });
    this.control = new WorkersControl({
      control,
      supervisor: this.#supervisor,
      override: () => this.override(),
    });
    this.role = {
      sharing: this.#nodes,
      distributor: this.#supervisor,
      onCertificates: () => this.#supervisor.tell({ kind: 'certificates' }),
      parts: [['workers', { prepare: (wanted: GatewayConfig) => this.#prepare(wanted) }]],
    };
  }

  /** The gateway is made. */
  attach(): void {
    const { metrics, pools } = this.#options.gateway();
    pools.onDiscovered = () => void this.override();
    metrics.workers = () => ({
      running: this.#supervisor.running.length,
      restarts: this.#supervisor.restarts,
    });
    metrics.gather = (own) => this.#gather(own);
  }

  /** The ports are open. Resolves when workers take connections. @throws GatewayError GW_ERR_WORKER */
  async start(): Promise<void> {
    // A process that ends at once takes them along.
    process.once('exit', () => this.#supervisor.kill());
    await this.#supervisor.start();
    this.#openFronts();
  }

  /** Resolves to whether no worker had to cut anything. */
  drain(limitMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    return this.#supervisor.drain(Math.min(this.#config.shutdown.timeoutMs, limitMs));
  }

  #openFronts(): void {
    for (const listener of this.#options.gateway().listeners)
      if (listener instanceof FrontListener) listener.open();
  }

  /** Which nodes senders have, where a pool remembers that. */
  #senders(pool: string): StickTable | undefined {
    return this.#options.gateway().pools.runtimes.get(pool)?.senders;
  }

  #configOf(config: GatewayConfig, index: number): GatewayConfig {
    const own = workerConfig(config, index, this.#supervisor.count);
    return { ...own, log: { ...own.log, format: this.#options.logFormat } };
  }

  #startOrder(index: number): StartOrder {
    return {
      kind: 'start',
      worker: index + 1,
      config: this.#configOf(this.#config, index),
      ports: this.#ports(),
      verdicts: this.#nodes.verdictsFor(undefined),
      overrides: this.#overrides(),
      audit: this.#auditWishes(),
      secrets: this.#secrets,
    };
  }

  #auditWishes(): AuditWishes {
    const { isOn, takesRefusals } = this.#options.trail;
    return { isOn, takesRefusals };
  }

  #ports(): ReadonlyMap<string, number> {
    return new Map(this.#options.gateway().listeners.map(({ name, port }) => [name, port]));
  }

  #overrides(): readonly PoolOverride[] {
    const { pools } = this.#options.gateway();
    return [...pools.runtimes.values()].map(({ name, nodes }) => {
      const states = nodes.flatMap(({ name: node, adminState, status: { reason } }) =>
        adminState === 'ready' ? [] : [[node, { state: adminState, reason }] as const],
      );
      return { pool: name, ...pools.overrides.of(name), states: new Map(states) };
    });
  }

  /** All workers go by what is decided now. One that does not is replaced. */
  async override(workers = this.#supervisor.running): Promise<void> {
    const request: WorkerRequest = { ask: 'override', overrides: this.#overrides() };
    await this.#askEach(workers, request, OVERRIDE_MS);
  }

  /** One that does not do as it is told is replaced. */
  async #askEach(
    workers: readonly WorkerProcess[],
    request: WorkerRequest,
    timeoutMs: number,
  ): Promise<void> {
    await Promise.all(
      workers.map((worker) =>
        worker.ask(request, timeoutMs).catch(({ message }: GatewayError) => {
          this.#supervisor.replace(worker, message);
        }),
      ),
    );
  }

  async #gather(own: readonly Family[]): Promise<readonly Family[]> {
    await Promise.all(
      this.#supervisor.running.map(async (worker) => {
        try {
          const told = (await worker.ask({ ask: 'metrics' }, REPORT_MS)) as readonly Family[];
          if (!worker.isOver) this.#metrics.told(worker, told);
        } catch {
          // What it told last counts.
        }
      }),
    );
    return this.#metrics.with(own);
  }

  /** Each worker makes ready what it needs; all go by it, or none does. */
  async #prepare(config: GatewayConfig): Promise<Prepared> {
    const workers = this.#supervisor.running;
    const settled = await Promise.allSettled(
      workers.map((worker) =>
        worker.ask({ ask: 'prepare', config: this.#configOf(config, worker.number - 1) }, PREPARE_MS),
      ),
    );
    const failure = settled.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') {
      await this.#askEach(workers, { ask: 'roll back' }, COMMIT_MS);
      throw asGatewayError(failure.reason);
    }
    return {
      commit: () => {
        this.#config = config;
        // Not waited for: a commit cannot be taken back.
        void this.#askEach(workers, { ask: 'commit' }, COMMIT_MS);
      },
      rollback: () => this.#askEach(workers, { ask: 'roll back' }, COMMIT_MS),
      settle: () => {
        this.#openFronts();
        this.#supervisor.tell({ kind: 'settled', ports: this.#ports(), audit: this.#auditWishes() });
        this.#nodes.tellAll();
        void this.override();
        // They have begun with what was in force before, or missed it.
        this.#supervisor.replaceAllBut(workers);
      },
    };
  }

  #onMessage(worker: WorkerProcess, message: FromWorker): void {
    const { leases } = this.#supervisor;
    switch (message.kind) {
      case 'figures':
        for (const figures of message.nodes) this.#nodes.onFigures(worker, figures);
        leases.spare(worker, message.spare);
        break;
      case 'outcome': {
        const node = this.#nodes.find(message);
        const { answers, failure } = message;
        if (answers.positive + answers.negative > 0)
          node?.answeredElsewhere(answers.positive, answers.negative);
        if (failure !== undefined) node?.failedElsewhere(failure.written, failure.reason, failure.isRefusal);
        break;
      }
      case 'ask':
        leases.ask(worker, message.key, message.wanted, message.most);
        break;
      case 'give up':
        leases.giveUp(worker, message.key);
        break;
      case 'release':
        leases.release(worker, message.key, message.places);
        break;
      case 'refuse':
        leases.refuse(worker, message.key);
        break;
      case 'ask key':
        this.#keys.ask(worker, message.pool, message.key);
        break;
      case 'give up key':
        this.#keys.giveUp(worker, message.pool, message.key);
        break;
      case 'bound':
        // What one that has given the key up says of it is out of date.
        if (this.#keys.isOwner(worker, message.pool, message.key))
          this.#senders(message.pool)?.set(message.key, message.node);
        break;
      case 'used':
        for (const key of message.keys) this.#senders(message.pool)?.get(key);
        break;
      case 'record':
        this.#options.trail.record(message.event);
        break;
    }
  }
}
