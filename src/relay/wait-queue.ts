// Messages and requests of a pool that wait: for one node, for any node, or for a node to come up. Promises that nothing is held of
// one that has been taken out (see `InFlightList`): where there are more senders than connections, each waits for a moment.
import { InFlightList, type Linked } from '../in-flight-list.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../platform/time.ts';

/** What may wait. */
export interface Waitable<M> {
  /** Order of receipt. */
  readonly serial: number;
  /** Its place in a `WaitQueue`, which alone writes this. */
  waitPlace: WaitPlace<M> | undefined;
  /** It was in a queue for so long. */
  wasQueued(ms: number): void;
}

/** A message's place in a queue. */
export class WaitPlace<M> implements Linked<WaitPlace<M>> {
  readonly message: M;
  /** Whose it is: a reload may have brought the message to another pool. */
  readonly owner: object;
  readonly queue: InFlightList<WaitPlace<M>>;
  readonly since = monotonicMs();
  readonly timer: NodeJS.Timeout;
  /** Over all queues, in the order in which they came to wait. */
  readonly number: number;
  isLinked = false;
  ahead: WaitPlace<M> | undefined;
  behind: WaitPlace<M> | undefined;

  constructor(
    message: M,
    owner: object,
    queue: InFlightList<WaitPlace<M>>,
    timer: NodeJS.Timeout,
    number: number,
  ) {
    this.message = message;
    this.owner = owner;
    this.queue = queue;
    this.timer = timer;
    this.number = number;
  }
}

/** Each waits in one queue until it is taken out or its time is over. Oldest first; the bound is the pool's to keep. */
export class WaitQueue<M extends Waitable<M>> {
  /** Messages that any node may take, and none has room. */
  readonly any = new InFlightList<WaitPlace<M>>();
  /** Messages for which no node is there, or which all have just refused. */
  readonly parked = new InFlightList<WaitPlace<M>>();
  /** Messages that one node must take, and it has no room. */
  readonly #byNode = new WeakMap<object, InFlightList<WaitPlace<M>>>();
  /** Of the nodes; those of nodes that are gone are let go when they are empty and another one comes. */
  #ofNodes: InFlightList<WaitPlace<M>>[] = [];
  #size = 0;
  #lastNumber = 0;

  get size(): number {
    return this.#size;
  }

  /** In the order in which they came. */
  get all(): M[] {
    const places = [this.any, this.parked, ...this.#ofNodes].flatMap((queue) => [...queue]);
    return places.sort((one, other) => one.number - other.number).map(({ message }) => message);
  }

  has({ waitPlace }: M): boolean {
    return waitPlace?.owner === this;
  }

  queueOf(node: object): InFlightList<WaitPlace<M>> {
    let queue = this.#byNode.get(node);
    if (queue === undefined) {
      queue = new InFlightList();
      this.#byNode.set(node, queue);
    }
    if (!this.#ofNodes.includes(queue))
      this.#ofNodes = [...this.#ofNodes.filter(({ size }) => size > 0), queue];
    return queue;
  }

  sizeOf(node: object): number {
    return this.#byNode.get(node)?.size ?? 0;
  }

  /** `queue`: one of this room. `onTime` is called after `ms`, unless it is taken out before. */
  add(message: M, queue: InFlightList<WaitPlace<M>>, ms: number, onTime: () => void): void {
    const place = new WaitPlace(message, this, queue, setTimeout(onTime, ms), ++this.#lastNumber);
    message.waitPlace = place;
    queue.add(place);
    this.#size++;
  }

  /** Takes it out, if it is there, and counts how long it was. */
  remove(message: M): void {
    const place = message.waitPlace;
    if (place?.owner !== this) return;
    clearTimeout(place.timer);
    message.waitPlace = undefined;
    place.queue.delete(place);
    this.#size--;
    message.wasQueued(monotonicMs() - place.since);
  }

  /** Of those that this node may take, the one that was received first. */
  oldestFor(node: object): M | undefined {
    const own = this.#byNode.get(node)?.first?.message;
    const other = this.any.first?.message;
    if (own === undefined || other === undefined) return own ?? other;
    return own.serial < other.serial ? own : other;
  }
}
