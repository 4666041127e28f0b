// What the admin API shows and can do, as the API's own words: the shapes here are those of docs/openapi.yaml.
// Promises nothing of a message or a patient in any of them but the tap, which is made of them.

import type { MetricsFormat } from '../observe/metrics/text.ts';
import type { Explained } from '../relay/explain.ts';
import type { Lines } from './answer.ts';
import type { SpoolControl } from './spool-control.ts';

/** A point in time as RFC 3339, UTC. */
export type Time = string;

export interface NodeReport {
  readonly pool: string;
  readonly node: string;
  readonly url: string;
  /** What it is given: up, down, full, draining, maintenance. */
  readonly state: string;
  /** What checks and messages say of it, whatever an operator wants. */
  readonly health: string;
  /** Messages are given to it: it is up, full or draining. */
  readonly available: boolean;
  /** It is down, and one message at a time is given to it to find out whether it is back. */
  readonly trial: boolean;
  readonly since: Time;
  readonly reason: string;
  readonly backup: boolean;
  /** As configured or set, and as it is after a slow start. */
  readonly weight: number;
  readonly effectiveWeight: number;
  readonly inFlight: number;
  readonly connections: number;
  readonly lastCheck:
    | { readonly at: Time; readonly result: string; readonly ms: number; readonly reason?: string }
    | undefined;
  /** Answers by their code since start, and failures by class. */
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  readonly ejections: number;
  readonly answersPerSecond: number;
  /** Of answers in the last minute or so, in milliseconds; undefined without any. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Not in the file: added, or set, while the gateway runs. */
  readonly runtime: boolean;
  /** How it was discovered; undefined: the file names it, or somebody has added it. */
  readonly origin?: 'dns' | 'srv' | 'file' | undefined;
}

export interface PoolReport {
  readonly pool: string;
  readonly protocol: 'mllp' | 'http' | 'tcp';
  /** Some node of it is available. */
  readonly available: boolean;
  /** Messages and requests that wait for a node. */
  readonly queued: number;
  readonly nodes: readonly NodeReport[];
}

export interface ListenerReport {
  readonly listener: string;
  readonly protocol: 'mllp' | 'http' | 'tcp';
  readonly tls: boolean;
  readonly address: string;
  readonly connections: number;
}

/** One of several processes that carry messages (`workers`). */
export interface WorkerReport {
  readonly worker: number;
  readonly pid: number | undefined;
  /** Of senders and clients. */
  readonly connections: number;
}

/** This gateway as a member of its cluster. */
export interface ClusterReport {
  readonly name: string;
  readonly member: string;
  /** What keepalived is told. */
  readonly fit: boolean;
  /** Why it is not. */
  readonly reason: string | undefined;
  /** The same for members whose configs say the same. */
  readonly configDigest: string;
  readonly vips: readonly { readonly address: string; readonly held: boolean; readonly since: Time }[];
  /** What members share, in NATS; undefined: nothing. */
  readonly state?:
    | {
        readonly bucket: string;
        readonly connected: boolean;
        readonly since: Time;
        /** Why it is not connected. */
        readonly reason: string | undefined;
        /** Decisions and senders that wait to be written. */
        readonly queued: number;
        /** Of the last decision that was seen. */
        readonly revision: number;
      }
    | undefined;
}

/** `no admin`: the config does not say where to ask; `refused`: it answers, and does not take the token. */
export type MemberState =
  | 'fit'
  | 'unfit'
  | 'draining'
  | 'unreachable'
  | 'refused'
  | 'no admin'
  | 'not in the cluster'
  | 'another member';

/** A member of the cluster, by its own word. */
export interface MemberReport {
  readonly member: string;
  readonly address: string;
  /** Of its admin API, where the config says so. */
  readonly admin?: string | undefined;
  /** It is the one that was asked. */
  readonly self: boolean;
  readonly state: MemberState;
  readonly reason?: string | undefined;
  /** Undefined of one that did not answer, as all that follows. */
  readonly version?: string | undefined;
  readonly condition?: string | undefined;
  readonly startedAt?: Time | undefined;
  readonly configDigest?: string | undefined;
  /** Addresses that it has. */
  readonly holds?: readonly string[] | undefined;
}

export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: Time;
  readonly configFile: string | undefined;
  /** When the config in force was loaded. */
  readonly loadedAt: Time;
  /** What the last reload that failed said; undefined after one that worked. */
  readonly reloadError: string | undefined;
  readonly draining: boolean;
  /** `ok`: all works; `degraded`: something in `problems` wants a look; `failed`: no message can be delivered. */
  readonly condition: 'ok' | 'degraded' | 'failed';
  /** What is wrong now, a sentence each; the worst first. */
  readonly problems: readonly string[];
  /** Where what an operator decides is stored; undefined: nowhere. */
  readonly state:
    | { readonly file: string; readonly writtenAt: Time | undefined; readonly error: string | undefined }
    | undefined;
  /** Undefined: it stands alone. */
  readonly cluster?: ClusterReport | undefined;
  /** Where people look at traces (`telemetry.traces.ui`). */
  readonly tracesUi?: string | undefined;
  readonly bufferedBytes: number;
  readonly maxBufferedBytes: number;
  readonly listeners: readonly ListenerReport[];
  readonly pools: readonly PoolReport[];
  readonly certificates: readonly CertificateInUse[];
  /** Those that run; undefined where this process does everything. */
  readonly workers?: readonly WorkerReport[];
}

