// A gateway as the admin API sees it, without one: two pools of three nodes, all that a report can hold, and a note of
// each change. Promises a report with every optional part and one with none.

import type { Lines } from '../../src/admin/answer.ts';
import { conditionOf, readinessOf } from '../../src/admin/control/condition.ts';
import { overviewOf, pulseOf } from '../../src/admin/control/overview.ts';
import { TrafficHistory } from '../../src/admin/control/traffic-history.ts';
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
  PoolReport,
  PulseReport,
  ReadinessReport,
  ReloadReport,
  RotateReport,
  RouteReport,
  SenderReport,
  StatusReport,
  TapRequest,
} from '../../src/admin/control.ts';
import type { SpoolControl, StoredReport } from '../../src/admin/spool-control.ts';
import { suggestion } from '../../src/config/source/closest.ts';
import { GatewayError } from '../../src/errors.ts';
import type { MetricsFormat } from '../../src/observe/metrics/text.ts';
import { isAvailable, type NodeState } from '../../src/upstream/node-status.ts';

const METRICS = '# TYPE hl7_gateway_node_up gauge\nhl7_gateway_node_up{pool="adt",node="a"} 1\n';
const STARTED = '2026-03-01T08:00:00.000Z';

function storedReport(id: number): StoredReport {
  return {
    id,
    pool: 'adt',
    state: 'dead',
    receivedAt: STARTED,
    changedAt: STARTED,
    bytes: 512,
    attempts: 1,
    lastError: 'AE',
    boundTo: undefined,
    orderingKey: 'GmFnPqv0XlY2b3T9c1aKQw',
  };
}

