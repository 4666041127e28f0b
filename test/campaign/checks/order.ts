// Holds the order in which messages first reached any node against the order in which each sender first sent them. Pure.
// Promises: of the order, judges only the first time that any node read a message; what comes again may come at any time.
import type { Promises } from '../profiles.ts';
import { type Handover, isHandover } from './ends.ts';
import { type Delivery, type Facts, isSettled, type Send, type SenderConnection } from './facts.ts';
import type { Violation } from './violation.ts';

interface First {
  readonly send: Send;
  readonly delivery: Delivery;
}

/**
 * The config promises the order of a connection. Where nothing can take a message and the gateway closes, a sender that says
 * all of it again, as these do, has its order over all of its connections. Where the gateway answers instead, the
 * message that it refused may come later than those behind it, so only the connection counts, and only what was taken there.
 */
export function checkOrder(facts: Facts, promises: Promises, handovers: readonly Handover[]): Violation[] {
  const { refusals, ordering } = promises;
  const firsts = new Map<string, Delivery>();
  for (const delivery of facts.deliveries) if (!firsts.has(delivery.sha)) firsts.set(delivery.sha, delivery);
  const found: Violation[] = [];
  for (const connections of facts.connections.values()) {
    const lists =
      refusals.length === 0
        ? [connections.flatMap((one) => sendsOf(one, facts))]
        : connections.map((one) => takenOn(one, facts));
    for (const sends of lists) {
      const order = sends.flatMap((send) => {
        const delivery = firsts.get(send.sha);
        return delivery === undefined ? [] : [{ send, delivery }];
      });
      found.push(...checkSequence(order));
    }
  }
  return ordering === 'key' ? [...found, ...checkKeys(facts, promises.pipelining, handovers)] : found;
}

/**
 * One message of a key at a time: where the gateway took the answer to a delivery, the next one of that key comes behind that
 * answer. One that it did not take may be read, and answered, at any time. Two processes do not know of each other's messages:
 * while one takes over, a sender that dropped its connection can have one with each.
 */
function checkKeys(facts: Facts, pipelining: number, handovers: readonly Handover[]): Violation[] {
  const found: Violation[] = [];
  const before = new Map<string, Delivery>();
  for (const delivery of facts.deliveries) {
    const sender = facts.sends.get(delivery.sha)?.[0]?.sender;
    if (sender === undefined || !isSettled(delivery, facts, pipelining)) continue;
    const last = before.get(sender);
    const until = last?.answers.find(({ kind }) => kind === 'right')?.t;
    if (last !== undefined && until !== undefined && delivery.t < until && !isHandover(delivery.t, handovers))
      found.push({
        rule: 'key-overlap',
        text: `${sender}: ${delivery.id} came to node ${delivery.node} at ${delivery.t}, and ${last.id} was with node ${last.node} until ${until}`,
      });
    before.set(sender, delivery);
  }
  return found;
}

/** Those that were sent for the first time on this connection. */
function sendsOf({ steps }: SenderConnection, facts: Facts): Send[] {
  return steps.flatMap((step) =>
    'send' in step && facts.sends.get(step.send.sha)?.[0] === step.send ? [step.send] : [],
  );
}

/** Of those, the ones that a node answered then; one that the gateway refused may have been sent again, and behind others. */
function takenOn(connection: SenderConnection, facts: Facts): Send[] {
  const outstanding: Send[] = [];
  const taken = new Set<Send>();
  for (const step of connection.steps) {
    if ('send' in step) outstanding.push(step.send);
    else {
      const send = outstanding.shift();
      if (send !== undefined && 'ack' in step && facts.answersByBytes.has(step.ack.bytes)) taken.add(send);
    }
  }
  return sendsOf(connection, facts).filter((send) => taken.has(send));
}

function checkSequence(order: readonly First[]): Violation[] {
  const found: Violation[] = [];
  let earliest: First | undefined;
  // From the last one back: is there one behind it that came earlier?
  for (const one of order.toReversed()) {
    if (earliest !== undefined && one.delivery.t > earliest.delivery.t)
      found.push({
        rule: 'order',
        text: `${one.send.sender}: ${earliest.send.id} (${earliest.send.n}) came to node ${earliest.delivery.node} at ${earliest.delivery.t}, before ${one.send.id} (${one.send.n}), to node ${one.delivery.node} at ${one.delivery.t}`,
      });
    else earliest = one;
  }
  return found.reverse();
}
