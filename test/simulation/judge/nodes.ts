// Holds what nodes got, and what the gateway says of them, against how they were and what an operator wanted. Pure.
import { Calm } from '../../campaign/checks/calm.ts';
import { isHandover } from '../../campaign/checks/ends.ts';
import type { Delivery, Facts } from '../../campaign/checks/facts.ts';
import type { Violation } from '../../campaign/checks/violation.ts';
import type { Promises } from '../../campaign/profiles.ts';
import { ARRIVES_MS, type Limits, type Lived, MS } from './lived.ts';

/** What was on its way to a node when the operator took it out, which a small window holds up. One that drains has also what waits for a connection to it. */
const TAKEN_OUT = { maintenance: 300 * MS, drain: 1_200 * MS } as const;
/** A check, and one more on its way to its end. */
const CONNECTIONS_BESIDE = 2;

export function checkNodes(
  facts: Facts,
  lived: Lived,
  promises: Promises,
  { calm, settled }: { readonly calm: Calm; readonly settled: Calm },
): Violation[] {
  return [
    ...checkOperated(facts, lived, promises, calm),
    ...checkHealth(facts, lived, settled),
    ...checkConnections(lived, calm),
  ];
}

/** A node in maintenance gets nothing, and one that drains nothing that is not bound to it. */
function checkOperated(
  facts: Facts,
  { operated, disturbances, handovers }: Lived,
  promises: Promises,
  calm: Calm,
): Violation[] {
  if (operated.length === 0) return [];
  const byNode = Map.groupBy(facts.deliveries, ({ node }) => node);
  // Nodes that a reload has made are told a moment later.
  const made = new Calm(
    disturbances.filter(({ kind }) => kind === 'config-reload' || kind === 'hot-restart'),
    TAKEN_OUT.maintenance / MS,
  );
  return operated.flatMap(({ node, act, from, until }) => {
    if (act === 'drain' && !promises.leavesDraining) return [];
    const got = (byNode.get(node) ?? []).find(
      ({ t }) =>
        t > from + TAKEN_OUT[act] &&
        t < until &&
        !calm.wasDisturbed([node], from, t) &&
        !made.wasDisturbed(['gateway'], t, t) &&
        // The operator's word is for the new one.
        !isHandover(t, handovers),
    );
    if (got === undefined) return [];
    const text = `node ${node} got ${got.id} at ${got.t}: ${act} from ${from} to ${until}`;
    return [{ rule: 'taken-out-used' as const, text }];
  });
}

/** What the gateway's log says of its nodes' health: that one which was well is down, and what one that is down was given. */
function checkHealth(
  facts: Facts,
  { lines, handovers, disturbances, limits }: Lived,
  settled: Calm,
): Violation[] {
  const byNode = Map.groupBy(facts.deliveries, ({ node }) => node);
  const found: Violation[] = [];
  const downSince = new Map<string, number>();
  // From then on two pools have the same nodes, each with its own opinion.
  const otherAt = lines.find(({ text }) => text.includes('"pool":"other"'))?.t ?? Number.POSITIVE_INFINITY;
  for (const { t, text } of lines) {
    // Nodes may have been made anew, and are asked before they are known to be down.
    if (text.includes('"msg":"config loaded"')) downSince.clear();
    const [, msg] = /"msg":"node (up|down)"/.exec(text) ?? [];
    if (msg === undefined) continue;
    const { node, reason } = JSON.parse(text) as { node: string; reason?: string };
    if (msg === 'down') {
      if (!settled.wasDisturbed([node], t, t) || reason?.includes('GW_ERR_OPEN_FILES') === true)
        found.push({ rule: 'node-blamed', text: `node ${node} is down at ${t}, and was well: ${reason}` });
      downSince.set(node, t);
      continue;
    }
    const since = downSince.get(node);
    downSince.delete(node);
    if (since === undefined || t > otherAt) continue;
    const wrong = besideTrial(byNode.get(node) ?? [], since + TAKEN_OUT.maintenance, t, limits);
    if (wrong === undefined || handovers.some((one) => isHandover(since, [one]) || isHandover(t, [one])))
      continue;
    // What is read late was given before.
    const late = disturbances.filter(({ kind }) => kind === 'halt' || isOfNetwork(kind));
    if (new Calm(late, ARRIVES_MS).wasDisturbed([node], since - 2_000 * MS, wrong.t)) continue;
    found.push({
      rule: 'down-used',
      text: `node ${node} got ${wrong.id} at ${wrong.t} beside another, and was down from ${since} to ${t}`,
    });
  }
  return found;
}

function isOfNetwork(kind = ''): boolean {
  return kind === 'partition' || kind === 'one-way' || kind === 'slow-way';
}

/** On trial a node has one message, until that is over one way or another. */
function besideTrial(
  deliveries: readonly Delivery[],
  from: number,
  until: number,
  { ackMs }: Limits,
): Delivery | undefined {
  let before: Delivery | undefined;
  for (const delivery of deliveries) {
    if (delivery.t < from || delivery.t >= until) continue;
    const isOver =
      before === undefined ||
      before.answers.some(({ t }) => t < delivery.t) ||
      delivery.t - before.t > (ackMs * MS * 3) / 4 ||
      before.connection !== delivery.connection;
    if (!isOver) return delivery;
    before = delivery;
  }
  return undefined;
}

/** As long as one gateway with one config is there, a node has no more of its connections than the config says. */
function checkConnections({ logs, disturbances, limits }: Lived, calm: Calm): Violation[] {
  if (limits.applicationMs > 0) return [];
  const first = disturbances.find(({ kind }) => kind === 'config-reload' || kind === 'hot-restart');
  const max = limits.maxConnections + CONNECTIONS_BESIDE;
  return Object.entries(logs.nodes).flatMap(([node, runs]) =>
    runs.flatMap((entries): Violation[] => {
      let open = 0;
      for (const entry of entries) {
        if (entry.t > (first?.from ?? Number.POSITIVE_INFINITY)) break;
        if (entry.e === 'close') open--;
        if (entry.e !== 'open' || ++open <= max || calm.wasDisturbed([node], entry.t, entry.t)) continue;
        return [{ rule: 'beyond-bound', text: `node ${node} has ${open} connections at ${entry.t}` }];
      }
      return [];
    }),
  );
}
