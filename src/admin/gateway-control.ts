// The running gateway as the admin API sees it: what it is doing, and what an operator may change. Every change is
// logged with who made it; what was changed of nodes is kept over a reload of the file.
import { readFileSync } from 'node:fs';
import type { NodeConfig, RouteConfig, ValueTest } from '../config/config.ts';
import { ConfigError, formatProblem, parseConfig } from '../config/load.ts';
import { suggestion } from '../config/source/closest.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { Gateway } from '../gateway.ts';
import type { Exchange } from '../relay/exchange.ts';
import type { Log } from '../telemetry/log.ts';
import type { Node } from '../upstream/node.ts';
import { version } from '../version.ts';
import type { Lines } from './answer.ts';
import type {
  By,
  CertificateReport,
  Control,
  NodeReport,
  ReloadReport,
  RouteReport,
  SenderReport,
  StatusReport,
  TapRequest,
} from './control.ts';
import { changedText, type PoolChanges, shownText } from './effective-config.ts';
import { NodePace } from './node-pace.ts';
import { Tap } from './tap/tap.ts';

const DAY_MS = 86_400_000;

export class GatewayControl implements Control {
  readonly #gateway: () => Gateway;
  readonly #log: Log;
  readonly #startedAt = new Date();
  /** As loaded. */
  #text: string;
  #loadedAt = new Date();
  #reloadError: string | undefined;
  /** Settings of added nodes as they were given, by pool and node. */
  readonly #settings = new Map<string, Map<string, object>>();
  readonly #paces = new WeakMap<Node, NodePace>();
  readonly #routed = new Map<string, number>();
  readonly #tap: Tap;

  /** `text`: of the config that the gateway was made with. */
  constructor(gateway: () => Gateway, text: string, log: Log) {
    this.#gateway = gateway;
    this.#text = text;
    this.#log = log;
    this.#tap = new Tap(log);
  }

  get isLive(): boolean {
    return true;
  }

  get isReady(): boolean {
    const gateway = this.#gateway();
    if (gateway.isDraining) return false;
    return [...gateway.pools.rooms.values()].every(({ nodes }) => nodes.some((node) => node.usable));
  }

  /** To be called for each message that is over. */
  onExchange(exchange: Exchange): void {
    this.#tap.onExchange(exchange);
    const { node, attempts, route, outcome } = exchange;
    if (route !== undefined) this.#routed.set(route.name, (this.#routed.get(route.name) ?? 0) + 1);
    const last = attempts.at(-1);
    if (outcome?.kind !== 'answered' || node === undefined || last?.writtenAt === undefined) return;
    let pace = this.#paces.get(node);
    if (pace === undefined) {
      pace = new NodePace();
      this.#paces.set(node, pace);
    }
    const endedAt = last.endedAt ?? performance.now();
    pace.add(endedAt - last.writtenAt, endedAt);
  }

