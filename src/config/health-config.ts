// What a pool's config says of its nodes' health: how they are asked, when one is left out, how it comes back.
// Plain data, every default filled in; build-health.ts makes it.

export interface HealthConfig {
  readonly check: CheckConfig;
  readonly intervalMs: number;
  /** While the node is down, or on its way up or down. Never longer than `intervalMs`. */
  readonly fastIntervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  /** What a node is before anything is known of it. */
  readonly initial: 'up' | 'down';
}

export type CheckConfig =
  | { readonly type: 'none' }
  /** `port`: undefined: the node's own. `isDefault`: the config names no type, so a node with TLS is asked for a handshake. */
  | { readonly type: 'tcp' | 'tls'; readonly port: number | undefined; readonly isDefault?: boolean }
  | ({ readonly type: 'mllp' } & MllpCheckConfig)
  | ({ readonly type: 'http' } & HttpCheckConfig)
  | ({ readonly type: 'mirth' } & MirthCheckConfig);

export interface MllpCheckConfig {
  readonly port: number | undefined;
  /** Segments end in CR. `{id}` and `{time}` stand for a new control id and the time of each check. */
  readonly message: string;
  /** MSA-1 that is good; `positive` is AA or CA. */
  readonly ack: 'positive' | 'any' | 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';
}

export interface HttpCheckConfig {
  readonly method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
  /** Name and value. */
  readonly headers: readonly (readonly [string, string])[];
  readonly statuses: readonly StatusRange[];
  /** Undefined: any body will do. */
  readonly body: BodyTest | undefined;
  readonly credentials: Credentials | undefined;
}

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** A part that the body must hold, or an RE2 regex (F75) that must match somewhere in it. */
export type BodyTest =
  | { readonly kind: 'part'; readonly text: string }
  | { readonly kind: 'regex'; readonly source: string; readonly flags: string };

export interface MirthCheckConfig {
  readonly credentials: Credentials | undefined;
  /** Name of a channel that must be started. */
  readonly channel: string | undefined;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Leaving a node out for what messages met there. */
export interface EjectionConfig {
  /** For the first time; the nth in a row takes n times as long. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** So many of a pool's nodes may be ejected at the same time; one always stays in use. */
  readonly maxEjected: Portion;
  /** Undefined: a node may answer AE and AR as often as it likes. */
  readonly errors: ErrorRateConfig | undefined;
}

export type Portion = { readonly count: number } | { readonly share: number };

/** More than `share` of at least `answers` answers within `windowMs` are negative. */
export interface ErrorRateConfig {
  readonly share: number;
  readonly windowMs: number;
  readonly answers: number;
}
