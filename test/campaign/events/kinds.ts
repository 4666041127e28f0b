// Everything that can happen in a campaign: one entry a kind, which says whom it happens to, for how long, how often beside the
// others, and whether this gateway can do it at all. Promises: an event that has ended leaves its target as it was.
import type { NodeMode, SenderAct } from '../peers/orders.ts';

/** A node, seen from an event. It keeps its address over `kill` and `restart`. */
export interface NodeTarget {
  readonly name: string;
  readonly pool: string;
  mode(mode: NodeMode): void;
  kill(): Promise<void>;
  restart(): Promise<void>;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export interface SenderTarget {
  readonly name: string;
  act(act: SenderAct): void;
}

/** The gateway, seen from an event. What an event needs of it and does not find here is added here. */
export interface GatewayTarget {
  readonly name: string;
  signal(signal: 'SIGHUP' | 'SIGSTOP' | 'SIGCONT'): void;
  readonly features: Features;
  admin(method: 'POST', path: string): Promise<unknown>;
  /** Changes its config file, well or badly, and has it taken up. */
  reload(): Promise<void>;
  /** Another process takes over. */
  hotRestart(): Promise<void>;
  /** Connections that say nothing, more than it has open files for; and their end. */
  crowd(): void;
  disperse(): void;
}

/** What the gateway under test can do; found out by the runner when it has started. */
export interface Features {
  /** The admin API's address. */
  readonly admin: string | undefined;
  /** SIGHUP takes up a changed config, and not certificates only. */
  readonly configReload: boolean;
  readonly hotRestart: boolean;
  /** It has fewer open files than a crowd of connections needs. */
  readonly crowd: boolean;
}

interface Kind<T> {
  readonly kind: string;
  /** Its share beside the others. */
  readonly weight: number;
  /** From `begin` to `end`, in milliseconds. */
  readonly lastsMs: readonly [number, number];
  readonly supported?: (features: Features) => boolean;
  readonly begin: (target: T, gateway: GatewayTarget) => void | Promise<void>;
  readonly end?: (target: T, gateway: GatewayTarget) => void | Promise<void>;
}

export type EventKind =
  | ({ readonly on: 'node' } & Kind<NodeTarget>)
  | ({ readonly on: 'sender' } & Kind<SenderTarget>)
  | ({ readonly on: 'gateway' } & Kind<GatewayTarget>);

/** On both sides of the ACK deadline of 400 ms, and beyond what the queue waits. */
const A_WHILE = [150, 1_500] as const;
const A_MOMENT = [0, 50] as const;

export const EVENT_KINDS: readonly EventKind[] = [
  {
    kind: 'kill',
    on: 'node',
    weight: 3,
    lastsMs: A_WHILE,
    begin: (node) => node.kill(),
    end: (node) => node.restart(),
  },
  {
    kind: 'stop',
    on: 'node',
    weight: 3,
    lastsMs: A_WHILE,
    begin: (node) => node.signal('SIGSTOP'),
    end: (node) => node.signal('SIGCONT'),
  },
  inMode('refuse', 2),
  inMode('reset', 2),
  inMode('half-close', 2),
  inMode('black-hole', 2),
  inMode('late', 2),
  inMode('wrong', 2),
  inMode('double', 2),
  inMode('garbled', 2),
  inMode('full', 2),
  inMode('slow', 2),
  inMode('negative', 1),
  acting('burst', 3),
  acting('mid-frame', 3),
  acting('reset', 2),
  acting('half-close', 2),
  {
    kind: 'reload',
    on: 'gateway',
    weight: 1,
    lastsMs: A_MOMENT,
    begin: (gateway) => gateway.signal('SIGHUP'),
  },
  {
    kind: 'gateway-stop',
    on: 'gateway',
    weight: 1,
    lastsMs: [50, 600],
    begin: (gateway) => gateway.signal('SIGSTOP'),
    end: (gateway) => gateway.signal('SIGCONT'),
  },
  administered('drain', 3),
  administered('maintenance', 2),
  {
    kind: 'config-reload',
    on: 'gateway',
    weight: 2,
    lastsMs: A_MOMENT,
    supported: ({ configReload }) => configReload,
    begin: (gateway) => gateway.reload(),
  },
  {
    kind: 'hot-restart',
    on: 'gateway',
    weight: 2,
    lastsMs: A_MOMENT,
    supported: ({ hotRestart }) => hotRestart,
    begin: (gateway) => gateway.hotRestart(),
  },
  {
    kind: 'crowd',
    on: 'gateway',
    weight: 5,
    lastsMs: A_WHILE,
    supported: ({ crowd }) => crowd,
    begin: (gateway) => gateway.crowd(),
    end: (gateway) => gateway.disperse(),
  },
];

function inMode(mode: NodeMode, weight: number): EventKind {
  return {
    kind: mode,
    on: 'node',
    weight,
    lastsMs: A_WHILE,
    begin: (node) => node.mode(mode),
    end: (node) => node.mode('normal'),
  };
}

function acting(act: SenderAct, weight: number): EventKind {
  return {
    kind: `sender-${act}`,
    on: 'sender',
    weight,
    lastsMs: A_MOMENT,
    begin: (sender) => sender.act(act),
  };
}

/** By the admin API's `POST /nodes/POOL/NODE/{drain,maintenance,ready}`. */
function administered(state: 'drain' | 'maintenance', weight: number): EventKind {
  return {
    kind: state,
    on: 'node',
    weight,
    lastsMs: A_WHILE,
    supported: ({ admin }) => admin !== undefined,
    begin: async (node, gateway) => {
      await gateway.admin('POST', `/nodes/${node.pool}/${node.name}/${state}`);
    },
    end: async (node, gateway) => {
      await gateway.admin('POST', `/nodes/${node.pool}/${node.name}/ready`);
    },
  };
}
