// The lanes of one pool: by sender connection, or by sticky key. Promises that a lane of a sticky key lives while it holds
// messages, and one of a connection as long as that.
import type { PoolConfig } from '../config/config.ts';
import type { Message } from './message.ts';
import { OrderingLane } from './ordering-lane.ts';

export class OrderingLanes {
  /** For `ordering: key`. */
  readonly #byKey = new Map<string, OrderingLane<Message>>();

  /** The one that it takes its place in. */
  of(message: Message, { ordering, connections }: PoolConfig): OrderingLane<Message> {
    const { lanes } = message.origin;
    const key = ordering === 'key' ? message.stickyKey : undefined;
    const mayFollow = key === undefined && connections.pipelining > 1;
    let lane = key === undefined ? lanes.get(this) : this.#byKey.get(key);
    if (lane === undefined) {
      lane = new OrderingLane<Message>(mayFollow);
      if (key === undefined) lanes.set(this, lane);
      else this.#byKey.set(key, lane);
    }
    // That of a connection may be older than the config.
    lane.mayFollow = mayFollow;
    return lane;
  }

  /** It has left its lane. */
  left({ lane, stickyKey }: Message): void {
    if (lane?.isEmpty === true && stickyKey !== undefined && this.#byKey.get(stickyKey) === lane)
      this.#byKey.delete(stickyKey);
  }
}
