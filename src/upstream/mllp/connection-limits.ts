// How many connections an upstream has and may have: by the config, by what the node takes (node-fullness.ts), and by what others have
// where they share the limit (F101). Promises never more than any of these says, and that nobody waits for ever for others' places.
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import type { Delivery } from '../delivery.ts';
import type { PlaceLimit, Sharer } from '../shared-limit.ts';
import type { ConnectionDialer } from './connection-dialer.ts';
import type { ConnectionList } from './connection-list.ts';
import type { ConnectionReplacement } from './connection-replacement.ts';
import { type FullnessOwner, NodeFullness } from './node-fullness.ts';
import type { NodeQuirks } from './node-quirks.ts';

export interface LimitOptions {
  readonly maxConnections: number;
  /** F101: `maxConnections` is for all upstreams together that share this. */
  readonly shared?: PlaceLimit | undefined;
  /** Of those, so many may be this one's. Undefined: all. */
  readonly ownMax?: number | undefined;
  readonly settleMs: number;
  readonly reuse?: number | undefined;
  readonly ackMs: number;
}

export interface LimitsOwner extends FullnessOwner {
  /** Of those that are shared, there may be a place for one more connection. */
  onPlace(): void;
  /** A place was asked for, and there was none for as long as a message waits. */
  onNoPlace(): void;
}

export class ConnectionLimits implements Sharer {
  readonly fullness: NodeFullness;
  readonly maxConnections: number;
  readonly #ownMax: number;
  readonly #options: LimitOptions;
  readonly #shared: PlaceLimit | undefined;
  readonly #quirks: NodeQuirks;
  readonly #connections: ConnectionList;
  readonly #dialer: ConnectionDialer;
  readonly #replacement: ConnectionReplacement;
  readonly #owner: LimitsOwner;
  #placeTimer: NodeJS.Timeout | undefined;

  constructor(
    options: LimitOptions,
    quirks: NodeQuirks,
    connections: ConnectionList,
    dialer: ConnectionDialer,
    replacement: ConnectionReplacement,
    owner: LimitsOwner,
  ) {
    this.maxConnections = options.maxConnections;
    this.#ownMax = Math.min(options.ownMax ?? options.maxConnections, options.maxConnections);
    this.#options = options;
    this.#shared = options.shared;
    this.#quirks = quirks;
    this.#connections = connections;
    this.#dialer = dialer;
    this.#replacement = replacement;
    this.#owner = owner;
    this.fullness = new NodeFullness(this, quirks, owner);
    this.#shared?.join(this);
  }

  get open(): number {
    return this.#connections.open;
  }

  get dialling(): number {
    return this.#dialer.count;
  }

  get inUse(): number {
    return this.dialling + this.open;
  }

  get spare(): number {
    return this.#connections.spare;
  }

  /** Those on their way, and those that are closing and make room for another one. */
  get soon(): number {
    return this.dialling + this.#replacement.leaving;
  }

  /** Those that count: `soon`, and those that may have messages. */
  get taken(): number {
    return this.soon + this.#connections.working;
  }

  /** Those that there may be. */
  get allowed(): number {
    return this.fullness.allowed(this.#shared === undefined ? this.#ownMax : this.#sharedMax(this.#shared));
  }

  /** What it has and may have, and one at least: a message that waits for it is what asks for it. */
  #sharedMax(shared: PlaceLimit): number {
    return Math.min(this.#ownMax, Math.max(1, this.inUse + shared.expectedFor(this)));
  }

  get isBelowMax(): boolean {
    return this.taken < this.#ownMax;
  }

  /** Others that share the limit leave a place. */
  get hasPlace(): boolean {
    return this.#shared === undefined || this.#shared.freeFor(this) > 0;
  }

  /** One more is allowed. */
  get mayDial(): boolean {
    return !this.fullness.isKnown && this.isBelowMax && this.hasPlace;
  }

  /** One more is on its way, or may be dialled. */
  get hasOthersSoon(): boolean {
    return this.dialling > 0 || this.mayDial;
  }

  /** How long a connection that is dialled now, for this message, is watched before it is written to. */
  settleMs(first: Delivery | undefined): number {
    const { settleMs, reuse } = this.#options;
    if (settleMs === 0) return 0;
    if (this.#quirks.reuse.closes || reuse !== undefined) return this.fullness.settleMs(settleMs, false);
    // F95: before it has shown how many it takes, all but the first may be too many.
    const othersServe = this.#connections.isEmpty ? this.dialling > 0 : this.#connections.serves(first);
    return this.fullness.settleMs(settleMs, othersServe);
  }

  /** A place has been asked for. */
  get isAsking(): boolean {
    return this.#placeTimer !== undefined;
  }

  /** A connection is dialled. The result gives its place back, and may be called again. */
  takePlace(): () => void {
    this.#stopAsking();
    return this.#shared?.take(this) ?? (() => {});
  }

  askForPlace(): void {
    if (this.#shared === undefined) return;
    this.#placeTimer ??= setTimeout(() => {
      this.giveUpPlace();
      this.#owner.onNoPlace();
    }, this.#options.ackMs).unref();
    this.#shared.ask(this);
  }

  giveUpPlace(): void {
    this.#stopAsking();
    this.#shared?.giveUp(this);
  }

  /** There will be no more connections. */
  end(): void {
    this.fullness.stop();
    this.#shared?.leave(this);
  }

  onPlace(): void {
    this.#owner.onPlace();
  }

  endOne(mayBeBusy: boolean): boolean {
    return this.#connections.endOne(mayBeBusy);
  }

  #stopAsking(): void {
    clearTimeout(this.#placeTimer);
    this.#placeTimer = undefined;
  }
}
