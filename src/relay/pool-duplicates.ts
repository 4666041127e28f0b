// What a pool's queue knows of messages that come again: whether one is to be sent now.
import type { Message } from './message.ts';

export interface PoolDuplicates {
  /**
   * It is not to be sent, or not yet. Asked when its turn has come, and again as often. Whoever holds it either withdraws it from the
   * queue and settles it, or has the queue go on with it.
   */
  holds(message: Message): boolean;
}
