// Holds the spans of a day against the gateway's log of it, and against what nodes and senders have on record. Pure. Promises: judges a
// day whose spans were all recorded and all taken, and nothing else.
import { type Handover, isHandover } from '../../campaign/checks/ends.ts';
import type { Facts } from '../../campaign/checks/facts.ts';
import type { Violation } from '../../campaign/checks/violation.ts';
import { type ReadSpan, readExportRequest } from '../../helpers/otlp-messages.ts';

interface MessageLine {
  readonly trace_id: string;
  readonly source: string;
  readonly controlId?: string;
  readonly node?: string;
  readonly attempts: number;
  readonly outcome?: string;
  readonly reply?: string;
  readonly totalMs: number;
}

export interface SpansOfDay {
  readonly batches: readonly Uint8Array[];
  readonly lines: readonly { readonly t: number; readonly text: string }[];
  readonly facts: Facts;
  readonly handovers: readonly Handover[];
  /** The wall clock is never set on that day, and was this much ahead of the world's time, in milliseconds. */
  readonly wallOffsetMs: number | undefined;
}

/** The log rounds, and the clock of spans may be off the wall clock by so much. */
const ROUNDED_MS = 1;
const DRIFT_MS = 30;
/** The clock of spans and that of the log differ by up to so much. */
const AT_ONCE_US = 5_000;
const CODES: ReadonlySet<string> = new Set(['AA', 'AE', 'AR', 'CA', 'CE', 'CR']);

export function checkSpans(day: SpansOfDay): Violation[] {
  const { batches, lines, facts, wallOffsetMs } = day;
  const found: Violation[] = [];
  const wrong = (text: string): void => void found.push({ rule: 'spans', text });
  const traces = Map.groupBy(
    batches.flatMap((batch) => readExportRequest(batch)),
    ({ traceId }) => traceId,
  );
  for (const { t, text } of lines) {
    if (!text.includes('"msg":"message"')) continue;
    const line = JSON.parse(text) as MessageLine;
    const who = `${line.source} ${line.controlId} at ${t}`;
    const spans = traces.get(line.trace_id);
    if (spans === undefined) {
      wrong(`${who} has no trace`);
      continue;
    }
    for (const what of wrongOfTrace(spans, line)) wrong(`${who}: ${what}`);
    const root = spans.find(({ parentId }) => parentId === '');
    if (root === undefined || wallOffsetMs === undefined) continue;
    const toMs = (nanos: bigint): number => Number(nanos / 1_000n) / 1_000 - wallOffsetMs;
    const reply = spans.find(({ name }) => name === 'reply') ?? root;
    // Its reply may wait behind others, and for a sender that does not read.
    const [from, to] = [toMs(reply.from), toMs(root.to)];
    if (t / 1_000 < from - DRIFT_MS || t / 1_000 > to + DRIFT_MS)
      wrong(`${who}: its trace has its end from ${from} to ${to} ms`);
  }
  const spans = [...traces.values()].flat();
  for (const what of wrongOfNodes(spans, traces, facts)) wrong(what);
  return [...found, ...checkDown(spans, day)];
}

/** F34: what had waited for a connection to a node when that went down goes elsewhere, and is not written to it. */
function checkDown(spans: readonly ReadSpan[], { lines, handovers, wallOffsetMs }: SpansOfDay): Violation[] {
  if (wallOffsetMs === undefined) return [];
  const toUs = (nanos: bigint): number => Number(nanos / 1_000n) - wallOffsetMs * 1_000;
  const changes = lines
    .filter(({ text }) => /"msg":"(node (up|down)|config loaded)"/.test(text))
    .map(({ t, text }) => ({ t, ...(JSON.parse(text) as { msg: string; pool?: string; node?: string }) }));
  return spans.flatMap((span): Violation[] => {
    const written = span.events.find(({ name }) => name === 'write');
    if (!span.name.startsWith('forward ') || written === undefined) return [];
    const [from, at] = [toUs(span.from), toUs(written.at)];
    // Two gateways have two opinions.
    if (isHandover(from, handovers) || isHandover(at, handovers)) return [];
    const { 'gateway.node': node, 'gateway.pool': pool } = span.attributes;
    const during = changes.filter(
      (change) =>
        change.t > from + AT_ONCE_US &&
        change.t < at - AT_ONCE_US &&
        (change.node === undefined || (change.node === node && change.pool === pool)),
    );
    if (during.length === 0 || during.some(({ msg }) => msg !== 'node down')) return [];
    const text = `trace ${span.traceId}: node ${node} was chosen at ${from}, down at ${during[0]?.t}, and written to at ${at}`;
    return [{ rule: 'down-used', text }];
  });
}

