// What is good, what wants a look and what is bad: a colour for each state, always beside its word. Pure.
import type { Schemas } from '../api/schema.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'calm';

type Node = Schemas['Node'];

export function toneOfState(state: Node['state'], trial = false): Tone {
  switch (state) {
    case 'up':
      return 'good';
    case 'down':
      return trial ? 'warn' : 'bad';
    case 'full':
    case 'draining':
      return 'warn';
    case 'maintenance':
      return 'calm';
  }
}

export const STATE_HINTS: Readonly<Record<Node['state'], string>> = {
  up: 'takes messages',
  down: 'gets nothing',
  full: 'has as much as it can take',
  draining: 'keeps its senders, takes no new ones',
  maintenance: 'is given nothing',
};

export function toneOfCondition(condition: Schemas['Overview']['condition']): Tone {
  return condition === 'ok' ? 'good' : condition === 'degraded' ? 'warn' : 'bad';
}

export function wordOfCondition(condition: Schemas['Overview']['condition'], problems: number): string {
  if (condition === 'ok') return 'All well';
  if (condition === 'failed') return 'Nothing can be delivered';
  return problems === 1 ? '1 thing wants a look' : `${problems} things want a look`;
}

type Pool = Schemas['Overview']['pools'][number];

export function toneOfPool({ available, nodes, availableNodes }: Pool): Tone {
  if (!available) return 'bad';
  return availableNodes < nodes ? 'warn' : 'good';
}

export function wordOfPool({ available, nodes, availableNodes }: Pool): string {
  if (!available) return 'unavailable';
  return availableNodes < nodes ? `${availableNodes} of ${nodes}` : 'up';
}

/** Of what a sender was told, or of how a message ended. */
export function toneOfMessage({ outcome, code, reply }: Schemas['Message']): Tone {
  if (outcome === 'failed' || outcome === 'abandoned') return 'bad';
  if (code !== undefined) return 'bad';
  if (reply === 'AA' || reply === 'CA') return 'good';
  return outcome === 'answered' && reply !== undefined && /^[1-3]\d\d$/.test(reply) ? 'good' : 'warn';
}

export function toneOfStored(state: Schemas['Stored']['state']): Tone {
  return state === 'dead' ? 'bad' : state === 'waiting' ? 'warn' : 'good';
}

export function toneOfSpool({ dead, waiting, configured }: Schemas['Spool']): Tone {
  if (dead > 0 || !configured) return 'bad';
  return waiting > 0 ? 'warn' : 'good';
}

/** What its sender was told, else how it ended. */
export function endOf({ outcome, code, reply }: Schemas['Message']): string {
  return reply ?? code ?? outcome ?? '–';
}

/** Jaeger's page of a trace. Nothing but an address of the web becomes a link. */
export function traceLink(ui: string | undefined, traceId: string | undefined): string | undefined {
  if (ui === undefined || traceId === undefined || !/^https?:\/\//i.test(ui)) return undefined;
  if (ui.includes('{traceId}')) return ui.replaceAll('{traceId}', encodeURIComponent(traceId));
  return `${ui.replace(/\/+$/, '')}/trace/${encodeURIComponent(traceId)}`;
}

/** Weeks, as a certificate is ordered; days, as one is renewed at night. */
export function toneOfDays(days: number): Tone {
  if (days < 7) return 'bad';
  return days < 30 ? 'warn' : 'good';
}
