// Did the gateway keep its promises? Pure: the logs that senders and nodes wrote go in, and what was left at the end; a list of
// violations comes out. It knows nothing of the gateway but its config's promises.
import { checkAcks } from './checks/acks.ts';
import { checkDeliveries } from './checks/deliveries.ts';
import { checkEnding, type Ending } from './checks/ends.ts';
import { factsOf, type Logs } from './checks/facts.ts';
import { checkOrder } from './checks/order.ts';
import type { Violation } from './checks/violation.ts';
import type { Promises } from './profiles.ts';

export function check(logs: Logs, promises: Promises, ending: Ending): Violation[] {
  const facts = factsOf(logs);
  return [
    ...checkAcks(facts, promises, ending.handovers),
    ...checkDeliveries(facts, promises),
    ...checkOrder(facts, promises, ending.handovers),
    ...checkEnding(facts, ending),
  ];
}