/** What one trace says that its message's line does not, or that no trace may say. */
function wrongOfTrace(spans: readonly ReadSpan[], line: MessageLine): string[] {
  const found: string[] = [];
  const roots = spans.filter(({ parentId }) => parentId === '');
  const [root] = roots;
  if (root === undefined || roots.length > 1) return [`${roots.length} roots`];
  const { attributes } = root;
  const same: readonly (readonly [name: string, isTold: unknown, isLogged: unknown])[] = [
    ['control id', attributes['hl7.message.control_id'], line.controlId],
    ['sender', attributes['client.address'], line.source],
    ['outcome', attributes['gateway.outcome'], line.outcome],
    ['node', attributes['gateway.node'], line.node],
    ['attempts', attributes['gateway.attempts'] ?? 0, line.attempts],
    ['reply', attributes[CODES.has(line.reply ?? '') ? 'hl7.ack.code' : 'gateway.reply'], line.reply],
  ];
  for (const [name, told, logged] of same)
    if (told !== logged) found.push(`its trace has ${told} for the ${name}, and its line ${logged}`);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  if (ids.size !== spans.length) found.push('two spans with one id');
  for (const { name, parentId, from, to } of spans) {
    if (parentId !== '' && !ids.has(parentId)) found.push(`span ${name} has no parent`);
    if (from > to) found.push(`span ${name} ends before it begins`);
    if (from < root.from || to > root.to) found.push(`span ${name} is not within its root`);
  }
  const forwards = spans.filter(({ name }) => name.startsWith('forward '));
  const tries = forwards.reduce((sum, one) => sum + Number(one.attributes['gateway.attempt.count'] ?? 1), 0);
  if (tries !== line.attempts) found.push(`its trace has ${tries} attempts, and its line ${line.attempts}`);
  const answered = forwards.filter(({ events }) => events.some(({ name }) => name === 'ack'));
  if (line.outcome === 'answered' && (answered.length !== 1 || answered[0] !== forwards.at(-1)))
    found.push(`${answered.length} of its attempts have an answer, or not the last one`);
  const lastedMs = Number((spans.find(({ name }) => name === 'reply')?.from ?? root.to) - root.from) / 1e6;
  if (Math.abs(lastedMs - line.totalMs) > ROUNDED_MS)
    found.push(`its trace has ${lastedMs} ms until it was over, and its line ${line.totalMs} ms`);
  return found;
}

/** What nodes have on record was written to them, and what was taken for an answer they wrote. */
function wrongOfNodes(
  spans: readonly ReadSpan[],
  traces: ReadonlyMap<string, readonly ReadSpan[]>,
  facts: Facts,
): string[] {
  const written = new Map<string, number>();
  const taken = new Map<string, number>();
  const add = (to: Map<string, number>, key: string, count: number): void =>
    void to.set(key, (to.get(key) ?? 0) + count);
  for (const { name, traceId, events, attributes } of spans) {
    if (!name.startsWith('forward ')) continue;
    const root = traces.get(traceId)?.find(({ parentId }) => parentId === '');
    const key = `${attributes['gateway.node']} ${root?.attributes['hl7.message.control_id']}`;
    if (events.some((event) => event.name === 'write'))
      add(written, key, Number(attributes['gateway.attempt.count'] ?? 1));
    if (events.some((event) => event.name === 'ack')) add(taken, key, 1);
  }
  const found: string[] = [];
  for (const [key, ones] of Map.groupBy(facts.deliveries, ({ node, id }) => `${node} ${id}`)) {
    const told = written.get(key) ?? 0;
    if (told < ones.length)
      found.push(`node ${key}: it was there ${ones.length} times, and traces have ${told}`);
    const answers = ones.reduce((sum, one) => sum + one.answers.length, 0);
    const credited = taken.get(key) ?? 0;
    if (credited > answers)
      found.push(`node ${key}: it was answered ${answers} times, and traces have ${credited}`);
  }
  return found;
}
