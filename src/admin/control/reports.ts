// What a running gateway tells of itself: its state, nodes, routes, senders and certificates, as the admin API words it.
// Promises nothing of a message or a patient in any of it, and a fixed amount of memory for each node and route.
import { suggestion } from '../../config/source/closest.ts';
import { GatewayError } from '../../errors.ts';
import type { Gateway } from '../../gateway.ts';
import type { Observer } from '../../observe/observer.ts';
import { monotonicMs, wallMs } from '../../platform/time.ts';
import type { PoolRuntime } from '../../pools/pool-runtime.ts';
import type { Message } from '../../relay/message.ts';
import type { StateReport } from '../../state/state-keeper.ts';
import type { Node } from '../../upstream/node.ts';
import { isAvailable } from '../../upstream/node-status.ts';
import { version } from '../../version.ts';
import type {
  CertificateInUse,
  ClusterReport,
  MessageQuery,
  MessageReport,
  NodeReport,
  PoolReport,
  PresentNode,
  PresentPool,
  PresentState,
  ReadinessReport,
  RouteReport,
  SenderReport,
  StatusReport,
} from '../control.ts';
import { NodePace } from '../node-pace.ts';
import { conditionOf, readinessOf } from './condition.ts';
import type { LoadedConfig } from './config-reload.ts';
import { LastMessages } from './last-messages.ts';
import { actionOf, testInWords } from './route-words.ts';
import { SenderTraffic } from './sender-traffic.ts';
import { SpoolDesk } from './spool-desk.ts';
import { type HistoryCounts, TrafficHistory } from './traffic-history.ts';

const DAY_MS = 86_400_000;

