// The gateway's config as the rest of the code sees it: every default filled in, every unit in the name,
// every cross-reference checked. `load.ts` makes it from YAML; nothing else does.
// What a key of the file says as it is has its type from the tables in keys/; what is made of several keys has it from here.
import type { FieldPath } from '../hl7/field-path.ts';
import type { ParsingConfig } from '../hl7/parsing.ts';
import type { ValidationRules } from '../hl7/whole/validation.ts';
import type { OtlpMetricsConfig } from '../observe/metrics/otlp-config.ts';
import type { TracesOptions } from '../observe/traces/environment.ts';
import type { IdentifierOptions } from '../observe/traces/identifiers.ts';
import type { HostPort, PoolNodeUrl } from './formats.ts';
import type { EjectionConfig, HealthConfig } from './health-config.ts';
import type { ADMIN_KEYS, ADMIN_USER_KEYS, AUDIT_KEYS } from './keys/admin.ts';
import type { CLUSTER_KEYS, MEMBER_KEYS, NATS_KEYS } from './keys/cluster.ts';
import type { Values } from './keys/key.ts';
import type { LISTENER_KEYS } from './keys/listener.ts';
import type { NODE_KEYS, PERSISTENCE_KEYS, POOL_KEYS } from './keys/pool.ts';
import type { REJECT_KEYS, ROUTE_HTTP_KEYS, VALIDATE_KEYS } from './keys/route.ts';
import type { DUPLICATES_KEYS, SPOOL_KEYS } from './keys/spool.ts';
import type { NamedSubject, PlainSubject } from './keys/subjects.ts';
import type { TRACES_KEYS } from './keys/telemetry.ts';
import type { ADMIN_TLS_KEYS, LISTENER_TLS_KEYS, NODE_TLS_KEYS } from './keys/tls.ts';
import type { TOP_KEYS } from './keys/top.ts';

type TopValues = Values<typeof TOP_KEYS>;
type ListenerValues = Values<typeof LISTENER_KEYS>;
type PoolValues = Values<typeof POOL_KEYS>;

/** Codes a refusal may carry. AA and CA are not here on purpose: only a node says those, and a spool that has stored the message. */
export type NegativeCode = Values<typeof VALIDATE_KEYS>['code'];
/** What a sender gets instead of a node's answer: a negative acknowledgement, or its connection closed. */
export type RefusalChoice = ListenerValues['onUnavailable'];

export interface GatewayConfig {
  /** Absolute path of the file it came from; undefined for a config made in memory. */
  readonly file: string | undefined;
  readonly listeners: readonly ListenerConfig[];
  readonly pools: readonly PoolConfig[];
  /** In file order: the first match wins. */
  readonly routes: readonly RouteConfig[];
  readonly parsing: ParsingConfig;
  readonly log: LogConfig;
  readonly metrics: MetricsConfig;
  /** How logs and traces show identifiers. */
  readonly identifiers: IdentifierOptions;
  /** Undefined: none are made. */
  readonly traces: TracesConfig | undefined;
  /** Where what an operator decided is kept, and the sticky tables. Undefined: in memory. Absolute path. */
  readonly state: { readonly file: string } | undefined;
  readonly shutdown: TopValues['shutdown'];
  /** Processes that carry messages; 1: this one. */
  readonly workers: TopValues['workers'];
  /** The config file is watched, and taken up when it changes. */
  readonly watchConfig: boolean;
  /** Total bytes of messages held in memory above which listeners stop reading. */
  readonly maxBufferedBytes: number;
  /** Certificate and key files are watched, and taken up when they change. */
  readonly watchCertificates: boolean;
  /** Undefined: no admin API. */
  readonly admin: AdminConfig | undefined;
  /** Undefined: no audit trail. */
  readonly audit: AuditConfig | undefined;
  /** Undefined: it stands alone. */
  readonly cluster: ClusterConfig | undefined;
}

