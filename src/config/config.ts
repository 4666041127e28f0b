// The gateway's config as the rest of the code sees it: every default filled in, every unit in the name,
// every cross-reference checked. `load.ts` makes it from YAML; nothing else does.
import type { FieldPath } from '../hl7/field-path.ts';
import type { ParsingConfig } from '../hl7/parsing.ts';
import type { ValidationRules } from '../hl7/whole/validation.ts';
import type { OtlpMetricsConfig } from '../observe/metrics/otlp-config.ts';
import type { TracesOptions } from '../observe/traces/environment.ts';
import type { IdentifierOptions } from '../observe/traces/identifiers.ts';
import type { EjectionConfig, HealthConfig } from './health-config.ts';

/** Codes a gateway-made answer may carry. AA and CA are not here on purpose: only a node says those. */
export type NegativeCode = 'AE' | 'AR' | 'CE' | 'CR';
/** What a sender gets instead of a node's answer: a negative acknowledgement, or its connection closed. */
export type RefusalChoice = NegativeCode | 'close';

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
  readonly shutdown: { readonly timeoutMs: number };
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
}

export interface AdminConfig {
  readonly bind: { readonly host: string; readonly port: number };
  /** A secret. Undefined: nobody has it, and only what needs none is answered. */
  readonly token: string | undefined;
  readonly tls: ListenerTlsConfig | undefined;
  /** May listen without TLS where other machines reach it. */
  readonly insecure: boolean;
  /** Whoever has the token may have copies of messages. */
  readonly tap: boolean;
}

/** At least one of `file` and `syslog` is there. */
export interface AuditConfig {
  /** Absolute path; it need not be there. */
  readonly file: string | undefined;
  /** An IHE ATNA repository: syslog over TLS (RFC 5425). */
  readonly syslog: { readonly host: string; readonly port: number; readonly tls: NodeTlsConfig } | undefined;
  /** Where records for the repository wait; undefined: in memory. */
  readonly spool: { readonly folder: string; readonly maxBytes: number } | undefined;
  /** Records that may wait in memory for each of the two; more are dropped. */
  readonly queue: number;
  /** AuditSourceID; undefined: the name of the machine. */
  readonly sourceId: string | undefined;
  /** AuditEnterpriseSiteID. */
  readonly siteId: string | undefined;
  /** Messages that the gateway refuses are recorded as well. */
  readonly refusedMessages: boolean;
}

export interface MetricsConfig {
  /** Served by the admin API. */
  readonly prometheus: boolean;
  /** Undefined: not pushed. */
  readonly otlp: OtlpMetricsConfig | undefined;
}

export interface TracesConfig extends TracesOptions {
  /** Senders and nodes: attributes of the gateway's spans, or services with spans of their own. */
  readonly nodes: 'attributes' | 'services';
  /** One that holds is enough for a message to be recorded. */
  readonly always: readonly Condition[];
  /** Whose first field holds the trace context of a message that comes by MLLP (`traceparent`), and its second `tracestate`. */
  readonly segment: string | undefined;
}

export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly format: 'auto' | 'json' | 'ecs' | 'text' | 'pretty';
  /** One line per message at info. */
  readonly messages: boolean;
}

export interface ListenerConfig {
  readonly name: string;
  readonly protocol: 'mllp' | 'http';
  readonly bind: { readonly host: string; readonly port: number };
  readonly tls: ListenerTlsConfig | undefined;
  readonly limits: ListenerLimits;
  readonly framing: {
    /** F11: `1C` not followed by `0D` is content, or refuses the frame. */
    readonly strayEndByte: 'content' | 'refuse';
    /** F13: a frame that ends in `1C` alone is refused, or accepted. */
    readonly missingCr: 'refuse' | 'accept';
  };
  /**
   * F24: several MSH (or FHS/BHS) in one frame: passed on whole by the first header, refused, or each message routed by
   * itself and the answers gathered into one.
   */
  readonly batch: 'whole' | 'refuse' | 'split';
  /** F18: a message in UTF-16, which MLLP carries at its own risk, goes through bit for bit, or is refused. */
  readonly utf16: 'forward' | 'refuse';
  /** F21: a message without MSH-10. */
  readonly missingControlId: 'refuse' | 'forward';
  readonly onUnavailable: RefusalChoice;
  readonly onRejected: RefusalChoice;
  /**
   * Which sender may speak for whom: a message is taken only if all conditions of one of these rules hold. Undefined:
   * every sender for everybody.
   */
  readonly allow: readonly AllowRule[] | undefined;
  /** CIDR ranges: peers whose word on who is behind them is taken. */
  readonly trustedProxies: readonly string[];
  /** Another process may listen on the same address (SO_REUSEPORT), to take it over. */
  readonly reusePort: boolean;
  /** Every connection begins with a PROXY protocol header; only `trustedProxies` may connect. */
  readonly proxyProtocol: boolean;
  /** For protocol http; filled in with defaults for every listener. */
  readonly http: HttpListenerConfig;
}

