// Brings a pool's messages to its nodes: in the order of their lanes, to the node that the pool chooses, waiting
// where none has room, again where that is allowed. Every wait has a deadline and the queue has a bound.

import type { NodeSelector } from '../../routing/node-selector.ts';
import type { PoolConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Ack } from '../hl7/ack.ts';
import type { Node } from '../upstream/node.ts';
import { type Carrier, type Exchange, newAttempt } from './exchange.ts';
import { InFlightList } from './in-flight-list.ts';
import type { OrderingLane } from './ordering-lane.ts';
import { OrderingLanes } from './ordering-lanes.ts';
import { ReloadGuard } from './reload-guard.ts';
import { resendAfter } from './resend.ts';
import { WaitQueue } from './wait-queue.ts';

/**
 * Messages that a reload has placed anew in one turn of the event loop. Each may bring all of its lane (`maxPending`, 100 by
 * default), and to route a message anew takes about 10 µs.
 */
const RECONSIDERED = 20;

/** A message that every node has just refused is tried again after this long, if nothing happens before. */
const RETRY_PAUSE_MS = 100;

export class Dispatcher implements Carrier {
  #config: PoolConfig;
  readonly pool: NodeSelector<Node>;
  readonly #lanes = new OrderingLanes();
  readonly #room = new WaitQueue();
  readonly #rerouting: ReloadGuard;
  readonly #taken = new InFlightList<Exchange>();
  /** Nodes that others took the place of, at the same address. */
  readonly #successors = new WeakMap<Node, Node>();

  constructor(config: PoolConfig, pool: NodeSelector<Node>, rerouting = new ReloadGuard()) {
    this.#config = config;
    this.pool = pool;
    this.#rerouting = rerouting;
  }

  get config(): PoolConfig {
    return this.#config;
  }

  /** Messages that come from now on go by another config, and what those that wait do next: see `reconsider`. */
  reconfigure(config: PoolConfig): void {
    this.#config = config;
  }

  /** Those that wait for a node are placed anew, or handed back if the config may send them elsewhere now. */
  reconsider(): void {
    this.#reconsider([...this.#room.all], 0);
  }

  #reconsider(waiting: readonly Exchange[], from: number): void {
    const to = from + RECONSIDERED;
    this.#releaseAll(waiting.slice(from, to));
    if (to < waiting.length) setImmediate(() => this.#reconsider(waiting, to));
  }

  /** Messages that were taken and are not over. */
  get taken(): InFlightList<Exchange> {
    return this.#taken;
  }

  /** A node is gone, and another one is at its address: for messages that are bound to it, it is the same. */
  succeed(old: Node, successor: Node): void {
    this.#successors.set(old, successor);
    for (const exchange of this.#taken) {
      if (exchange.boundTo === old) exchange.boundTo = successor;
      if (exchange.tried?.has(old) === true) exchange.tried.add(successor);
    }
  }

  /** Messages waiting for a node. */
  get queued(): number {
    return this.#room.size;
  }

  /** Of those, the ones that only this node may take. */
  queuedFor(node: Node): number {
    return this.#room.sizeOf(node);
  }

  /** Takes a message whose route and sticky key are known; it is settled some time. */
  take(exchange: Exchange): void {
    exchange.takePlace();
    exchange.pool = this.config;
    exchange.carrier = this;
    this.#taken.add(exchange);
    const lane = this.#lanes.of(exchange, this.config);
    exchange.lane = lane;
    if (!lane.isEmpty) exchange.waitingSince ??= performance.now();
    // It waited for a node before, by another config, and those behind it did so beside it.
    if (exchange.turnAt !== undefined) lane.stuckSince ??= exchange.waitsSince;
    lane.add(exchange);
    if (this.#rerouting.isActive) this.#rerouting.release(exchange);
    this.#advance(lane);
  }

  /** A node has room for one more message. Called for every answer. */
  onRoom(node: Node): void {
    const room = this.#room;
    if (room.size === 0) return;
    // Those that find no place go back to the end of a queue: each is asked once at most.
    for (let asks = room.any.size + room.sizeOf(node); asks > 0 && node.usable && node.hasRoom; asks--) {
      const next = room.oldestFor(node);
      if (next === undefined) return;
      this.#release(next);
    }
  }

  /** A node can be used now, or cannot any more, or takes no new senders. */
  onUsable(node: Node): void {
    const room = this.#room;
    if (room.size === 0) return;
    const { usable } = node;
    if (!usable || node.draining) this.#releaseAll(room.queueOf(node));
    if (usable) this.#releaseAll(room.parked);
    this.onRoom(node);
  }

  #releaseAll(queue: Iterable<Exchange>): void {
    for (const exchange of [...queue]) this.#release(exchange);
  }

