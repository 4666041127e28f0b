// What goes between the main thread and the store's. Bytes of all requests of a packet are in one buffer, which is handed over and not
// copied.
import type { StoredChange, StoredFilter, StoreFailure } from '../spool-store.ts';
import type { AnswerFields } from './answer-table.ts';
import type { SpaceLimits } from './disk-space.ts';
import type { PutRow } from './message-table.ts';
import type { PoolUsageReport } from './store-counters.ts';
import type { StoreState } from './store-options.ts';

/** What the thread begins with. */
export interface StoreThreadOptions extends SpaceLimits {
  readonly path: string;
  readonly keepMs: Readonly<Record<string, number>>;
  readonly keys: readonly Uint8Array[];
  readonly waitMs: number;
}

export type StoreRequest =
  /** `at` and `end`: of the packed message, with room for its seal. */
  | { readonly op: 'put'; readonly row: PutRow; at: number; end: number }
  | { readonly op: 'change'; readonly id: number; readonly change: StoredChange }
  | { readonly op: 'heads'; readonly pool: string; readonly afterId: number; readonly limit: number }
  | { readonly op: 'next'; readonly pool: string; readonly orderingKey: string; readonly afterId: number }
  | { readonly op: 'content'; readonly id: number }
  | { readonly op: 'recall'; readonly pool: string; readonly key: string }
  /** `at` and `end`: of the answer, with room for its seal. */
  | { readonly op: 'remember'; readonly row: AnswerFields; at: number; end: number }
  /** The first `limit` ordering keys from `first` on. */
  | { readonly op: 'keys'; readonly pool: string; readonly first: string; readonly limit: number }
  /** A stretch of it: see ListStretch. */
  | { readonly op: 'list'; readonly filter: StoredFilter; readonly afterId: number; readonly limit: number };

export interface NumberedRequest {
  readonly n: number;
  readonly request: StoreRequest;
}

export type ToThread =
  | { readonly kind: 'requests'; readonly requests: readonly NumberedRequest[]; readonly bytes: ArrayBuffer }
  | { readonly kind: 'limits'; readonly maxBytes: number; readonly keepMs: Readonly<Record<string, number>> }
  | { readonly kind: 'close' };

export type StoreResult =
  | { readonly n: number; readonly value: unknown }
  | { readonly n: number; readonly failure: StoreFailure; readonly detail: string | undefined };

export type FromThread =
  | {
      readonly kind: 'results';
      readonly results: readonly StoreResult[];
      readonly pools: readonly PoolUsageReport[];
      readonly bytes: number;
    }
  | { readonly kind: 'state'; readonly state: StoreState }
  /** All of it: it was opened. */
  | { readonly kind: 'usage'; readonly pools: readonly PoolUsageReport[]; readonly bytes: number }
  | { readonly kind: 'closed' };
