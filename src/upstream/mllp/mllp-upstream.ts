// The connections to one node over MLLP: few, long-lived, opened when there is work for one more, never more than the
// pool's `connections.max`. Takes a message only where it has room, and tells the node what it learns on the way.
import { GatewayError } from '../../errors.ts';
import type { AckCode } from '../../hl7/ack.ts';
import type { MatchMode } from '../../hl7/answers.ts';
import type { FrameReaderLimits } from '../../mllp/frame-reader.ts';
import { SocketTransport } from '../../mllp/socket-transport.ts';
import type { Channel, Delivery } from '../delivery.ts';
import { type DialTls, dial } from '../dial.ts';
import type { SharedLimit, Sharer } from '../shared-limit.ts';
import { ConnectionReplacement } from './connection-replacement.ts';
import { PROBE_MS } from './connection-reuse.ts';
import { type ConnectionOwner, MllpConnection } from './mllp-connection.ts';
import { NodeQuirks } from './node-quirks.ts';
import type { LostAnswer } from './other-answers.ts';

export interface MllpUpstreamOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
  readonly tls: DialTls | undefined;
  readonly maxConnections: number;
  readonly pipelining: number;
  readonly idleMs: number;
  readonly settleMs: number;
  readonly connectMs: number;
  readonly ackMs: number;
  /** F89: see `ConnectionOptions`. */
  readonly applicationMs?: number;
  readonly silenceMs?: number;
  /** For messages whose control id was in use just now; `auto`: `reuse` until the node has answered a message twice. */
  readonly repeatedIds: 'auto' | 'redial' | 'reuse';
  /** How MSA-2 is compared; `lenient`, unless said otherwise. */
  readonly match?: MatchMode;
  /** Messages that a connection carries before it is ended; undefined: any number. */
  readonly reuse?: number | undefined;
  /** F101: `maxConnections` is for all upstreams together that share this. */
  readonly shared?: SharedLimit | undefined;
  /** For what the node answers. */
  readonly answers: FrameReaderLimits;
}

/** What an upstream tells the node that it belongs to. */
export interface UpstreamOwner {
  /** The node took a connection and kept it. */
  onReached(): void;
  /** `none`: the message needed no answer (F42). Undefined: an answer that has no code. */
  onAnswered(code?: AckCode | 'none'): void;
  /** A dial failed, or a connection broke that had messages under way. */
  onFailure(error: GatewayError): void;
  /** There is room for one more message. */
  onRoom(): void;
  /** `isFull` has changed. */
  onFullness(): void;
  onStrayAnswer(): void;
  /** F88: application acknowledgements that nobody is told of. */
  onLostAnswer?(reason: LostAnswer, count: number): void;
  /** A connection was ended for want of one on which a message's control id is not a repeated one. */
  onRepeatedId(): void;
  /** F84: the node changes control ids or codes in its answers, so it has one message a connection from now on. Called once. */
  onAlike(): void;
}

/**
 * After the node closed a connection at once, so long no further one is tried beyond those that it keeps (F32); then one,
 * and the rest when that was kept.
 */
const FULL_MS = 1_000;
/**
 * F95: of the connections that a full Mirth closes, 5 to 7 % are closed later than 10 ms after it has accepted them, at most 90 ms.
 * One more connection is watched for longer than that before it is written to, as others serve meanwhile.
 */
const LATE_FULL_MS = 250;
/** F101: a connection that has been idle for so long is given to others that share the limit. */
const SPARE_MS = 1_000;
/** What `settle` learns has a bound: a node that closes later than this is not full. */
const MAX_SETTLE_MS = 500;

