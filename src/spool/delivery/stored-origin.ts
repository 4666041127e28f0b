// A stored message as the pool's queue has it: where it came from as far as the store knows, and who is told what became of it.
import type { Peer } from '../../../routing/message-view.ts';
import type { RemoteContext } from '../../observe/traces/trace-context.ts';
import type { Message, Origin, Outcome } from '../../relay/message.ts';
import { SPOOL_LISTENER } from '../../relay/pool-spool.ts';
import type { StoredLabel } from '../spool-store.ts';

export class StoredOrigin implements Origin {
  readonly listener = SPOOL_LISTENER;
  readonly peer: Peer;
  readonly lanes: Origin['lanes'] = new WeakMap();
  readonly storedIn: RemoteContext;
  readonly #onSettled: (message: Message, outcome: Outcome) => void;

  constructor(
    { source, traceId, spanId }: StoredLabel,
    onSettled: (message: Message, outcome: Outcome) => void,
  ) {
    this.peer = { address: source, port: 0 };
    // Whether it is recorded is decided by its trace id again, and so in the same way.
    this.storedIn = { traceId, spanId, sampled: false, state: undefined, trusted: false };
    this.#onSettled = onSettled;
  }

  settled(message: Message, outcome: Outcome): void {
    this.#onSettled(message, outcome);
  }

  /** A message of a batch that was split is stored by itself. */
  partSettled(): null {
    return null;
  }

  /** What is under way is bounded by the one who delivers it. */
  hold(): void {}
}