export interface CertificateInUse {
  readonly where: string;
  readonly file: string;
  readonly subject: string;
  readonly notAfter: Time;
  readonly days: number;
}

/** What a load balancer, Kubernetes or a script asks before it sends new messages. */
export interface ReadinessReport {
  /** The gateway listens, does not drain, and each pool that was asked for has an available node. */
  readonly ready: boolean;
  readonly draining: boolean;
  /** Those that were asked for, else all. */
  readonly pools: readonly PoolReadiness[];
  /** Why not, and what is wrong although it is ready; a sentence each. */
  readonly notes: readonly string[];
}

export interface PoolReadiness {
  readonly pool: string;
  readonly available: boolean;
  readonly nodes: number;
  readonly availableNodes: number;
}

export interface RouteReport {
  readonly route: string;
  /** Left and right side as the config has them. */
  readonly when: Readonly<Record<string, string>>;
  readonly to?: string;
  readonly reject?: { readonly code: string; readonly text: string };
  readonly messages: number;
}

export interface SenderReport {
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  readonly tlsSubject: string | undefined;
  readonly since: Time;
  readonly messages: number;
  readonly pending: number;
  /** MSH-3|MSH-4 of its last message, as the log shows it; undefined before the first. */
  readonly sender?: string | undefined;
  /** When its last message was over. */
  readonly lastAt?: Time | undefined;
  /** Over the last ten to twenty seconds. */
  readonly messagesPerSecond: number;
  /** Where its last message went; undefined: nowhere. */
  readonly pool?: string | undefined;
  readonly node?: string | undefined;
}

