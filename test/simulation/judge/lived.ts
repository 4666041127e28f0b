// What is known of a day that has been lived, beside what senders and nodes wrote down; and what its config allows. Promises: nothing
// is judged here.
import { parseConfig } from '../../../src/config/load.ts';
import type { Disturbance } from '../../campaign/checks/calm.ts';
import type { Handover } from '../../campaign/checks/ends.ts';
import type { Facts, Logs, SenderConnection } from '../../campaign/checks/facts.ts';
import { profileFor } from '../../campaign/profiles.ts';
import type { Day } from '../day.ts';
import type { SenderLimits, Stood } from '../peers/sender.ts';

/** An operator's word on a node, as long as it was in force. In microseconds. */
export interface Operated {
  readonly node: string;
  readonly act: 'drain' | 'maintenance';
  readonly from: number;
  until: number;
}

/** Of the gateway's log. */
export interface LogLine {
  readonly t: number;
  readonly text: string;
}

export interface Lived {
  readonly logs: Logs;
  readonly lines: readonly LogLine[];
  readonly disturbances: readonly Disturbance[];
  readonly handovers: readonly Handover[];
  readonly operated: readonly Operated[];
  /** What the gateway still holds at its end, in words. */
  readonly left: readonly string[];
  /** Senders and nodes that were not as before when everything had been well for long, in words. */
  readonly notRecovered: readonly string[];
  /** Where a table had more than its bound, in words. */
  readonly beyond: readonly string[];
  readonly limits: Limits;
  readonly senderLimits: SenderLimits;
  readonly stood: readonly Stood[];
}

/** Of the config, in milliseconds. */
export interface Limits {
  readonly ackMs: number;
  readonly connectMs: number;
  /** The longest that it has been on that day. */
  readonly queueMs: number;
  readonly retryMs: number;
  readonly applicationMs: number;
  readonly parseMs: number;
  readonly maxConnections: number;
}

/** In microseconds, as all times of logs. */
export const MS = 1_000;
/** What is sent within a disturbance of the network arrives this much after its end at most. */
export const ARRIVES_MS = 600;

/** A reload changes some of it, by little. */
const CHANGES_MS = 50;

export function limitsOf({ config, profile, events }: Day): Limits {
  const { pools, parsing } = parseConfig(JSON.stringify(config), { env: {} }).config;
  const most = (of: (pool: (typeof pools)[number]) => number): number => Math.max(...pools.map(of));
  const { senders, hasWorkers } = profileFor(0, profile);
  return {
    ackMs: most(({ timeouts }) => timeouts.ackMs),
    connectMs: most(({ timeouts }) => timeouts.connectMs) + CHANGES_MS,
    queueMs: Math.max(
      most(({ queue }) => queue.timeoutMs),
      // As a reload has it, see changeOf.
      events.some(({ kind }) => kind === 'config-reload') ? 1_100 + CHANGES_MS : 0,
    ),
    retryMs: most(({ retry }) => retry.budgetMs),
    applicationMs: senders.some(({ content }) => content === 'enhanced')
      ? most(({ timeouts }) => timeouts.applicationMs)
      : 0,
    parseMs: hasWorkers ? parsing.timeoutMs : 0,
    maxConnections: most(({ connections }) => connections.max),
  };
}

export function connectionsOf({ connections }: Facts): SenderConnection[] {
  return [...connections.values()].flat();
}

/** The gateway ended a connection of this sender because it did not read. */
export function isOfNotReading({ text }: LogLine, sender: string): boolean {
  return text.includes('GW_ERR_SENDER_NOT_READING') && text.includes(`"source":"${sender}"`);
}
