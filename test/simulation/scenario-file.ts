// A day as a scenario that `replay` plays. Promises: the file says in comments what of the day is not in it; an answer is expected only of
// messages that were not under way when something began or ended, as a millisecond decides there, or while something was on that is not in it.
import { stringify } from 'yaml';
import type { SenderEntry } from '../campaign/wire/log.ts';
import { messageOf } from '../campaign/wire/mllp.ts';
import type { Day, DayEvent } from './day.ts';
import type { SimulatedNodeStart } from './peers/node.ts';
import type { SimulatedSenderStart } from './peers/sender.ts';
import type { Outcome } from './run-day.ts';

export interface ScenarioFile {
  readonly text: string;
  /** What of the day is not in it, or only about as it was. */
  readonly left: readonly string[];
  /** Of messages, that the file expects. */
  readonly answers: number;
}

/** In microseconds. */
interface Span {
  readonly from: number;
  readonly until: number;
}

interface TimedStep {
  readonly atUs: number;
  readonly step: object;
}

/** Before and behind the begin and the end of anything: which message meets a node that has died is a matter of milliseconds. */
const UNSURE_BEFORE_US = 100_000;
const UNSURE_AFTER_US = 1_000_000;

/** Kinds of events that a scenario says as they are. */
export const SAID_KINDS = [
  'kill',
  'drain',
  'maintenance',
  'black-hole',
  'half-close',
  'config-reload',
  'sender-burst',
] as const;

/** Those that it says about as they are. */
const NEARLY: Readonly<Record<string, string>> = {
  reset: 'connections are closed, not reset',
  wrong: 'another message is always NOBODY',
  garbled: 'one form of what is no acknowledgement',
  negative: 'always AE',
  late: 'always as late',
  slow: 'always as slow',
};

export function scenarioFileOf(day: Day, outcome: Outcome): ScenarioFile {
  const left = [
    ...day.events.flatMap((event) => notSaid(event) ?? []),
    ...day.senders
      .filter((sender) => !isSaid(sender))
      .map(({ name, content }) => `sender ${name}: it sends batches or large messages (${content})`),
    ...(day.splitting > 0 ? ['bytes that come in pieces'] : []),
    'what messages are filled with, and how long a node takes while it is well',
  ];
  const unsure = outcome.disturbances.flatMap(({ kind = '', from, until }): Span[] => {
    const [begin, end] = [from - UNSURE_BEFORE_US, until + UNSURE_AFTER_US];
    if (!isExact(kind)) return [{ from: begin, until: end }];
    return [
      { from: begin, until: from + UNSURE_AFTER_US },
      { from: until - UNSURE_BEFORE_US, until: end },
    ];
  });
  const senders = day.senders.filter(isSaid);
  const sends = senders.flatMap((sender) => sendsOf(sender, outcome.logs.senders[sender.name] ?? [], unsure));
  const steps = [
    ...outcome.disturbances.flatMap((one) => {
      const node = day.nodes.find(({ name }) => name === one.target);
      return node === undefined ? [] : eventSteps(one, node);
    }),
    ...outcome.reloads.map(({ t, before, after }) => ({
      atUs: t,
      step: { reload: difference(before, after) },
    })),
    ...sends.map(({ atUs, step }) => ({ atUs, step })),
  ].sort((one, other) => one.atUs - other.atUs);
  const scenario = {
    name: `seed ${day.seed}, ${day.profile}`,
    config: withoutAdmin(day.config),
    senders: Object.fromEntries(senders.map((sender) => [sender.name, senderOf(sender, day.config)])),
    steps: [...withWaits(steps), { wait: 'answers' }],
  };
  const head = [
    `Day ${day.seed}, profile ${day.profile}, of the simulated world: hl7-gateway replay FILE.`,
    'Not in it, or not quite as it was:',
    ...left.map((one) => `- ${one}`),
  ];
  return {
    text: `${head.map((line) => `# ${line}`).join('\n')}\n${stringify(scenario, { lineWidth: 0, aliasDuplicateObjects: false })}`,
    left,
    answers: sends.filter(({ isSure }) => isSure).length,
  };
}

function isSaid({ content }: SimulatedSenderStart): boolean {
  return content !== 'batch' && content !== 'large';
}

function isExact(kind: string): boolean {
  return SAID_KINDS.some((said) => said === kind);
}

function notSaid({ kind, target, atMs, lastsMs }: DayEvent): string | undefined {
  if (isExact(kind)) return undefined;
  const what = `${kind}${target === '' ? '' : ` of ${target}`} at ${atMs} ms for ${lastsMs} ms`;
  const nearly = NEARLY[kind];
  return nearly === undefined ? what : `${what}: ${nearly}`;
}