/** The config file as it is now, beside what is in force. */
export interface ConfigFileReport {
  readonly file: string;
  /** With what it includes, without secrets; undefined where it cannot be read as a config. */
  readonly text?: string | undefined;
  /** It says what was loaded last. */
  readonly isInForce: boolean;
  /** As `check` says them; certificates and keys are looked at by a reload. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** What a page shows at a glance, and how the last hour went. */
export interface OverviewReport {
  readonly at: Time;
  readonly version: string;
  readonly startedAt: Time;
  readonly draining: boolean;
  readonly condition: StatusReport['condition'];
  readonly problems: readonly string[];
  /** Over the last step of the history that is over, or since the start. */
  readonly messagesPerSecond: number;
  readonly failuresPerSecond: number;
  readonly tracesUi?: string | undefined;
  readonly bufferedBytes: number;
  readonly maxBufferedBytes: number;
  readonly listeners: readonly ListenerReport[];
  readonly pools: readonly PoolSummary[];
  readonly history: { readonly stepSeconds: number; readonly points: readonly HistoryPoint[] };
}

export interface PoolSummary {
  readonly pool: string;
  readonly protocol: PoolReport['protocol'];
  readonly available: boolean;
  readonly queued: number;
  readonly inFlight: number;
  readonly nodes: number;
  readonly availableNodes: number;
  readonly answersPerSecond: number;
}

/** Messages that were over in one step. */
export interface HistoryPoint {
  readonly at: Time;
  readonly messages: number;
  /** No node has acknowledged them. */
  readonly failed: number;
  /** From a message's last byte to its outcome; undefined without any. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Of a node, what changes seldom. */
export interface NodeSummary
  extends Pick<NodeReport, 'pool' | 'node' | 'state' | 'available' | 'since' | 'reason' | 'weight'> {}

/** Of a node, what is looked at each second. */
export interface PresentNode
  extends NodeSummary,
    Pick<NodeReport, 'trial' | 'inFlight' | 'answersPerSecond'> {}

export interface PresentPool extends Pick<PoolReport, 'pool' | 'protocol' | 'available' | 'queued'> {
  readonly nodes: readonly PresentNode[];
}

/** What an overview is made of; a status has all of it. */
export interface PresentState
  extends Pick<
    StatusReport,
    | 'version'
    | 'startedAt'
    | 'draining'
    | 'condition'
    | 'problems'
    | 'tracesUi'
    | 'bufferedBytes'
    | 'maxBufferedBytes'
    | 'listeners'
  > {
  readonly pools: readonly PresentPool[];
}

/** What is told each second: of the history its last points. */
export interface PulseReport {
  readonly overview: Omit<OverviewReport, 'history'> & { readonly last: readonly HistoryPoint[] };
  readonly nodes: readonly NodeSummary[];
}

/** One message that is over, by what the log shows of it. */
export interface MessageReport {
  /** Of its process, since the start. */
  readonly id: string;
  readonly at: Time;
  readonly endedAt: Time;
  readonly listener: string;
  readonly source: string;
  readonly port: number;
  readonly type?: string;
  readonly controlId?: string;
  readonly sender?: string;
  /** Of a batch: how many it was split into. */
  readonly messages?: number;
  readonly bytes: number;
  readonly route: string | undefined;
  readonly pool: string | undefined;
  readonly node: string | undefined;
  readonly outcome: string | undefined;
  /** Of the error, where it failed. */
  readonly code: string | undefined;
  /** What its sender was told. */
  readonly reply: string | undefined;
  readonly queueMs: number;
  readonly totalMs: number;
  readonly attempts: readonly MessageAttempt[];
  /** Undefined: it is in no trace that is recorded. */
  readonly traceId: string | undefined;
}

/** Times are milliseconds since the message came. */
export interface MessageAttempt {
  readonly node: string;
  /** Why this node. */
  readonly reason: string;
  readonly startMs: number;
  /** How long a connection was dialled for it. */
  readonly connectMs: number;
  readonly writtenMs: number | undefined;
  readonly endMs: number | undefined;
  readonly code: string | undefined;
}

export interface MessageQuery {
  readonly limit: number;
  /** Those that ended before this one: `cursorOf`. */
  readonly before: string | undefined;
  readonly filters: Readonly<Record<string, string>>;
}

/** By the same code as the `route` command. */
export type ExplainedMessage = Omit<Explained, 'file'>;

/** Where a message would go, were it to come. */
export interface ExplainRequest {
  readonly message: Buffer;
  /** Undefined: by each listener. */
  readonly listener: string | undefined;
  readonly source: string;
  readonly path: string;
  readonly host: string;
}

export interface ReloadReport {
  readonly changed: readonly string[];
  /** Keys of the config that differ from what is in force, and take effect at the next start. */
  readonly atNextStart: readonly string[];
  readonly warnings: readonly string[];
}

export interface RotateReport {
  /** Paths of the files that were opened again. */
  readonly reopened: readonly string[];
}

/** Who asks: the address that the request came from; behind it who has logged in there, or the subject of the client's certificate. */
export type By = string;

export interface TapRequest {
  /** Undefined: of all. */
  readonly listener: string | undefined;
  readonly count: number;
  readonly forMs: number;
  /** Of the lines that are sent. */
  readonly maxBytes: number;
}

/** At once where one process has the answer. */
type Awaitable<T> = T | Promise<T>;

/** Every method throws a GatewayError GW_ERR_ADMIN_… for what cannot be done; its detail says what can. `reason`: in the words of whoever asks. */
export interface Control {
  /** The process does its work. */
  readonly isLive: boolean;
  /**
   * Is the gateway ready for new messages? Of its process alone where `pools` is empty: a pool without an available node is
   * noted, and its messages get `onUnavailable`. With names, each of these must have an available node.
   */
  readiness(pools: readonly string[]): Awaitable<ReadinessReport>;
  status(): Awaitable<StatusReport>;
  nodes(): Awaitable<readonly NodeReport[]>;
  routes(): Awaitable<readonly RouteReport[]>;
  /** Of the cluster; none where it stands alone. */
  members(): Promise<readonly MemberReport[]>;
  senders(): Awaitable<readonly SenderReport[]>;
  overview(): Awaitable<OverviewReport>;
  pulse(): Awaitable<PulseReport>;
  /** The last ones that are over; the newest first. Undefined: the config keeps none. */
  messages(query: MessageQuery): Awaitable<readonly MessageReport[] | undefined>;
  /** Sends and keeps nothing. */
  explain(request: ExplainRequest): readonly ExplainedMessage[];
  /** Lines of server-sent events. */
  events(): Lines;
  readonly spool: SpoolControl;
  certificates(): readonly CertificateInUse[];
  /** YAML, without secrets. */
  effectiveConfig(): string;
  /** Reads the file, and changes nothing. */
  configFile(): ConfigFileReport;
  /** Undefined where the config serves none. */
  metrics(format: MetricsFormat): Promise<string | undefined>;
  drain(pool: string, node: string, by: By, reason?: string): Awaitable<NodeReport>;
  maintenance(pool: string, node: string, by: By, reason?: string): Awaitable<NodeReport>;
  ready(pool: string, node: string, by: By, reason?: string): Awaitable<NodeReport>;
  setWeight(pool: string, node: string, weight: number, by: By, reason?: string): Awaitable<NodeReport>;
  /** `settings`: as in the config file. */
  addNode(pool: string, node: string, settings: unknown, by: By, reason?: string): Awaitable<NodeReport>;
  /** Drains it first: what it has is answered. */
  removeNode(pool: string, node: string, by: By, reason?: string): Awaitable<void>;
  /**
   * Has a time limit of its own.
   *
   * @throws GatewayError GW_ERR_CONFIG or what else makes the new config unusable; then nothing has changed
   */
  reload(by: By, reason?: string): Promise<ReloadReport>;
  /** Files that are written to are opened again, after a rotation. Nothing else is done. */
  rotate(by: By, reason?: string): Awaitable<RotateReport>;
  /** Copies of what passes, patient data and all, until one of its bounds is reached or the client goes. */
  tap(request: TapRequest, by: By): Lines;
}
