// Messages that wait: for one node, for any node, or for a node to come up. Each waits in one queue until it is taken out
// or its time is over. Oldest first; the bound is the dispatcher's to keep.
import type { Node } from '../upstream/node.ts';
import type { Message } from './message.ts';

interface Waiting {
  readonly queue: Set<Message>;
  readonly since: number;
  readonly timer: NodeJS.Timeout;
}

export class WaitQueue {
  /** Messages that any node may take, and none has room. */
  readonly any = new Set<Message>();
  /** Messages for which no node is there, or which all have just refused. */
  readonly parked = new Set<Message>();
  /** Messages that one node must take, and it has no room. */
  readonly #byNode = new WeakMap<Node, Set<Message>>();
  readonly #waiting = new Map<Message, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  /** In the order in which they came. */
  get all(): Iterable<Message> {
    return this.#waiting.keys();
  }

  has(message: Message): boolean {
    return this.#waiting.has(message);
  }

  queueOf(node: Node): Set<Message> {
    let queue = this.#byNode.get(node);
    if (queue === undefined) {
      queue = new Set();
      this.#byNode.set(node, queue);
    }
    return queue;
  }

  sizeOf(node: Node): number {
    return this.#byNode.get(node)?.size ?? 0;
  }

  /** `queue`: one of this room. `onTime` is called after `ms`, unless it is taken out before. */
  add(message: Message, queue: Set<Message>, ms: number, onTime: () => void): void {
    queue.add(message);
    this.#waiting.set(message, { queue, since: performance.now(), timer: setTimeout(onTime, ms) });
  }

  /** Takes it out, if it is there, and counts how long it was. */
  remove(message: Message): void {
    const waiting = this.#waiting.get(message);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(message);
    waiting.queue.delete(message);
    message.queuedMs += performance.now() - waiting.since;
  }

  /** Of those that this node may take, the one that was received first. */
  oldestFor(node: Node): Message | undefined {
    const own = first(this.#byNode.get(node));
    const other = first(this.any);
    if (own === undefined || other === undefined) return own ?? other;
    return own.serial < other.serial ? own : other;
  }
}

function first(queue: Set<Message> | undefined): Message | undefined {
  if (queue === undefined) return undefined;
  for (const message of queue) return message;
  return undefined;
}