/** Content codings of a message's body (RFC 9110 8.4) that can be undone. */
export const CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;
export type Coding = (typeof CODINGS)[number];

/** F122: what becomes of a path that nodes are known to read otherwise than route rules do. */
export interface PathPolicy {
  /** `%2F` and `%5C`. */
  readonly encodedSlash: 'refuse' | 'forward' | 'decode';
  /** `;` and what follows in a segment. */
  readonly parameters: 'refuse' | 'forward' | 'remove';
  /** Encoded white space at either end of a segment. */
  readonly blanks: 'refuse' | 'forward' | 'remove';
  /** Dots at the end of a segment that is not all dots. */
  readonly trailingDots: 'refuse' | 'forward' | 'remove';
}

export interface HttpListenerConfig {
  /** From a request's first byte to the end of its headers (F69). */
  readonly headersTimeoutMs: number;
  /** Silence within a request's body. A client that does not read its response: `limits.writeTimeoutMs`. */
  readonly bodyTimeoutMs: number;
  /** Between two requests of one connection. */
  readonly keepAliveMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** HTTP/2 by ALPN; over TLS only. */
  readonly http2: boolean;
  readonly path: PathPolicy;
  /** Basic authentication for HL7 over HTTP: user name to scrypt hash. Empty: none. */
  readonly users: ReadonlyMap<string, string>;
  readonly realm: string;
  /** Content codings of messages that are undone. */
  readonly codings: readonly Coding[];
}

/** At least one condition on the TLS identity or the source, and those on what it may send. */
export type AllowRule = readonly Condition[];

export interface ListenerLimits {
  readonly maxConnections: number;
  /** Of one source address, or IPv6 /64 network; undefined: as many as there may be at all. */
  readonly maxConnectionsPerSource: number | undefined;
  readonly maxFrameBytes: number;
  /** From a frame's first byte to its last. */
  readonly frameTimeoutMs: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  /** A sender that does not read its answers is closed after this long. */
  readonly writeTimeoutMs: number;
  /** Messages of one connection that may wait for their answers before the gateway stops reading it. */
  readonly maxPending: number;
  /** F5, F6: bytes that are no frame, in a row, before the connection is closed. */
  readonly maxJunkBytes: number;
  /** Messages of one frame, where `batch` is `split`. */
  readonly maxBatch: number;
}

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

export interface ListenerTlsConfig {
  /** The server name that a sender asks for (SNI) picks among them; the first is for those who ask for none. */
  readonly keyPairs: readonly KeyPairFiles[];
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** For the key exchange, the best first, by OpenSSL's names. Empty: OpenSSL's own. */
  readonly groups: readonly string[];
  /** Not empty: senders are asked for a certificate. */
  readonly clientCaFiles: readonly string[];
  /** A sender without a good certificate is refused; otherwise it is taken, without an identity. */
  readonly requireClientCert: boolean;
  /** Certificate revocation lists of the client CAs. */
  readonly crlFiles: readonly string[];
  readonly handshakeTimeoutMs: number;
  /** Handshakes of this listener in progress at the same time; more are refused. */
  readonly maxHandshakes: number;
}

export interface NodeTlsConfig {
  /** Empty: the system's own roots. */
  readonly caFiles: readonly string[];
  /** The gateway's own certificate, where the node asks for one. */
  readonly keyPair: KeyPairFiles | undefined;
  /** Name that is asked for and checked instead of the URL's host. */
  readonly servername: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly crlFiles: readonly string[];
  /** SHA-256 fingerprints, upper-case hex with colons. Not empty: the node's certificate must be one of them. */
  readonly pins: readonly string[];
  /** No certificate check at all, but for `pins`; warned about at start. */
  readonly insecure: boolean;
}

export interface NodeConfig {
  readonly name: string;
  readonly url: string;
  readonly protocol: 'mllp' | 'mllps' | 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** Of an HTTP URL: where HL7 messages are posted. `/` where the URL has none. */
  readonly path: string;
  /** 0 to 256; 0 takes no message that is not already bound to the node. */
  readonly weight: number;
  readonly backup: boolean;
  /** Present exactly when `protocol` is mllps or https. */
  readonly tls: NodeTlsConfig | undefined;
  /** Where health checks of type http and mirth ask; undefined for the other types. */
  readonly checkUrl: string | undefined;
}

