// What of a node is shared with other processes of one gateway (src/workers/): one process judges the nodes, the others carry
// their messages. Types alone: nothing here knows how processes speak to each other.
import type { HealthJudge, HealthOptions, HealthOwner } from './health/node-health.ts';
import type { Node } from './node.ts';
import type { CreateLease } from './shared-limit.ts';
import type { Upstream, UpstreamOwner } from './upstream.ts';

export interface NodeSharing {
  /** Another process judges its health; this one asks it nothing. Undefined: this one does. */
  readonly judge?: (
    pool: string,
    node: string,
  ) => (options: HealthOptions, owner: HealthOwner) => HealthJudge;
  /** Other processes have the connections to it. Undefined: this one does. */
  readonly upstream?: (pool: string, node: string) => (owner: UpstreamOwner) => Upstream;
  /** Its connections are counted together with those of other processes. */
  readonly createLease?: CreateLease;
  /** Its health, or what an operator wants of it, may have changed. */
  readonly onChange?: (node: Node) => void;
}