export class MllpUpstream {
  readonly #options: MllpUpstreamOptions;
  readonly #owner: UpstreamOwner;
  readonly #connections: MllpConnection[] = [];
  readonly #dials = new Set<() => void>();
  /** F96: dials that were refused while others are under way: whether one of those is kept says what that means. */
  readonly #refusals: GatewayError[] = [];
  /** Taken, and waiting for a connection that is being dialled. */
  readonly #waiting: Delivery[] = [];
  #inFlight = 0;
  /** F32: it closed a new connection at once. `trying`: one dial is to show whether it still does. */
  #fullness: 'no' | 'full' | 'trying' = 'no';
  #fullTimer: NodeJS.Timeout | undefined;
  readonly #reaper: NodeJS.Timeout;
  readonly #quirks: NodeQuirks;
  /** F95: how long a new connection is watched at least, as the node has been seen to be full. */
  #learnedMs = 0;
  /** F96: it refuses further connections while some are open, where another one would accept and close. */
  #refusesMore = false;
  #isLimited = false;
  /** Connections that it had when it was seen to be full last. */
  #fullAt = 0;
  readonly #replacement = new ConnectionReplacement(() => this.#dialForWaiting());
  #closing = false;
  /** F101 */
  readonly #sharer: Sharer;
  readonly #shared: SharedLimit | undefined;
  /** Messages wait for a place among those that are shared. */
  #placeTimer: NodeJS.Timeout | undefined;

