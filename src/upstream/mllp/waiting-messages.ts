// Messages that an upstream has taken and that wait for a connection. Promises that each is given to one, in the order in which they
// came as far as their control ids allow, or fails with nothing written.
import { GatewayError } from '../../errors.ts';
import type { Delivery } from '../delivery.ts';
import type { MllpConnection } from './mllp-connection.ts';

export class WaitingMessages {
  readonly #node: string;
  readonly #onFailed: () => void;
  readonly #all: Delivery[] = [];

  /** `onFailed`: one is about to fail. */
  constructor(node: string, onFailed: () => void) {
    this.#node = node;
    this.#onFailed = onFailed;
  }

  get length(): number {
    return this.#all.length;
  }

  get first(): Delivery | undefined {
    return this.#all[0];
  }

  add(delivery: Delivery): void {
    this.#all.push(delivery);
  }

  /** Gives the connection those that it takes; F88: `isChoosy`, not those that may be confused with what it had before. */
  fill(connection: MllpConnection, isChoosy: boolean): void {
    for (let at = 0; connection.hasRoom; ) {
      const delivery = this.#all[at];
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
    for (const delivery of this.#all) {
      const at = connections.findIndex((one) => !one.repeats(delivery) && !one.mayConfuse(delivery));
      if (at < 0) continue;
      connections.splice(at, 1);
      count++;
    }
    return count;
  }

  /** Takes out the oldest, which are to fail. */
  take(count = this.#all.length): Delivery[] {
    return this.#all.splice(0, count);
  }

  /** Those that were taken out go elsewhere. */
  fail(taken: readonly Delivery[], error = this.stale()): void {
    for (const delivery of taken) this.#fail(delivery, error);
  }

  failUnwanted(): void {
    for (const delivery of this.take()) {
      if (delivery.unwanted === true) this.#fail(delivery, this.stale());
      else this.#all.push(delivery);
    }
  }

  stale(): GatewayError {
    return new GatewayError('GW_ERR_NODE_STALE', { node: this.#node });
  }

  #fail(delivery: Delivery, error: GatewayError): void {
    this.#onFailed();
    delivery.failed(error);
  }
}
