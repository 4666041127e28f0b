// An error that nobody caught, in the log: where it came from, and nothing of what it says.
import { causeCode } from '../../errors.ts';
import type { Log } from '../../observe/log/log.ts';
import { stackOf } from '../../observe/log/stack.ts';

/** Where the process ends in disorder there may be one for each connection. */
const MOST_LOGGED = 20;

let count = 0;

/** `origin`: `uncaughtException`, `unhandledRejection`, or what the process was about. */
export function logUncaught(log: Log, thrown: unknown, origin: string): void {
  count++;
  if (count > MOST_LOGGED) return;
  const left = count === MOST_LOGGED ? { last: true } : {};
  log.fatal(
    { code: 'GW_ERR_INTERNAL', origin, cause: causeCode(thrown), stack: stackOf(thrown), ...left },
    'uncaught error: this is a defect in the gateway, which ends',
  );
}