export class FakeControl implements Control {
  isLive = true;
  readonly spool: SpoolControl = {
    report: () => [
      {
        pool: 'adt',
        path: '/var/lib/hl7-gateway/spool',
        configured: true,
        waiting: 3,
        dead: 1,
        delivered: 40,
        bytes: 41_234,
        oldestWaiting: STARTED,
        storeBytes: 65_536,
        storeMaxBytes: 2 ** 30,
        storing: 0,
        delivering: 1,
      },
    ],
    list: async () => [storedReport(7), storedReport(9)],
    details: async (_, id) => ({
      ...storedReport(id),
      listener: 'adt',
      route: 'all',
      source: '10.1.0.7',
      controlId: 'M1',
      type: 'ADT^A01',
      sender: 'WARD|H',
      traceId: '0af7651916cd43dd8448eb211c80319c',
    }),
    content: async () => Buffer.from('MSH|'),
    retry: async (_, id) => ({ ...storedReport(id), state: 'waiting' }),
    retryAll: async () => 2,
    discard: async () => {},
  };
  draining = false;
  stateError: string | undefined;
  servesMetrics = true;
  /** What was asked for, in order: `drain adt/a from 127.0.0.1`. */
  readonly changes: string[] = [];
  readonly settings: unknown[] = [];
  nodeReports: NodeReport[] = [
    nodeReport('adt', 'a', {
      inFlight: 3,
      connections: 4,
      lastCheck: { at: '2026-03-01T11:59:58.000Z', result: 'passed', ms: 1.8 },
      answers: { AA: 12_345, AE: 2 },
      answersPerSecond: 41.3,
      p50Ms: 3.2,
      p99Ms: 41.7,
    }),
    nodeReport('adt', 'b', {
      state: 'down',
      health: 'down',
      since: '2026-03-01T11:58:20.000Z',
      reason: 'the check failed: ECONNREFUSED',
      lastCheck: { at: '2026-03-01T11:59:59.000Z', result: 'failed', ms: 0.4, reason: 'ECONNREFUSED' },
      failures: { GW_ERR_NODE_CONNECT: 7, GW_ERR_ACK_TIMEOUT: 1 },
      ejections: 2,
      weight: 2,
      effectiveWeight: 0.2,
    }),
    nodeReport('adt', 'spare', { backup: true, runtime: true }),
    nodeReport('lab', 'a', { state: 'draining', reason: 'wanted from 127.0.0.1', runtime: true }),
    nodeReport('lab', 'x1', { url: 'http://10.0.0.22:8080/hl7' }),
  ];
  certificateReports: CertificateInUse[] = [
    certificate('vip.crt.pem', 12),
    certificate('old.crt.pem', -3),
    certificate('ca.crt.pem', 900),
  ];
  senderReports: SenderReport[] = [
    {
      listener: 'adt',
      address: '10.1.0.7',
      port: 50_112,
      tlsSubject: 'CN=ward-7',
      since: '2026-03-01T11:00:00.000Z',
      messages: 42,
      pending: 1,
      sender: 'WARD|H',
      lastAt: '2026-03-01T11:59:58.000Z',
      messagesPerSecond: 0.2,
      pool: 'adt',
      node: 'a',
    },
    {
      listener: 'adt',
      address: '10.1.0.8',
      port: 50_113,
      tlsSubject: undefined,
      since: '2026-03-01T11:00:00.000Z',
      messages: 0,
      pending: 0,
      messagesPerSecond: 0,
    },
  ];
  keepsMessages = true;
  messageReports: MessageReport[] = [
    {
      id: '2',
      at: '2026-03-01T11:59:57.990Z',
      endedAt: '2026-03-01T11:59:58.000Z',
      listener: 'adt',
      source: '10.1.0.7',
      port: 50_112,
      type: 'ADT^A01',
      controlId: '4711',
      sender: 'WARD|H',
      bytes: 612,
      route: 'the rest',
      pool: 'adt',
      node: 'a',
      outcome: 'answered',
      code: undefined,
      reply: 'AA',
      queueMs: 0,
      totalMs: 10,
      attempts: [
        {
          node: 'b',
          reason: 'sticky-hash',
          startMs: 0.1,
          connectMs: 0.4,
          writtenMs: undefined,
          endMs: 0.5,
          code: 'GW_ERR_NODE_CONNECT',
        },
        {
          node: 'a',
          reason: 'sticky-hash',
          startMs: 0.6,
          connectMs: 0,
          writtenMs: 0.7,
          endMs: 9.9,
          code: undefined,
        },
      ],
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
    {
      id: '1',
      at: '2026-03-01T11:59:56.990Z',
      endedAt: '2026-03-01T11:59:57.000Z',
      listener: 'adt',
      source: '10.1.0.7',
      port: 50_112,
      bytes: 7,
      route: undefined,
      pool: undefined,
      node: undefined,
      outcome: 'failed',
      code: 'GW_ERR_HEADER_MSH',
      reply: 'close',
      queueMs: 0,
      totalMs: 10,
      attempts: [],
      traceId: undefined,
    },
  ];
  reloadError: string | undefined;
  /** A reload waits for it. */
  reloading: Promise<unknown> = Promise.resolve();
  /** Thrown by whatever is asked next. */
  trouble: unknown;

  status(): StatusReport {
    this.#stumble();
    return {
      version: '0.1.0',
      pid: 4711,
      startedAt: STARTED,
      configFile: '/etc/hl7-gateway/gateway.yaml',
      loadedAt: '2026-03-01T09:30:00.000Z',
      reloadError: this.reloadError,
      draining: this.draining,
      ...conditionOf({
        draining: this.draining,
        reloadError: this.reloadError,
        pools: this.#pools(),
        certificates: this.certificateReports,
      }),
      state: {
        file: '/var/lib/hl7-gateway/state.json',
        writtenAt: STARTED,
        error: this.stateError,
      },
      tracesUi: 'http://jaeger:16686',
      bufferedBytes: 3 * 2 ** 20,
      maxBufferedBytes: 2 ** 28,
      listeners: [
        { listener: 'adt', protocol: 'mllp', tls: true, address: '0.0.0.0:2575', connections: 12 },
        { listener: 'web', protocol: 'http', tls: false, address: '[::]:8080', connections: 0 },
      ],
      pools: this.#pools(),
      certificates: this.certificates(),
    };
  }

  readiness(names: readonly string[]): ReadinessReport {
    for (const name of names) this.#poolOf(name);
    const pools = this.#pools().filter(({ pool }) => names.length === 0 || names.includes(pool));
    return readinessOf(
      this.draining,
      names.length > 0,
      pools.map(({ pool, nodes }) => ({ pool, states: nodes.map(({ state }) => state as NodeState) })),
    );
  }

  #pools(): readonly PoolReport[] {
    const of = (pool: string): Pick<PoolReport, 'pool' | 'nodes' | 'available'> => {
      const nodes = this.nodeReports.filter((node) => node.pool === pool);
      return { pool, nodes, available: nodes.some(({ available }) => available) };
    };
    return [
      { protocol: 'mllp', queued: 5, ...of('adt') },
      { protocol: 'http', queued: 0, ...of('lab') },
    ];
  }

