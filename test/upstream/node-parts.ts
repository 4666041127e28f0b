// A node whose upstream does nothing, with a record of its changes of state.
import type { Proof } from '../../src/upstream/checks/check.ts';
import { Node, type NodeOptions } from '../../src/upstream/node.ts';
import type { Upstream as RealUpstream } from '../../src/upstream/upstream.ts';

export interface UpstreamState {
  inFlight: number;
  hasRoom: boolean;
  isFull: boolean;
  openConnections: number;
}

export type Upstream = UpstreamState &
  Required<Pick<RealUpstream, 'send' | 'close' | 'retire' | 'giveBack'>> & {
    /** `retire` and `giveBack`, in order. */
    readonly told: string[];
  };

export interface NodeRoom {
  readonly node: Node;
  readonly upstream: Upstream;
  /** `down: why`, `up: why`, and what an operator wants. */
  readonly states: string[];
  /** How often the watcher was told that `usable` may have changed. */
  readonly usableCalls: () => number;
}

/** What checks of these types show. */
export const PROOFS = {
  tcp: { port: true, answer: false },
  mllp: { port: true, answer: true },
  mirth: { port: false, answer: true },
  none: undefined,
} as const satisfies Record<string, Proof | undefined>;

export interface NodeParts extends Partial<NodeOptions> {
  readonly check?: keyof typeof PROOFS;
  /** Whether others do the node's work while it is out. Default: they do. */
  readonly others?: () => boolean;
}

export function nodeWith({ check = 'tcp', others = () => true, ...more }: NodeParts = {}): NodeRoom {
  const told: string[] = [];
  const upstream: Upstream = {
    inFlight: 0,
    hasRoom: true,
    isFull: false,
    openConnections: 0,
    told,
    send: () => {},
    close: () => {},
    retire: () => void told.push('retire'),
    giveBack: () => void told.push('giveBack'),
  };
  const states: string[] = [];
  let usableCalls = 0;
  const options: NodeOptions = {
    name: 'a',
    pool: 'pool',
    weight: 1,
    backup: false,
    fall: 1,
    rise: 1,
    initial: 'up',
    proof: PROOFS[check],
    ejection: { baseMs: 1_000, maxMs: 5_000, maxEjected: { share: 1 }, errors: undefined },
    slowStartMs: 0,
    answerless: false,
    ...more,
  };
  const node = new Node(
    options,
    {
      onRoom: () => {},
      onUsable: () => void usableCalls++,
      onState: (_, state, reason) => void states.push(`${state}: ${reason}`),
      onStrayAnswer: () => {},
      onRepeatedId: () => {},
      onAlike: () => {},
      mayEject: others,
    },
    () => upstream,
  );
  return { node, upstream, states, usableCalls: () => usableCalls };
}
