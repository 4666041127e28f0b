// The connections to one node over MLLP where each is of one client address: an upstream for each client that has messages or
// connections there. Promises that no connection carries messages of two clients, that all together are never more than
// `connections.max`, and that who has most gives one back to who has none.
import { GatewayError } from '../../errors.ts';
import { clearInterval, monotonicMs, setImmediate, setInterval } from '../../platform/time.ts';
import type { Channel, Delivery } from '../delivery.ts';
import { LazyDeadline } from '../lazy-deadline.ts';
import { clientKey, dialFor, isOfOneClient, type PerClient } from '../per-client.ts';
import { SharedLimit } from '../shared-limit.ts';
import type { Upstream, UpstreamOwner } from '../upstream.ts';
import { MllpUpstream, type MllpUpstreamOptions } from './mllp-upstream.ts';
import { NodeQuirks } from './node-quirks.ts';

/** A message that waits because its client has as many connections as it may have, all of them busy. */
interface Held {
  readonly delivery: Delivery;
  /** In monotonicMs() milliseconds. */
  readonly since: number;
}

interface Client {
  readonly upstream: MllpUpstream;
  readonly held: Held[];
}

export class PerClientUpstream implements Upstream {
  readonly #options: MllpUpstreamOptions;
  readonly #perClient: PerClient;
  readonly #owner: UpstreamOwner;
  readonly #quirks: NodeQuirks;
  readonly #limit: NonNullable<MllpUpstreamOptions['shared']>;
  readonly #clients = new Map<string, Client>();
  /** Held messages of all clients. */
  #held = 0;
  readonly #deadline = new LazyDeadline(() => this.#failLate());
  readonly #sweeper: NodeJS.Timeout;
  #isAskingSoon = false;
  #isClosing = false;

  constructor(options: MllpUpstreamOptions, perClient: PerClient, owner: UpstreamOwner) {
    this.#options = options;
    this.#perClient = perClient;
    this.#owner = owner;
    this.#quirks = new NodeQuirks(options, owner);
    this.#limit = options.shared ?? new SharedLimit();
    this.#sweeper = setInterval(() => this.#sweep(), Math.max(perClient.idleMs / 2, 50)).unref();
  }

  get inFlight(): number {
    return this.#held + this.#sent;
  }

  /** What waits for its own client's connections takes nothing of the others' room. */
  get hasRoom(): boolean {
    const { maxConnections, pipelining } = this.#options;
    return this.#sent < maxConnections * pipelining;
  }

  /** Nobody has a connection, and the node closes new ones at once. */
  get isFull(): boolean {
    return this.openConnections === 0 && this.#some(({ isFull }) => isFull);
  }

  get isLimited(): boolean {
    return this.#some(({ isLimited }) => isLimited);
  }

  get isDialling(): boolean {
    return this.#some(({ isDialling }) => isDialling);
  }

  get openConnections(): number {
    return this.#sum(({ openConnections }) => openConnections);
  }

  /** Clients that have messages or connections there, or had just now. */
  get clients(): number {
    return this.#clients.size;
  }

