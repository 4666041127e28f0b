// What requests and connections have in common that are no messages: their records, and the nodes of a pool as they see them: which
// one is chosen, and waiting where none has room. Messages of the same pool go through its queue; all count on the same nodes.
import type { Peer } from '../../routing/message-view.ts';
import type { NodeSelector } from '../../routing/node-selector.ts';
import type { PoolConfig, RouteConfig } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';
import type { TraceContext } from '../observe/traces/trace-context.ts';
import { turnTime } from '../turn.ts';
import type { Node } from '../upstream/node.ts';
import { AttemptHistory } from './retry.ts';
import { type Waitable, type WaitPlace, WaitQueue } from './wait-queue.ts';

/** Where something goes that is no message, by the config of that epoch. `S`: how its pool has nodes. */
export interface RouteTarget<S> {
  readonly route: RouteConfig;
  readonly pool: S;
  readonly epoch: number;
}

/** The record of something that is no message: where it came from, where it goes, what came of it. */
export abstract class RoutedRecord extends AttemptHistory {
  readonly listener: string;
  /** With the sender's address, as trusted proxies tell it. */
  readonly peer: Peer;
  readonly trace: TraceContext;
  route: RouteConfig | undefined;
  pool: PoolConfig | undefined;
  error: GatewayError | undefined;
  settledAt: number | undefined;

  constructor(listener: string, peer: Peer, trace: TraceContext) {
    super();
    this.listener = listener;
    this.peer = peer;
    this.trace = trace;
  }

  /** Of the latest attempt. */
  get lastError(): GatewayError | undefined {
    return this.lastAttempt?.error;
  }

  /** It is known where it goes. */
  routed({ route, pool, epoch }: RouteTarget<{ readonly config: PoolConfig }>): void {
    this.route = route;
    this.pool = pool.config;
    this.epoch = epoch;
  }

  protected over(error: GatewayError | undefined): void {
    this.error = error;
    this.settledAt = turnTime();
  }
}

/** A node that has room, and the way to it. */
export interface PlacedNode<U> {
  readonly node: Node;
  readonly upstream: U;
  readonly selectionReason: string;
}

/** `U`: the way to a node by the pool's protocol. */
export class NodeScheduler<U> {
  #config: PoolConfig;
  readonly pool: NodeSelector<Node>;
  readonly #upstreams: ReadonlyMap<Node, U>;
  readonly #waiting = new WaitQueue<Waiting>();
  #lastSerial = 0;

  constructor(config: PoolConfig, pool: NodeSelector<Node>, upstreams: ReadonlyMap<Node, U>) {
    this.#config = config;
    this.pool = pool;
    this.#upstreams = upstreams;
  }

  get config(): PoolConfig {
    return this.#config;
  }

  reconfigure(config: PoolConfig): void {
    this.#config = config;
  }

  /** Those that wait for a node. */
  get queued(): number {
    return this.#waiting.size;
  }

  /** `wait`: the node that it shall go to has no room. `none`: no node may be given it. */
  choose(key: string | undefined, tried: ReadonlySet<Node> | undefined): PlacedNode<U> | 'wait' | 'none' {
    const choice = this.pool.choose(key, tried);
    if (choice === undefined) return 'none';
    return choice.wait ? 'wait' : this.at(choice.node, choice.selectionReason);
  }

  /**
   * Calls `wake` once, when a node may have room or after `leftMs`, with how long that took; the result gives it up. Undefined: the
   * queue is full.
   */
  wait(wake: (queuedMs: number) => void, leftMs: number): (() => void) | undefined {
    if (this.#waiting.size >= this.config.queue.max) return undefined;
    const waiting = new Waiting(wake, ++this.#lastSerial);
    this.#waiting.add(waiting, this.#waiting.any, leftMs, () => this.#wake(waiting));
    return () => this.#waiting.remove(waiting);
  }

  /** A node has room. Those that wait for another one go back to the end: each is asked once at most. */
  onRoom(node: Node): void {
    for (let asks = this.#waiting.size; asks > 0 && node.usable && node.hasRoom; asks--) {
      const { first } = this.#waiting.any;
      if (first === undefined) return;
      this.#wake(first.message);
    }
  }

  /** Nodes came or went: everybody asks again. */
  onUsable(): void {
    for (const waiting of this.#waiting.all) if (this.#waiting.has(waiting)) this.#wake(waiting);
  }

  protected at(node: Node, selectionReason: string): PlacedNode<U> {
    const upstream = this.#upstreams.get(node);
    if (upstream === undefined) throw new TypeError(`node ${node.name} is none of pool ${this.config.name}`);
    return { node, upstream, selectionReason };
  }

  #wake(waiting: Waiting): void {
    this.#waiting.remove(waiting);
    waiting.wake(waiting.queuedMs);
  }
}

/** One that waits for a node. */
class Waiting implements Waitable<Waiting> {
  readonly wake: (queuedMs: number) => void;
  readonly serial: number;
  waitPlace: WaitPlace<Waiting> | undefined;
  queuedMs = 0;

  constructor(wake: (queuedMs: number) => void, serial: number) {
    this.wake = wake;
    this.serial = serial;
  }

  wasQueued(ms: number): void {
    this.queuedMs = ms;
  }
}