  nodes(): readonly NodeReport[] {
    this.#stumble();
    return this.nodeReports;
  }

  routes(): readonly RouteReport[] {
    return [
      {
        route: 'no tests',
        when: { 'MSH-11': 'not P' },
        reject: { code: 'AR', text: 'processing id must be P' },
        messages: 1,
      },
      { route: 'the rest', when: {}, to: 'adt', messages: 12_347 },
    ];
  }

  async members(): Promise<readonly MemberReport[]> {
    const at = { address: '10.0.0.3', admin: 'https://10.0.0.3:9600' };
    return [
      {
        member: 'gw1',
        ...at,
        self: true,
        state: 'fit',
        version: '0.1.0',
        condition: 'ok',
        holds: ['10.0.0.5'],
      },
      { member: 'gw2', address: '10.0.0.4', self: false, state: 'no admin', reason: 'no admin URL' },
    ];
  }

  senders(): readonly SenderReport[] {
    return this.senderReports;
  }

  overview(): OverviewReport {
    const history = new TrafficHistory();
    history.add(false, 3.2);
    return overviewOf(this.status(), [history.counts]);
  }

  pulse(): PulseReport {
    return pulseOf(this.status(), [new TrafficHistory().counts]);
  }

  messages({ limit }: MessageQuery): readonly MessageReport[] | undefined {
    this.#stumble();
    return this.keepsMessages ? this.messageReports.slice(0, limit) : undefined;
  }

  explain(_request: ExplainRequest): readonly ExplainedMessage[] {
    this.#stumble();
    return [
      {
        listener: 'adt',
        type: 'ADT^A01',
        controlId: '4711',
        passedOver: [{ route: 'no tests', because: 'MSH-11 must be other than "P"; it is "P"' }],
        route: 'the rest',
        stickyKey: '00d1b2c3a4958677',
        stickyBy: ['MSH-3'],
        pool: 'adt',
        node: 'a',
        why: 'sticky key, by hash: the same node for as long as it is up',
      },
    ];
  }

  events(): Lines {
    this.#stumble();
    return (sink) => sink.end(': hl7-gateway\n\n');
  }

  certificates(): readonly CertificateInUse[] {
    return this.certificateReports;
  }

  effectiveConfig(): string {
    return 'listeners: {}\nadmin: { token: … }\n';
  }

  configFile(): ConfigFileReport {
    this.#stumble();
    const text = 'listeners: {}\nadmin: { token: … }\n';
    return { file: '/etc/hl7-gateway/gateway.yaml', text, isInForce: true, errors: [], warnings: [] };
  }

  async metrics(format: MetricsFormat): Promise<string | undefined> {
    if (!this.servesMetrics) return undefined;
    const end = format === 'openmetrics' ? '# EOF\n' : '';
    return `${METRICS}${end}`;
  }