  readonly #connectionOwner: ConnectionOwner = {
    onSettled: (connection, code) => this.#onSettled(connection, code),
    onClosed: (connection, error) => this.#onClosed(connection, error),
    onStrayAnswer: (isSecond) => this.#onStrayAnswer(isSecond),
    onLostAnswer: (reason, count) => this.#owner.onLostAnswer?.(reason, count),
    onAlike: () => this.#onAlike(),
    onKept: (connection) => this.#onKept(connection),
  };

  constructor(options: MllpUpstreamOptions, owner: UpstreamOwner) {
    this.#options = options;
    this.#quirks = new NodeQuirks(options);
    this.#owner = owner;
    this.#reaper = setInterval(() => this.#reap(), Math.max(options.idleMs / 2, 50));
    this.#reaper.unref();
    const inUse = (): number => this.#dials.size + this.openConnections;
    this.#shared = options.shared;
    this.#sharer = {
      maxConnections: options.maxConnections,
      get inUse() {
        return inUse();
      },
      endOne: (mayBeBusy) => this.#endOne(mayBeBusy),
      onPlace: () => this.#onPlace(),
    };
    this.#shared?.join(this.#sharer);
  }

  /** Messages taken and not yet answered, failed or known to need no answer. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.#places * this.#pipelining;
  }

  get #pipelining(): number {
    return this.#quirks.isOneAtATime ? 1 : this.#options.pipelining;
  }

  get isDialling(): boolean {
    return this.#dials.size > 0;
  }

  /** F96: it has been full while it served: a check on its port would take a place that messages need. */
  get isLimited(): boolean {
    return this.#isLimited;
  }

  /** Connections that there may be. */
  get #places(): number {
    const maxConnections = this.#maxPlaces;
    if (this.#fullness === 'no') return maxConnections;
    const one = this.#fullness === 'trying' ? 1 : 0;
    const kept = this.#quirks.isSingleUse ? this.#fullAt : this.openConnections;
    return Math.min(kept + one, maxConnections);
  }

  /** F101: of those that are shared, what it has and may have, and one at least: a message that waits for it is what asks for it. */
  get #maxPlaces(): number {
    const { maxConnections } = this.#options;
    if (this.#shared === undefined) return maxConnections;
    const soon = this.#dials.size + this.#shared.freeFor(this.#sharer);
    return Math.min(maxConnections, Math.max(1, this.openConnections + soon));
  }

  /** The node closes new connections at once and none is open: nothing can be sent there for the moment. */
  get isFull(): boolean {
    return this.#fullness === 'full' && this.openConnections === 0 && this.#places === 0;
  }

  get openConnections(): number {
    let open = 0;
    for (const connection of this.#connections) if (connection.isOpen) open++;
    return open;
  }

  /** Takes a message. Only to be called where `hasRoom`, or with a `channel` of this upstream that takes it. */
  send(delivery: Delivery, channel?: Channel): void {
    this.#inFlight++;
    const connection =
      channel instanceof MllpConnection && channel.hasRoom ? channel : this.#leastPending(delivery);
    if (connection === undefined) this.#waiting.push(delivery);
    else connection.send(delivery);
    // One more connection where all are busy, even if this message has found a place behind others.
    if (connection === undefined || connection.pending > 1) this.#dialMore();
  }

  /** Ends every connection when its messages are answered, but for those whose answers nobody wants any more. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#reaper);
    clearTimeout(this.#fullTimer);
    this.#shared?.leave(this.#sharer);
    for (const delivery of this.#waiting.splice(0)) {
      if (!delivery.unwanted) this.#waiting.push(delivery);
      else {
        this.#inFlight--;
        delivery.failed(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
      }
    }
    if (this.#waiting.length === 0) {
      for (const abort of this.#dials) abort();
      this.#dials.clear();
    }
    for (const connection of [...this.#connections]) connection.end();
  }

  retire(): void {
    for (const connection of [...this.#connections]) connection.retire();
  }

  giveBack(): void {
    const waiting = this.#waiting.splice(0);
    this.#giveUpPlace();
    for (const abort of this.#dials) abort();
    this.#dials.clear();
    this.#inFlight -= waiting.length;
    for (const delivery of waiting)
      delivery.failed(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
  }

  #leastPending(delivery: Delivery): MllpConnection | undefined {
    let best: MllpConnection | undefined;
    let second: MllpConnection | undefined;
    for (const connection of this.#connections) {
      if (best !== undefined && connection.pending >= best.pending) continue;
      if (!connection.takes(delivery)) {
        if (second === undefined && connection.hasRoom && !connection.repeats(delivery)) second = connection;
        continue;
      }
      if (connection.pending === 0) return connection;
      best = connection;
    }
    // F88: rather on a connection of its own than beside another sender's message with the same control id.
    if (best !== undefined || second === undefined || this.#hasOthersSoon) return best;
    return second;
  }

  /** One more connection is on its way, or may be dialled. */
  get #hasOthersSoon(): boolean {
    return this.#dials.size > 0 || this.#mayDial;
  }

  /** One more connection is allowed. */
  get #mayDial(): boolean {
    return this.#fullness === 'no' && this.#taken < this.#options.maxConnections && this.#hasPlace;
  }

  get #hasPlace(): boolean {
    return this.#shared === undefined || this.#shared.freeFor(this.#sharer) > 0;
  }

  /** Connections that count: those that may have messages, and those on their way. */
  get #taken(): number {
    let count = this.#dials.size + this.#replacement.leaving;
    for (const connection of this.#connections) if (!connection.isLingering) count++;
    return count;
  }

  /** F89: kept for answers alone, they leave their places to others; but not more of them than there are places. */
  #onLingering(): void {
    const lingering = this.#connections.filter((connection) => connection.isLingering);
    for (const oldest of lingering.slice(0, Math.max(0, lingering.length - this.#options.maxConnections)))
      oldest.abort();
    setImmediate(() => {
      this.#dialForWaiting();
      this.#owner.onRoom();
    });
  }

  #dialForWaiting(): void {
    if (this.#waiting.length > 0) this.#dialMore();
  }

  #dialMore(): void {
    const { maxConnections } = this.#options;
    const pipelining = this.#pipelining;
    const mayReplace = this.#quirks.isSingleUse && this.#taken < this.#fullAt;
    if (this.#fullness === 'full' && !mayReplace) return;
    if (this.#fullness === 'trying' && !mayReplace && this.#dials.size > 0) return;
    const isShort = this.#taken < maxConnections && !this.#hasPlace;
    if (isShort) this.#askForPlace();
    // They are busy: what waits does not wait because of its control id.
    if (isShort && !this.#connections.some(({ hasRoom }) => hasRoom)) return;
    if (isShort || this.#taken >= maxConnections) {
      // F97: they have room in a moment, or are closed.
      if (this.#connections.some(({ isWatched }) => isWatched)) return;
      // With no dial under way a message waits only where the connections that have room would repeat its control id.
      if (
        this.#waiting.length > 0 &&
        this.#dials.size === 0 &&
        this.#replacement.replaceOne(this.#connections)
      )
        this.#owner.onRepeatedId();
      return;
    }
    // Those being dialled will take the waiting ones; `pipelining` each, but one each is what keeps latency low.
    if (this.#waiting.length > 0 && this.#dials.size + this.#roomSoon >= this.#waiting.length) return;
    if (this.#waiting.length === 0 && (pipelining === 1 || this.#dials.size > 0)) return;
    this.#dial();
  }

  /** Waiting messages that connections will take which are watched for a close that is not expected (F97). */
  get #roomSoon(): number {
    if (this.#quirks.reuse.closes) return 0;
    const watched = this.#connections.filter(({ isWatched }) => isWatched);
    if (watched.length === 0) return 0;
    let count = 0;
    for (const delivery of this.#waiting) {
      const at = watched.findIndex((one) => !one.repeats(delivery) && !one.mayConfuse(delivery));
      if (at < 0) continue;
      watched.splice(at, 1);
      count++;
    }
    return count;
  }

  /** How long a connection that is dialled now is watched before it is written to. */
  get #settleMs(): number {
    const { settleMs, reuse } = this.#options;
    if (settleMs === 0) return 0;
    const known = Math.max(settleMs, this.#learnedMs);
    if (this.#quirks.reuse.closes || reuse !== undefined) return known;
    const [first] = this.#waiting;
    // Before it has shown how many it takes, all but the first may be too many.
    const othersServe =
      this.#connections.length === 0
        ? this.#dials.size > 0
        : this.#connections.some((one) => one.isOpen && (first === undefined || !one.repeats(first)));
    return othersServe ? Math.max(known, LATE_FULL_MS) : known;
  }

  #dial(): void {
    const options = { ...this.#options, settleMs: this.#settleMs };
    clearTimeout(this.#placeTimer);
    this.#placeTimer = undefined;
    const release = this.#shared?.take(this.#sharer) ?? (() => {});
    const stop = dial(
      options,
      (socket, connectMs) => {
        this.#dials.delete(abort);
        socket.once('close', release);
        const transport = new SocketTransport(socket);
        const owner = {
          ...this.#connectionOwner,
          onLingering: () => {
            release();
            this.#onLingering();
          },
        };
        const connection = new MllpConnection(transport, connectMs, options, owner, this.#quirks);
        const wasFull = this.isFull || this.#fullness === 'trying';
        if (this.#fullness === 'trying') this.#fullness = 'no';
        this.#connections.push(connection);
        if (this.#refusals.splice(0).length > 0) this.#onRefusedMore();
        this.#owner.onReached();
        this.#fill(connection);
        // The one that a full node keeps may be the last to be known: messages wait for it.
        if (wasFull) this.#owner.onFullness();
        // What is left cannot go with what it took.
        this.#dialForWaiting();
        this.#fillLast();
        if (this.#closing) connection.retire();
        else this.#owner.onRoom();
      },
      (error) => {
        this.#dials.delete(abort);
        this.#onDialFailed(error);
        release();
      },
    );
    const abort = (): void => {
      stop();
      release();
    };
    this.#dials.add(abort);
  }

  /** F101: asks for a place among those that are shared. That there is none for long is for another node, or the queue. */
  #askForPlace(): void {
    if (this.#shared === undefined || this.#waiting.length === 0) return;
    this.#placeTimer ??= setTimeout(() => {
      this.#giveUpPlace();
      if (this.#dials.size > 0) return;
      const { node } = this.#options;
      const detail = 'other pools have all connections that are shared';
      for (const delivery of this.#waiting.splice(0)) {
        this.#inFlight--;
        delivery.failed(new GatewayError('GW_ERR_NODE_FULL', { node, detail }));
      }
      this.#owner.onRoom();
    }, this.#options.ackMs).unref();
    this.#shared.ask(this.#sharer);
  }

  #giveUpPlace(): void {
    clearTimeout(this.#placeTimer);
    this.#placeTimer = undefined;
    this.#shared?.giveUp(this.#sharer);
  }

  #onPlace(): void {
    this.#dialForWaiting();
    // For those that this one does not take, it asks again.
    this.#dialForWaiting();
    setImmediate(() => this.#owner.onRoom());
  }

  /** F101: for others that share the limit. */
  #endOne(mayBeBusy: boolean): boolean {
    const before = performance.now() - SPARE_MS;
    let least: MllpConnection | undefined;
    for (const one of this.#connections) {
      if (!one.isOpen) continue;
      const isSpare = one.pending === 0 && !one.isOwed && one.lastUsedAt < before;
      if (!mayBeBusy && !isSpare) continue;
      if (least === undefined || one.pending < least.pending) least = one;
    }
    least?.retire();
    return least !== undefined;
  }

  #onStrayAnswer(isSecond: boolean): void {
    if (isSecond) this.#quirks.onSecondAnswer();
    this.#owner.onStrayAnswer();
  }

  #onAlike(): void {
    if (this.#quirks.changesIds) return;
    this.#quirks.changesIds = true;
    this.#owner.onAlike();
  }

  /** F97: where the node keeps its connections, those that are watched have room now. */
  #onKept(connection: MllpConnection): void {
    const what = this.#quirks.reuse.onKept(connection);
    if (what === 'watch') connection.watchClose(PROBE_MS);
    else if (what === 'end') connection.retire();
    else this.#fillAll();
    this.#dialForWaiting();
    this.#owner.onRoom();
  }

  #fillAll(isChoosy = this.#hasOthersSoon): void {
    for (const connection of [...this.#connections]) this.#fill(connection, isChoosy);
  }

  /** F88: what waits for a connection of its own goes on one that there is, once there will be no other. */
  #fillLast(): void {
    if (this.#waiting.length > 0 && !this.#hasOthersSoon) this.#fillAll(false);
  }

  /** F88: `isChoosy`, as in `#leastPending`, a message waits for a connection of its own. */
  #fill(connection: MllpConnection, isChoosy = this.#waiting.length > 0 && this.#hasOthersSoon): void {
    for (let at = 0; at < this.#waiting.length && connection.hasRoom; ) {
      const delivery = this.#waiting[at];
      if (
        delivery === undefined ||
        connection.repeats(delivery) ||
        (isChoosy && connection.mayConfuse(delivery))
      )
        at++;
      else if (delivery.unwanted === true) {
        // F80: its sender has left while there was no connection for it yet.
        this.#waiting.splice(at, 1);
        this.#inFlight--;
        delivery.failed(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
      } else {
        this.#waiting.splice(at, 1);
        connection.send(delivery);
      }
    }
    if (this.#placeTimer !== undefined && this.#waiting.length === 0) this.#giveUpPlace();
  }

  #onDialFailed(thrown: GatewayError): void {
    const wasFull = this.#fullness !== 'no';
    const refused = isRefused(thrown);
    const refusesMore = refused && this.openConnections > 0;
    const error = refusesMore
      ? new GatewayError('GW_ERR_NODE_FULL', {
          node: this.#options.node,
          detail: thrown.detail,
          cause: thrown,
        })
      : thrown;
    if (refusesMore) this.#onRefusedMore();
    else if (error.code === 'GW_ERR_NODE_FULL') this.#onFull();
    // Whatever it is now, it is not full.
    else if (this.#fullness === 'trying') this.#fullness = 'no';
    if (refused && !refusesMore && this.#dials.size > 0) this.#refusals.push(error);
    else {
      for (const earlier of this.#refusals.splice(0)) this.#owner.onFailure(earlier);
      this.#owner.onFailure(error);
    }
    // F88: what waits for a connection of its own goes on one that there is.
    this.#fillAll(this.#dials.size > 0);
    this.#failUnplaced(error);
    if (wasFull || this.#fullness === 'full') this.#owner.onFullness();
    this.#owner.onRoom();
  }

  /** What the connections that are open or on their way can still take stays; the rest goes elsewhere, oldest first. */
  #failUnplaced(error: GatewayError): void {
    // F101: what waits for a place that others have waits within a limit of its own.
    if (this.#waiting.length === 0 || this.#placeTimer !== undefined) return;
    const soon = this.#dials.size + this.#replacement.leaving;
    const places = (this.openConnections + soon) * this.#pipelining;
    const free = Math.max(0, places - (this.#inFlight - this.#waiting.length));
    // With nothing on its way, what still waits would repeat a control id on all that are open.
    const failed = soon === 0 ? this.#waiting.length : Math.max(0, this.#waiting.length - free);
    for (const delivery of this.#waiting.splice(0, failed)) {
      this.#inFlight--;
      delivery.failed(error);
    }
  }

  /** F96 */
  #onRefusedMore(): void {
    this.#refusesMore = true;
    this.#onFull();
  }

  #onFull(): void {
    this.#fullness = 'full';
    this.#fullAt = this.#taken;
    this.#isLimited ||= this.openConnections > 0;
    // F97: there each message waits for it, and what closes behind an answer has just made room.
    if (!this.#quirks.isSingleUse) this.#learnedMs = Math.max(this.#learnedMs, LATE_FULL_MS);
    clearTimeout(this.#fullTimer);
    this.#fullTimer = setTimeout(() => {
      this.#fullness = 'trying';
      if (this.#waiting.length > 0) this.#dialMore();
      this.#owner.onFullness();
    }, FULL_MS);
    this.#fullTimer.unref();
  }

  #onSettled(connection: MllpConnection, code: AckCode | 'none'): void {
    this.#inFlight--;
    this.#owner.onAnswered(code);
    this.#fill(connection);
    // It can make way now, or has left a message to another one.
    if (this.#waiting.length > 0 && (connection.pending === 0 || this.#mayDial)) this.#dialMore();
    this.#owner.onRoom();
  }

  #onClosed(connection: MllpConnection, error: GatewayError | undefined): void {
    const at = this.#connections.indexOf(connection);
    if (at >= 0) this.#connections.splice(at, 1);
    this.#inFlight -= connection.pending;
    const isWay = this.#quirks.reuse.onClosed(connection, connection.isEndedByNode);
    if (this.#isLateFull(connection, error)) {
      this.#learnedMs = Math.min(2 * (performance.now() - connection.dialledAt), MAX_SETTLE_MS);
      this.#onFull();
    } else if (error !== undefined && !(isWay && error.code === 'GW_ERR_NODE_CLOSED'))
      this.#owner.onFailure(error);
    // It refused what was beyond the one that it had.
    if (this.#refusesMore && this.openConnections === 0) {
      this.#refusesMore = false;
      this.#fullness = 'no';
      clearTimeout(this.#fullTimer);
      setImmediate(() => this.#owner.onFullness());
    }
    // Messages that waited for a place on it need a connection of their own now.
    if (this.#waiting.length > 0) {
      this.#dialMore();
      this.#fillLast();
      this.#failUnplaced(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
    }
    setImmediate(() => {
      if (this.#fullness !== 'no') this.#owner.onFullness();
      this.#owner.onRoom();
    });
  }

  /**
   * F95: closed at its first use, without an answer, while other connections of the node answer. What was written on it is
   * ambiguous all the same, but nothing is wrong with the node.
   */
  #isLateFull(connection: MllpConnection, error: GatewayError | undefined): boolean {
    if (error?.code !== 'GW_ERR_NODE_CLOSED' || !connection.isEndedByNode || connection.answered > 0)
      return false;
    if (performance.now() - connection.dialledAt > MAX_SETTLE_MS) return false;
    return this.#connections.some((one) => one.isOpen && one.answered > 0);
  }

  /** Connections that have had no message for `idleMs` are ended. */
  #reap(): void {
    const before = performance.now() - this.#options.idleMs;
    for (const connection of [...this.#connections]) {
      if (connection.pending > 0 || connection.lastUsedAt >= before || connection.isOwed) continue;
      connection.retire();
    }
  }
}

/** Something is there and takes no connection; `ECONNRESET`: it stopped to while this one waited for it. */
export function isRefused({ code, detail }: GatewayError): boolean {
  return code === 'GW_ERR_NODE_CONNECT' && (detail === 'ECONNREFUSED' || detail === 'ECONNRESET');
}
