// A day as a story: what senders and nodes did, what happened to them, and what the gateway's log says, in the order of time. Promises:
// one line for each thing; of a message its control id only.
import type { NodeEntry, SenderEntry } from '../campaign/wire/log.ts';
import type { Day } from './day.ts';
import type { Outcome } from './run-day.ts';

interface Line {
  readonly t: number;
  readonly text: string;
}

export function storyOf(day: Day, { logs, lines, disturbances }: Outcome): string[] {
  const told: Line[] = [
    ...Object.entries(logs.senders).flatMap(([name, entries]) =>
      entries.map((entry) => ofSender(name, entry)),
    ),
    ...Object.entries(logs.nodes).flatMap(([name, runs]) =>
      runs.flatMap((entries) => entries.map((entry) => ofNode(name, entry))),
    ),
    ...disturbances.flatMap(({ target, kind = '', from, until }) => [
      { t: from, text: `-- ${kind} of ${target} begins` },
      { t: until, text: `-- ${kind} of ${target} is over` },
    ]),
    ...lines.map(ofLog),
  ];
  const head = [
    `seed ${day.seed}, profile ${day.profile}, ${day.senders.length} senders, ${day.events.length} events`,
    `config ${JSON.stringify(day.config)}`,
  ];
  return [
    ...head,
    ...told
      .sort((a, b) => a.t - b.t)
      .map(({ t, text }) => `${(t / 1_000).toFixed(3).padStart(10)} ms  ${text}`),
  ];
}

function ofSender(name: string, entry: SenderEntry): Line {
  const { t } = entry;
  const where = 'c' in entry ? `${name} (${entry.c})` : name;
  switch (entry.e) {
    case 'open':
      return { t, text: `${where} is connected` };
    case 'send':
      return { t, text: `${where} sends ${entry.id}, message ${entry.n}, ${entry.bytes} bytes` };
    case 'part':
      return { t, text: `${where} sends the first part of ${entry.id}` };
    case 'ack':
    case 'application':
      return { t, text: `${where} is answered ${entry.code} to ${entry.id}` };
    case 'refused':
      return { t, text: `${where} is refused with ${entry.status}` };
    case 'noise':
      return { t, text: `${where} gets ${entry.bytes} bytes that are no frame` };
    case 'close':
      return { t, text: `${where} is closed by ${entry.by}: ${entry.how}` };
    case 'done':
      return { t, text: `${where} has all its answers` };
  }
}

function ofNode(name: string, entry: NodeEntry): Line {
  const { t } = entry;
  const where = 'c' in entry ? `node ${name} (${entry.c})` : `node ${name}`;
  switch (entry.e) {
    case 'open':
      return { t, text: `${where} takes a connection` };
    case 'recv':
      return { t, text: `${where} gets ${entry.id}, its message ${entry.r}` };
    case 'answer':
      return { t, text: `${where} answers its message ${entry.r}: ${entry.kind} ${entry.code}` };
    case 'noise':
      return { t, text: `${where} gets ${entry.bytes} bytes that are no frame` };
    case 'close':
      return { t, text: `${where} is closed by ${entry.by}: ${entry.how}` };
    default:
      return { t, text: `${where} ${entry.e}` };
  }
}

function ofLog(line: { readonly t: number; readonly text: string }): Line {
  const {
    level,
    time: _time,
    msg,
    ...more
  } = JSON.parse(line.text) as { level: string; msg: string; time: string };
  return { t: line.t, text: `gateway ${level}: ${msg} ${JSON.stringify(more)}` };
}
