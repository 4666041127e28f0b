// One pool of nodes at work: its nodes with their checks, the choice among them, and who waits for them. Takes up a new
// config while messages are under way: a node that stays as it was keeps its connections, one that is gone is left when
// what it has is answered.
import { isDeepStrictEqual } from 'node:util';
import { NodeSelector } from '../../routing/node-selector.ts';
import type { SharedSenders } from '../../routing/shared-senders.ts';
import type { StickTable } from '../../routing/stick-table.ts';
import { isStreamKey } from '../../routing/sticky-key.ts';
import type { PoolConfig } from '../config/config.ts';
import { HttpScheduler } from '../relay/http-scheduler.ts';
import type { NodeScheduler } from '../relay/node-scheduler.ts';
import { PoolQueue } from '../relay/pool-queue.ts';
import { TcpScheduler } from '../relay/tcp-scheduler.ts';
import type { Prepared } from '../reload/reconfigurable.ts';
import { mayEject } from '../upstream/health/ejection-floor.ts';
import type { HttpUpstream } from '../upstream/http/http-upstream.ts';
import type { Node, NodeWatcher } from '../upstream/node.ts';
import type { TcpUpstream } from '../upstream/tcp/tcp-upstream.ts';
import { NodeLog } from './node-log.ts';
import {
  closeNodes,
  createPoolNode,
  isSamePlace,
  type PoolContext,
  type PoolNode,
  recipeOf,
} from './pool-node.ts';