  onAssigned(exchange: Exchange): void {
    if (exchange.lane !== undefined && exchange.lane.exchanges.length > 1) this.#advance(exchange.lane);
  }

  onAnswered(exchange: Exchange, ack: Ack, frame: Buffer): void {
    this.#wasTaken(exchange);
    this.#end(exchange);
    exchange.settle({ kind: 'answered', ack, frame, node: exchange.node?.name ?? '' });
    this.#goOnBehind(exchange);
  }

  onUnanswered(exchange: Exchange): void {
    this.#wasTaken(exchange);
    this.#end(exchange);
    exchange.settle({ kind: 'unanswered', node: exchange.node?.name ?? '' });
    this.#goOnBehind(exchange);
  }

  onFailed(exchange: Exchange, error: GatewayError): void {
    const node = exchange.node && this.#successorOf(exchange.node);
    exchange.node?.count(error.code);
    const now = performance.now();
    const elapsedMs = now - (exchange.turnAt ?? exchange.receivedAt);
    if (error.resend !== 'safe') {
      this.#wasTaken(exchange);
      exchange.waitsSince = now;
    }
    const isOutdated = error.resend === 'safe' && this.#rerouting.isOutdated(exchange);
    const resend = isOutdated
      ? 'other-node'
      : resendAfter(error, { writes: exchange.writes, elapsedMs }, this.config);
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
    this.#room.remove(exchange);
    this.#end(exchange);
    const unsafe = exchange.attempts.findLast(({ error }) => error?.resend === 'unsafe')?.error;
    exchange.settle(
      unsafe === undefined ? { kind: 'abandoned' } : { kind: 'failed', error: unsafe, ambiguous: true },
    );
    // Those behind it are abandoned in this same turn: none of them may be sent in its place.
    setImmediate(() => this.#goOnBehind(exchange));
  }

  readonly #placeInLane = (exchange: Exchange): void => this.#place(exchange);
  readonly #followInLane = (exchange: Exchange, ahead: Exchange): boolean => this.#follow(exchange, ahead);

  #advance(lane: OrderingLane<Exchange>): void {
    lane.advance(this.#placeInLane, this.#followInLane);
  }

  #next(exchange: Exchange): void {
    const { lane } = exchange;
    if (lane === undefined) return;
    if (!lane.isEmpty) this.#advance(lane);
    else this.#lanes.left(exchange);
  }

  /** It is over: the lane goes on, and so does whatever had to wait for it elsewhere. */
  #goOnBehind(exchange: Exchange): void {
    this.#next(exchange);
    if (this.#rerouting.isActive) this.#rerouting.release(exchange);
  }