export class Reports implements Observer {
  readonly #gateway: () => Gateway;
  readonly #spools: SpoolDesk;
  readonly #startedAt = new Date(wallMs());
  readonly #paces = new WeakMap<Node, NodePace>();
  readonly #routed = new Map<string, number>();
  readonly #history = new TrafficHistory();
  readonly #senders = new SenderTraffic();
  readonly #messages = new LastMessages((message) => {
    const { traces } = this.#gateway();
    return traces.isOn && traces.willRecord(message) ? message.trace.traceId : undefined;
  });

  readonly #state: () => StateReport | undefined;
  readonly #cluster: () => ClusterReport | undefined;

  constructor(
    gateway: () => Gateway,
    state: () => StateReport | undefined,
    cluster: () => ClusterReport | undefined = () => undefined,
  ) {
    this.#gateway = gateway;
    this.#spools = new SpoolDesk(gateway);
    this.#state = state;
    this.#cluster = cluster;
  }

  onMessage(message: Message): void {
    const { node, lastAttempt: last, route, outcome, settledAt, receivedAt } = message;
    const { config, identifiers } = this.#gateway();
    const isStored = message.origin.storedIn !== undefined;
    if (config.admin !== undefined) {
      // A batch has been told by its messages.
      // What comes from a store was told when it came there.
      if (message.parts === 0 && !isStored) {
        this.#history.add(isFailure(message), (settledAt ?? receivedAt) - receivedAt);
        this.#senders.add(message);
      }
      this.#messages.max = config.admin.messages;
      this.#messages.add(message, identifiers);
    }
    if (route !== undefined && !isStored)
      this.#routed.set(route.name, (this.#routed.get(route.name) ?? 0) + 1);
    if (outcome?.kind !== 'answered' || node === undefined || last?.writtenAt === undefined) return;
    let pace = this.#paces.get(node);
    if (pace === undefined) {
      pace = new NodePace();
      this.#paces.set(node, pace);
    }
    const endedAt = last.endedAt ?? monotonicMs();
    pace.add(endedAt - last.writtenAt, endedAt);
  }

  /** What it holds of routes that the config does not have any more. */
  forgetGone(): void {
    const names = new Set(this.#gateway().config.routes.map(({ name }) => name));
    for (const name of this.#routed.keys()) if (!names.has(name)) this.#routed.delete(name);
  }

  status(loaded: LoadedConfig): StatusReport {
    const gateway = this.#gateway();
    const pools = this.#pools();
    const state = this.#state();
    return {
      ...this.#present(loaded, pools),
      pid: process.pid,
      configFile: gateway.config.file,
      loadedAt: loaded.loadedAt.toISOString(),
      reloadError: loaded.error,
      state: state && {
        file: state.file,
        writtenAt: state.writtenAt === undefined ? undefined : new Date(state.writtenAt).toISOString(),
        error: state.error,
      },
      cluster: this.#cluster(),
      pools,
      certificates: this.certificates(),
    };
  }

  /** Without what is counted of each node: pages ask each second, and quantiles of 1,000 nodes take long. */
  present(loaded: LoadedConfig): PresentState {
    const pools = [...this.#gateway().pools.runtimes.values()].map((runtime) => ({
      ...poolPart(runtime),
      nodes: runtime.nodes.map((node) => this.#nodeState(node)),
    }));
    return this.#present(loaded, pools);
  }

  #present<Pool extends PresentPool>(
    { error }: LoadedConfig,
    pools: readonly Pool[],
  ): PresentState & { readonly pools: readonly Pool[] } {
    const gateway = this.#gateway();
    return {
      version,
      startedAt: this.#startedAt.toISOString(),
      draining: gateway.isDraining,
      ...conditionOf({
        draining: gateway.isDraining,
        reloadError: error,
        pools,
        certificates: this.certificates(),
        parsingError: gateway.parsing.failure,
        stateError: this.#state()?.error,
        sharedError: this.#sharedError,
        spools: this.#spools.report(),
      }),
      tracesUi: gateway.config.traces?.ui,
      bufferedBytes: gateway.heldBytes,
      maxBufferedBytes: gateway.maxHeldBytes,
      listeners: gateway.listeners.map(({ name, config, address, connections }) => ({
        listener: name,
        protocol: config.protocol,
        tls: config.tls !== undefined,
        address,
        connections,
      })),
      pools,
    };
  }

  readiness(names: readonly string[]): ReadinessReport {
    const { isDraining, pools, parsing } = this.#gateway();
    const known = [...pools.runtimes.keys()];
    for (const name of names)
      if (!known.includes(name))
        throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
          detail: `no pool of that name${suggestion(name, known)}`,
        });
    const wanted = [...pools.runtimes.values()].filter(
      ({ name }) => names.length === 0 || names.includes(name),
    );
    return readinessOf(
      isDraining,
      names.length > 0,
      wanted.map((runtime) => ({ pool: runtime.name, states: runtime.nodes.map(({ state }) => state) })),
      parsing.failure,
      this.#sharedError,
    );
  }

  get history(): HistoryCounts {
    return this.#history.counts;
  }

  /** Undefined: the config keeps none. */
  messages(query: MessageQuery, prefix = ''): readonly MessageReport[] | undefined {
    const { config, identifiers } = this.#gateway();
    const max = config.admin?.messages ?? 0;
    this.#messages.max = max;
    return max === 0 ? undefined : this.#messages.read(query, identifiers, prefix);
  }

  get #sharedError(): string | undefined {
    const shared = this.#cluster()?.state;
    return shared === undefined || shared.connected ? undefined : (shared.reason ?? 'not connected yet');
  }

  nodes(): readonly NodeReport[] {
    return this.#pools().flatMap(({ nodes }) => nodes);
  }

  routes(): readonly RouteReport[] {
    return this.#gateway().config.routes.map((route) => ({
      route: route.name,
      when: Object.fromEntries(route.when.map(({ text, test }) => [text, testInWords(test)])),
      ...actionOf(route),
      messages: this.#routed.get(route.name) ?? 0,
    }));
  }

  senders(): readonly SenderReport[] {
    return this.#gateway().listeners.flatMap((listener) =>
      listener.senders().map(({ peer, since, messages, pending }) => ({
        listener: listener.name,
        address: peer.address,
        port: peer.port,
        tlsSubject: peer.tls?.subject,
        since: new Date(since).toISOString(),
        messages,
        pending,
        ...this.#senders.of(peer),
      })),
    );
  }

  certificates(): readonly CertificateInUse[] {
    return this.#gateway().certificates.map(({ where, file, subject, notAfter }) => ({
      where,
      file,
      subject,
      notAfter: notAfter.toISOString(),
      days: Math.floor((notAfter.getTime() - wallMs()) / DAY_MS),
    }));
  }

  #nodeState(node: Node): PresentNode {
    const { status } = node;
    return {
      pool: node.pool,
      node: node.name,
      state: status.state,
      available: isAvailable(status.state),
      trial: status.trial,
      since: new Date(status.since).toISOString(),
      reason: status.reason,
      weight: status.weight,
      inFlight: status.inFlight,
      answersPerSecond: this.#paces.get(node)?.rate(monotonicMs()) ?? 0,
    };
  }

  node(node: Node): NodeReport {
    const { status } = node;
    const pace = this.#paces.get(node);
    const { pools } = this.#gateway();
    const overrides = pools.overrides.of(node.pool);
    const pool = pools.runtimes.get(node.pool)?.config;
    const config = pool?.nodes.find(({ name }) => name === node.name);
    const isFound = overrides.found.some(({ name }) => name === node.name) && !overrides.added.has(node.name);
    const { lastCheck } = status;
    return {
      ...this.#nodeState(node),
      url: config?.url ?? '',
      health: status.health,
      backup: status.backup,
      effectiveWeight: status.effectiveWeight,
      connections: status.connections,
      lastCheck: lastCheck && {
        at: new Date(lastCheck.at).toISOString(),
        result: lastCheck.result,
        ms: lastCheck.durationMs,
        ...(lastCheck.reason === undefined ? {} : { reason: lastCheck.reason }),
      },
      answers: { ...status.answers },
      failures: { ...status.failures },
      ejections: status.ejections,
      p50Ms: pace?.quantile(0.5),
      p99Ms: pace?.quantile(0.99),
      runtime:
        overrides.added.has(node.name) || overrides.weights.has(node.name) || node.adminState !== 'ready',
      ...(isFound && pool?.discover !== undefined && { origin: pool.discover.kind }),
    };
  }

  #pools(): readonly PoolReport[] {
    return [...this.#gateway().pools.runtimes.values()].map((runtime) => ({
      ...poolPart(runtime),
      nodes: runtime.nodes.map((node) => this.node(node)),
    }));
  }
}

function poolPart({ name, config, nodes, queued }: PoolRuntime): Omit<PresentPool, 'nodes'> {
  const available = nodes.some(({ state }) => isAvailable(state));
  return { pool: name, protocol: config.protocol, available, queued };
}

/** No node has said that it has it. An answer that says no is one: it is the node's, and its sender knows. */
function isFailure({ outcome }: Message): boolean {
  return outcome?.kind === 'failed' || outcome?.kind === 'abandoned';
}
