// One pool of nodes at work: its nodes with their checks, the choice among them, and who waits for them. Takes up a new
// config while messages are under way: a node that stays as it was keeps its connections, one that is gone is left when
// what it has is answered.
import { isDeepStrictEqual } from 'node:util';
import { NodeTls } from '../../certs/node-tls.ts';
import type { CertificateStore } from '../../certs/store.ts';
import { NodeSelector } from '../../routing/node-selector.ts';
import type { StickTable } from '../../routing/stick-table.ts';
import type { NodeConfig, PoolConfig } from '../config/config.ts';
import type { Log } from '../observe/log/log.ts';
import { Repeats } from '../observe/log/repeats.ts';
import { HttpScheduler } from '../relay/http-scheduler.ts';
import type { ReloadGuard } from '../relay/ordering.ts';
import { Dispatcher } from '../relay/pool-queue.ts';
import { createCheck } from '../upstream/checks/create-check.ts';
import type { MirthServers } from '../upstream/checks/mirth-servers.ts';
import { mayEject } from '../upstream/health/ejection-floor.ts';
import { HealthCheck } from '../upstream/health/health-check.ts';
import { HttpUpstream } from '../upstream/http/http-upstream.ts';
import type { LostAnswer } from '../upstream/mllp/mllp-connection.ts';
import { MllpUpstream, type UpstreamOwner } from '../upstream/mllp/mllp-upstream.ts';
import { Node, type NodeWatcher, type Upstream } from '../upstream/node.ts';
import type { SharedLimits } from '../upstream/shared-limit.ts';

export interface PoolSurroundings {
  readonly store: CertificateStore;
  readonly log: Log;
  readonly rerouting: ReloadGuard;
  /** Whose REST APIs are asked, for all pools together. */
  readonly servers: MirthServers;
  /** The limits of connections that pools share. */
  readonly sharedLimits: SharedLimits;
  /** Of an answer: as large as the largest frame that is taken. */
  readonly maxAnswerBytes: number;
}

/** What happens for each message of such a sender is said this often. */
const REPEATED_IDS_MS = 60_000;

const LOST: Readonly<Record<LostAnswer, string>> = {
  unclear: 'more than one sender has a message with its control id',
  gone: "the sender's connection has ended",
  closed: 'the connection to the node ended before it came',
  unasked: 'it is a refusal, and its sender wants no answer',
};

/** A node with what belongs to it. */
interface Entry {
  readonly config: NodeConfig;
  readonly node: Node;
  readonly check: HealthCheck | undefined;
  readonly http: HttpUpstream | undefined;
  readonly tls: readonly (readonly [string, NodeTls])[];
  /** What it was made from. */
  readonly recipe: object;
}

/** What `prepare` made; `commit` and then `announce` put it to work, or `discard` where something else went wrong. */
export interface PreparedPool {
  /** Whoever asks goes by it from now on, and nobody is told yet: what waits may ask for any pool. */
  commit(): void;
  announce(): void;
  discard(): void;
}

