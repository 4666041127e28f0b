// F42: the messages of one connection that a node does not answer. Promises that each is delivered when the operating system has
// taken its bytes, and that an answer which comes all the same is told from the one that is due.
import { type Ack, isNegative } from '../../hl7/ack.ts';
import type { Transport } from '../../mllp/transport.ts';
import { setImmediate } from '../../platform/time.ts';
import type { Delivery } from '../delivery.ts';
import type { ConnectionErrors } from './connection-errors.ts';

/** Control ids that are remembered. */
const MAX_IDS = 256;

/** What an answer to one of these says. `unasked`: a refusal, where its sender has asked for no answer. `known`: nothing. */
export type UnexpectedAnswer = 'unexpected' | 'unasked' | 'known';

export class UnansweredMessages {
  readonly #transport: Transport;
  readonly #onTaken: (deliveries: readonly Delivery[]) => void;
  /** Of this turn of the event loop. */
  #gathered: Delivery[] = [];
  #count = 0;
  readonly #ids = new Set<string>();
  /** Of those, the ones that asked for no answer themselves. */
  readonly #unasked = new Set<string>();

  /** `onTaken`: the operating system has taken the bytes of these, or never will; each that is delivered is to be `delivered`. */
  constructor(transport: Transport, onTaken: (deliveries: readonly Delivery[]) => void) {
    this.#transport = transport;
    this.#onTaken = onTaken;
  }

  /** Those whose bytes the operating system has not taken yet. */
  get count(): number {
    return this.#count;
  }

  /** Of none of them a byte has been handed over. */
  get areUnwritten(): boolean {
    return this.#gathered.length === this.#count;
  }

  /** Of messages that may have been delivered. */
  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  add(delivery: Delivery): void {
    this.#gathered.push(delivery);
    this.#count++;
  }

  onFlush(): void {
    if (this.#gathered.length === 0) return;
    const written = this.#gathered;
    this.#gathered = [];
    for (const delivery of written) {
      delivery.written();
      const { controlId } = delivery.header;
      remember(this.#ids, controlId);
      if (delivery.header.text(15) === 'NE') remember(this.#unasked, controlId);
    }
    // Behind the messages' own bytes, so that it tells when those have been taken.
    setImmediate(() => this.#transport.whenTaken(() => this.#onTaken(written)));
  }

  delivered(): void {
    this.#count--;
  }

  /** Undefined: it answers none of these. Many nodes answer all: where the sender asked for none, only a refusal is worth a word. */
  answeredBy({ controlId, code }: Ack): UnexpectedAnswer | undefined {
    if (!this.#ids.delete(controlId)) return undefined;
    if (!this.#unasked.delete(controlId)) return 'unexpected';
    return isNegative(code) ? 'unasked' : 'known';
  }

  /** Those that are not handed over are over. */
  fail(errors: ConnectionErrors): void {
    for (const delivery of this.#gathered.splice(0)) delivery.failed(errors.stale());
  }
}

/** With a bound: the oldest goes. */
function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size <= MAX_IDS) return;
  for (const oldest of ids) {
    ids.delete(oldest);
    break;
  }
}
