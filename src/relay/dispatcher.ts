// Brings a pool's messages to its nodes: in the order of their lanes, to the node that the pool chooses, waiting
// where none has room, again where that is allowed. Every wait has a deadline and the queue has a bound.

import type { Pool } from '../../routing/pool.ts';
import type { PoolConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Ack } from '../hl7/ack.ts';
import type { Node } from '../upstream/node.ts';
import type { Carrier, Exchange } from './exchange.ts';
import { Lane } from './lane.ts';
import { resendAfter } from './resend.ts';

/** A message that every node has just refused is tried again after this long, if nothing happens before. */
const RETRY_PAUSE_MS = 100;

interface Waiting {
  readonly queue: Set<Exchange>;
  readonly since: number;
  readonly timer: NodeJS.Timeout;
}

export class Dispatcher implements Carrier {
  readonly config: PoolConfig;
  readonly pool: Pool<Node>;
  /** By sticky key, for `ordering: key`; a lane lives while it holds messages. */
  readonly #keyLanes = new Map<string, Lane<Exchange>>();
  /** Messages that one node must take, and it has no room. */
  readonly #nodeQueues = new Map<Node, Set<Exchange>>();
  /** Messages that any node may take, and none has room. */
  readonly #anyQueue = new Set<Exchange>();
  /** Messages for which no node is there, or which all have just refused. */
  readonly #parked = new Set<Exchange>();
  readonly #waiting = new Map<Exchange, Waiting>();

  constructor(config: PoolConfig, pool: Pool<Node>) {
    this.config = config;
    this.pool = pool;
  }

  /** Messages waiting for a node. */
  get queued(): number {
    return this.#waiting.size;
  }

  /** Takes a message whose route and sticky key are known; it is settled some time. */
  take(exchange: Exchange): void {
    exchange.pool = this.config;
    exchange.carrier = this;
    const lane = this.#laneFor(exchange);
    exchange.lane = lane;
    lane.add(exchange);
    this.#advance(lane);
  }

  /** A node has room for one more message. Called for every answer. */
  onRoom(node: Node): void {
    if (this.#waiting.size === 0) return;
    const own = this.#nodeQueues.get(node);
    // Those that find no place go back to the end of a queue: each is asked once at most.
    for (let asks = this.#anyQueue.size + (own?.size ?? 0); asks > 0 && node.usable && node.hasRoom; asks--) {
      const next = older(first(own), first(this.#anyQueue));
      if (next === undefined) return;
      this.#release(next);
    }
  }

  /** A node can be used now, or cannot any more. */
  onUsable(node: Node): void {
    const moved = node.usable ? this.#parked : this.#nodeQueues.get(node);
    for (const exchange of [...(moved ?? [])]) this.#release(exchange);
    this.onRoom(node);
  }

  onAssigned(exchange: Exchange): void {
    if (exchange.lane !== undefined && exchange.lane.exchanges.length > 1) this.#advance(exchange.lane);
  }

  onAnswered(exchange: Exchange, ack: Ack, frame: Buffer): void {
    this.#end(exchange);
    exchange.settle({ kind: 'answered', ack, frame, node: exchange.node?.name ?? '' });
    this.#next(exchange);
  }

  onUnanswered(exchange: Exchange): void {
    this.#end(exchange);
    exchange.settle({ kind: 'unanswered', node: exchange.node?.name ?? '' });
    this.#next(exchange);
  }

  onFailed(exchange: Exchange, error: GatewayError): void {
    const { node } = exchange;
    const elapsedMs = performance.now() - (exchange.turnAt ?? exchange.receivedAt);
    const resend = resendAfter(error, { writes: exchange.writes, elapsedMs }, this.config);
    if (resend === 'give-up' || exchange.unwanted) {
      this.#giveUp(exchange, error);
      return;
    }
    exchange.phase = 'ready';
    exchange.channel = undefined;
    // Once a node may have it, a later refusal by that node does not free it for another.
    if (resend === 'same-node') exchange.boundTo = node;
    if (resend === 'other-node' && node !== undefined && !isFirstStale(exchange, error)) {
      exchange.tried ??= new Set();
      exchange.tried.add(node);
    }
    // The others of a connection that broke fail in this same turn, in their order; then the lane moves on in that order.
    setImmediate(() => this.#next(exchange));
  }

  abandon(exchange: Exchange): void {
    this.#stopWaiting(exchange);
    this.#end(exchange);
    exchange.settle({ kind: 'abandoned' });
    // Those behind it are abandoned in this same turn: none of them may be sent in its place.
    setImmediate(() => this.#next(exchange));
  }

  #laneFor(exchange: Exchange): Lane<Exchange> {
    const key = this.config.ordering === 'key' ? exchange.stickyKey : undefined;
    const lanes = key === undefined ? exchange.origin.lanes : this.#keyLanes;
    const name = key ?? this.config.name;
    let lane = lanes.get(name);
    if (lane === undefined) {
      lane = new Lane<Exchange>(key === undefined && this.config.connections.pipelining > 1);
      lanes.set(name, lane);
    }
    return lane;
  }

  readonly #placeInLane = (exchange: Exchange): void => this.#place(exchange);
  readonly #followInLane = (exchange: Exchange, ahead: Exchange): boolean => this.#follow(exchange, ahead);

  #advance(lane: Lane<Exchange>): void {
    lane.advance(this.#placeInLane, this.#followInLane);
  }

  #next(exchange: Exchange): void {
    const { lane } = exchange;
    if (lane === undefined) return;
    if (!lane.isEmpty) this.#advance(lane);
    else if (exchange.stickyKey !== undefined && this.#keyLanes.get(exchange.stickyKey) === lane)
      this.#keyLanes.delete(exchange.stickyKey);
  }

  #end(exchange: Exchange): void {
    exchange.lane?.remove(exchange);
  }

  #giveUp(exchange: Exchange, error: GatewayError): void {
    const ambiguous = exchange.attempts.some((attempt) => attempt.error?.resend === 'unsafe');
    this.#end(exchange);
    exchange.settle({ kind: 'failed', error, ambiguous });
    this.#next(exchange);
  }

  #place(exchange: Exchange): void {
    exchange.turnAt ??= performance.now();
    const { boundTo } = exchange;
    if (boundTo !== undefined) {
      const refused = exchange.tried !== undefined;
      exchange.tried = undefined;
      if (refused) this.#hold(exchange, this.#parked, RETRY_PAUSE_MS);
      else if (!boundTo.usable) this.#hold(exchange, this.#parked);
      else if (boundTo.hasRoom) this.#send(exchange, boundTo, 'same-node');
      else this.#hold(exchange, this.#queueOf(boundTo));
      return;
    }
    const choice = this.pool.choose(exchange.stickyKey, exchange.tried);
    if (choice === undefined) {
      // Where every node that is up has refused it, all of them may be asked again, after a pause.
      const refused = exchange.tried !== undefined;
      exchange.tried = undefined;
      this.#hold(exchange, this.#parked, refused ? RETRY_PAUSE_MS : undefined);
    } else if (!choice.wait) this.#send(exchange, choice.node, choice.why);
    else this.#hold(exchange, exchange.stickyKey === undefined ? this.#anyQueue : this.#queueOf(choice.node));
  }

  #follow(exchange: Exchange, ahead: Exchange): boolean {
    const { node, channel } = ahead;
    if (node === undefined || channel === undefined || !channel.hasRoom || !node.usable) return false;
    if (exchange.tried?.has(node) === true || exchange.boundTo !== undefined) return false;
    if (exchange.stickyKey !== undefined && this.pool.choose(exchange.stickyKey)?.node !== node) return false;
    exchange.turnAt ??= performance.now();
    this.#send(exchange, node, 'order', channel);
    return true;
  }