export class PoolRuntime {
  readonly name: string;
  readonly queue: PoolQueue;
  readonly httpPool: HttpScheduler | undefined;
  readonly tcpPool: TcpScheduler | undefined;
  /** Of what is no message; undefined where there is nothing else. */
  readonly #scheduler:
    | Pick<NodeScheduler<unknown>, 'queued' | 'onRoom' | 'onUsable' | 'reconfigure'>
    | undefined;
  readonly #pool: NodeSelector<Node>;
  readonly #upstreams = new Map<Node, HttpUpstream>();
  readonly #tcpUpstreams = new Map<Node, TcpUpstream>();
  readonly #watcher: NodeWatcher;
  #context: PoolContext;
  #config: PoolConfig;
  #entries: readonly PoolNode[] = [];
  #started = false;
  /** Committed, not settled: what waits may ask for any pool, and not all of them have committed. */
  #quiet = false;

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor(config: PoolConfig, context: PoolContext) {
    this.name = config.name;
    this.#config = config;
    this.#context = context;
    this.#watcher = this.#createWatcher(
      new NodeLog(context.log, config.name, () => this.#config.connections.pipelining),
    );
    this.#entries = this.#prepareEntries(config, context, []);
    this.#pool = new NodeSelector(
      config,
      this.#entries.map(({ node }) => node),
    );
    this.queue = new PoolQueue(config, this.#pool, context.rerouting);
    this.httpPool =
      config.protocol === 'http' ? new HttpScheduler(config, this.#pool, this.#upstreams) : undefined;
    this.tcpPool =
      config.protocol === 'tcp' ? new TcpScheduler(config, this.#pool, this.#tcpUpstreams) : undefined;
    this.#scheduler = this.httpPool ?? this.tcpPool;
  }

  get config(): PoolConfig {
    return this.#config;
  }

  get nodes(): readonly Node[] {
    return this.#pool.nodes;
  }

  /** Which senders have which nodes; undefined where the pool does not remember that. */
  get senders(): StickTable | undefined {
    return this.#pool.senders;
  }

  /** Senders that the table knows are those of other gateways as well. */
  shareSenders(shared: SharedSenders): void {
    const pool = this.name;
    this.#pool.onBound = (key, node) => {
      if (!isStreamKey(key)) shared.bound(pool, key, node);
    };
    this.#pool.elsewhere = (key) => (isStreamKey(key) ? undefined : shared.nodeOf(pool, key));
  }

  /** Messages, requests and connections that wait for a node. */
  get queued(): number {
    return this.queue.queued + (this.#scheduler?.queued ?? 0);
  }

  /** Some message that it took is not over, or a request. */
  get isBusy(): boolean {
    return (
      this.queue.taken.size > 0 ||
      (this.#scheduler?.queued ?? 0) > 0 ||
      this.nodes.some((node) => node.inFlight > 0)
    );
  }

  /** Health checks begin. */
  start(): void {
    this.#started = true;
    for (const { check } of this.#entries) check?.start();
  }

  /**
   * Makes what `config` needs beyond what is there. Of the same protocol only.
   *
   * @throws GatewayError GW_ERR_TLS_FILE; then nothing has changed
   */
  prepare(config: PoolConfig, context: PoolContext): Prepared {
    const made: PoolNode[] = [];
    const entries = this.#prepareEntries(config, context, made);
    let gone: readonly PoolNode[] = [];
    return {
      commit: () => {
        gone = this.#commit(config, context, entries);
      },
      settle: () => this.#announce(made, gone),
      rollback: () => closeNodes(made),
    };
  }

  /** Nothing new comes to it any more. Who waits looks for another way, and so does what waits for a connection. */
  retire(): void {
    this.queue.reconsider();
    for (const node of this.nodes) node.giveBack();
    // Connections that are passed on have no end of their own that is near.
    for (const upstream of this.#tcpUpstreams.values()) upstream.close();
    this.#scheduler?.onUsable();
  }

  /** Checks end; connections end when what is on them is answered. Nothing new may be given to it. */
  close(): void {
    closeNodes(this.#entries);
  }

  /** The same for good: its files are nobody's any more. */
  leave(): void {
    for (const entry of this.#entries) this.#leave(entry);
  }

  /** What has changed is put into `made`, to be closed where it is not needed after all. */
  #prepareEntries(config: PoolConfig, context: PoolContext, made: PoolNode[]): readonly PoolNode[] {
    try {
      return config.nodes.map((node) => {
        const kept = this.#entries.find(({ config: { name } }) => name === node.name);
        if (kept !== undefined && isDeepStrictEqual(kept.recipe, recipeOf(config, node, context)))
          return { ...kept, config: node };
        const before = this.#entries.find((entry) => isSamePlace(entry.config, node))?.node;
        const entry = createPoolNode(config, node, context, this.#watcher, before);
        made.push(entry);
        return entry;
      });
    } catch (thrown) {
      closeNodes(made);
      throw thrown;
    }
  }

  #commit(config: PoolConfig, context: PoolContext, entries: readonly PoolNode[]): readonly PoolNode[] {
    const before = this.#entries;
    const stays = new Set(entries.map(({ node }) => node));
    this.#quiet = true;
    this.#config = config;
    this.#context = context;
    this.#entries = entries;
    this.register();
    this.#pool.reconfigure(config);
    this.#pool.setNodes(entries.map(({ node }) => node));
    this.queue.reconfigure(config);
    this.#scheduler?.reconfigure(config);
    for (const entry of entries) {
      const old = before.find(({ config: { name } }) => name === entry.config.name);
      if (old?.node !== entry.node) {
        // What an operator wants of a node outlives its connections.
        if (old !== undefined && old.node.adminState !== 'ready') entry.node.succeed(old.node);
      }
      if (entry.node.status.weight !== entry.config.weight) entry.node.setWeight(entry.config.weight);
    }
    return before.filter(({ node }) => !stays.has(node));
  }

  #announce(made: readonly PoolNode[], gone: readonly PoolNode[]): void {
    this.#quiet = false;
    if (this.#started) for (const { check } of made) check?.start();
    for (const old of gone) {
      const successor = this.#entries.find(({ config }) => isSamePlace(config, old.config));
      if (successor !== undefined) this.queue.succeed(old.node, successor.node);
      // What waits for it goes elsewhere, what it has is answered.
      old.node.leave();
      this.#leave(old);
      if (!this.#entries.some(({ node }) => node.name === old.node.name))
        this.#context.log.info({ pool: this.name, node: old.node.name }, 'node closed');
    }
    this.#scheduler?.onUsable();
    this.queue.reconsider();
  }

  #leave({ check, node, tls }: PoolNode): void {
    check?.stop();
    node.close();
    this.#upstreams.delete(node);
    this.#tcpUpstreams.delete(node);
    for (const [where, secured] of tls) this.#context.store.remove(where, secured);
  }

  /** Its certificates are in use from now on. */
  register(): void {
    for (const { node, http, tcp, tls } of this.#entries) {
      if (http !== undefined) this.#upstreams.set(node, http);
      if (tcp !== undefined) this.#tcpUpstreams.set(node, tcp);
      for (const [where, secured] of tls) this.#context.store.add(where, secured);
    }
  }

  #createWatcher(log: NodeLog): NodeWatcher {
    return {
      onRoom: (node) => {
        if (this.#quiet) return;
        this.queue.onRoom(node);
        this.#scheduler?.onRoom(node);
      },
      onUsable: (node) => {
        this.#context.sharing?.onChange?.(node);
        if (this.#quiet) return;
        this.queue.onUsable(node);
        this.#scheduler?.onUsable();
      },
      // Of a node that another process judges, that one says it.
      onState: (node, state, reason) => {
        if (this.#context.sharing?.judge === undefined) log.onState(node, state, reason);
      },
      onStrayAnswer: (node) => log.onStrayAnswer(node),
      onLostAnswer: (node, why, count) => log.onLostAnswer(node, why, count),
      onRepeatedId: (node) => log.onRepeatedId(node),
      onAlike: (node) => log.onAlike(node),
      mayEject: (node) => mayEject(node, this.nodes, this.#config.ejection.maxEjected),
    };
  }
}
