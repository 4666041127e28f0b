// Holds what the nodes got against what was sent: the same bytes, no oftener than allowed, on connections that may still be
// used. Pure. Promises: judges by counts and by the order within a log, not by how long anything took.
import type { Promises } from '../profiles.ts';
import { type Delivery, type Facts, isSettled, type NodeConnection, type Send } from './facts.ts';
import type { Violation } from './violation.ts';

export function checkDeliveries(facts: Facts, promises: Promises): Violation[] {
  const bySha = Map.groupBy(facts.deliveries, ({ sha }) => sha);
  return [
    ...[...bySha].flatMap(([sha, deliveries]) => {
      const sends = facts.sends.get(sha) ?? [];
      return sends.length === 0
        ? deliveries.map((one) => unknown(one, facts))
        : checkCounts(sends, deliveries, facts, promises);
    }),
    ...facts.deliveries
      .filter(({ sha }) => facts.invalid.has(sha))
      .map((delivery) => ({ rule: 'invalid-delivered' as const, text: told(delivery) })),
    ...facts.nodeConnections
      .filter(({ node }) => promises.httpNodes?.includes(node) !== true)
      .flatMap((connection) => checkConnection(connection, promises.pipelining)),
  ];
}

function unknown(delivery: Delivery, facts: Facts): Violation {
  const { id, sha } = delivery;
  if (facts.parts.has(sha))
    return { rule: 'not-sent', text: `${told(delivery)}: its sender broke off within it` };
  return facts.ids.has(id)
    ? { rule: 'altered', text: told(delivery) }
    : { rule: 'not-sent', text: `${told(delivery)}: no sender knows it` };
}

/**
 * Each time that its sender sent it, a message may be delivered once, and again only after a delivery of which nobody
 * knows what came of it. So of those that the gateway took an answer to, there are no more than times that it was sent.
 */
function checkCounts(
  sends: readonly Send[],
  deliveries: readonly Delivery[],
  facts: Facts,
  { attempts, onAmbiguous, pipelining }: Promises,
): Violation[] {
  let settled = 0;
  for (const [at, delivery] of deliveries.entries()) {
    const sent = sends.filter(({ t }) => t < delivery.t).length;
    if (isSettled(delivery, facts, pipelining)) settled++;
    if (sent === 0) return [{ rule: 'not-sent', text: `${told(delivery)}: sent only at ${sends[0]?.t}` }];
    if (at + 1 > sent * attempts)
      return [
        { rule: 'duplicate', text: `${told(delivery)}: delivery ${at + 1} of a message sent ${sent} times` },
      ];
    if (settled > sent)
      return [
        {
          rule: 'duplicate',
          text: `${told(delivery)}: sent ${sent} times, and ${settled} deliveries were answered`,
        },
      ];
  }
  const nodes = new Set(deliveries.map(({ node }) => node));
  if (onAmbiguous === 'same-node' && nodes.size > sends.length)
    return [
      {
        rule: 'other-node',
        text: `${sends[0]?.id}: sent ${sends.length} times, got by ${[...nodes].join(', ')}`,
      },
    ];
  return [];
}

/**
 * A connection on which an answer is missing, late or wrong takes no further message. What the node reads there later must
 * have been on its way, which is less than `pipelining` behind the one that has no right answer.
 */
function checkConnection(connection: NodeConnection, pipelining: number): Violation[] {
  const where = `node ${connection.node} connection ${connection.c}`;
  const found: Violation[] = [];
  if (connection.noiseBytes > 0)
    found.push({ rule: 'node-noise', text: `${where}: ${connection.noiseBytes} bytes` });
  for (const delivery of connection.deliveries) {
    const { place, t } = delivery;
    const before = connection.deliveries[place - pipelining];
    if (before === undefined || before.answers.some(({ kind, t: at }) => kind === 'right' && at < t))
      continue;
    found.push({ rule: 'connection-reused', text: `${told(delivery)}: no answer to ${before.id} yet` });
    break;
  }
  return found;
}

function told({ node, connection, id, t }: Delivery): string {
  return `node ${node} connection ${connection.c}: ${id} at ${t}`;
}
