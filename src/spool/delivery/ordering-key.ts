// By what stored messages keep their order. Promises that the order which the pool keeps of messages that go straight through is kept
// over a restart too, and that nothing of a patient stands in a key.
import { createHash } from 'node:crypto';
import { sourceAddress } from '../../../routing/message-view.ts';
import type { Message } from '../../relay/message.ts';

/**
 * With `ordering: key`, the sticky key. Else where it came from, without the port: a connection does not outlive its sender's or the
 * gateway's restart, and what the sender sends by its next one comes behind.
 */
export function orderingKeyOf({ stickyKey, origin, pool }: Message, ordering = pool?.ordering): string {
  const text =
    ordering === 'key' && stickyKey !== undefined
      ? `key\0${stickyKey}`
      : `from\0${origin.listener}\0${sourceAddress(origin.peer.address)}`;
  // 132 bits.
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