  #end(exchange: Exchange): void {
    this.#taken.delete(exchange);
    exchange.lane?.remove(exchange);
  }

  #giveUp(exchange: Exchange, error: GatewayError): void {
    this.#end(exchange);
    const { isAmbiguous: ambiguous, unwanted } = exchange;
    // F80: nobody wanted it any more before a node had it.
    const isAbandoned = unwanted && !ambiguous && error.resend === 'safe';
    exchange.settle(isAbandoned ? { kind: 'abandoned' } : { kind: 'failed', error, ambiguous });
    this.#goOnBehind(exchange);
  }

  /** First in its lane, so it overtakes none; those behind it follow in the same way. */
  #handBack(exchange: Exchange): void {
    this.#end(exchange);
    this.#lanes.left(exchange);
    exchange.unroute();
    this.#rerouting.handBack(exchange);
  }

  #successorOf(node: Node): Node {
    let last = node;
    for (let next = this.#successors.get(last); next !== undefined; next = this.#successors.get(last))
      last = next;
    return last;
  }

  /**
   * A message's time begins to run when it is first in its lane: while those before it are being answered, it waits for
   * them and not for a node. But where those before it waited for a node too, until their time was over, its own has been
   * running beside theirs since it was received: else n messages of one sender would be told one after the other, the last
   * one n times `queue.timeout` after it was received (F44).
   */
  #begin(exchange: Exchange): void {
    if (exchange.turnAt !== undefined) return;
    const now = performance.now();
    const { lane } = exchange;
    if (lane !== undefined) lane.stuckSince ??= now;
    exchange.turnAt = Math.max(exchange.receivedAt, lane?.stuckSince ?? now);
    exchange.waitsSince = exchange.turnAt;
  }

  /** A node had it in work, well or badly: its lane is not stuck for want of a node. */
  #wasTaken({ lane }: Exchange): void {
    if (lane !== undefined) lane.stuckSince = undefined;
  }

  #place(exchange: Exchange): void {
    if (this.#rerouting.isOutdated(exchange)) {
      this.#handBack(exchange);
      return;
    }
    this.#begin(exchange);
    const { boundTo } = exchange;
    if (boundTo !== undefined) {
      // It is in the config no more, and none other may have the message.
      if (!this.pool.nodes.includes(boundTo)) {
        this.#giveUp(exchange, exchange.attempts.at(-1)?.error ?? this.#queueTimeout(exchange));
        return;
      }
      const refused = exchange.tried !== undefined;
      exchange.tried = undefined;
      if (refused) this.#hold(exchange, this.#room.parked, RETRY_PAUSE_MS);
      else if (!boundTo.usable) this.#hold(exchange, this.#room.parked);
      else if (boundTo.hasRoom) this.#send(exchange, boundTo, 'same-node');
      else this.#hold(exchange, this.#room.queueOf(boundTo));
      return;
    }
    const choice = this.pool.choose(exchange.stickyKey, exchange.tried);
    if (choice === undefined) {
      // Where every node that is up has refused it, all of them may be asked again, after a pause.
      const refused = exchange.tried !== undefined;
      exchange.tried = undefined;
      this.#hold(exchange, this.#room.parked, refused ? RETRY_PAUSE_MS : undefined);
    } else if (!choice.wait) this.#send(exchange, choice.node, choice.why);
    else
      this.#hold(
        exchange,
        exchange.stickyKey === undefined ? this.#room.any : this.#room.queueOf(choice.node),
      );
  }

  #follow(exchange: Exchange, ahead: Exchange): boolean {
    const { node, channel } = ahead;
    if (this.#rerouting.isOutdated(exchange)) return false;
    if (node === undefined || channel === undefined || !channel.takes(exchange) || !node.usable) return false;
    if (exchange.tried?.has(node) === true || exchange.boundTo !== undefined) return false;
    // A lane that never falls silent would stay with such a node for ever.
    if (exchange.stickyKey === undefined && (node.draining || node.weight === 0)) return false;
    if (exchange.stickyKey !== undefined && this.pool.choose(exchange.stickyKey)?.node !== node) return false;
    if (exchange.turnAt === undefined) {
      exchange.turnAt = performance.now();
      exchange.waitsSince = exchange.turnAt;
    }
    this.#send(exchange, node, 'order', channel);
    return true;
  }

  #send(exchange: Exchange, node: Node, why: string, channel?: Exchange['channel']): void {
    exchange.phase = 'sent';
    exchange.node = node;
    exchange.attempts.push(newAttempt(node.name, why, exchange.waitingSince));
    exchange.waitingSince = undefined;
    node.send(exchange, channel);
  }

  /** Waits to be released: by a node, by its deadline, or after `pauseMs`. */
  #hold(exchange: Exchange, queue: Set<Exchange>, pauseMs = Number.POSITIVE_INFINITY): void {
    const { max, timeoutMs } = this.config.queue;
    // One that has had a place in the queue gets one again: it came before whatever has filled it meanwhile.
    if (this.#room.size >= max && exchange.seat !== this) {
      this.#giveUp(exchange, new GatewayError('GW_ERR_QUEUE_FULL'));
      return;
    }
    const leftMs = timeoutMs - (performance.now() - exchange.waitsSince);
    if (leftMs <= 0) {
      this.#giveUp(exchange, this.#queueTimeout(exchange));
      return;
    }
    exchange.phase = 'queued';
    exchange.seat = this;
    exchange.waitingSince ??= performance.now();
    this.#room.add(exchange, queue, Math.min(pauseMs, leftMs), () => this.#release(exchange));
  }

  #queueTimeout(exchange: Exchange): GatewayError {
    const last = exchange.attempts.at(-1)?.error;
    return new GatewayError('GW_ERR_QUEUE_TIMEOUT', { detail: last === undefined ? undefined : last.code });
  }

  /** Takes a message out of its queue and places it anew; if its time is over, `#hold` says so. */
  #release(exchange: Exchange): void {
    // What happened to another one may have ended its sender's connection, or brought it elsewhere.
    if (!this.#room.has(exchange)) return;
    this.#room.remove(exchange);
    exchange.phase = 'ready';
    this.#next(exchange);
  }
}

/** F31: a pooled connection that was gone says nothing about its node, which is dialled anew; once. */
function isFirstStale({ attempts }: Exchange, { code }: GatewayError): boolean {
  return code === 'GW_ERR_NODE_STALE' && attempts.filter(({ error }) => error?.code === code).length === 1;
}
