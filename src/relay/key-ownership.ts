// Which process may send the messages of a sticky key, where several carry messages: with `ordering: key` one of them is in flight over
// all processes, with `persistence.mode: table` all go to one node.
import type { PoolConfig } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';

export interface KeyOwnership {
  /** It is this process, now. */
  has(pool: string, key: string): boolean;
  /** Calls back once: when it is this process, or with why it was not in time. */
  ask(pool: string, key: string, timeoutMs: number, done: (error: GatewayError | undefined) => void): void;
}

/** What is decided of one message of a key has to be known where the next one is. */
export function needsOwner({ ordering, persistence }: PoolConfig): boolean {
  return ordering === 'key' || persistence?.mode === 'table';
}
