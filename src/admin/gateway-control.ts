// The running gateway as the admin API sees it, put together of what it tells (control/reports.ts), what an operator may
// change (control/node-actions.ts), the reload of its config (control/config-reload.ts) and its metrics.
import type { Membership } from '../cluster/membership.ts';
import { suggestion } from '../config/source/closest.ts';
import { GatewayError } from '../errors.ts';
import type { Gateway } from '../gateway.ts';
import type { Log } from '../observe/log/log.ts';
import type { MetricsFormat } from '../observe/metrics/text.ts';
import type { Observer, OperatorAction } from '../observe/observer.ts';
import { type DecisionTarget, readPending } from '../state/shared/shared-decisions.ts';
import type { SharedState, SharedStateReport } from '../state/shared/shared-state.ts';
import { StateKeeper } from '../state/state-keeper.ts';
import type { Lines } from './answer.ts';
import { ConfigReload } from './control/config-reload.ts';
import { explained } from './control/explanations.ts';
import { MemberStates } from './control/member-states.ts';
import { NodeActions } from './control/node-actions.ts';
import { overviewOf, pulseOf } from './control/overview.ts';
import { Reports } from './control/reports.ts';
import { SpoolDesk } from './control/spool-desk.ts';
import type { HistoryCounts } from './control/traffic-history.ts';
import type {
  By,
  CertificateInUse,
  ClusterReport,
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
} from './control.ts';
import { shownText } from './effective-config.ts';
import { OverviewStream } from './overview-stream.ts';
import { sharedDigest } from './shared-config.ts';
import { Tap } from './tap/tap.ts';

export interface ControlOptions {
  /** Returns the paths of those that it has opened again. */
  readonly reopenFiles: () => readonly string[];
  /** Where what an operator decides is stored. */
  readonly stateFile: string | undefined;
  /** What the config file includes, as absolute paths with their wildcards. */
  readonly includes: readonly string[];
}

export class GatewayControl implements Control {
  /** False once an error was met that nobody caught: whoever watches the process may end it. */
  isLive = true;
  readonly spool: SpoolDesk;
  /** Set by whoever joins the cluster; undefined: it stands alone. */
  membership: Membership | undefined;
  /** Set by whoever has other processes go by what is decided. */
  onDecidedElsewhere: () => void = () => {};
  /** What members share; set by whoever joins likewise. */
  #shared: SharedState | undefined;
  /** Made once for each text. */
  #digest: { readonly text: string; readonly digest: string } | undefined;
  readonly #gateway: () => Gateway;
  readonly #reports: Reports;
  readonly #actions: NodeActions;
  readonly #config: ConfigReload;
  readonly #tap: Tap;
  readonly #members = new MemberStates();
  readonly #stream = new OverviewStream(() => this);
  readonly #log: Log;
  readonly #reopenFiles: ControlOptions['reopenFiles'];
  readonly #state: StateKeeper;