  send(delivery: Delivery, channel?: Channel): void {
    const { clientAddress } = delivery;
    const key = clientKey(clientAddress);
    const client = this.#clients.get(key) ?? this.#begin(key, clientAddress);
    const { upstream, held } = client;
    if (channel !== undefined || (held.length === 0 && upstream.hasRoom)) upstream.send(delivery, channel);
    // The node is full, for this client: another node may have the message at once.
    else if (upstream.isFull)
      setImmediate(() => delivery.failed(new GatewayError('GW_ERR_NODE_FULL', { node: this.#options.node })));
    else {
      held.push({ delivery, since: monotonicMs() });
      if (++this.#held === 1) this.#deadline.begin(this.#perClient.waitMs);
    }
  }

  close(): void {
    this.#isClosing = true;
    clearInterval(this.#sweeper);
    this.#failHeld();
    this.#deadline.end();
    for (const { upstream } of this.#clients.values()) upstream.close();
  }

  retire(): void {
    for (const { upstream } of this.#clients.values()) upstream.retire();
  }

  giveBack(): void {
    this.#failHeld();
    for (const { upstream } of this.#clients.values()) upstream.giveBack();
  }

  #begin(key: string, clientAddress: string | undefined): Client {
    // Each has something or is about to: so many are no more than connections and messages under way, and as many that have ended.
    if (this.#clients.size > 2 * this.#options.maxConnections) this.#sweep();
    const { max, idleMs } = this.#perClient;
    const dialling = dialFor(this.#perClient, clientAddress);
    const own = { client: key, ...dialling, idleMs, ownMax: max, shared: this.#limit };
    const owner: UpstreamOwner = {
      onReached: () => this.#owner.onReached(),
      onAnswered: (code) => this.#owner.onAnswered(code),
      onFailure: (error) => {
        if (!isOfOneClient(error, this.#perClient, this.openConnections)) this.#owner.onFailure(error);
      },
      onRoom: () => {
        this.#fill(client);
        this.#askSoon();
        this.#owner.onRoom();
      },
      onFullness: () => {
        if (upstream.isFull) this.#failHeldOf(client);
        this.#makeRoom();
        this.#owner.onFullness();
      },
      onStrayAnswer: () => this.#owner.onStrayAnswer(),
      onRepeatedId: () => this.#owner.onRepeatedId(),
      onAlike: () => this.#owner.onAlike(),
    };
    const upstream = new MllpUpstream({ ...this.#options, ...own }, owner, this.#quirks);
    const client: Client = { upstream, held: [] };
    this.#clients.set(key, client);
    if (this.#isClosing) upstream.close();
    return client;
  }

  #fill({ upstream, held }: Client): void {
    while (held.length > 0 && upstream.hasRoom) {
      const { delivery } = held.shift() as Held;
      this.#held--;
      // F80: its sender has left meanwhile.
      if (delivery.unwanted === true) delivery.failed(this.#stale());
      else upstream.send(delivery);
    }
  }

  /** Those who have nothing are forgotten. */
  #sweep(): void {
    for (const [key, { upstream, held }] of this.#clients) {
      if (held.length > 0 || upstream.inFlight > 0 || upstream.openConnections > 0) continue;
      if (upstream.isDialling || upstream.isFull) continue;
      this.#clients.delete(key);
      upstream.close();
    }
  }

  /** Whoever has just been answered may give its place to who waits. */
  #askSoon(): void {
    if (this.#isAskingSoon) return;
    this.#isAskingSoon = true;
    setImmediate(() => {
      this.#isAskingSoon = false;
      this.#limit.askAgain();
    });
  }

  /** A client finds the node full: of the others, one that has had no message for a while gives its place. */
  #makeRoom(): void {
    if (this.openConnections > 0 && this.#some(({ isFull }) => isFull) && this.#limit instanceof SharedLimit)
      this.#limit.endOne(false);
  }

  #failLate(): void {
    const now = monotonicMs();
    const { waitMs } = this.#perClient;
    const late: Held[] = [];
    let oldest = Number.POSITIVE_INFINITY;
    for (const { held } of this.#clients.values()) {
      while (held[0] !== undefined && now - held[0].since >= waitMs) late.push(held.shift() as Held);
      oldest = Math.min(oldest, held[0]?.since ?? oldest);
    }
    this.#held -= late.length;
    if (this.#held > 0) this.#deadline.begin(oldest + waitMs - now, now);
    const detail = 'its client has all connections that it may have';
    const error = new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node, detail });
    for (const { delivery } of late) delivery.failed(error);
  }

  #failHeld(): void {
    for (const client of this.#clients.values()) this.#failHeldOf(client);
  }

  #failHeldOf({ held }: Client): void {
    const taken = held.splice(0);
    this.#held -= taken.length;
    for (const { delivery } of taken) delivery.failed(this.#stale());
  }

  #stale(): GatewayError {
    return new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node });
  }

  get #sent(): number {
    return this.#sum(({ inFlight }) => inFlight);
  }

  #sum(of: (upstream: MllpUpstream) => number): number {
    let sum = 0;
    for (const { upstream } of this.#clients.values()) sum += of(upstream);
    return sum;
  }

  #some(holds: (upstream: MllpUpstream) => boolean): boolean {
    for (const { upstream } of this.#clients.values()) if (holds(upstream)) return true;
    return false;
  }
}
