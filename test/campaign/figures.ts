// A campaign in figures, for people. Promises: nothing is judged by them but that enough has happened.
import type { Ending } from './checks/ends.ts';
import { factsOf, type Logs, type SenderConnection } from './checks/facts.ts';
import type { PlannedEvent } from './events/plan.ts';

export interface Figures {
  readonly events: Readonly<Record<string, number>>;
  readonly messages: number;
  readonly sends: number;
  readonly positive: number;
  readonly negative: number;
  readonly deliveries: number;
  /** Deliveries of a message beyond its first. */
  readonly again: number;
  readonly senderConnections: number;
  /** Ended by the gateway. */
  readonly closed: number;
  readonly nodeConnections: number;
  /** By the gateway's log: messages that took more than one attempt. */
  readonly retried: number;
  /** By the gateway's log: how often each way of failing was what a message ended with. */
  readonly failed: Readonly<Record<string, number>>;
  /** From the sending to the answer, of what was answered at the first attempt: with nodes that are slow, late or gone. */
  readonly answerMs: string;
  readonly web: Readonly<Record<string, number>>;
  readonly descriptors: string;
  readonly memory: string;
}

const MIB = 1024 * 1024;

export function figuresOf(
  logs: Logs,
  plan: readonly PlannedEvent[],
  gatewayLog: readonly Record<string, unknown>[],
  { descriptors, memory }: Ending,
): Figures {
  const facts = factsOf(logs);
  const connections = [...facts.connections.values()].flat();
  const acks = connections.flatMap(({ steps }) =>
    steps.flatMap((step) => ('ack' in step ? [step.ack.code] : [])),
  );
  const positive = acks.filter((code) => code === 'AA' || code === 'CA').length;
  const inMib = (bytes: number): string => (bytes / MIB).toFixed(1);
  return {
    events: counts(plan.map(({ kind }) => kind.kind)),
    messages: facts.sends.size,
    sends: [...facts.sends.values()].reduce((sum, sends) => sum + sends.length, 0),
    positive,
    negative: acks.length - positive,
    deliveries: facts.deliveries.length,
    again: facts.deliveries.length - new Set(facts.deliveries.map(({ sha }) => sha)).size,
    senderConnections: connections.length,
    closed: connections.filter(({ close }) => close?.by === 'gateway').length,
    nodeConnections: facts.nodeConnections.length,
    retried: gatewayLog.filter(({ attempts }) => Number(attempts) > 1).length,
    failed: counts(
      gatewayLog.flatMap(({ msg, code, ambiguous }) =>
        msg === 'message' && typeof code === 'string'
          ? [ambiguous === true ? `${code} (ambiguous)` : code]
          : [],
      ),
    ),
    answerMs: answerTimes(connections),
    web: counts(Object.values(logs.webClients ?? {}).flatMap((entries) => entries.map(({ e }) => e))),
    descriptors: `${descriptors.before} → ${descriptors.after}`,
    memory: (['heapUsed', 'external', 'rss'] as const)
      .map((what) => `${what} ${inMib(memory.before[what])} → ${inMib(memory.after[what])} MiB`)
      .join(', '),
  };
}

function counts(names: readonly string[]): Record<string, number> {
  const by: Record<string, number> = {};
  for (const name of names.toSorted()) by[name] = (by[name] ?? 0) + 1;
  return by;
}

function answerTimes(connections: readonly SenderConnection[]): string {
  const times = connections.flatMap(({ steps }) => {
    const outstanding: number[] = [];
    return steps.flatMap((step) => {
      if ('send' in step) outstanding.push(step.send.t);
      const sent = 'send' in step ? undefined : outstanding.shift();
      return sent !== undefined && 'ack' in step ? [(step.ack.t - sent) / 1_000] : [];
    });
  });
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, most ${(sorted.at(-1) ?? 0).toFixed(1)}`;
}
