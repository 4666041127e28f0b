// Messages that an upstream has taken and that wait for a connection. Promises that each is given to one, in the order in which they
// came as far as their control ids allow, or fails with nothing written; and that none waits for ever.
import { GatewayError } from '../../errors.ts';
import { monotonicMs } from '../../platform/time.ts';
import type { Delivery } from '../delivery.ts';
import { LazyDeadline } from '../lazy-deadline.ts';
import type { MllpConnection } from './mllp-connection.ts';

export interface WaitingOptions {
  /** The node's name, for errors. */
  readonly node: string;
  /** No message waits longer than for a connection to be made and for the answer of the one that has it before. */
  readonly connectMs: number;
  readonly ackMs: number;
}

export interface WaitingOwner {
  /** One is about to fail. */
  onFailed(): void;
  /** Some have failed because they have waited for too long. */
  onLate(): void;
}

interface Waiting {
  readonly delivery: Delivery;
  /** In monotonicMs() milliseconds. */
  readonly since: number;
}

export class WaitingMessages {
  readonly #options: WaitingOptions;
  readonly #owner: WaitingOwner;
  readonly #all: Waiting[] = [];
  readonly #limitMs: number;
  /** Of the oldest, or of one that was older and has found a connection. */
  readonly #deadline = new LazyDeadline(() => this.#failLate());

  constructor(options: WaitingOptions, owner: WaitingOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#limitMs = options.connectMs + options.ackMs;
  }

  get length(): number {
    return this.#all.length;
  }

  get first(): Delivery | undefined {
    return this.#all[0]?.delivery;
  }

  add(delivery: Delivery): void {
    this.#all.push({ delivery, since: monotonicMs() });
    if (this.#all.length === 1) this.#deadline.begin(this.#limitMs);
  }

  /** Gives the connection those that it takes; F88: `isChoosy`, not those that may be confused with what it had before. */
  fill(connection: MllpConnection, isChoosy: boolean): void {
    for (let at = 0; connection.hasRoom; ) {
      const delivery = this.#all[at]?.delivery;
      if (delivery === undefined) return;
      if (connection.repeats(delivery) || (isChoosy && connection.mayConfuse(delivery))) at++;
      else {
        this.#all.splice(at, 1);
        // F80: its sender has left while there was no connection for it yet.
        if (delivery.unwanted === true) this.#fail(delivery, this.stale());
        else connection.send(delivery);
      }
    }
  }

  /** How many of them these connections will take, one each. */
  placesOn(connections: MllpConnection[]): number {
    let count = 0;
    for (const { delivery } of this.#all) {
      const at = connections.findIndex((one) => !one.repeats(delivery) && !one.mayConfuse(delivery));
      if (at < 0) continue;
      connections.splice(at, 1);
      count++;
    }
    return count;
  }

  /** Takes out the oldest, which are to fail. */
  take(count = this.#all.length): Delivery[] {
    return this.#all.splice(0, count).map(({ delivery }) => delivery);
  }

  /** Those that were taken out go elsewhere. */
  fail(taken: readonly Delivery[], error = this.stale()): void {
    for (const delivery of taken) this.#fail(delivery, error);
  }

  failUnwanted(): void {
    for (const one of this.#all.splice(0)) {
      if (one.delivery.unwanted === true) this.#fail(one.delivery, this.stale());
      else this.#all.push(one);
    }
  }

  stale(): GatewayError {
    return new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node });
  }

  /** Nothing is added any more. */
  end(): void {
    if (this.#all.length === 0) this.#deadline.end();
  }

  /**
   * Where nearly all control ids repeat, each message has a connection made anew for it, one behind the other: those behind may
   * find another node, or nobody, sooner.
   */
  #failLate(): void {
    const now = monotonicMs();
    const { node } = this.#options;
    const late = this.#all.findIndex(({ since }) => now - since < this.#limitMs);
    const taken = this.take(late < 0 ? this.#all.length : late);
    const [oldest] = this.#all;
    if (oldest !== undefined) this.#deadline.begin(oldest.since + this.#limitMs - now, now);
    if (taken.length === 0) return;
    this.fail(taken, new GatewayError('GW_ERR_NODE_STALE', { node, detail: 'no connection for it in time' }));
    this.#owner.onLate();
  }

  #fail(delivery: Delivery, error: GatewayError): void {
    this.#owner.onFailed();
    delivery.failed(error);
  }
}