  drain(pool: string, node: string, by: By, reason?: string): NodeReport {
    return this.#change('drain', pool, node, why(by, reason), {
      state: 'draining',
      reason: `wanted from ${by}`,
    });
  }

  maintenance(pool: string, node: string, by: By, reason?: string): NodeReport {
    return this.#change('maintenance', pool, node, why(by, reason), {
      state: 'maintenance',
      reason: `wanted from ${by}`,
    });
  }

  ready(pool: string, node: string, by: By, reason?: string): NodeReport {
    return this.#change('ready', pool, node, why(by, reason), { state: 'up', reason: `wanted from ${by}` });
  }

  setWeight(pool: string, node: string, weight: number, by: By): NodeReport {
    return this.#change(`weight ${weight}`, pool, node, by, { weight, effectiveWeight: weight });
  }

  addNode(pool: string, node: string, settings: unknown, by: By): NodeReport {
    this.#poolOf(pool);
    if (this.nodeReports.some((one) => one.pool === pool && one.node === node))
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: `pool ${pool} has a node of that name` });
    this.settings.push(settings);
    const made = nodeReport(pool, node, { runtime: true });
    this.nodeReports.push(made);
    this.changes.push(`add ${pool}/${node} from ${by}`);
    return made;
  }

  removeNode(pool: string, node: string, by: By): void {
    this.#change('remove', pool, node, by, {});
    this.nodeReports = this.nodeReports.filter((one) => one.pool !== pool || one.node !== node);
  }

  async reload(by: By): Promise<ReloadReport> {
    this.changes.push(`reload from ${by}`);
    await this.reloading;
    this.#stumble();
    this.changes.push('reloaded');
    return {
      changed: ['pools.adt: nodes'],
      atNextStart: ['telemetry.log.format'],
      warnings: ['gateway.yaml:3:5: pools.lab: no route uses this pool'],
    };
  }

  rotate(by: By): RotateReport {
    this.changes.push(`rotate from ${by}`);
    return { reopened: ['/var/log/hl7-gateway/audit.log'] };
  }

  tap(_request: TapRequest, by: By): Lines {
    this.#stumble();
    this.changes.push(`tap from ${by}`);
    return (sink) => sink.end('{"end":"count","messages":0,"lost":0}\n');
  }

  #stumble(): void {
    const { trouble } = this;
    this.trouble = undefined;
    if (trouble !== undefined) throw trouble;
  }

  #change(what: string, pool: string, name: string, by: By, change: Partial<NodeReport>): NodeReport {
    this.#stumble();
    const nodes = this.#poolOf(pool);
    const found = nodes.find(({ node }) => node === name);
    if (found === undefined) {
      const hint = suggestion(
        name,
        nodes.map(({ node }) => node),
      );
      throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
        detail: `pool ${pool} has no node of that name${hint}`,
      });
    }
    const changed = { ...found, ...change };
    this.nodeReports = this.nodeReports.map((one) => (one === found ? changed : one));
    this.changes.push(`${what} ${pool}/${name} from ${by}`);
    return changed;
  }

  #poolOf(pool: string): readonly NodeReport[] {
    const nodes = this.nodeReports.filter((node) => node.pool === pool);
    if (nodes.length > 0) return nodes;
    const hint = suggestion(pool, ['adt', 'lab']);
    throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail: `no pool of that name${hint}` });
  }
}

export function nodeReport(pool: string, node: string, more: Partial<NodeReport> = {}): NodeReport {
  const state = more.state ?? 'up';
  return {
    pool,
    node,
    available: isAvailable(state as NodeState),
    trial: false,
    url: 'mllp://10.0.0.11:6661',
    state: 'up',
    health: 'up',
    since: STARTED,
    reason: 'as configured',
    backup: false,
    weight: 1,
    effectiveWeight: 1,
    inFlight: 0,
    connections: 0,
    lastCheck: undefined,
    answers: {},
    failures: {},
    ejections: 0,
    answersPerSecond: 0,
    p50Ms: undefined,
    p99Ms: undefined,
    runtime: false,
    ...more,
  };
}

function certificate(file: string, days: number): CertificateInUse {
  const notAfter = new Date(Date.UTC(2026, 2, 1) + days * 86_400_000).toISOString();
  return { where: 'listeners.adt.tls', file: `/etc/hl7-gateway/${file}`, subject: 'CN=vip', notAfter, days };
}

function why(by: By, reason: string | undefined): By {
  return reason === undefined ? by : `${by}: ${reason}`;
}
