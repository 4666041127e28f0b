// Did the gateway keep its promises? Pure: the logs that senders and nodes wrote go in, and what was left at the end; a list of
// violations comes out. It knows nothing of the gateway but its config's promises.
import { checkAcks } from './checks/acks.ts';
import { Calm } from './checks/calm.ts';
import { checkChoices } from './checks/choices.ts';
import { checkDeliveries } from './checks/deliveries.ts';
import { checkEnding, type Ending } from './checks/ends.ts';
import { factsOf, type Logs } from './checks/facts.ts';
import { checkOrder } from './checks/order.ts';
import { checkTimes } from './checks/times.ts';
import type { Violation } from './checks/violation.ts';
import { checkWeb } from './checks/web.ts';
import type { Promises } from './profiles.ts';

export function check(logs: Logs, promises: Promises, ending: Ending): Violation[] {
  const facts = factsOf(logs);
  const handovers = ending.handovers.map(({ from, until }) => ({ target: 'gateway', from, until }));
  const calm = new Calm([...ending.disturbances, ...handovers], promises.settleMs ?? 0);
  return [
    ...checkAcks(facts, promises, ending),
    ...checkDeliveries(facts, promises),
    ...checkOrder(facts, promises, ending.handovers),
    ...checkChoices(facts, promises, calm),
    ...checkTimes(facts, promises, calm),
    ...checkWeb(logs.webClients ?? {}, ending.handovers),
    ...checkEnding(facts, ending, promises),
  ];
}
