// What a pool's queue knows of the store behind it: which messages it takes, and that it has them from then on.
import type { GatewayError } from '../errors.ts';
import type { Message } from './message.ts';

/** The listener of messages that come from the store; no listener of a config can have this name. */
export const SPOOL_LISTENER = '(spool)';

export interface PoolSpool {
  /** It is to be stored and not sent, as all of its pool are, or what came before it. Asked when it is first in its lane. */
  takes(message: Message): boolean;
  /** The same of one that the queue gives up with this error. */
  takesFailed(message: Message, error: GatewayError): boolean;
  /** It is in no lane any more. The spool settles it: when it is on the disk, or with why it is not. `error`: why it was not delivered. */
  store(message: Message, error: GatewayError | undefined): void;
  /** A node can be used now. */
  onUsable(): void;
}
