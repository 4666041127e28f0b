// What a pool's config says of its nodes' health: how they are asked, when one is left out, how it comes back.
// Plain data, every default filled in; build/health.ts makes it. Keys that say as much as they are have their type from keys/health.ts.
import type { EJECTION_KEYS, HEALTH_KEYS } from './keys/health.ts';
import type { Values } from './keys/key.ts';

type HealthValues = Values<typeof HEALTH_KEYS>;

export type CheckType = HealthValues['type'];

/** The values of the keys that are for this type of check. */
export type KeysOf<Type extends CheckType> = Values<{
  readonly [Name in keyof typeof HEALTH_KEYS as (typeof HEALTH_KEYS)[Name] extends {
    readonly only: readonly (infer Who)[];
  }
    ? Type extends Who
      ? Name
      : never
    : never]: (typeof HEALTH_KEYS)[Name];
}>;

/** `fastIntervalMs` is never longer than `intervalMs`. */
export interface HealthConfig
  extends Pick<HealthValues, 'intervalMs' | 'fastIntervalMs' | 'timeoutMs' | 'rise' | 'fall' | 'initial'> {
  readonly check: CheckConfig;
}

export type CheckConfig = {
  readonly [Type in CheckType]: { readonly type: Type } & CheckOf<Type>;
}[CheckType];

/** Of a type that is not listed here: what its keys say. */
type CheckOf<Type extends CheckType> = Type extends keyof MadeChecks ? MadeChecks[Type] : KeysOf<Type>;

interface MadeChecks {
  /** `isDefault`: the config names no type, so a node with TLS is asked for a handshake. */
  readonly tcp: KeysOf<'tcp'> & { readonly isDefault?: boolean };
  readonly mllp: MllpCheckConfig;
  readonly http: HttpCheckConfig;
  readonly mirth: MirthCheckConfig;
}

export interface MllpCheckConfig extends KeysOf<'mllp'> {
  /** Segments end in CR. `{id}` and `{time}` stand for a new control id and the time of each check. */
  readonly message: string;
}

export interface HttpCheckConfig extends Pick<HealthValues, 'method'> {
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

export interface MirthCheckConfig extends Pick<HealthValues, 'channel'> {
  readonly credentials: Credentials | undefined;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Leaving a node out for what messages met there: for the nth time in a row n times `baseMs`. */
export interface EjectionConfig {
  readonly baseMs: number;
  readonly maxMs: number;
  /** So many of a pool's nodes may be ejected at the same time; one always stays in use. */
  readonly maxEjected: Portion;
  /** Undefined: a node may answer AE and AR as often as it likes. */
  readonly errors: ErrorRateConfig | undefined;
}

export type Portion = { readonly count: number } | { readonly share: number };

/** More than `share` of at least `answers` answers within `windowMs` are negative. */
export type ErrorRateConfig = Values<typeof EJECTION_KEYS>['errors'] & { readonly share: number };