export interface ClusterConfig extends Omit<Values<typeof CLUSTER_KEYS>, 'interface'> {
  /** Where members hear each other. */
  readonly interface: string;
  /** Absolute path. */
  readonly track: string;
  readonly members: readonly MemberConfig[];
  /** Not empty. */
  readonly vips: readonly VipConfig[];
  readonly tls: NodeTlsConfig;
  /** What members share; undefined: nothing. */
  readonly state: SharedStateConfig | undefined;
}

/** In NATS. */
export interface SharedStateConfig extends Values<typeof NATS_KEYS> {
  /** Not empty. */
  readonly servers: readonly string[];
  /** Undefined: as the server wants it, with the system's own roots. */
  readonly tls: NodeTlsConfig | undefined;
}

export interface MemberConfig extends Values<typeof MEMBER_KEYS> {
  readonly name: string;
}

export interface VipConfig {
  /** Without its prefix, as the kernel writes it. */
  readonly address: string;
  readonly prefix: number;
  readonly interface: string;
}

export interface AdminConfig extends Values<typeof ADMIN_KEYS> {
  readonly bind: HostPort;
  readonly tls: ListenerTlsConfig | undefined;
  /** By name. */
  readonly users: ReadonlyMap<string, AdminUser>;
  /** Lower case, without a port. */
  readonly hosts: readonly string[];
}

export interface AdminUser extends Values<typeof ADMIN_USER_KEYS> {
  /** Its scrypt hash. */
  readonly password: string;
}

/** At least one of `file` and `syslog` is there. */
export interface AuditConfig extends Omit<Values<typeof AUDIT_KEYS>, 'file' | 'syslog' | 'spool'> {
  /** Absolute path; it need not be there. */
  readonly file: string | undefined;
  readonly syslog: (HostPort & { readonly tls: NodeTlsConfig }) | undefined;
  /** Where records for the repository wait; undefined: in memory. */
  readonly spool: { readonly folder: string; readonly maxBytes: number } | undefined;
}

export interface MetricsConfig {
  /** Served by the admin API. */
  readonly prometheus: boolean;
  /** Undefined: not pushed. */
  readonly otlp: OtlpMetricsConfig | undefined;
}

export interface TracesConfig extends TracesOptions, Pick<Values<typeof TRACES_KEYS>, 'nodes' | 'ui'> {
  /** One that holds is enough for a message to be recorded. */
  readonly always: readonly Condition[];
  /** Whose first field holds the trace context of a message that comes by MLLP (`traceparent`), and its second `tracestate`. */
  readonly segment: string | undefined;
}

export type LogConfig = TopValues['telemetry']['log'];

export interface ListenerConfig extends ListenerValues {
  readonly name: string;
  readonly bind: HostPort;
  /** While the config is read: one listener is made for each. */
  readonly binds?: readonly NamedBind[] | undefined;
  readonly tls: ListenerTlsConfig | undefined;
  /**
   * Which sender may speak for whom: a message is taken only if all conditions of one of these rules hold. Undefined:
   * every sender for everybody.
   */
  readonly allow: readonly AllowRule[] | undefined;
  /** CIDR ranges: peers whose word on who is behind them is taken. */
  readonly trustedProxies: readonly string[];
  /** Another process may listen on the same address (SO_REUSEPORT), to take it over. */
  readonly reusePort: boolean;
  /** For protocol http; filled in with defaults for every listener. */
  readonly http: HttpListenerConfig;
}

/** One of several places where a listener of the file listens, and what the listener there is called. */
export interface NamedBind extends HostPort {
  readonly name: string;
}

/** Content codings of a message's body (RFC 9110 8.4) that can be undone. */
export const CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;
export type Coding = (typeof CODINGS)[number];

/** F122: what becomes of a path that nodes are known to read otherwise than route rules do. */
export type PathPolicy = ListenerValues['http']['path'];

export type HttpListenerConfig = ListenerValues['http'] & {
  /** Basic authentication for HL7 over HTTP: user name to scrypt hash. Empty: none. */
  readonly users: ReadonlyMap<string, string>;
  /** Content codings of messages that are undone. */
  readonly codings: readonly Coding[];
};

/** At least one condition on the TLS identity or the source, and those on what it may send. */
export type AllowRule = readonly Condition[];

