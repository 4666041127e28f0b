// Joins the gateway to what the members of its cluster share. This file, and NATS's client with it, is loaded only where the config
// asks for that.
import { isDeepStrictEqual } from 'node:util';
import type { GatewayControl } from '../../admin/gateway-control.ts';
import type { ClusterConfig, GatewayConfig, SharedStateConfig } from '../../config/config.ts';
import type { Gateway } from '../../gateway.ts';
import type { Log } from '../../observe/log/log.ts';
import { natsConnect } from '../../state/shared/nats-store.ts';
import type { SenderTable } from '../../state/shared/shared-senders.ts';
import { SharedState } from '../../state/shared/shared-state.ts';
import { byOf } from '../../state/state-keeper.ts';

export interface JoinedState {
  /** Resolves when the decisions of others are in force, if NATS is there; soon in any case. */
  start(): Promise<void>;
  reconfigure(config: GatewayConfig): void;
  stop(): Promise<void>;
}

/** So long a start waits for what others have decided: a node in maintenance is to get no message. */
const FIRST_MS = 1_000;

export function joinSharedState(
  { name, member, state }: ClusterConfig & { readonly state: SharedStateConfig },
  gateway: Gateway,
  control: GatewayControl,
  log: Log,
): JoinedState {
  let inForce = state;
  const connect = () => natsConnect(inForce, `hl7-gateway ${name} ${member}`);
  const shared = control.share(
    (target, onApplied) =>
      new SharedState({
        connect: connect(),
        bucket: state.bucket,
        member,
        log,
        target,
        onApplied,
        senders: {
          hashKey: state.hashKey ?? `hl7-gateway ${name} ${state.bucket}`,
          pools: () => gateway.pools.runtimes.keys(),
          tableOf: (pool) => tableOf(gateway, pool),
        },
        idleMs: () => longestIdleMs(gateway.config),
      }),
  );
  return {
    start: () => {
      gateway.pools.shareSenders(shared.senders);
      shared.start();
      return shared.settled(FIRST_MS);
    },
    reconfigure: ({ cluster }) => {
      if (cluster?.state === undefined || isDeepStrictEqual(cluster.state, inForce)) return;
      inForce = cluster.state;
      shared.reconnect(connect());
    },
    stop: () => shared.stop(),
  };
}

function tableOf(gateway: Gateway, pool: string): SenderTable | undefined {
  const runtime = gateway.pools.runtimes.get(pool);
  const table = runtime?.senders;
  const persistence = runtime?.config.persistence;
  if (runtime === undefined || table === undefined || persistence?.mode !== 'table') return undefined;
  const nodes = new Set(runtime.nodes.map((node) => node.name));
  return { table, by: byOf(persistence), idleMs: persistence.idleMs, nodes };
}

function longestIdleMs({ pools }: GatewayConfig): number | undefined {
  const all = pools.flatMap(({ persistence }) => (persistence?.mode === 'table' ? [persistence.idleMs] : []));
  return all.length === 0 ? undefined : Math.max(...all);
}
