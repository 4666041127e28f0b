// The connections to one node over MLLP: few, long-lived, opened when there is work for one more, never more than the
// pool's `connections.max`. Takes a message only where it has room, and tells the node what it learns on the way.
import { GatewayError } from '../../errors.ts';
import type { AckCode } from '../../hl7/ack.ts';
import { clearInterval, setImmediate, setInterval } from '../../platform/time.ts';
import type { Channel, Delivery } from '../delivery.ts';
import type { DialOptions } from '../dial.ts';
import type { Upstream, UpstreamOwner } from '../upstream.ts';
import { ConnectionDialer, type DialledConnection } from './connection-dialer.ts';
import { ConnectionLimits, type LimitOptions } from './connection-limits.ts';
import { ConnectionList } from './connection-list.ts';
import { ConnectionReplacement } from './connection-replacement.ts';
import { PROBE_MS } from './connection-reuse.ts';
import { type ConnectionOptions, type ConnectionOwner, MllpConnection } from './mllp-connection.ts';
import { NodeQuirks } from './node-quirks.ts';
import { WaitingMessages } from './waiting-messages.ts';

export interface MllpUpstreamOptions extends ConnectionOptions, DialOptions, LimitOptions {
  readonly settleMs: number;
  /** Connections that have had no message for so long are ended. */
  readonly idleMs: number;
}

