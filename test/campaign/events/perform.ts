// Lets a plan happen: each event begins in its turn and ends when its time is over. Promises: events overlap, but never two on
// one target; an event that cannot be brought about fails the campaign.
import { setTimeout as pause } from 'node:timers/promises';
import type { GatewayProcess } from '../peers/gateway-process.ts';
import type { NodeProcess, SenderProcess } from '../peers/targets.ts';
import type { JournalEntry, LogWriter } from '../wire/log.ts';
import type { EventKind } from './kinds.ts';
import type { PlannedEvent } from './plan.ts';

type Targets = {
  readonly node: readonly NodeProcess[];
  readonly sender: readonly SenderProcess[];
  readonly gateway: readonly [GatewayProcess];
};

/** An event on a target that is busy waits, and all behind it. */
export async function perform(
  plan: readonly PlannedEvent[],
  targets: Targets,
  journal: LogWriter<JournalEntry>,
  onEvent: ((event: PlannedEvent, of: number) => void) | undefined,
): Promise<void> {
  const busy = new Map<string, Promise<void>>();
  const [gateway] = targets.gateway;
  for (const event of plan) {
    await pause(event.afterMs);
    const steps = stepsOf(event.kind, targets, event.target);
    await busy.get(steps.target);
    const note = (e: 'begin' | 'end'): void =>
      journal.write({ e, event: event.number, kind: event.kind.kind, target: steps.target });
    note('begin');
    onEvent?.(event, plan.length);
    await steps.begin(gateway);
    const over = pause(event.lastsMs).then(async () => {
      await steps.end(gateway);
      note('end');
    });
    // Seen by whoever awaits it next; not before, which must not end the process.
    over.catch(() => {});
    busy.set(steps.target, over);
  }
  await Promise.all(busy.values());
}

interface Steps {
  readonly target: string;
  begin(gateway: GatewayProcess): void | Promise<void>;
  end(gateway: GatewayProcess): void | Promise<void>;
}

function stepsOf(kind: EventKind, targets: Targets, at: number): Steps {
  const bind = <T extends { readonly name: string }>(
    one: T | undefined,
    {
      begin,
      end,
    }: { begin: (target: T, gateway: GatewayProcess) => void | Promise<void>; end?: typeof begin },
  ): Steps => {
    if (one === undefined) throw new Error(`no target ${at} for ${kind.kind}`);
    return {
      target: one.name,
      begin: (gateway) => begin(one, gateway),
      end: (gateway) => end?.(one, gateway),
    };
  };
  if (kind.on === 'node') return bind(targets.node[at], kind);
  if (kind.on === 'sender') return bind(targets.sender[at], kind);
  return bind(targets.gateway[0], kind);
}
