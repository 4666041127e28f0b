// A worker: a gateway whose connections another process accepts, whose nodes another process judges, and that does as that process says.

import type { Socket } from 'node:net';
import { ConnectionSource } from '../../../listeners/accept/connection-source.ts';
import { Reports } from '../../admin/control/reports.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { GatewayError } from '../../errors.ts';
import { Gateway } from '../../gateway.ts';
import type { AuditObserver } from '../../observe/audit/audit-observer.ts';
import type { Log } from '../../observe/log/log.ts';
import type { Observer } from '../../observe/observer.ts';
import { clearTimeout, setImmediate, setInterval, setTimeout } from '../../platform/time.ts';
import type { Prepared } from '../../reload/reconfigurable.ts';
import type {
  FromWorker,
  PoolOverride,
  StartOrder,
  ToWorker,
  WorkerFigures,
  WorkerRequest,
} from '../protocol.ts';
import { OwnedKeys } from './owned-keys.ts';
import { SharedWithMain } from './shared-with-main.ts';

/** The main process says within its own limits whether a reload goes on; one that hangs must not hold this one up for ever. */
const DECISION_MS = 120_000;

/** A sender that is silent for less than this is not forgotten by the main process. */
const USED_MS = 5_000;

export interface WorkerGatewayOptions {
  readonly log: Log;
  readonly tell: (message: FromWorker) => void;
  readonly audit: AuditObserver;
}

export class WorkerGateway {
  readonly gateway: Gateway;
  readonly #source = new ConnectionSource();
  readonly #shared: SharedWithMain;
  readonly #keys: OwnedKeys;
  readonly #reports: Reports;
  readonly #tell: (message: FromWorker) => void;
  readonly #worker: number;
  /** Connections that have ended in this turn of the event loop. */
  #ended: number[] = [];
  /** The reload under way: told what to do, and how it ended. */
  #reload: { readonly decide: (commit: boolean) => void; readonly done: Promise<unknown> } | undefined;
  #onPrepared: () => void = () => {};

