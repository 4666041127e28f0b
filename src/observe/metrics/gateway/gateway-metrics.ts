// All metrics of a running gateway: what is counted as it happens, and what is read off it when somebody asks. Promises
// that asking disturbs nothing, whatever a reload has put in or taken out meanwhile.
import { isDeepStrictEqual } from 'node:util';
import type { Certificate } from '../../../../certs/certificate.ts';
import type { Listener } from '../../../../listeners/listener.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import type { Parsing } from '../../../hl7/parsing.ts';
import { frameMemory } from '../../../mllp/frame-memory.ts';
import type { Pools } from '../../../pools/pools.ts';
import type { ProxiedRequest } from '../../../relay/http-scheduler.ts';
import type { Message } from '../../../relay/message.ts';
import { SPOOL_LISTENER } from '../../../relay/pool-spool.ts';
import type { TcpConnection } from '../../../relay/tcp-scheduler.ts';
import type { Spools } from '../../../spool/delivery/spools.ts';
import type { DropReason } from '../../log/log-output.ts';
import type { Observer, OperatorAction, SenderFault } from '../../observer.ts';
import { counted, type Family, number } from '../family.ts';
import type { OtlpMetricsConfig } from '../otlp-config.ts';
import { type OnPush, OtlpPush } from '../otlp-push.ts';
import { ProcessMetrics } from '../process.ts';
import { type MetricsFormat, metricsText } from '../text.ts';
import { type ClusterCounts, clusterFamilies } from './cluster-families.ts';
import { FaultCounts } from './fault-counts.ts';
import { buildInfo, certificateFamily, listenerFamilies, parseFamilies } from './gateway-families.ts';
import { MessageCounts, type Present, type TraceIdOf } from './message-counts.ts';
import { discoveryFamilies, nodeFamilies } from './node-families.ts';
import { RequestCounts } from './request-counts.ts';
import { type SharedStateCounts, sharedStateFamilies } from './shared-state-families.ts';
import { spoolFamilies } from './spool-families.ts';
import { TcpCounts } from './tcp-counts.ts';

/** What is looked at; a Gateway is one. */
export interface Observed {
  readonly config: GatewayConfig;
  readonly pools: Pools;
  readonly listeners: readonly Listener[];
  readonly parsing: Parsing;
  readonly spools: Pick<Spools, 'stores' | 'duplicates'>;
  readonly heldBytes: number;
  readonly maxHeldBytes: number;
  readonly isDraining: boolean;
  readonly certificates: readonly (Certificate & { readonly where: string })[];
}

/** Of whoever exports spans. */
export interface SpanCounts {
  readonly exported: number;
  readonly dropped: number;
}

/** Of the audit trail. */
export interface AuditCounts {
  readonly written: number;
  readonly dropped: number;
  readonly queued: number;
}

export interface MetricsOptions {
  /** For exemplars. Asked for each message. */
  readonly traceIdOf?: TraceIdOf | undefined;
  readonly spans: () => SpanCounts;
  readonly onPush: OnPush;
}

export class GatewayMetrics implements Observer {
  /** Set by whoever has it. */
  audit: AuditCounts = { written: 0, dropped: 0, queued: 0 };
  /** Lines of the log that were dropped, by reason; set likewise. */
  log: Readonly<Record<DropReason, number>> = { slow: 0, failed: 0 };
  /** Set where other processes count as well: puts theirs in. */
  gather: (own: readonly Family[]) => Promise<readonly Family[]> = (own) => Promise.resolve(own);
  /** Processes that carry messages, and how often one had to be started again; set likewise. */
  workers: () => { readonly running: number; readonly restarts: number } = () => ({
    running: 1,
    restarts: 0,
  });
  /** Set by whoever stores the state: nothing that is to be stored is not. */
  isStateStored: () => boolean = () => true;
  /** Set by whoever joins a cluster; undefined: it stands alone. */
  cluster: () => ClusterCounts | undefined = () => undefined;
  /** Set likewise; undefined: nothing is shared. */
  shared: () => SharedStateCounts | undefined = () => undefined;
  readonly #observed: Observed;
  readonly #messages: MessageCounts;
  readonly #requests: RequestCounts;
  readonly #connections: TcpCounts;
  readonly #faults = new FaultCounts();
  readonly #process = new ProcessMetrics();
  readonly #push: OtlpPush;
  readonly #spans: () => SpanCounts;
  readonly #reloads = { ok: 0, failed: 0 };
  #lastReload: 0 | 1 = 1;
  #pushed: OtlpMetricsConfig | undefined;

  constructor(observed: Observed, { traceIdOf = () => undefined, spans, onPush }: MetricsOptions) {
    this.#spans = spans;
    this.#observed = observed;
    this.#messages = new MessageCounts(traceIdOf);
    this.#requests = new RequestCounts(traceIdOf);
    this.#connections = new TcpCounts(traceIdOf);
    this.#push = new OtlpPush(() => this.collect(), onPush);
  }

  start(): void {
    this.#process.start();
    this.reconfigure();
  }