export interface PoolConfig {
  readonly name: string;
  /** Of all its nodes. */
  readonly protocol: 'mllp' | 'http';
  readonly nodes: readonly NodeConfig[];
  readonly balance: 'round-robin' | 'least-in-flight' | 'hash';
  readonly persistence: PersistenceConfig | undefined;
  readonly ordering: 'connection' | 'key';
  readonly connections: {
    /** Per node. */
    readonly max: number;
    /** MLLP: `max` is for all nodes of the same address together, in all pools that say so (F101). */
    readonly shared: boolean;
    /** MLLP: messages that may wait for their ACKs on one connection. */
    readonly pipelining: number;
    readonly idleMs: number;
    /** How long a fresh connection is watched for a node that accepts and closes (F32) before it is written to. */
    readonly settleMs: number;
    /** MLLP: may a connection carry a message whose control id one of the last messages on it had? */
    readonly repeatedIds: 'auto' | 'redial' | 'reuse';
    /** How an answer's MSA-2 is compared with MSH-10. */
    readonly match: 'lenient' | 'strict' | 'position';
    /** Messages that a connection carries before it is ended; undefined: as many as the node lets it. */
    readonly reuse: number | undefined;
  };
  readonly queue: { readonly max: number; readonly timeoutMs: number };
  readonly timeouts: {
    readonly connectMs: number;
    readonly ackMs: number;
    /** MLLP: how long a connection is kept for an application acknowledgement that is to come behind a commit (F89). */
    readonly applicationMs: number;
    /** MLLP: how long a node may say nothing where that means success (F90). */
    readonly silenceMs: number;
  };
  readonly retry: {
    /** How often one message may be written to a node, in all. */
    readonly attempts: number;
    /** After this long since its receipt no new attempt of a message begins. */
    readonly budgetMs: number;
    readonly onAmbiguous: 'fail' | 'same-node' | 'other-node';
  };
  readonly health: HealthConfig;
  /** TLS of health checks; undefined: the node's own where they ask the node's own port, else the system's roots. */
  readonly checkTls: NodeTlsConfig | undefined;
  readonly ejection: EjectionConfig;
  /** How long a node that comes back takes to grow to its full weight; 0: none. */
  readonly slowStartMs: number;
  /** F42: which messages the node answers: all, what MSH-15/16 ask for, or none. */
  readonly acknowledgement: 'always' | 'by-header' | 'never';
  /** Of HL7 messages that are posted to HTTP nodes. */
  readonly contentType: string;
  /** Of the same: as they came, or in UTF-8 with an MSH-18 that says so. */
  readonly charset: 'keep' | 'utf-8';
}

export interface PersistenceConfig {
  /** Name of the gateway's own cookie, for requests that are no HL7 messages; it goes before `by`. */
  readonly cookie: string | undefined;
  /** The sticky key is the list of these values. Empty only where there is a `cookie`. */
  readonly by: readonly Subject[];
  readonly mode: 'hash' | 'table';
  readonly idleMs: number;
  readonly maxSenders: number;
}

export interface RouteConfig {
  readonly name: string;
  /** All must hold; an empty list matches everything. */
  readonly when: readonly Condition[];
  readonly action:
    | { readonly kind: 'pool'; readonly pool: string }
    | {
        readonly kind: 'reject';
        readonly code: NegativeCode;
        readonly text: string;
        /** HL7 table 0357, for ERR-3. */
        readonly condition: number;
      };
  /** What it does to requests and responses over HTTP. */
  readonly http: HttpRouteConfig | undefined;
  /** What a message must be to go to the pool, and the answer to one that is not. */
  readonly validate: { readonly code: NegativeCode; readonly rules: ValidationRules } | undefined;
}

export interface HttpRouteConfig {
  /** A POST is an HL7 message whatever its content type says. */
  readonly hl7: boolean;
  /** RE2 on the normalised path without its query; `$1` in `to` is a group. */
  readonly rewrite: { readonly source: string; readonly flags: string; readonly to: string } | undefined;
  readonly request: HeaderRules;
  readonly response: HeaderRules;
  /** Instead of the pool's `timeouts.ack`. */
  readonly timeoutMs: number | undefined;
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
  | { readonly kind: 'listener' | 'source' | 'tls.subject' | 'tls.san' | 'tls.fingerprint' }
  /** Of an HTTP request. `host` is in lower case and without its port, `path` normalised and without its query. */
  | { readonly kind: 'method' | 'host' | 'path' }
  /** `name` of a header in lower case. */
  | { readonly kind: 'header' | 'cookie'; readonly name: string };

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