  #send(exchange: Exchange, node: Node, why: string, channel?: Exchange['channel']): void {
    exchange.phase = 'sent';
    exchange.node = node;
    exchange.attempts.push({
      node: node.name,
      why,
      startedAt: performance.now(),
      connectMs: 0,
      writtenAt: undefined,
      endedAt: undefined,
      error: undefined,
    });
    node.send(exchange, channel);
  }

  #queueOf(node: Node): Set<Exchange> {
    let queue = this.#nodeQueues.get(node);
    if (queue === undefined) {
      queue = new Set();
      this.#nodeQueues.set(node, queue);
    }
    return queue;
  }

  /** Waits to be released: by a node, by its deadline, or after `pauseMs`. */
  #hold(exchange: Exchange, queue: Set<Exchange>, pauseMs = Number.POSITIVE_INFINITY): void {
    const { max, timeoutMs } = this.config.queue;
    if (this.#waiting.size >= max) {
      this.#giveUp(exchange, new GatewayError('GW_ERR_QUEUE_FULL'));
      return;
    }
    const leftMs = timeoutMs - exchange.queuedMs;
    if (leftMs <= 0) {
      this.#giveUp(exchange, this.#queueTimeout(exchange));
      return;
    }
    exchange.phase = 'queued';
    const timer = setTimeout(() => this.#release(exchange), Math.min(pauseMs, leftMs));
    queue.add(exchange);
    this.#waiting.set(exchange, { queue, since: performance.now(), timer });
  }

  #queueTimeout(exchange: Exchange): GatewayError {
    const last = exchange.attempts.at(-1)?.error;
    return new GatewayError('GW_ERR_QUEUE_TIMEOUT', { detail: last === undefined ? undefined : last.code });
  }

  #stopWaiting(exchange: Exchange): void {
    const waiting = this.#waiting.get(exchange);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(exchange);
    waiting.queue.delete(exchange);
    exchange.queuedMs += performance.now() - waiting.since;
  }

  /** Takes a message out of its queue and places it anew; if its time is over, `#hold` says so. */
  #release(exchange: Exchange): void {
    this.#stopWaiting(exchange);
    exchange.phase = 'ready';
    this.#next(exchange);
  }
}

/** F31: a pooled connection that was gone says nothing about its node, which is dialled anew; once. */
function isFirstStale({ attempts }: Exchange, { code }: GatewayError): boolean {
  return code === 'GW_ERR_NODE_STALE' && attempts.filter(({ error }) => error?.code === code).length === 1;
}

function first(queue: Set<Exchange> | undefined): Exchange | undefined {
  if (queue === undefined) return undefined;
  for (const exchange of queue) return exchange;
  return undefined;
}

function older(a: Exchange | undefined, b: Exchange | undefined): Exchange | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.serial < b.serial ? a : b;
}