  /** `text`: of the config that the gateway was made with. */
  constructor(gateway: () => Gateway, text: string, log: Log, options: Partial<ControlOptions> = {}) {
    const { reopenFiles = () => [], stateFile, includes = [] } = options;
    this.#log = log;
    this.#reopenFiles = reopenFiles;
    this.#gateway = gateway;
    this.spool = new SpoolDesk(gateway);
    this.#reports = new Reports(
      gateway,
      () => this.#state.report,
      () => this.clusterReport(),
    );
    this.#state = new StateKeeper({
      file: stateFile,
      pools: () => gateway().pools,
      source: {
        decisions: () => this.#actions.decisions(),
        restore: (decisions) => this.#actions.restore(decisions),
        untold: () => this.#shared?.decisions.pending,
        restoreUntold: (value) => this.#shared?.decisions.restore(readPending(value)),
      },
      log,
    });
    this.#config = new ConfigReload(gateway, text, includes, log);
    this.#actions = new NodeActions(
      gateway,
      () => this.#config.loaded.text,
      log,
      () => {
        // Before it is stored: what others have not been told of is stored with it.
        this.#shared?.decisions.decided();
        this.#state.changed();
      },
    );
    this.#tap = new Tap(log);
  }

  /** What an operator decides is shared from now on. `make`: with where decisions of others go. */
  share(make: (target: DecisionTarget, onApplied: () => void) => SharedState): SharedState {
    const target: DecisionTarget = {
      decisions: () => this.#actions.decisions(),
      apply: (decided) => this.#actions.apply(decided),
    };
    this.#shared = make(target, () => {
      this.#state.changed();
      this.onDecidedElsewhere();
    });
    return this.#shared;
  }

  readiness(pools: readonly string[]): ReadinessReport {
    return this.#reports.readiness(pools);
  }

  /** For the metrics. */
  isStateStored(): boolean {
    return this.#state.report?.error === undefined;
  }

  /** Undefined: nothing is shared. */
  get sharedReport(): SharedStateReport | undefined {
    return this.#shared?.report;
  }

  clusterReport(): ClusterReport | undefined {
    if (this.membership === undefined) return undefined;
    const { cluster, vips, ...report } = this.membership.report;
    const { shared } = this.membership;
    const { text } = this.#config.loaded;
    if (this.#digest?.text !== text) this.#digest = { text, digest: sharedDigest(text, shared) };
    return {
      name: cluster,
      ...report,
      configDigest: this.#digest.digest,
      vips: vips.map((vip) => ({ ...vip, since: new Date(vip.since).toISOString() })),
      state: this.sharedReport && sharedPart(this.sharedReport),
    };
  }

  /** This one and those that it asks. */
  async members(): Promise<readonly MemberReport[]> {
    const { cluster, admin } = this.#gateway().config;
    if (cluster === undefined) return [];
    const own = () => ({ ...this.#reports.present(this.#config.loaded), cluster: this.clusterReport() });
    return this.#members.report(cluster, own, admin?.token);
  }

  /** What an operator decides, and which sender has which node. */
  get state(): StateKeeper {
    return this.#state;
  }

  /** To be told of what happens in the gateway. */
  get observers(): readonly Observer[] {
    return [this.#tap, this.#reports];
  }

  /** What a reload reads. */
  get configFiles(): readonly string[] {
    return this.#config.files;
  }

  status(): StatusReport {
    return this.#reports.status(this.#config.loaded);
  }

  nodes(): readonly NodeReport[] {
    return this.#reports.nodes();
  }

  routes(): readonly RouteReport[] {
    return this.#reports.routes();
  }

  senders(): readonly SenderReport[] {
    return this.#reports.senders();
  }

  overview(): OverviewReport {
    return overviewOf(this.#reports.present(this.#config.loaded), [this.#reports.history]);
  }

  pulse(): PulseReport {
    return pulseOf(this.#reports.present(this.#config.loaded), [this.#reports.history]);
  }

  /** Where other processes carry messages too, theirs come on top. */
  get history(): HistoryCounts {
    return this.#reports.history;
  }

  messages(query: MessageQuery): readonly MessageReport[] | undefined {
    return this.#reports.messages(query);
  }

  explain(request: ExplainRequest): readonly ExplainedMessage[] {
    const { config, identifiers } = this.#gateway();
    return explained(config, identifiers, request);
  }

  events(): Lines {
    return this.#stream.open();
  }

  certificates(): readonly CertificateInUse[] {
    return this.#reports.certificates();
  }

  effectiveConfig(): string {
    return shownText(this.#config.loaded.text, this.#actions.changes());
  }

  configFile(): ConfigFileReport {
    return this.#config.compare((text) => shownText(text, new Map()));
  }

  metrics(format: MetricsFormat): Promise<string | undefined> {
    return this.#gateway().metrics.text(format);
  }

  drain(pool: string, node: string, by: By, reason?: string): NodeReport {
    return this.#setState('drain', pool, node, by, reason);
  }

  maintenance(pool: string, node: string, by: By, reason?: string): NodeReport {
    return this.#setState('maintenance', pool, node, by, reason);
  }

  ready(pool: string, node: string, by: By, reason?: string): NodeReport {
    return this.#setState('ready', pool, node, by, reason);
  }

  setWeight(pool: string, node: string, weight: number, by: By, reason?: string): NodeReport {
    const report = this.#reports.node(this.#actions.setWeight(pool, node, weight, by));
    this.#tell(by, { kind: 'node config', pool, node, what: `weight ${weight}`, reason });
    return report;
  }

  addNode(pool: string, node: string, settings: unknown, by: By, reason?: string): NodeReport {
    const report = this.#reports.node(this.#actions.addNode(pool, node, settings, by));
    this.#tell(by, { kind: 'node config', pool, node, what: 'added', reason });
    return report;
  }

  removeNode(pool: string, node: string, by: By, reason?: string): void {
    this.#actions.removeNode(pool, node, by);
    this.#tell(by, { kind: 'node config', pool, node, what: 'removed', reason });
  }

  /** Reads the file anew. What is wrong with it changes nothing. */
  async reload(by: By, reason?: string): Promise<ReloadReport> {
    if (reason !== undefined) this.#tell(by, { kind: 'reload wanted', reason });
    const report = await this.#config.reload(by);
    this.#actions.forgetGone();
    this.#shared?.decisions.rebase();
    this.#state.changed();
    this.#reports.forgetGone();
    return report;
  }

  rotate(by: By, reason?: string): RotateReport {
    const reopened = this.#reopenFiles();
    this.#log.info({ by, files: reopened }, 'files opened again');
    this.#tell(by, { kind: 'rotate', reason });
    return { reopened };
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
    const lines = this.#tap.begin(request, by);
    this.#tell(by, { kind: 'tap' });
    return lines;
  }

  #setState(
    what: 'drain' | 'maintenance' | 'ready',
    pool: string,
    node: string,
    by: By,
    reason: string | undefined,
  ): NodeReport {
    const report = this.#reports.node(this.#actions[what](pool, node, by, reason));
    this.#tell(by, { kind: 'node state', pool, node, what, reason });
    return report;
  }

  #tell(by: By, action: OperatorAction): void {
    this.#gateway().observers.onOperator(by, action);
  }
}

function sharedPart({
  bucket,
  connected,
  since,
  reason,
  queued,
  revision,
}: SharedStateReport): ClusterReport['state'] {
  return { bucket, connected, since: new Date(since).toISOString(), reason, queued, revision };
}