export class PoolRuntime {
  readonly name: string;
  readonly dispatcher: Dispatcher;
  readonly httpPool: HttpScheduler | undefined;
  readonly #pool: NodeSelector<Node>;
  readonly #upstreams = new Map<Node, HttpUpstream>();
  readonly #watcher: NodeWatcher;
  #surroundings: PoolSurroundings;
  #config: PoolConfig;
  #entries: readonly Entry[] = [];
  #started = false;
  /** Committed, not announced. */
  #quiet = false;

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor(config: PoolConfig, surroundings: PoolSurroundings) {
    this.name = config.name;
    this.#config = config;
    this.#surroundings = surroundings;
    this.#watcher = this.#createWatcher();
    this.#entries = this.#prepareEntries(config, surroundings, []);
    this.#pool = new NodeSelector(
      config,
      this.#entries.map(({ node }) => node),
    );
    this.dispatcher = new Dispatcher(config, this.#pool, surroundings.rerouting);
    this.httpPool =
      config.protocol === 'http' ? new HttpScheduler(config, this.#pool, this.#upstreams) : undefined;
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

  /** Some message that it took is not over, or a request. */
  get isBusy(): boolean {
    return (
      this.dispatcher.taken.size > 0 ||
      (this.httpPool?.queued ?? 0) > 0 ||
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
  prepare(config: PoolConfig, surroundings: PoolSurroundings): PreparedPool {
    const made: Entry[] = [];
    const entries = this.#prepareEntries(config, surroundings, made);
    let gone: readonly Entry[] = [];
    return {
      commit: () => {
        gone = this.#commit(config, surroundings, entries);
      },
      announce: () => this.#announce(made, gone),
      discard: () => closeAll(made),
    };
  }

  /** Nothing new comes to it any more. Who waits looks for another way, and so does what waits for a connection. */
  retire(): void {
    this.dispatcher.reconsider();
    for (const node of this.nodes) node.giveBack();
    this.httpPool?.onUsable();
  }

  /** Checks end; connections end when what is on them is answered. Nothing new may be given to it. */
  close(): void {
    for (const { check, node } of this.#entries) {
      check?.stop();
      node.close();
    }
  }

  /** The same for good: its files are nobody's any more. */
  leave(): void {
    for (const entry of this.#entries) this.#leave(entry);
  }

  /** What has changed is put into `made`, to be closed where it is not needed after all. */
  #prepareEntries(config: PoolConfig, surroundings: PoolSurroundings, made: Entry[]): readonly Entry[] {
    try {
      return config.nodes.map((node) => {
        const kept = this.#entries.find(({ config: { name } }) => name === node.name);
        if (kept !== undefined && isDeepStrictEqual(kept.recipe, recipeOf(config, node, surroundings)))
          return { ...kept, config: node };
        const entry = this.#createEntry(config, node, surroundings);
        made.push(entry);
        return entry;
      });
    } catch (thrown) {
      closeAll(made);
      throw thrown;
    }
  }

  #commit(config: PoolConfig, surroundings: PoolSurroundings, entries: readonly Entry[]): readonly Entry[] {
    const before = this.#entries;
    const stays = new Set(entries.map(({ node }) => node));
    this.#quiet = true;
    this.#config = config;
    this.#surroundings = surroundings;
    this.#entries = entries;
    this.register();
    this.#pool.reconfigure(config);
    this.#pool.setNodes(entries.map(({ node }) => node));
    this.dispatcher.reconfigure(config);
    this.httpPool?.reconfigure(config);
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

  #announce(made: readonly Entry[], gone: readonly Entry[]): void {
    this.#quiet = false;
    if (this.#started) for (const { check } of made) check?.start();
    for (const old of gone) {
      const successor = this.#entries.find(({ config }) => isSamePlace(config, old.config));
      if (successor !== undefined) this.dispatcher.succeed(old.node, successor.node);
      // What waits for it goes elsewhere, what it has is answered.
      old.node.leave();
      this.#leave(old);
      if (!this.#entries.some(({ node }) => node.name === old.node.name))
        this.#surroundings.log.info({ pool: this.name, node: old.node.name }, 'node closed');
    }
    this.httpPool?.onUsable();
    this.dispatcher.reconsider();
  }

  #leave({ check, node, tls }: Entry): void {
    check?.stop();
    node.close();
    this.#upstreams.delete(node);
    for (const [where, secured] of tls) this.#surroundings.store.remove(where, secured);
  }

  /** Its certificates are in use from now on. */
  register(): void {
    for (const { node, http, tls } of this.#entries) {
      if (http !== undefined) this.#upstreams.set(node, http);
      for (const [where, secured] of tls) this.#surroundings.store.add(where, secured);
    }
  }

  #createWatcher(): NodeWatcher {
    const { name } = this;
    const fields = (node: Node): { readonly pool: string; readonly node: string } => ({
      pool: name,
      node: node.name,
    });
    const saidAt = new WeakMap<Node, number>();
    const repeats = new Repeats();
    return {
      onRoom: (node) => {
        if (this.#quiet) return;
        this.dispatcher.onRoom(node);
        this.httpPool?.onRoom(node);
      },
      onUsable: (node) => {
        if (this.#quiet) return;
        this.dispatcher.onUsable(node);
        this.httpPool?.onUsable();
      },
      onState: (node, state, reason) =>
        this.#surroundings.log[state === 'up' || state === 'ready' ? 'info' : 'warn'](
          { ...fields(node), reason },
          `node ${state}`,
        ),
      onStrayAnswer: (node) => {
        const { log } = this.#surroundings;
        const tell = (leftOut: number): void =>
          log.warn({ ...fields(node), leftOut }, 'more answers that belong to no message were dropped');
        if (repeats.admits(node.name, tell))
          log.warn(fields(node), 'an answer that belongs to no message was dropped');
      },
      onLostAnswer: (node, why, count) => {
        const { log } = this.#surroundings;
        const reason = LOST[why];
        const tell = (leftOut: number): void =>
          log.warn({ ...fields(node), reason, leftOut }, 'lines were left out: too many alike');
        if (repeats.admits(`${node.name} ${why}`, tell))
          log.warn(
            { ...fields(node), count, reason },
            'no sender was told of an application acknowledgement',
          );
      },
      onRepeatedId: (node) => {
        const now = performance.now();
        if (now - (saidAt.get(node) ?? -REPEATED_IDS_MS) < REPEATED_IDS_MS) return;
        saidAt.set(node, now);
        this.#surroundings.log.warn(
          fields(node),
          'a sender repeats its control ids: connections are made anew for them (connections.repeatedIds)',
        );
      },
      onAlike: (node) => {
        const { pipelining } = this.#config.connections;
        this.#surroundings.log.warn(
          fields(node),
          pipelining === 1
            ? 'its answers have MSA-1 or MSA-2 in another form than they should (connections.match)'
            : 'its answers have MSA-1 or MSA-2 in another form than they should (connections.match): one message a connection from now on',
        );
      },
      mayEject: (node) => mayEject(node, this.nodes, this.#config.ejection.maxEjected),
    };
  }

  #createEntry(pool: PoolConfig, config: NodeConfig, surroundings: PoolSurroundings): Entry {
    const { health, connections, timeouts, contentType } = pool;
    const { name, host, port, path, weight, backup } = config;
    const { log, maxAnswerBytes } = surroundings;
    const tls = config.tls && new NodeTls(config.tls, host);
    if (config.tls?.insecure === true) {
      log.warn({ pool: pool.name, node: name }, 'insecure: the certificate of this node is not checked');
    }
    const common = {
      node: name,
      host,
      port,
      tls,
      maxConnections: connections.max,
      idleMs: connections.idleMs,
      connectMs: timeouts.connectMs,
      ackMs: timeouts.ackMs,
      match: connections.match,
      reuse: connections.reuse,
    };
    let http: HttpUpstream | undefined;
    const overHttp = (owner: UpstreamOwner): HttpUpstream => {
      http = new HttpUpstream({ ...common, path, contentType, maxAnswerBytes }, owner);
      return http;
    };
    const overMllp = (owner: UpstreamOwner): Upstream =>
      new MllpUpstream(
        {
          ...common,
          shared: connections.shared ? surroundings.sharedLimits.of(host, port) : undefined,
          pipelining: connections.pipelining,
          settleMs: connections.settleMs,
          applicationMs: timeouts.applicationMs,
          silenceMs: timeouts.silenceMs,
          repeatedIds: connections.repeatedIds,
          // F38: a node's banner or stray line before an answer is skipped; more than this is no MLLP node.
          answers: {
            maxFrameBytes: maxAnswerBytes,
            maxJunkBytes: 4096,
            strayEndByte: 'content',
            missingCr: 'refuse',
          },
        },
        owner,
      );
    const before = this.#entries.find((entry) => isSamePlace(entry.config, config))?.node;
    const parts = createCheck(pool, config, tls, surroundings.servers);
    const node = new Node(
      {
        name,
        pool: pool.name,
        weight,
        backup,
        fall: health.fall,
        rise: health.rise,
        // With other settings it is the same node: one that serves need not show itself first. One that does not may do so now.
        initial: before?.health === 'up' ? 'up' : health.initial,
        proof: parts?.check.proof,
        ejection: pool.ejection,
        slowStartMs: pool.slowStartMs,
        answerless: pool.acknowledgement === 'never',
      },
      this.#watcher,
      pool.protocol === 'http' ? overHttp : overMllp,
    );
    const secured: (readonly [string, NodeTls])[] = [];
    if (tls !== undefined) secured.push([`pools.${pool.name}.nodes.${name}`, tls]);
    if (parts?.ownTls !== undefined) secured.push([`pools.${pool.name}.health.tls (${name})`, parts.ownTls]);
    const check =
      parts &&
      new HealthCheck(node, parts.check, {
        intervalMs: health.intervalMs,
        fastIntervalMs: health.fastIntervalMs,
        onNote: (note) => {
          const fields = { pool: pool.name, node: name };
          if (note === undefined) log.info(fields, 'the health check is as it should be again');
          else log.warn({ ...fields, note }, 'the health check passes, but cannot see all that it should');
        },
      });
    return { config, node, check, http, tls: secured, recipe: recipeOf(pool, config, surroundings) };
  }
}

function closeAll(entries: readonly Entry[]): void {
  for (const { check, node } of entries) {
    check?.stop();
    node.close();
  }
}

/** What is there is the same node, whatever it is called. */
function isSamePlace(one: NodeConfig, other: NodeConfig): boolean {
  return one.host === other.host && one.port === other.port && one.path === other.path;
}

/** All that a node's connections and checks are made from; its weight can be changed under way. */
function recipeOf(pool: PoolConfig, node: NodeConfig, { maxAnswerBytes }: PoolSurroundings): object {
  const { connections, timeouts, health, checkTls, ejection, slowStartMs, acknowledgement, contentType } =
    pool;
  const { weight: _, ...rest } = node;
  return {
    rest,
    connections,
    timeouts,
    health,
    checkTls,
    ejection,
    slowStartMs,
    acknowledgement,
    contentType,
    maxAnswerBytes,
  };
}