function senderOf({ wire, window, patienceMs }: SimulatedSenderStart, config: object): object {
  const { listeners } = config as {
    readonly listeners: Readonly<Record<string, { readonly protocol?: string }>>;
  };
  const isOf = ([, { protocol = 'mllp' }]: [string, { readonly protocol?: string }]): boolean =>
    protocol === wire;
  const [listener] = Object.entries(listeners).find(isOf) ?? [];
  const common = { listener, timeout: `${patienceMs}ms` };
  return wire === 'http' ? { ...common, path: '/hl7' } : { ...common, pipeline: window };
}

type Told = SenderEntry & { readonly e: 'send' };

/** Each with its answer, where the day had one and it is sure. */
function sendsOf(
  sender: SimulatedSenderStart,
  entries: readonly SenderEntry[],
  unsure: readonly Span[],
): (TimedStep & { readonly isSure: boolean })[] {
  const answers = new Map<Told, { readonly code: string; readonly t: number }>();
  let waiting: Told[] = [];
  for (const entry of entries) {
    if (entry.e === 'send') waiting.push(entry);
    else if (entry.e === 'close') waiting = [];
    else if (entry.e === 'ack') {
      const sent = waiting.shift();
      if (sent !== undefined) answers.set(sent, entry);
    }
  }
  return entries.flatMap((entry) => {
    if (entry.e !== 'send') return [];
    const answer = answers.get(entry);
    const isSure =
      answer !== undefined && !unsure.some(({ from, until }) => from < answer.t && entry.t < until);
    const expect = isSure ? { expect: { ack: answer.code } } : {};
    const message = textOf(sender, entry);
    return [{ atUs: entry.t, isSure, step: { message, sender: sender.name, background: true, ...expect } }];
  });
}

/** As it was but for its filler, which decides nothing. */
function textOf({ name, content }: SimulatedSenderStart, { id, n, invalid }: Told): string {
  const kind = { invalid: invalid === true, enhanced: content === 'enhanced' };
  const bytes = messageOf({ app: name, controlId: id, serial: n, filler: '', ...kind });
  return bytes.toString('latin1').replaceAll('\r', '\n');
}

function eventSteps(
  { kind = '', from, until }: Outcome['disturbances'][number],
  { pool, name, ackMs }: SimulatedNodeStart,
): TimedStep[] {
  const node = `${pool}/${name}`;
  const during = (begin: object, end: object): TimedStep[] => [
    { atUs: from, step: begin },
    { atUs: until, step: end },
  ];
  const behaving = (how: object): TimedStep[] => during({ node, ...how }, { node });
  switch (kind) {
    case 'kill':
      return during({ kill: node }, { start: node });
    case 'drain':
    case 'maintenance':
      return during({ [kind]: node }, { ready: node });
    case 'black-hole':
      return behaving({ does: 'hang' });
    case 'half-close':
    case 'reset':
      return behaving({ does: 'drop-ack' });
    case 'wrong':
      return behaving({ does: 'wrong-id' });
    case 'garbled':
      return behaving({ does: 'garble' });
    case 'negative':
      return behaving({ answers: 'AE' });
    case 'late':
      return behaving({ delay: `${Math.round(ackMs * 1.6)}ms` });
    case 'slow':
      return behaving({ delay: `${Math.round((ackMs / 8) * 2.5)}ms` });
    default:
      return [];
  }
}

/** In whole milliseconds, and none of them is lost on the way. */
function withWaits(steps: readonly TimedStep[]): object[] {
  let nowMs = 0;
  return steps.flatMap(({ atUs, step }) => {
    const ms = Math.max(0, Math.round(atUs / 1_000) - nowMs);
    nowMs += ms;
    return ms === 0 ? [step] : [{ wait: `${ms}ms` }, step];
  });
}

type Tree = Readonly<Record<string, unknown>>;

function withoutAdmin(config: object): object {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'admin'));
}

/** As a `reload` step has it: what is different; a key that goes has no value. */
function difference(before: object, after: object): object {
  const was = before as Tree;
  const is = after as Tree;
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return Object.fromEntries(
    keys.flatMap((key): [string, unknown][] => {
      const [one, other] = [was[key], is[key]];
      if (key === 'admin' || JSON.stringify(one) === JSON.stringify(other)) return [];
      if (!(key in is)) return [[key, null]];
      return [[key, isMap(one) && isMap(other) ? difference(one, other) : other]];
    }),
  );
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