export class MllpUpstream implements Upstream {
  readonly #options: MllpUpstreamOptions;
  readonly #owner: UpstreamOwner;
  readonly #quirks: NodeQuirks;
  readonly #connections = new ConnectionList();
  readonly #dialer = new ConnectionDialer(() => this.#limits.takePlace());
  readonly #replacement = new ConnectionReplacement(() => this.#dialForWaiting());
  readonly #limits: ConnectionLimits;
  /** Taken, and waiting for a connection that is being dialled. */
  readonly #waiting: WaitingMessages;
  #inFlight = 0;
  /** Why a dial has just failed, while the node is told so: that may take it out, and what waits then fails of this. */
  #dialError: GatewayError | undefined;
  readonly #reaper: NodeJS.Timeout;
  #closing = false;
  readonly #connectionOwner: ConnectionOwner = {
    onSettled: (connection, code) => this.#onSettled(connection, code),
    onClosed: (connection, error) => this.#onClosed(connection, error),
    onKept: (connection) => this.#onKept(connection),
  };

  /** `quirks`: what others have learned of the same node, too. */
  constructor(options: MllpUpstreamOptions, owner: UpstreamOwner, quirks = new NodeQuirks(options, owner)) {
    this.#options = options;
    this.#owner = owner;
    this.#quirks = quirks;
    this.#waiting = new WaitingMessages(options, {
      onFailed: () => {
        this.#inFlight--;
      },
      onLate: () => owner.onRoom(),
    });
    this.#limits = new ConnectionLimits(
      options,
      this.#quirks,
      this.#connections,
      this.#dialer,
      this.#replacement,
      {
        onTrial: () => {
          this.#dialForWaiting();
          owner.onFullness();
        },
        onFailure: (error) => owner.onFailure(error),
        onPlace: () => {
          this.#dialForWaiting();
          // For those that this one does not take, it asks again.
          this.#dialForWaiting();
          setImmediate(() => owner.onRoom());
        },
        onNoPlace: () => this.#onNoPlace(),
      },
    );
    const everyMs = Math.max(options.idleMs / 2, 50);
    this.#reaper = setInterval(() => this.#connections.endIdle(options.idleMs), everyMs).unref();
  }

  /** Messages taken and not yet answered, failed or known to need no answer. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.#limits.allowed * this.#pipelining;
  }

  get joinsTurn(): boolean {
    return this.#connections.joinsTurn;
  }

  get isDialling(): boolean {
    return this.#dialer.count > 0;
  }

  get isLimited(): boolean {
    return this.#limits.fullness.isLimited;
  }

  /** The node closes new connections at once and none is open: nothing can be sent there for the moment. */
  get isFull(): boolean {
    return this.#limits.fullness.isFull && this.openConnections === 0 && this.#limits.allowed === 0;
  }

  get openConnections(): number {
    return this.#connections.open;
  }

  /** Takes a message. Only to be called where `hasRoom`, or with a `channel` of this upstream that takes it. */
  send(delivery: Delivery, channel?: Channel): void {
    this.#inFlight++;
    const connection =
      channel instanceof MllpConnection && channel.hasRoom ? channel : this.#connectionFor(delivery);
    if (connection === undefined) this.#waiting.add(delivery);
    else connection.send(delivery);
    // One more connection where all are busy, even if this message has found a place behind others.
    if (connection === undefined || connection.pending > 1) this.#dialMore();
  }

  /** Ends every connection when its messages are answered, but for those whose answers nobody wants any more. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#reaper);
    this.#limits.end();
    this.#waiting.failUnwanted();
    this.#waiting.end();
    if (this.#waiting.length === 0) this.#dialer.abort();
    for (const connection of this.#connections) connection.end();
  }

  retire(): void {
    for (const connection of this.#connections) connection.retire();
  }

  giveBack(): void {
    // First of all: a place that is given back here is not for them.
    const waiting = this.#waiting.take();
    this.#limits.giveUpPlace();
    this.#dialer.abort();
    this.#waiting.fail(waiting, this.#dialError);
  }

  get #pipelining(): number {
    return this.#quirks.isOneAtATime ? 1 : this.#options.pipelining;
  }

  #connectionFor(delivery: Delivery): MllpConnection | undefined {
    const best = this.#connections.best(delivery);
    // F88: rather on a connection of its own than beside another sender's message with the same control id.
    return best !== undefined || this.#limits.hasOthersSoon ? best : this.#connections.lastResort(delivery);
  }

  #dialForWaiting(): void {
    if (this.#waiting.length > 0) this.#dialMore();
  }

  /** Dials one more connection, or makes room for it, where messages need one and there may be one. */
  #dialMore(): void {
    if (!this.#limits.fullness.mayDial) return;
    const { isBelowMax } = this.#limits;
    if (isBelowMax && this.#limits.hasPlace) {
      if (this.#needsOneMore) this.#dial();
      return;
    }
    if (isBelowMax) {
      if (this.#waiting.length > 0) this.#limits.askForPlace();
      // They are busy: what waits does not wait because of its control id.
      if (!this.#connections.haveRoom) return;
    }
    // F97: they have room in a moment, or are closed.
    if (this.#connections.watched.length > 0) return;
    // With no dial under way a message waits only where the connections that have room would repeat its control id.
    if (this.#waiting.length === 0 || this.#dialer.count > 0) return;
    if (this.#replacement.replaceOne([...this.#connections])) this.#owner.onRepeatedId();
  }

  /** Those being dialled will take the waiting ones; `pipelining` each, but one each is what keeps latency low. */
  get #needsOneMore(): boolean {
    const waiting = this.#waiting.length;
    if (waiting === 0) return this.#pipelining > 1 && this.#dialer.count === 0;
    // F97: so will those that are watched for a close that is not expected.
    const { watched } = this.#connections;
    const roomSoon = this.#quirks.reuse.closes || watched.length === 0 ? 0 : this.#waiting.placesOn(watched);
    return this.#dialer.count + roomSoon < waiting;
  }

  #dial(): void {
    const options = { ...this.#options, settleMs: this.#limits.settleMs(this.#waiting.first) };
    this.#dialer.dial(
      options,
      (dialled) => this.#onDialled(dialled, options),
      (error) => this.#onDialFailed(error),
    );
  }

  #onDialled({ transport, connectMs, release }: DialledConnection, options: ConnectionOptions): void {
    const owner: ConnectionOwner = {
      ...this.#connectionOwner,
      onLingering: () => {
        release();
        this.#connections.endLingering(this.#options.maxConnections);
        setImmediate(() => {
          this.#dialForWaiting();
          this.#owner.onRoom();
        });
      },
    };
    const connection = new MllpConnection(transport, connectMs, options, owner, this.#quirks);
    const wasFull = this.isFull || this.#limits.fullness.isTrying;
    this.#connections.add(connection);
    this.#limits.fullness.onReached();
    this.#owner.onReached();
    this.#fill(connection);
    // The one that a full node keeps may be the last to be known: messages wait for it.
    if (wasFull) this.#owner.onFullness();
    // What is left cannot go with what it took.
    this.#dialForWaiting();
    this.#fillLast();
    if (this.#closing) connection.retire();
    else this.#owner.onRoom();
  }

  #onDialFailed(thrown: GatewayError): void {
    const wasKnown = this.#limits.fullness.isKnown;
    this.#dialError = thrown;
    const error = this.#limits.fullness.onDialFailed(thrown);
    this.#dialError = undefined;
    // F88: what waits for a connection of its own goes on one that there is.
    this.#fillAll(this.#dialer.count > 0);
    this.#failUnplaced(error);
    if (wasKnown || this.#limits.fullness.isFull) this.#owner.onFullness();
    this.#owner.onRoom();
  }

  #onSettled(connection: MllpConnection, code: AckCode | 'none'): void {
    this.#inFlight--;
    this.#owner.onAnswered(code);
    this.#fill(connection);
    // It can make way now, or has left a message to another one.
    if (this.#waiting.length > 0 && (connection.pending === 0 || this.#limits.mayDial)) this.#dialMore();
    this.#owner.onRoom();
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

  #onClosed(connection: MllpConnection, error: GatewayError | undefined): void {
    this.#connections.remove(connection);
    this.#inFlight -= connection.pending;
    const isWay = this.#quirks.reuse.onClosed(connection, connection.isEndedByNode);
    const isFull = this.#limits.fullness.isLateFull(connection, error, this.#connections.haveAnswered);
    if (error !== undefined && !isFull && !(isWay && error.code === 'GW_ERR_NODE_CLOSED'))
      this.#owner.onFailure(error);
    const hasRoomAgain = this.openConnections === 0 && this.#limits.fullness.onNoneOpen();
    // Messages that waited for a place on it need a connection of their own now.
    if (this.#waiting.length > 0) {
      this.#dialMore();
      this.#fillLast();
      this.#failUnplaced(this.#waiting.stale());
    }
    setImmediate(() => {
      if (hasRoomAgain || this.#limits.fullness.isKnown) this.#owner.onFullness();
      this.#owner.onRoom();
    });
  }

  /** F88: `isChoosy`, as in `#connectionFor`, a message waits for a connection of its own. */
  #fill(connection: MllpConnection, isChoosy = this.#waiting.length > 0 && this.#limits.hasOthersSoon): void {
    this.#waiting.fill(connection, isChoosy);
    if (this.#limits.isAsking && this.#waiting.length === 0) this.#limits.giveUpPlace();
  }

  #fillAll(isChoosy = this.#limits.hasOthersSoon): void {
    for (const connection of this.#connections) this.#fill(connection, isChoosy);
  }

  /** F88: what waits for a connection of its own goes on one that there is, once there will be no other. */
  #fillLast(): void {
    if (this.#waiting.length > 0 && !this.#limits.hasOthersSoon) this.#fillAll(false);
  }

  /** What the connections that are open or on their way can still take stays; the rest goes elsewhere, oldest first. */
  #failUnplaced(error: GatewayError): void {
    const waiting = this.#waiting.length;
    // F101: what waits for a place that others have waits within a limit of its own.
    if (waiting === 0 || this.#limits.isAsking) return;
    const soon = this.#limits.soon;
    const places = (this.openConnections + soon) * this.#pipelining;
    const free = Math.max(0, places - (this.#inFlight - waiting));
    // With nothing on its way, what still waits would repeat a control id on all that are open.
    const failed = soon === 0 ? waiting : Math.max(0, waiting - free);
    this.#waiting.fail(this.#waiting.take(failed), error);
  }

  /** F101: that there is none for long is for another node, or the queue. */
  #onNoPlace(): void {
    if (this.#dialer.count > 0) return;
    const detail = 'other pools have all connections that are shared';
    const error = new GatewayError('GW_ERR_NODE_FULL', { node: this.#options.node, detail });
    this.#waiting.fail(this.#waiting.take(), error);
    this.#owner.onRoom();
  }
}
