// Brings a pool's messages to its nodes: in the order of their lanes, to the node that the pool chooses, waiting
// where none has room, again where that is allowed. Every wait has a deadline and the queue has a bound.

import type { NodeSelector } from '../../routing/node-selector.ts';
import type { PoolConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Ack } from '../hl7/ack.ts';
import type { Node } from '../upstream/node.ts';
import { InFlightList } from './in-flight-list.ts';
import { type Carrier, type Message, newAttempt } from './message.ts';
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
  readonly #taken = new InFlightList<Message>();
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

  #reconsider(waiting: readonly Message[], from: number): void {
    const to = from + RECONSIDERED;
    this.#releaseAll(waiting.slice(from, to));
    if (to < waiting.length) setImmediate(() => this.#reconsider(waiting, to));
  }

  /** Messages that were taken and are not over. */
  get taken(): InFlightList<Message> {
    return this.#taken;
  }

  /** A node is gone, and another one is at its address: for messages that are bound to it, it is the same. */
  succeed(old: Node, successor: Node): void {
    this.#successors.set(old, successor);
    for (const message of this.#taken) {
      if (message.boundTo === old) message.boundTo = successor;
      if (message.tried?.has(old) === true) message.tried.add(successor);
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
  take(message: Message): void {
    message.takeSequence();
    message.pool = this.config;
    message.carrier = this;
    this.#taken.add(message);
    const lane = this.#lanes.of(message, this.config);
    message.lane = lane;
    if (!lane.isEmpty) message.waitingSince ??= performance.now();
    // It waited for a node before, by another config, and those behind it did so beside it.
    if (message.turnAt !== undefined) lane.stuckSince ??= message.waitsSince;
    lane.add(message);
    if (this.#rerouting.isActive) this.#rerouting.release(message);
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

  #releaseAll(queue: Iterable<Message>): void {
    for (const message of [...queue]) this.#release(message);
  }

  onAssigned(message: Message): void {
    if (message.lane !== undefined && message.lane.messages.length > 1) this.#advance(message.lane);
  }

  onAnswered(message: Message, ack: Ack, frame: Buffer): void {
    this.#wasTaken(message);
    this.#end(message);
    message.settle({ kind: 'answered', ack, frame, node: message.node?.name ?? '' });
    this.#goOnBehind(message);
  }

  onUnanswered(message: Message): void {
    this.#wasTaken(message);
    this.#end(message);
    message.settle({ kind: 'unanswered', node: message.node?.name ?? '' });
    this.#goOnBehind(message);
  }

  onFailed(message: Message, error: GatewayError): void {
    const node = message.node && this.#successorOf(message.node);
    message.node?.count(error.code);
    const now = performance.now();
    const elapsedMs = now - (message.turnAt ?? message.receivedAt);
    if (error.resend !== 'safe') {
      this.#wasTaken(message);
      message.waitsSince = now;
    }
    const isOutdated = error.resend === 'safe' && this.#rerouting.isOutdated(message);
    const resend = isOutdated
      ? 'other-node'
      : resendAfter(error, { writes: message.writes, elapsedMs }, this.config);
    if (resend === 'give-up' || message.unwanted) {
      this.#giveUp(message, error);
      return;
    }
    message.phase = 'ready';
    message.channel = undefined;
    // Once a node may have it, a later refusal by that node does not free it for another.
    if (resend === 'same-node') message.boundTo = node;
    if (resend === 'other-node' && node !== undefined && !isFirstStale(message, error)) {
      message.tried ??= new Set();
      message.tried.add(node);
    }
    // The others of a connection that broke fail in this same turn, in their order; then the lane moves on in that order.
    setImmediate(() => this.#next(message));
  }

  abandon(message: Message): void {
    this.#room.remove(message);
    this.#end(message);
    const unsafe = message.attempts.findLast(({ error }) => error?.resend === 'unsafe')?.error;
    message.settle(
      unsafe === undefined ? { kind: 'abandoned' } : { kind: 'failed', error: unsafe, ambiguous: true },
    );
    // Those behind it are abandoned in this same turn: none of them may be sent in its place.
    setImmediate(() => this.#goOnBehind(message));
  }

  readonly #placeInLane = (message: Message): void => this.#place(message);
  readonly #followInLane = (message: Message, ahead: Message): boolean => this.#follow(message, ahead);

  #advance(lane: OrderingLane<Message>): void {
    lane.advance(this.#placeInLane, this.#followInLane);
  }

  #next(message: Message): void {
    const { lane } = message;
    if (lane === undefined) return;
    if (!lane.isEmpty) this.#advance(lane);
    else this.#lanes.left(message);
  }

  /** It is over: the lane goes on, and so does whatever had to wait for it elsewhere. */
  #goOnBehind(message: Message): void {
    this.#next(message);
    if (this.#rerouting.isActive) this.#rerouting.release(message);
  }

  #end(message: Message): void {
    this.#taken.delete(message);
    message.lane?.remove(message);
  }

  #giveUp(message: Message, error: GatewayError): void {
    this.#end(message);
    const { isAmbiguous: ambiguous, unwanted } = message;
    // F80: nobody wanted it any more before a node had it.
    const isAbandoned = unwanted && !ambiguous && error.resend === 'safe';
    message.settle(isAbandoned ? { kind: 'abandoned' } : { kind: 'failed', error, ambiguous });
    this.#goOnBehind(message);
  }

  /** First in its lane, so it overtakes none; those behind it follow in the same way. */
  #handBack(message: Message): void {
    this.#end(message);
    this.#lanes.left(message);
    message.unroute();
    this.#rerouting.handBack(message);
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
  #begin(message: Message): void {
    if (message.turnAt !== undefined) return;
    const now = performance.now();
    const { lane } = message;
    if (lane !== undefined) lane.stuckSince ??= now;
    message.turnAt = Math.max(message.receivedAt, lane?.stuckSince ?? now);
    message.waitsSince = message.turnAt;
  }

  /** A node had it in work, well or badly: its lane is not stuck for want of a node. */
  #wasTaken({ lane }: Message): void {
    if (lane !== undefined) lane.stuckSince = undefined;
  }

  #place(message: Message): void {
    if (this.#rerouting.isOutdated(message)) {
      this.#handBack(message);
      return;
    }
    this.#begin(message);
    const { boundTo } = message;
    if (boundTo !== undefined) {
      // It is in the config no more, and none other may have the message.
      if (!this.pool.nodes.includes(boundTo)) {
        this.#giveUp(message, message.attempts.at(-1)?.error ?? this.#queueTimeout(message));
        return;
      }
      const refused = message.tried !== undefined;
      message.tried = undefined;
      if (refused) this.#hold(message, this.#room.parked, RETRY_PAUSE_MS);
      else if (!boundTo.usable) this.#hold(message, this.#room.parked);
      else if (boundTo.hasRoom) this.#send(message, boundTo, 'same-node');
      else this.#hold(message, this.#room.queueOf(boundTo));
      return;
    }
    const choice = this.pool.choose(message.stickyKey, message.tried);
    if (choice === undefined) {
      // Where every node that is up has refused it, all of them may be asked again, after a pause.
      const refused = message.tried !== undefined;
      message.tried = undefined;
      this.#hold(message, this.#room.parked, refused ? RETRY_PAUSE_MS : undefined);
    } else if (!choice.wait) this.#send(message, choice.node, choice.selectionReason);
    else
      this.#hold(message, message.stickyKey === undefined ? this.#room.any : this.#room.queueOf(choice.node));
  }

  #follow(message: Message, ahead: Message): boolean {
    const { node, channel } = ahead;
    if (this.#rerouting.isOutdated(message)) return false;
    if (node === undefined || channel === undefined || !channel.takes(message) || !node.usable) return false;
    if (message.tried?.has(node) === true || message.boundTo !== undefined) return false;
    // A lane that never falls silent would stay with such a node for ever.
    if (message.stickyKey === undefined && (node.draining || node.weight === 0)) return false;
    if (message.stickyKey !== undefined && this.pool.choose(message.stickyKey)?.node !== node) return false;
    if (message.turnAt === undefined) {
      message.turnAt = performance.now();
      message.waitsSince = message.turnAt;
    }
    this.#send(message, node, 'order', channel);
    return true;
  }

  #send(message: Message, node: Node, selectionReason: string, channel?: Message['channel']): void {
    message.phase = 'sent';
    message.node = node;
    message.attempts.push(newAttempt(node.name, selectionReason, message.waitingSince));
    message.waitingSince = undefined;
    node.send(message, channel);
  }

  /** Waits to be released: by a node, by its deadline, or after `pauseMs`. */
  #hold(message: Message, queue: Set<Message>, pauseMs = Number.POSITIVE_INFINITY): void {
    const { max, timeoutMs } = this.config.queue;
    // One that has had a place in the queue gets one again: it came before whatever has filled it meanwhile.
    if (this.#room.size >= max && message.lastQueue !== this) {
      this.#giveUp(message, new GatewayError('GW_ERR_QUEUE_FULL'));
      return;
    }
    const leftMs = timeoutMs - (performance.now() - message.waitsSince);
    if (leftMs <= 0) {
      this.#giveUp(message, this.#queueTimeout(message));
      return;
    }
    message.phase = 'queued';
    message.lastQueue = this;
    message.waitingSince ??= performance.now();
    this.#room.add(message, queue, Math.min(pauseMs, leftMs), () => this.#release(message));
  }

  #queueTimeout(message: Message): GatewayError {
    const last = message.attempts.at(-1)?.error;
    return new GatewayError('GW_ERR_QUEUE_TIMEOUT', { detail: last === undefined ? undefined : last.code });
  }

  /** Takes a message out of its queue and places it anew; if its time is over, `#hold` says so. */
  #release(message: Message): void {
    // What happened to another one may have ended its sender's connection, or brought it elsewhere.
    if (!this.#room.has(message)) return;
    this.#room.remove(message);
    message.phase = 'ready';
    this.#next(message);
  }
}

/** F31: a pooled connection that was gone says nothing about its node, which is dialled anew; once. */
function isFirstStale({ attempts }: Message, { code }: GatewayError): boolean {
  return code === 'GW_ERR_NODE_STALE' && attempts.filter(({ error }) => error?.code === code).length === 1;
}