/** A certificate (with its chain) and its key. Paths are absolute; files are read when the gateway starts and on reload. */
export type KeyPairFiles =
  | {
      readonly kind: 'pem';
      readonly certFile: string;
      readonly keyFile: string;
      /** Of the key, where it is encrypted. */
      readonly passphrase: string | undefined;
    }
  | { readonly kind: 'p12'; readonly file: string; readonly passphrase: string | undefined };

export interface ListenerTlsConfig
  extends Omit<Values<typeof LISTENER_TLS_KEYS> & Values<typeof ADMIN_TLS_KEYS>, 'passphrase'> {
  /** The server name that a sender asks for (SNI) picks among them; the first is for those who ask for none. */
  readonly keyPairs: readonly KeyPairFiles[];
  /** For the key exchange, the best first, by OpenSSL's names. Empty: OpenSSL's own. */
  readonly groups: readonly string[];
  /** Not empty: senders are asked for a certificate. */
  readonly clientCaFiles: readonly string[];
  /** Certificate revocation lists of the client CAs. */
  readonly crlFiles: readonly string[];
}

export interface NodeTlsConfig extends Omit<Values<typeof NODE_TLS_KEYS>, 'passphrase'> {
  /** Empty: the system's own roots. */
  readonly caFiles: readonly string[];
  /** The gateway's own certificate, where the node asks for one. */
  readonly keyPair: KeyPairFiles | undefined;
  readonly crlFiles: readonly string[];
  /** SHA-256 fingerprints, upper-case hex with colons. Not empty: the node's certificate must be one of them. */
  readonly pins: readonly string[];
}

/** Where nodes of a pool are found while the gateway runs. */
export interface DiscoverConfig {
  readonly kind: 'dns' | 'srv' | 'file';
  /** Of `file`: its absolute path. */
  readonly name: string;
  /** Of `dns`. */
  readonly port: number;
  /** What each node is, but for where. */
  readonly template: NodeConfig;
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  readonly max: number;
  /** Addresses of name servers; empty: the machine's own. */
  readonly servers: readonly string[];
}

export interface NodeConfig extends Omit<Values<typeof NODE_KEYS>, 'healthUrl'>, HostPort {
  readonly name: string;
  readonly url: string;
  readonly protocol: PoolNodeUrl['protocol'];
  /** While the config is read: `port` is so far from the port that the sender came to. */
  readonly portOffset?: number | undefined;
  /** Of an HTTP URL: where HL7 messages are posted. `/` where the URL has none. */
  readonly path: string;
  /** Present exactly when `protocol` is mllps, https or tls. */
  readonly tls: NodeTlsConfig | undefined;
  /** Connections for messages come from the clients' addresses; `source` is undefined then. */
  readonly isFromClients: boolean;
  /** Where health checks of type http and mirth ask; undefined for the other types. */
  readonly checkUrl: string | undefined;
}

export interface PoolConfig extends Omit<PoolValues, 'connections' | 'health' | 'ejection'> {
  readonly name: string;
  /** Of all its nodes. */
  readonly protocol: 'mllp' | 'http' | 'tcp';
  readonly nodes: readonly NodeConfig[];
  /** Undefined: there are no others. */
  readonly discover: DiscoverConfig | undefined;
  readonly persistence: PersistenceConfig | undefined;
  readonly connections: Omit<PoolValues['connections'], 'max' | 'idleMs' | 'reuse' | 'perClient'> & {
    /** Per node. */
    readonly max: number;
    /** 0: never, which is only for TCP. */
    readonly idleMs: number;
    /** Undefined: as many as the node lets a connection carry. */
    readonly reuse: number | undefined;
    /** Of one client address, where each connection is of one. */
    readonly perClient: { readonly max: number; readonly idleMs: number };
  };
  readonly health: HealthConfig;
  /** TLS of health checks; undefined: the node's own where they ask the node's own port, else the system's roots. */
  readonly checkTls: NodeTlsConfig | undefined;
  readonly ejection: EjectionConfig;
  /** Undefined: nothing is stored. */
  readonly spool: SpoolConfig | undefined;
  /** Undefined: what comes again is sent again. */
  readonly duplicates: DuplicatesConfig | undefined;
}

