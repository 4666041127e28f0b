// A node whose upstream does nothing, with a record of its changes of state.
import { Node, type NodeOptions, type Upstream as RealUpstream } from '../../src/upstream/node.ts';

export interface UpstreamState {
  inFlight: number;
  hasRoom: boolean;
  isFull: boolean;
  openConnections: number;
}

export type Upstream = UpstreamState & Pick<RealUpstream, 'send' | 'close'>;

export interface NodeRoom {
  readonly node: Node;
  readonly upstream: Upstream;
  /** `down: why`, `up: why`. */
  readonly states: string[];
}

export function nodeWith({
  fall,
  rise,
  retryMs,
}: {
  fall: number;
  rise: number;
  retryMs?: number;
}): NodeRoom {
  const upstream: Upstream = {
    inFlight: 0,
    hasRoom: true,
    isFull: false,
    openConnections: 0,
    send: () => {},
    close: () => {},
  };
  const states: string[] = [];
  const options: NodeOptions = { name: 'a', pool: 'pool', weight: 1, backup: false, fall, rise, retryMs };
  const node = new Node(
    options,
    {
      onRoom: () => {},
      onUsable: () => {},
      onState: (_, state, reason) => void states.push(`${state}: ${reason}`),
      onStrayAnswer: () => {},
    },
    () => upstream,
  );
  return { node, upstream, states };
}
