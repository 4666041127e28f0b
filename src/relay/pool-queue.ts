// Brings a pool's messages to its nodes: in the order of their lanes, to the node that the pool chooses, waiting
// where none has room, again where that is allowed. Every wait has a deadline and the queue has a bound.
import type { NodeSelector } from '../../routing/node-selector.ts';
import type { PoolConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import { InFlightList } from '../in-flight-list.ts';
import { setImmediate } from '../platform/time.ts';
import { turnTime } from '../turn.ts';
import type { Node } from '../upstream/node.ts';
import type { Carrier, Message, MessageLane } from './message.ts';
import { OrderingLanes, ReloadGuard } from './ordering.ts';
import type { PoolDuplicates } from './pool-duplicates.ts';
import type { PoolSpool } from './pool-spool.ts';
import { isFirstStale, resendAfter } from './retry.ts';
import { type WaitPlace, WaitQueue } from './wait-queue.ts';

/**
 * Messages that a reload has placed again in one turn of the event loop. Each may bring all of its lane (`maxPending`, 100 by
 * default), and to route a message again takes about 10 µs.
 */
const RECONSIDERED = 20;

/** A message that every node has just refused is tried again after this long, if nothing happens before. */
const RETRY_PAUSE_MS = 100;

/** Nothing brings it to a node, and whoever has it settles it; it may be abandoned before. */
const WITHDRAWN: Carrier = {
  onAssigned() {},
  onAnswered() {},
  onSettled() {},
  onFailed() {},
  abandon: (message) => message.settle({ kind: 'abandoned' }),
};

interface Chosen {
  readonly node: Node;
  readonly selectionReason: string;
}

export class PoolQueue implements Carrier {
  #config: PoolConfig;
  readonly pool: NodeSelector<Node>;
  readonly lanes = new OrderingLanes();
  /** Undefined: this pool stores nothing. */
  spool: PoolSpool | undefined;
  /** Undefined: what comes again is sent again. */
  duplicates: PoolDuplicates | undefined;
  readonly #waiting = new WaitQueue<Message>();
  readonly #reloadGuard: ReloadGuard;
  readonly #inFlight = new InFlightList<Message>();
  /** Nodes that others took the place of, at the same address. */
  readonly #successors = new WeakMap<Node, Node>();

  constructor(config: PoolConfig, pool: NodeSelector<Node>, reloadGuard = new ReloadGuard()) {
    this.#config = config;
    this.pool = pool;
    this.#reloadGuard = reloadGuard;
  }

  get config(): PoolConfig {
    return this.#config;
  }

  /** Messages that come from now on go by another config, and what those that wait do next: see `reconsider`. */
  reconfigure(config: PoolConfig): void {
    this.#config = config;
  }

  /** Those that wait for a node are placed again, or handed back if the config may send them elsewhere now. */
  reconsider(): void {
    this.#reconsider(this.#waiting.all, 0);
  }

  #reconsider(waiting: readonly Message[], from: number): void {
    const to = from + RECONSIDERED;
    this.#releaseAll(waiting.slice(from, to));
    if (to < waiting.length) setImmediate(() => this.#reconsider(waiting, to));
  }

  /** Messages that were taken and are not over. */
  get taken(): InFlightList<Message> {
    return this.#inFlight;
  }

  /** A node is gone, and another one is at its address: for messages that are bound to it, it is the same. */
  succeed(old: Node, successor: Node): void {
    this.#successors.set(old, successor);
    for (const message of this.#inFlight) message.succeed(old, successor);
  }

  /** Messages of this key are left that keep others of it from going another way: not over, or, without an order, with no node. */
  holdsKey(key: string): boolean {
    if (this.#config.ordering === 'key') return this.lanes.hasKey(key);
    for (const { stickyKey, phase } of this.#inFlight) if (stickyKey === key && phase !== 'sent') return true;
    return false;
  }

  /** Messages waiting for a node. */
  get queued(): number {
    return this.#waiting.size;
  }

  /** Takes a message whose route and sticky key are known; it is settled eventually. */
  take(message: Message): void {
    if (this.order(message)) this.#placeInLane(message);
  }

  /** The message takes its place in its lane. False: it has to wait there, or has gone on already. */
  order(message: Message): boolean {
    const lane = this.lanes.of(message, this.#config);
    message.taken(this, this.#config, lane);
    this.#inFlight.add(message);
    if (!lane.isEmpty) message.waits();
    // It waited for a node before, by another config, and those behind it did so next to it.
    if (message.turnAt !== undefined) lane.stuckSince ??= message.waitsSince;
    lane.add(message);
    if (this.#reloadGuard.isActive) this.#reloadGuard.release(message);
    if (lane.isAlone && message.phase === 'ready') return true;
    this.#advance(lane);
    return false;
  }

  /** A node has room for one more message. Called for every answer. */
  onRoom(node: Node): void {
    const room = this.#waiting;
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
    if (node.usable) this.spool?.onUsable();
    const room = this.#waiting;
    if (room.size === 0) return;
    const { usable } = node;
    if (!usable || node.draining) this.#releaseAllOf(room.queueOf(node));
    if (usable) this.#releaseAllOf(room.parked);
    this.onRoom(node);
  }

  #releaseAllOf(queue: InFlightList<WaitPlace<Message>>): void {
    this.#releaseAll([...queue].map(({ message }) => message));
  }

  #releaseAll(messages: readonly Message[]): void {
    for (const message of messages) this.#release(message);
  }

  onAssigned(message: Message): void {
    if (message.lane !== undefined && message.lane.size > 1) this.#advance(message.lane);
  }

  onAnswered(message: Message): void {
    this.#wasTaken(message);
    this.#end(message);
  }

  /** It is over: the lane goes on, and so does whatever had to wait for it elsewhere. */
  onSettled(message: Message): void {
    this.#next(message);
    if (this.#reloadGuard.isActive) this.#reloadGuard.release(message);
  }

  onFailed(message: Message, error: GatewayError): void {
    const node = message.node && this.#successorOf(message.node);
    message.node?.count(error.code);
    const now = turnTime();
    const elapsedMs = now - (message.turnAt ?? message.receivedAt);
    if (error.resend !== 'safe') {
      this.#wasTaken(message);
      message.wasAmbiguous(now);
    }
    const isOutdated = error.resend === 'safe' && this.#reloadGuard.isOutdated(message);
    const resend = isOutdated
      ? 'other-node'
      : resendAfter(error, { writes: message.writes, elapsedMs }, this.config);
    if (resend === 'give-up' || message.unwanted) {
      this.#giveUp(message, error);
      return;
    }
    // Once a node may have it, a later refusal by that node does not free it for another.
    const isRefusal = resend === 'other-node' && !isFirstStale(message, error);
    message.resent(resend === 'same-node' ? node : undefined, isRefusal ? node : undefined);
    // The others of a connection that broke fail in this same turn, in their order; then the lane moves on in that order.
    setImmediate(() => this.#next(message));
  }

  abandon(message: Message): void {
    this.#waiting.remove(message);
    this.#end(message);
    const { unsafeError } = message;
    message.settle(
      unsafeError === undefined
        ? { kind: 'abandoned' }
        : { kind: 'failed', error: unsafeError, ambiguous: true },
    );
    // Those behind it are abandoned in this same turn: none of them may be sent in its place.
    setImmediate(() => this.onSettled(message));
  }

  readonly #placeInLane = (message: Message): void => {
    const choice = this.chooseNode(message);
    if (choice !== undefined) this.send(message, choice);
  };
  readonly #followInLane = (message: Message, ahead: Message): boolean => this.#follow(message, ahead);

  #advance(lane: MessageLane): void {
    lane.advance(this.#placeInLane, this.#followInLane);
  }

  #next(message: Message): void {
    const { lane } = message;
    if (lane === undefined) return;
    if (!lane.isEmpty) this.#advance(lane);
    else this.lanes.left(message);
  }

  #end(message: Message): void {
    this.#inFlight.delete(message);
    message.lane?.remove(message);
  }

  #giveUp(message: Message, error: GatewayError): void {
    if (this.spool?.takesFailed(message, error) === true) {
      this.#store(message, error);
      return;
    }
    this.#end(message);
    const { isAmbiguous: ambiguous, unwanted } = message;
    // F80: nobody wanted it any more before a node had it.
    const isAbandoned = unwanted && !ambiguous && error.resend === 'safe';
    message.settle(isAbandoned ? { kind: 'abandoned' } : { kind: 'failed', error, ambiguous });
    this.onSettled(message);
  }

  /** It is known by now that it is to be sent. */
  goOn(message: Message): void {
    if (message.phase === 'ready') this.#next(message);
  }

  /** It is not to be sent, and whoever has asked for that settles it. Those behind it go on. */
  withdraw(message: Message): void {
    this.#end(message);
    message.takenOver(WITHDRAWN);
    this.onSettled(message);
  }

  /** First in its lane, so those behind it may go on: they are stored behind it. */
  #store(message: Message, error: GatewayError | undefined): void {
    this.#end(message);
    this.spool?.store(message, error);
    this.onSettled(message);
  }

  /** First in its lane, so it overtakes none; those behind it follow in the same way. */
  #handBack(message: Message): void {
    this.#end(message);
    this.lanes.left(message);
    message.unroute();
    this.#reloadGuard.handBack(message);
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
    const now = turnTime();
    const { lane } = message;
    if (lane !== undefined) lane.stuckSince ??= now;
    message.hasItsTurn(Math.max(message.receivedAt, lane?.stuckSince ?? now));
  }

  /** A node had it in work, well or badly: its lane is not stuck for want of a node. */
  #wasTaken({ lane }: Message): void {
    if (lane !== undefined) lane.stuckSince = undefined;
  }

  /** Where it goes now; undefined: it waits for that, or is over. */
  chooseNode(message: Message): Chosen | undefined {
    if (this.#reloadGuard.isOutdated(message)) {
      this.#handBack(message);
      return undefined;
    }
    if (this.duplicates?.holds(message) === true) return undefined;
    if (this.spool?.takes(message) === true) {
      this.#store(message, undefined);
      return undefined;
    }
    this.#begin(message);
    if (message.boundTo !== undefined) return this.#chooseBound(message, message.boundTo);
    const choice = this.pool.choose(message.stickyKey, message.tried);
    if (choice?.wait === false) return choice;
    if (choice === undefined) {
      // Where every node that is up has refused it, all of them may be asked again, after a pause.
      this.#hold(message, this.#waiting.parked, message.allowAll() ? RETRY_PAUSE_MS : undefined);
    } else if (message.stickyKey === undefined) this.#hold(message, this.#waiting.any);
    else this.#hold(message, this.#waiting.queueOf(choice.node));
    return undefined;
  }

  /** It may go to this node alone. */
  #chooseBound(message: Message, node: Node): Chosen | undefined {
    // It is in the config no more, and none other may have the message.
    if (!this.pool.nodes.includes(node))
      this.#giveUp(message, message.lastAttempt?.error ?? this.#queueTimeout(message));
    else if (message.allowAll()) this.#hold(message, this.#waiting.parked, RETRY_PAUSE_MS);
    else if (!node.usable) this.#hold(message, this.#waiting.parked);
    else if (node.hasRoom) return { node, selectionReason: 'same-node' };
    else this.#hold(message, this.#waiting.queueOf(node));
    return undefined;
  }

  #follow(message: Message, ahead: Message): boolean {
    const { node, channel } = ahead;
    if (this.#reloadGuard.isOutdated(message) || this.duplicates?.holds(message) === true) return false;
    if (this.spool?.takes(message) === true) return false;
    if (node === undefined || channel === undefined || !channel.takes(message) || !node.usable) return false;
    if (message.tried?.has(node) === true || message.boundTo !== undefined) return false;
    // A lane that never falls silent would stay with such a node for ever.
    if (message.stickyKey === undefined && (node.draining || node.weight === 0)) return false;
    if (message.stickyKey !== undefined && this.pool.choose(message.stickyKey)?.node !== node) return false;
    if (message.turnAt === undefined) message.hasItsTurn(turnTime());
    this.send(message, { node, selectionReason: 'order' }, channel);
    return true;
  }

  send(message: Message, { node, selectionReason }: Chosen, channel?: Message['channel']): void {
    message.sentTo(node, selectionReason);
    node.send(message, channel);
  }

  /** Waits to be released: by a node, by its deadline, or after `pauseMs`. */
  #hold(message: Message, queue: InFlightList<WaitPlace<Message>>, pauseMs = Number.POSITIVE_INFINITY): void {
    const { max, timeoutMs } = this.config.queue;
    // One that has had a place in the queue gets one again: it came before whatever has filled it meanwhile.
    if (this.#waiting.size >= max && message.lastQueue !== this) {
      this.#giveUp(message, new GatewayError('GW_ERR_QUEUE_FULL'));
      return;
    }
    const leftMs = timeoutMs - (turnTime() - message.waitsSince);
    if (leftMs <= 0) {
      this.#giveUp(message, this.#queueTimeout(message));
      return;
    }
    message.queuedBy(this);
    this.#waiting.add(message, queue, Math.min(pauseMs, leftMs), () => this.#release(message));
  }

  #queueTimeout(message: Message): GatewayError {
    const last = message.lastAttempt?.error;
    return new GatewayError('GW_ERR_QUEUE_TIMEOUT', { detail: last === undefined ? undefined : last.code });
  }

  /** Takes a message out of its queue and places it anew; if its time is over, `#hold` says so. */
  #release(message: Message): void {
    // What happened to another one may have ended its sender's connection, or brought it elsewhere.
    if (!this.#waiting.has(message)) return;
    this.#waiting.remove(message);
    message.released();
    this.#next(message);
  }
}