export interface DuplicatesConfig extends Values<typeof DUPLICATES_KEYS> {
  /** Fields of MSH. */
  readonly by: readonly Subject[];
}

export interface SpoolConfig extends Values<typeof SPOOL_KEYS> {
  readonly store: SpoolStoreConfig;
}

export interface SpoolStoreConfig {
  /** Absolute path of a folder; it need not be there. */
  readonly path: string;
  readonly maxBytes: number;
  /** Absolute path. Undefined: not encrypted. */
  readonly keyFile: string | undefined;
}

export interface PersistenceConfig extends Values<typeof PERSISTENCE_KEYS> {
  /** The sticky key is the list of these values. Empty only where there is a `cookie`. */
  readonly by: readonly Subject[];
}

export interface RouteConfig {
  readonly name: string;
  /** All must hold; an empty list matches everything. */
  readonly when: readonly Condition[];
  readonly action:
    | {
        readonly kind: 'pool';
        readonly pool: string;
        /** By the listener's name: the pool of its port, where nodes go by the port that the sender came to. */
        readonly poolOf?: Readonly<Record<string, string>>;
      }
    | {
        readonly kind: 'reject';
        readonly code: Values<typeof REJECT_KEYS>['code'];
        readonly text: string;
        /** HL7 table 0357, for ERR-3. */
        readonly condition: number;
      };
  /** What it does to requests and responses over HTTP. */
  readonly http: HttpRouteConfig | undefined;
  /** What a message must be to go to the pool, and the answer to one that is not. */
  readonly validate: { readonly code: NegativeCode; readonly rules: ValidationRules } | undefined;
}

export interface HttpRouteConfig extends Pick<Values<typeof ROUTE_HTTP_KEYS>, 'hl7' | 'timeoutMs'> {
  /** RE2 on the normalised path without its query; `$1` in `to` is a group. */
  readonly rewrite: { readonly source: string; readonly flags: string; readonly to: string } | undefined;
  readonly request: HeaderRules;
  readonly response: HeaderRules;
}

/** First what is removed, then what is set, then what is added. Names in lower case; values may hold `HEADER_VARIABLES`. */
export interface HeaderRules {
  readonly remove: readonly string[];
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
}

export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** What stands in header values as `${client.address}` and so on. */
export const HEADER_VARIABLES = ['client.address', 'tls.subject', 'request.id', 'node'] as const;

/** Left side of a condition, part of a sticky key: something that can be read off a message or its connection. */
export type Subject =
  | { readonly kind: 'field'; readonly path: FieldPath }
  | { readonly kind: PlainSubject }
  /** `name` of a header in lower case. */
  | { readonly kind: NamedSubject; readonly name: string };

/** Right side of a condition. */
export type ValueTest =
  | { readonly kind: 'equals'; readonly value: string }
  | { readonly kind: 'any'; readonly tests: readonly ValueTest[] }
  | { readonly kind: 'not'; readonly test: ValueTest }
  | { readonly kind: 'exists'; readonly exists: boolean }
  /** RE2 syntax, linear time (F75); `flags` of `i`, `m`, `s`. Matches anywhere in the value. */
  | { readonly kind: 'regex'; readonly source: string; readonly flags: string }
  /** For `source` only; `10.1.0.0/16`, `fd00::/8`, or one address. */
  | { readonly kind: 'cidr'; readonly range: string };

export interface Condition {
  readonly subject: Subject;
  /** The left side as it was written, for `route` and the docs. */
  readonly text: string;
  readonly test: ValueTest;
}

/** Where a route leads what comes by this listener. */
export function poolAtListener(
  action: Extract<RouteConfig['action'], { kind: 'pool' }>,
  listener: string,
): string {
  const { pool, poolOf } = action;
  // A listener may be called `constructor`.
  return poolOf !== undefined && Object.hasOwn(poolOf, listener) ? (poolOf[listener] ?? pool) : pool;
}
