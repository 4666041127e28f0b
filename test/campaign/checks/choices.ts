// Holds the nodes that messages reached against those that the config wants: routes, stickiness, weights and backups. Pure.
// Promises: a node that was disturbed, or just has been, excuses everything that it can be the reason of.
import type { Promises } from '../profiles.ts';
import type { Calm } from './calm.ts';
import type { Delivery, Facts } from './facts.ts';
import type { Violation } from './violation.ts';

/** Of a share; with fewer messages chance alone is larger. */
const WEIGHT_TOLERANCE = 0.06;
const LEAST_FOR_WEIGHTS = 200;

export function checkChoices(facts: Facts, promises: Promises, calm: Calm): Violation[] {
  const { routes, sticky, weights, backups } = promises;
  return [
    ...(routes === undefined ? [] : checkRoutes(facts, routes)),
    ...(sticky === true ? checkStickiness(facts, calm) : []),
    ...(weights === undefined ? [] : checkWeights(facts, weights)),
    ...(backups === undefined ? [] : checkBackups(facts, backups, calm)),
  ];
}

function senderOf({ sha }: Delivery, facts: Facts): string | undefined {
  return facts.sends.get(sha)?.[0]?.sender;
}

function checkRoutes(facts: Facts, routes: NonNullable<Promises['routes']>): Violation[] {
  return facts.deliveries.flatMap((delivery) => {
    const sender = senderOf(delivery, facts) ?? '';
    if (routes[sender]?.includes(delivery.node) !== false) return [];
    return [
      { rule: 'wrong-route' as const, text: `${delivery.id} of ${sender} came to node ${delivery.node}` },
    ];
  });
}

function checkStickiness(facts: Facts, calm: Calm): Violation[] {
  const last = new Map<string, Delivery>();
  return facts.deliveries.flatMap((delivery) => {
    const sender = senderOf(delivery, facts);
    if (sender === undefined) return [];
    const before = last.get(sender);
    last.set(sender, delivery);
    if (before === undefined || before.node === delivery.node) return [];
    if (calm.wasDisturbed([before.node, delivery.node, 'gateway'], delivery.t, delivery.t)) return [];
    const text = `${sender}: ${before.id} came to node ${before.node}, ${delivery.id} to node ${delivery.node} at ${delivery.t}, and both were well`;
    return [{ rule: 'not-sticky' as const, text }];
  });
}

function checkWeights(facts: Facts, weights: Readonly<Record<string, number>>): Violation[] {
  const total = facts.deliveries.length;
  if (total < LEAST_FOR_WEIGHTS) return [];
  const sum = Object.values(weights).reduce((all, weight) => all + weight, 0);
  return Object.entries(weights).flatMap(([node, weight]) => {
    const share = facts.deliveries.filter((one) => one.node === node).length / total;
    if (Math.abs(share - weight / sum) <= WEIGHT_TOLERANCE) return [];
    const inPercent = (part: number): string => `${(part * 100).toFixed(1)} %`;
    return [
      {
        rule: 'weights' as const,
        text: `node ${node} got ${inPercent(share)} instead of ${inPercent(weight / sum)}`,
      },
    ];
  });
}

/** A backup may have a message while every other node is disturbed, or when it was itself, and reads late. */
function checkBackups(facts: Facts, backups: readonly string[], calm: Calm): Violation[] {
  const primaries = [...new Set(facts.nodeConnections.map(({ node }) => node))].filter(
    (node) => !backups.includes(node),
  );
  return facts.deliveries.flatMap((delivery) => {
    const { node, t, id } = delivery;
    if (!backups.includes(node) || calm.wasDisturbed([node, 'gateway'], t, t)) return [];
    const well = primaries.find((one) => !calm.wasDisturbed([one], t, t));
    if (well === undefined) return [];
    return [
      { rule: 'backup-used' as const, text: `${id} came to node ${node} at ${t}, and node ${well} was well` },
    ];
  });
}