  status(): StatusReport {
    const gateway = this.#gateway();
    return {
      version,
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      configFile: gateway.config.file,
      loadedAt: this.#loadedAt.toISOString(),
      reloadError: this.#reloadError,
      draining: gateway.isDraining,
      bufferedBytes: gateway.heldBytes,
      maxBufferedBytes: gateway.maxHeldBytes,
      listeners: gateway.listeners.map(({ name, config, address, connections }) => ({
        listener: name,
        protocol: config.protocol,
        tls: config.tls !== undefined,
        address,
        connections,
      })),
      pools: [...gateway.pools.rooms.values()].map((room) => ({
        pool: room.name,
        protocol: room.config.protocol,
        queued: room.dispatcher.queued + (room.httpPool?.queued ?? 0),
        nodes: room.nodes.map((node) => this.#report(node)),
      })),
      certificates: this.certificates(),
    };
  }

  nodes(): readonly NodeReport[] {
    return this.status().pools.flatMap(({ nodes }) => nodes);
  }

  routes(): readonly RouteReport[] {
    return this.#gateway().config.routes.map((route) => ({
      route: route.name,
      when: Object.fromEntries(route.when.map(({ text, test }) => [text, inWords(test)])),
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
      })),
    );
  }

  certificates(): readonly CertificateReport[] {
    return this.#gateway().certificates.map(({ where, file, subject, notAfter }) => ({
      where,
      file,
      subject,
      notAfter: notAfter.toISOString(),
      days: Math.floor((notAfter.getTime() - Date.now()) / DAY_MS),
    }));
  }

  effectiveConfig(): string {
    return shownText(this.#text, this.#changes());
  }

  drain(pool: string, node: string, by: By): NodeReport {
    return this.#change(pool, node, by, 'drain', (one) => one.drain(`wanted from ${by}`));
  }

  maintenance(pool: string, node: string, by: By): NodeReport {
    return this.#change(pool, node, by, 'maintenance', (one) => one.maintenance(`wanted from ${by}`));
  }

  ready(pool: string, node: string, by: By): NodeReport {
    return this.#change(pool, node, by, 'ready', (one) => one.ready(`wanted from ${by}`));
  }

  setWeight(pool: string, node: string, weight: number, by: By): NodeReport {
    return this.#change(pool, node, by, `weight ${weight}`, (one) => {
      one.setWeight(weight);
      this.#gateway().pools.overridesOf(pool).weights.set(node, weight);
    });
  }

  addNode(pool: string, node: string, settings: unknown, by: By): NodeReport {
    const room = this.#room(pool);
    if (room.nodes.some(({ name }) => name === node))
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: `pool ${pool} has a node of that name` });
    if (typeof settings !== 'object' || settings === null)
      throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: 'a node is a map as in the config' });
    const { added, removed } = this.#gateway().pools.overridesOf(pool);
    const mine = this.#settings.get(pool) ?? new Map<string, object>();
    this.#settings.set(pool, mine);
    mine.set(node, settings);
    const wasRemoved = removed.delete(node);
    try {
      added.set(node, this.#built(pool, node));
      this.#gateway().pools.refresh(this.#poolConfig(pool));
    } catch (thrown) {
      mine.delete(node);
      added.delete(node);
      if (wasRemoved) removed.add(node);
      throw thrown;
    }
    this.#log.warn({ pool, node, by }, 'admin: node added');
    return this.#report(this.#node(pool, node));
  }

  removeNode(pool: string, node: string, by: By): void {
    this.#node(pool, node);
    if (this.#room(pool).nodes.length === 1)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'a pool needs at least one node' });
    const { added, removed, weights } = this.#gateway().pools.overridesOf(pool);
    added.delete(node);
    weights.delete(node);
    this.#settings.get(pool)?.delete(node);
    removed.add(node);
    this.#gateway().pools.refresh(this.#poolConfig(pool));
    this.#log.warn({ pool, node, by }, 'admin: node removed');
  }

  /** Reads the file anew. What is wrong with it changes nothing. */
  async reload(by: By): Promise<ReloadReport> {
    const { file } = this.#gateway().config;
    this.#log.info({ by, file }, 'reload');
    try {
      if (file === undefined)
        throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the config has no file' });
      const text = readConfigText(file);
      const { config, warnings } = parseConfig(text, { file, env: process.env });
      for (const warning of warnings) this.#log.warn({ by }, formatProblem(warning));
      const changed = await this.#gateway().reload(config);
      this.#text = text;
      this.#loadedAt = new Date();
      this.#reloadError = undefined;
      for (const [pool, mine] of this.#settings) {
        const kept = this.#gateway().pools.rooms.has(pool);
        if (!kept) this.#settings.delete(pool);
        else
          for (const name of mine.keys())
            if (!this.#gateway().pools.overridesOf(pool).added.has(name)) mine.delete(name);
      }
      return { changed, warnings: warnings.map(formatProblem) };
    } catch (thrown) {
      const error = reloadError(thrown);
      this.#reloadError = error.message;
      this.#log.error({ by, code: error.code }, `${error.message}; the old config stays in force`);
      // Of certificate files each is taken or kept for itself, as by the watch.
      this.#gateway().reloadCertificates();
      throw error;
    }
  }

  tap(request: TapRequest, by: By): Lines {
    const { admin, listeners } = this.#gateway().config;
    if (admin?.tap !== true)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the config has no admin.tap: true' });
    const names = listeners.map(({ name }) => name);
    const { listener } = request;
    if (listener !== undefined && !names.includes(listener))
      throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
        detail: `no listener of that name${suggestion(listener, names)}`,
      });
    return this.#tap.begin(request, by);
  }

  metrics(): string {
    const lines: string[] = [];
    const gauge = (name: string, help: string, of: (node: NodeReport) => number): void => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
      for (const node of this.nodes())
        lines.push(`${name}{pool="${node.pool}",node="${node.node}"} ${of(node)}`);
    };
    gauge('hl7_gateway_node_up', '1: it may be given messages.', ({ state }) =>
      state === 'up' || state === 'draining' ? 1 : 0,
    );
    gauge('hl7_gateway_node_in_flight', 'Messages with the node.', ({ inFlight }) => inFlight);
    gauge('hl7_gateway_node_connections', 'Connections to the node.', ({ connections }) => connections);
    return `${lines.join('\n')}\n`;
  }

  #change(pool: string, name: string, by: By, what: string, act: (node: Node) => void): NodeReport {
    const node = this.#node(pool, name);
    act(node);
    this.#log.warn({ pool, node: name, by }, `admin: ${what}`);
    return this.#report(node);
  }

  #room(pool: string) {
    const { rooms } = this.#gateway().pools;
    const room = rooms.get(pool);
    if (room === undefined)
      throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
        detail: `no pool of that name${suggestion(pool, [...rooms.keys()])}`,
      });
    return room;
  }

  #node(pool: string, name: string): Node {
    const { nodes } = this.#room(pool);
    const node = nodes.find((one) => one.name === name);
    if (node !== undefined) return node;
    const hint = suggestion(
      name,
      nodes.map((one) => one.name),
    );
    throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
      detail: `pool ${pool} has no node of that name${hint}`,
    });
  }

  #poolConfig(pool: string) {
    const config = this.#gateway().config.pools.find(({ name }) => name === pool);
    if (config === undefined)
      throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail: 'no pool of that name' });
    return config;
  }

  /** Checked as if it stood in the file. */
  #built(pool: string, node: string): NodeConfig {
    try {
      const { config } = parseConfig(changedText(this.#text, this.#changes()), {
        file: this.#gateway().config.file,
        env: process.env,
      });
      const built = config.pools.find(({ name }) => name === pool)?.nodes.find(({ name }) => name === node);
      if (built !== undefined) return built;
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      const [first] = thrown.problems;
      const detail = first === undefined ? undefined : `${first.key}: ${first.message}`;
      throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail });
    }
    throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: 'the node would not be in the config' });
  }

  #changes(): ReadonlyMap<string, PoolChanges> {
    const { pools, config } = this.#gateway();
    return new Map(
      config.pools.map(({ name }) => {
        const { removed, weights } = pools.overridesOf(name);
        return [name, { added: this.#settings.get(name) ?? new Map<string, object>(), removed, weights }];
      }),
    );
  }

  #report(node: Node): NodeReport {
    const { status } = node;
    const pace = this.#paces.get(node);
    const room = this.#room(node.pool);
    const overrides = this.#gateway().pools.overridesOf(node.pool);
    const { lastCheck } = status;
    return {
      pool: node.pool,
      node: node.name,
      url: room.config.nodes.find(({ name }) => name === node.name)?.url ?? '',
      state: status.state,
      health: status.health,
      since: new Date(status.since).toISOString(),
      reason: status.reason,
      backup: status.backup,
      weight: status.weight,
      effectiveWeight: status.effectiveWeight,
      inFlight: status.inFlight,
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
      answersPerSecond: pace?.rate(performance.now()) ?? 0,
      p50Ms: pace?.quantile(0.5),
      p99Ms: pace?.quantile(0.99),
      runtime:
        overrides.added.has(node.name) || overrides.weights.has(node.name) || node.adminState !== 'ready',
    };
  }
}

function readConfigText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', { detail: 'the config file', cause });
  }
}

function reloadError(thrown: unknown): GatewayError {
  if (!(thrown instanceof ConfigError)) return asGatewayError(thrown);
  return new GatewayError('GW_ERR_CONFIG', { detail: thrown.problems.map(formatProblem).join('; ') });
}

function actionOf({ action }: RouteConfig): Pick<RouteReport, 'to' | 'reject'> {
  return action.kind === 'pool' ? { to: action.pool } : { reject: { code: action.code, text: action.text } };
}

function inWords(test: ValueTest): string {
  switch (test.kind) {
    case 'equals':
      return test.value;
    case 'any':
      return test.tests.map(inWords).join(' or ');
    case 'not':
      return `not ${inWords(test.test)}`;
    case 'exists':
      return test.exists ? 'is there' : 'is empty';
    case 'regex':
      return `/${test.source}/${test.flags}`;
    case 'cidr':
      return test.range;
  }
}
