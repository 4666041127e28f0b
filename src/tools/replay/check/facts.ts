// What came of one message, in the words that a scenario expects it in: one function for what is compared and for what
// `--update` writes. Times and ports are not in it.
import { readAck } from '../../../hl7/ack.ts';
import { parseFieldPath, readPath } from '../../../hl7/field-path.ts';
import { readHeader } from '../../../hl7/header.ts';
import type { Message } from '../../../relay/message.ts';
import type { Attempt } from '../../../relay/retry.ts';
import type { SentStep } from '../senders/sent.ts';
import type { Received } from '../stage/staged-node.ts';

export interface MessageFacts {
  readonly route: string;
  readonly pool: string;
  /** Of a batch that was split, several. */
  readonly nodes: readonly string[];
  readonly ack: string;
  /** MSA-3 and ERR-8 of the answer. */
  readonly text: string;
  readonly outcome: string;
  readonly error: string;
  readonly attempts: number;
  readonly deliveries: number;
  /** Of those deliveries, every one has the bytes that were sent. */
  readonly unchanged: boolean;
  readonly trace: readonly string[];
  /** As the scenario counts time. */
  readonly ms: number;
}

const NONE = 'none';

/** What nodes have received, by MSH-10 or what stands for it: a scenario may have thousands of messages. */
export type Deliveries = ReadonlyMap<string, readonly Received[]>;

export function deliveriesOf(received: readonly Received[]): Deliveries {
  return Map.groupBy(received, ({ label }) => label);
}

/** In the order in which they came. A repeated MSH-10 makes a message of another one; without one the bytes say which it is. */
export function ownDeliveries(sent: SentStep, deliveries: Deliveries): readonly Received[] {
  if (sent.isRequest) return [];
  const own = deliveries.get(sent.label) ?? [];
  return sent.label.startsWith('(') ? own.filter(({ payload }) => payload.equals(sent.payload)) : own;
}

export function factsOf(sent: SentStep, received: Deliveries, speed: number): MessageFacts {
  const { message, proxied, parts, answer } = sent;
  const whole = message === undefined ? [] : parts.length > 0 ? parts : [message];
  const routes = proxied === undefined ? whole.map(({ route }) => route?.name) : [proxied.route?.name];
  const pools = proxied === undefined ? whole.map(({ pool }) => pool?.name) : [proxied.pool?.name];
  const nodes = proxied === undefined ? whole.map(nodeOf) : [proxiedNode(proxied)];
  const own = ownDeliveries(sent, received);
  const attempts = proxied?.attempts ?? whole.flatMap((one) => one.attempts);
  const failed = whole.map(({ outcome }) => outcome).find((outcome) => outcome?.kind === 'failed');
  return {
    route: joined(routes),
    pool: joined(pools),
    nodes: unique(nodes),
    ack: ackOf(answer),
    text: answer === undefined ? '' : textOf(answer),
    outcome: message?.outcome?.kind ?? NONE,
    error: proxied?.error?.code ?? (failed?.kind === 'failed' ? failed.error.code : NONE),
    attempts: attempts.length,
    deliveries: own.length,
    unchanged: own.every(({ payload }) => payload.equals(sent.payload)),
    trace: traceOf(sent, attempts),
    ms: (sent.endedAt - sent.sentAt) * speed,
  };
}

/** Undefined: it is not in the answer, or there is none. */
export function fieldOf(answer: Buffer | undefined, path: string): string | undefined {
  const parsed = parseFieldPath(path);
  if (answer === undefined || parsed === undefined) return undefined;
  try {
    return readPath(readHeader(answer), parsed);
  } catch {
    return undefined;
  }
}

function nodeOf({ outcome }: Message): string | undefined {
  return outcome?.kind === 'answered' || outcome?.kind === 'unanswered' ? outcome.node : undefined;
}

function proxiedNode({ attempts, error }: NonNullable<SentStep['proxied']>): string | undefined {
  return error === undefined ? attempts.at(-1)?.node : undefined;
}

function ackOf(answer: Buffer | undefined): string {
  return (answer && readAck(answer)?.code) ?? NONE;
}

function textOf(answer: Buffer): string {
  return [fieldOf(answer, 'MSA-3'), fieldOf(answer, 'ERR-8')].filter((text) => text).join(' / ');
}

function traceOf({ message, proxied, end }: SentStep, attempts: readonly Attempt[]): string[] {
  const queuedMs = message?.queuedMs ?? proxied?.queuedMs ?? 0;
  const trace = queuedMs > 0 ? ['queue'] : [];
  for (const { node, writtenAt, error, endedAt } of attempts) {
    const end = error?.code ?? (endedAt === undefined ? undefined : 'ack');
    trace.push(
      ['forward', node, writtenAt === undefined ? undefined : 'write', end].filter(Boolean).join(' '),
    );
  }
  return end === 'answered' ? [...trace, 'reply'] : trace;
}

function joined(names: readonly (string | undefined)[]): string {
  return unique(names).join(', ');
}

function unique(names: readonly (string | undefined)[]): string[] {
  const known = [...new Set(names.map((name) => name ?? NONE))];
  return known.length === 0 ? [NONE] : known;
}
