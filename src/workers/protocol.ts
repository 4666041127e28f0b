// What the main process and its workers say to each other. Plain data: what a structured clone takes.

import type { MessageQuery } from '../admin/control.ts';
import type { GatewayConfig, NodeConfig } from '../config/config.ts';
import type { AuditEvent } from '../observe/audit/audit-message.ts';
import type { FoundNode } from '../pools/found-nodes.ts';
import type { NodeDecision } from '../state/decisions.ts';
import type { AnswerReport, FailureReport, HealthVerdict } from '../upstream/health/mirrored-health.ts';
import type { UpstreamLoad } from '../upstream/upstream.ts';

/** Names a node over all processes. */
export interface NodeName {
  readonly pool: string;
  readonly node: string;
}

export interface NodeVerdict extends NodeName {
  readonly verdict: HealthVerdict;
}

/** What operators have decided of one pool, all of it. */
export interface PoolOverride {
  readonly pool: string;
  readonly added: ReadonlyMap<string, NodeConfig>;
  readonly removed: ReadonlySet<string>;
  readonly weights: ReadonlyMap<string, number>;
  /** What was discovered. */
  readonly found: readonly FoundNode[];
  /** Those that are not ready. */
  readonly states: ReadonlyMap<string, NodeDecision>;
}

/** What a worker begins with. */
export interface StartOrder {
  readonly kind: 'start';
  /** From 1. */
  readonly worker: number;
  readonly config: GatewayConfig;
  /** Of the listeners, as bound. */
  readonly ports: ReadonlyMap<string, number>;
  readonly verdicts: readonly NodeVerdict[];
  readonly overrides: readonly PoolOverride[];
  readonly audit: AuditWishes;
  readonly secrets: WorkerSecrets;
}

export interface AuditWishes {
  readonly isOn: boolean;
  readonly takesRefusals: boolean;
}

/** Of one gateway, whatever process: what is hashed or sealed by one is the same by all. */
export interface WorkerSecrets {
  readonly identifiers: Uint8Array;
  readonly tickets: Uint8Array;
}

export type ToWorker =
  | StartOrder
  /** With a socket. */
  | { readonly kind: 'connection'; readonly id: number; readonly listener: string }
  | { readonly kind: 'verdict'; readonly verdict: NodeVerdict }
  | { readonly kind: 'grant' | 'expect'; readonly key: string; readonly places: number }
  | { readonly kind: 'recall'; readonly key: string; readonly mayBeBusy: boolean }
  /** Messages of this sticky key are its to send; `node`: which a table has for it. */
  | { readonly kind: 'key'; readonly pool: string; readonly key: string; readonly node: string | undefined }
  /** Another worker has messages of it. */
  | { readonly kind: 'recall key'; readonly pool: string; readonly key: string }
  /** Those on disk are to be taken up. */
  | { readonly kind: 'certificates' }
  /** A reload is over. */
  | { readonly kind: 'settled'; readonly ports: ReadonlyMap<string, number>; readonly audit: AuditWishes }
  /** Takes no new connection, answers what it has, and ends. */
  | { readonly kind: 'drain' };

/** What the main process asks a worker. */
export type WorkerRequest =
  | { readonly ask: 'alive' }
  | { readonly ask: 'override'; readonly overrides: readonly PoolOverride[] }
  /** Answered when all is ready to go by it. */
  | { readonly ask: 'prepare'; readonly config: GatewayConfig }
  /** Answered when it goes by the new config, or by the old one again. */
  | { readonly ask: 'commit' | 'roll back' }
  /** Answered by whether it has no message with the node that is on trial, and sends it none from now on. */
  | ({ readonly ask: 'yield trial' } & NodeName)
  | { readonly ask: 'metrics' | 'nodes' | 'routes' | 'figures' | 'history' }
  | { readonly ask: 'messages'; readonly query: MessageQuery }
  | { readonly ask: 'senders'; readonly most: number };

export interface NodeFigures extends NodeName {
  readonly load: UpstreamLoad;
  readonly answers: AnswerReport;
}

export type FromWorker =
  | { readonly kind: 'started' }
  /** Connections. */
  | { readonly kind: 'ended'; readonly ids: readonly number[] }
  | {
      readonly kind: 'figures';
      readonly nodes: readonly NodeFigures[];
      /** Places for connections that could be given back, by their limit's key. */
      readonly spare: ReadonlyMap<string, number>;
    }
  | ({
      readonly kind: 'outcome';
      readonly answers: AnswerReport;
      readonly failure: FailureReport | undefined;
    } & NodeName)
  | { readonly kind: 'ask'; readonly key: string; readonly wanted: number; readonly most: number }
  | { readonly kind: 'release'; readonly key: string; readonly places: number }
  | { readonly kind: 'give up' | 'refuse'; readonly key: string }
  | { readonly kind: 'ask key' | 'give up key'; readonly pool: string; readonly key: string }
  /** A table has given a sender this node. */
  | { readonly kind: 'bound'; readonly pool: string; readonly key: string; readonly node: string }
  /** Senders that have had messages. */
  | { readonly kind: 'used'; readonly pool: string; readonly keys: readonly string[] }
  | { readonly kind: 'record'; readonly event: AuditEvent };

/** Of one worker, beside what metrics say. */
export interface WorkerFigures {
  readonly bufferedBytes: number;
  readonly queued: ReadonlyMap<string, number>;
  readonly parsingError: string | undefined;
}

export function nodeKey({ pool, node }: NodeName): string {
  return `${pool}/${node}`;
}