  /** Another config is in force. */
  reconfigure(): void {
    const { otlp } = this.#observed.config.metrics;
    if (isDeepStrictEqual(otlp, this.#pushed)) return;
    this.#pushed = otlp;
    void this.#push.stop();
    if (otlp !== undefined) this.#push.start(otlp);
  }

  /** Pushes once more what there is, where it is pushed. */
  async stop(): Promise<void> {
    await this.#push.stop();
    this.#process.stop();
  }

  onMessage(message: Message): void {
    this.#messages.add(message);
  }

  /** F83: the sender was not told. */
  onReply({ origin, lostReply }: Message, isDelivered: boolean): void {
    if (!isDelivered && lostReply !== undefined) this.#faults.add(origin.listener, lostReply);
  }

  onRequest(record: ProxiedRequest): void {
    this.#requests.add(record);
    if (record.attemptCount > 1) this.#messages.countRetries(record.attempts);
    if (record.error !== undefined)
      this.#messages.countFailure(record.listener, record.pool?.name, record.error.code);
  }

  onCarried(record: TcpConnection): void {
    this.#connections.began(record);
  }

  onConnection(record: TcpConnection): void {
    const { error, listener, pool } = record;
    this.#connections.add(record);
    if (record.attemptCount > 1) this.#messages.countRetries(record.attempts);
    if (error !== undefined && error.code !== 'GW_ERR_SENDER_IDLE')
      this.#messages.countFailure(listener, pool?.name, error.code);
  }

  onFault({ listener, error }: SenderFault): void {
    this.#faults.add(listener, error);
  }

  onOperator(_by: string, action: OperatorAction): void {
    if (action.kind !== 'reload') return;
    this.#reloads[action.error === undefined ? 'ok' : 'failed']++;
    this.#lastReload = action.error === undefined ? 1 : 0;
  }

  /** Undefined where `telemetry.metrics.prometheus` is off. */
  async text(format: MetricsFormat): Promise<string | undefined> {
    if (!this.#observed.config.metrics.prometheus) return undefined;
    return metricsText(await this.collect(), format);
  }

  async collect(): Promise<readonly Family[]> {
    return this.gather(await this.#own());
  }

  async #own(): Promise<readonly Family[]> {
    const observed = this.#observed;
    const present = this.#present();
    const { audit } = this;
    const { exported, dropped } = this.#spans();
    return [
      ...this.#messages.families(present),
      ...this.#requests.families(present),
      ...this.#connections.families(present),
      ...listenerFamilies(observed.listeners),
      ...this.#faults.families(present),
      number('hl7_gateway_held_bytes', observed.heldBytes),
      number('hl7_gateway_held_bytes_limit', observed.maxHeldBytes),
      number('hl7_gateway_frame_memory_bytes', frameMemory.lentBytes),
      number('hl7_gateway_frame_memory_free_bytes', frameMemory.freeBytes),
      ...nodeFamilies(observed.pools.runtimes.values()),
      ...discoveryFamilies(observed.pools.discoveries.values()),
      ...parseFamilies(observed.parsing.stats, observed.config.parsing),
      buildInfo(),
      number('hl7_gateway_workers', this.workers().running),
      number('hl7_gateway_worker_restarts_total', this.workers().restarts),
      number('hl7_gateway_draining', observed.isDraining ? 1 : 0),
      counted('hl7_gateway_config_reloads_total', 'result', this.#reloads),
      number('hl7_gateway_config_last_reload_successful', this.#lastReload),
      number('hl7_gateway_state_stored', this.isStateStored() ? 1 : 0),
      ...clusterFamilies(this.cluster()),
      ...sharedStateFamilies(this.shared()),
      ...spoolFamilies(observed.spools),
      certificateFamily(observed.certificates),
      counted('hl7_gateway_spans_total', 'result', { exported, dropped }),
      counted('hl7_gateway_audit_events_total', 'result', { written: audit.written, dropped: audit.dropped }),
      number('hl7_gateway_audit_queued', audit.queued),
      counted('hl7_gateway_log_lines_dropped_total', 'reason', { ...this.log }),
      counted('hl7_gateway_metrics_pushes_total', 'result', { ...this.#push.counts }),
      ...(await this.#process.families()),
    ];
  }

  #present(): Present {
    const { listeners, config, pools } = this.#observed;
    const listenerNames = new Set(listeners.map(({ name }) => name));
    const routes = new Set(config.routes.map(({ name }) => name));
    const nodes = new Map(
      [...pools.runtimes.values()].map((runtime) => [
        runtime.name,
        new Set(runtime.nodes.map(({ name }) => name)),
      ]),
    );
    const pool = (name: string): boolean => name === '' || nodes.has(name);
    return {
      listener: (name) => name === SPOOL_LISTENER || listenerNames.has(name),
      route: (name) => name === '' || routes.has(name),
      pool,
      node: (of, name) => pool(of) && (name === '' || nodes.get(of)?.has(name) === true),
    };
  }
}