  constructor(order: StartOrder, { log, tell, audit }: WorkerGatewayOptions) {
    this.#tell = tell;
    this.#worker = order.worker;
    this.#source.ports = order.ports;
    this.#shared = new SharedWithMain(() => this.gateway.pools.runtimes.values(), tell);
    this.#keys = new OwnedKeys(tell, (pool) => this.gateway.queues.get(pool));
    this.#reports = new Reports(
      () => this.gateway,
      () => undefined,
    );
    // What an operator does, the main process records.
    const recorded: Observer = {
      onFault: (fault) => audit.onFault(fault),
      onMessage: (message) => audit.onMessage(message),
    };
    this.gateway = new Gateway(order.config, log, {
      observers: [this.#reports, recorded],
      role: {
        sharing: this.#shared,
        source: this.#source,
        keys: this.#keys,
        parts: [['main process', { prepare: () => this.#untilDecided() }]],
      },
    });
    this.#override(order.overrides);
    for (const verdict of order.verdicts) this.#shared.onVerdict(verdict);
  }

  /** @throws GatewayError */
  async start(): Promise<void> {
    await this.gateway.start();
    this.#shared.start();
    setInterval(() => this.#keys.reportUsed(USED_MS), USED_MS).unref();
  }

  onMessage(message: Exclude<ToWorker, { kind: 'start' | 'drain' }>, socket: Socket | undefined): void {
    switch (message.kind) {
      case 'connection':
        this.#onConnection(message.id, message.listener, socket);
        break;
      case 'verdict':
        this.#shared.onVerdict(message.verdict);
        break;
      case 'grant':
        this.#shared.onGrant(message.key, message.places);
        break;
      case 'recall':
        this.#shared.onRecall(message.key, message.mayBeBusy);
        break;
      case 'expect':
        this.#shared.onExpect(message.key, message.places);
        break;
      case 'key':
        this.#keys.onGrant(message.pool, message.key, message.node);
        break;
      case 'recall key':
        this.#keys.onRecall(message.pool, message.key);
        break;
      case 'certificates':
        this.gateway.reloadCertificates();
        break;
      case 'settled':
        this.#source.ports = message.ports;
        break;
    }
  }

  onQuestion(request: WorkerRequest): unknown {
    switch (request.ask) {
      case 'alive':
        return true;
      case 'override':
        this.#override(request.overrides);
        return true;
      case 'prepare':
        return this.#prepare(request.config);
      case 'commit':
        return this.#decide(true);
      case 'roll back':
        return this.#decide(false).catch(() => {});
      case 'yield trial':
        return this.#shared.yieldTrial(request);
      case 'metrics':
        return this.gateway.metrics.collect();
      case 'nodes':
        return this.#reports.nodes();
      case 'routes':
        return this.#reports.routes();
      case 'senders':
        return this.#reports.senders().slice(0, request.most);
      case 'history':
        return this.#reports.history;
      case 'messages':
        // Numbers of a worker are its own.
        return this.#reports.messages(request.query, `${this.#worker}-`) ?? [];
      case 'figures':
        return this.#figures();
    }
  }

  #figures(): WorkerFigures {
    const { heldBytes, parsing, pools } = this.gateway;
    const queued = [...pools.runtimes.values()].map(({ name, queued }) => [name, queued] as const);
    return { bufferedBytes: heldBytes, queued: new Map(queued), parsingError: parsing.failure };
  }

  #onConnection(id: number, listener: string, socket: Socket | undefined): void {
    // It was reset on the way.
    if (socket === undefined) {
      this.#connectionEnded(id);
      return;
    }
    socket.once('close', () => this.#connectionEnded(id));
    // Until its listener has it.
    socket.once('error', () => {});
    if (!this.#source.give(listener, socket)) socket.destroy();
  }

  #connectionEnded(id: number): void {
    this.#ended.push(id);
    if (this.#ended.length > 1) return;
    setImmediate(() => {
      const ids = this.#ended;
      this.#ended = [];
      this.#tell({ kind: 'ended', ids });
    });
  }

  /** All that is decided, whatever was before. */
  #override(overrides: readonly PoolOverride[]): void {
    const { pools, config } = this.gateway;
    for (const { pool, added, removed, weights, found, states } of overrides) {
      const poolConfig = config.pools.find(({ name }) => name === pool);
      if (poolConfig === undefined) continue;
      const own = pools.overrides.of(pool);
      replace(own.added, added);
      replace(own.weights, weights);
      own.removed.clear();
      own.found = found;
      for (const node of removed) own.removed.add(node);
      pools.refresh(poolConfig);
      for (const node of pools.runtimes.get(pool)?.nodes ?? []) {
        const decided = states.get(node.name);
        if (decided === undefined) node.ready();
        else if (decided.state === 'draining') node.drain(decided.reason);
        else node.maintenance(decided.reason);
      }
    }
  }

  /** Resolves when all but the decision is there. */
  #prepare(config: GatewayConfig): Promise<void> {
    if (this.#reload !== undefined)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'a reload is under way' });
    const { promise: decision, resolve: decide } = Promise.withResolvers<boolean>();
    this.#decision = decision;
    return new Promise((resolve, reject) => {
      this.#onPrepared = resolve;
      const done = this.gateway.reload(config, 'the main process');
      this.#reload = { decide, done };
      done.catch((thrown: unknown) => {
        this.#reload = undefined;
        reject(thrown);
      });
    });
  }

  #decision: Promise<boolean> = Promise.resolve(false);

  async #untilDecided(): Promise<Prepared> {
    this.#onPrepared();
    const timer = setTimeout(() => this.#reload?.decide(false), DECISION_MS).unref();
    const commits = await this.#decision;
    clearTimeout(timer);
    if (!commits)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the main process takes it back' });
    return { commit: () => {}, rollback: () => {} };
  }

  async #decide(commit: boolean): Promise<void> {
    const reload = this.#reload;
    if (reload === undefined) {
      if (commit) throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'there is no reload under way' });
      return;
    }
    reload.decide(commit);
    try {
      await reload.done;
    } finally {
      this.#reload = undefined;
    }
  }
}

function replace<Value>(own: Map<string, Value>, wanted: ReadonlyMap<string, Value>): void {
  own.clear();
  for (const [key, value] of wanted) own.set(key, value);
}
