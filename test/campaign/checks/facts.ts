// What the logs of senders and nodes say, sorted out for the checks: messages with every time they were sent, connections,
// deliveries with their answers. Pure. Promises: nothing here is judged, and nothing comes from the gateway.
import type { AnswerKind, NodeEntry, SenderEntry, WebClientEntry } from '../wire/log.ts';

export interface Send {
  readonly sender: string;
  readonly c: number;
  readonly n: number;
  readonly id: string;
  readonly sha: string;
  readonly t: number;
  readonly bytes: number;
}

export interface Ack {
  readonly code: string;
  readonly id: string;
  readonly bytes: string;
  readonly t: number;
}

/** A sender's connection: what was sent and answered on it, in the order of its log. */
export interface SenderConnection {
  readonly sender: string;
  readonly c: number;
  readonly steps: (
    | { readonly send: Send }
    | { readonly ack: Ack }
    | { readonly refused: { readonly status: number; readonly t: number } }
  )[];
  /** Application acknowledgements, which come at any time after the commit. */
  readonly applications: Ack[];
  noiseBytes: number;
  close: { readonly by: 'sender' | 'gateway'; readonly how: string; readonly t: number } | undefined;
}

export interface Answer {
  readonly kind: AnswerKind;
  readonly code: string;
  readonly bytes: string;
  readonly t: number;
  readonly delivery: Delivery;
}

/** A message as a node got it. */
export interface Delivery {
  readonly node: string;
  readonly connection: NodeConnection;
  /** Its place among those of its connection. */
  readonly place: number;
  readonly id: string;
  readonly sha: string;
  readonly t: number;
  readonly answers: Answer[];
}

/** A node's connection: what it read on it, in order. */
export interface NodeConnection {
  readonly node: string;
  readonly c: number;
  readonly deliveries: Delivery[];
  noiseBytes: number;
}

export interface Facts {
  /** By sender. */
  readonly connections: ReadonlyMap<string, readonly SenderConnection[]>;
  /** By the hash of the bytes: every time that a message was sent whole, and that it was begun only. */
  readonly sends: ReadonlyMap<string, readonly Send[]>;
  readonly parts: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
  /** By the hash of the bytes: what no node may get. */
  readonly invalid: ReadonlySet<string>;
  readonly nodeConnections: readonly NodeConnection[];
  /** In the order in which the nodes read them. */
  readonly deliveries: readonly Delivery[];
  readonly answersByBytes: ReadonlyMap<string, Answer>;
  readonly ackedBytes: ReadonlySet<string>;
  /** Senders that got an answer to everything. */
  readonly done: ReadonlySet<string>;
}

export interface Logs {
  readonly senders: Readonly<Record<string, readonly SenderEntry[]>>;
  /** By node, one log for each time that it was started. */
  readonly nodes: Readonly<Record<string, readonly (readonly NodeEntry[])[]>>;
  readonly webClients?: Readonly<Record<string, readonly WebClientEntry[]>>;
}

export function factsOf({ senders, nodes }: Logs): Facts {
  const connections = new Map<string, SenderConnection[]>();
  const sends = new Map<string, Send[]>();
  const parts = new Set<string>();
  const ids = new Set<string>();
  const invalid = new Set<string>();
  const ackedBytes = new Set<string>();
  const done = new Set<string>();
  for (const [sender, entries] of Object.entries(senders)) {
    const byNumber = new Map<number, SenderConnection>();
    const connectionOf = (c: number): SenderConnection =>
      getOr(byNumber, c, () => ({
        ...{ sender, c, steps: [], applications: [] },
        ...{ noiseBytes: 0, close: undefined },
      }));
    for (const entry of entries) {
      if (entry.e === 'done') {
        done.add(sender);
        continue;
      }
      const connection = connectionOf(entry.c);
      switch (entry.e) {
        case 'send': {
          const send: Send = { ...entry, sender };
          connection.steps.push({ send });
          getOr(sends, entry.sha, () => []).push(send);
          ids.add(entry.id);
          if (entry.invalid === true) invalid.add(entry.sha);
          break;
        }
        case 'part':
          parts.add(entry.sha);
          break;
        case 'ack':
          connection.steps.push({ ack: entry });
          ackedBytes.add(entry.bytes);
          break;
        case 'refused':
          connection.steps.push({ refused: entry });
          break;
        case 'application':
          connection.applications.push(entry);
          break;
        case 'noise':
          connection.noiseBytes += entry.bytes;
          break;
        case 'close':
          connection.close = entry;
      }
    }
    connections.set(sender, [...byNumber.values()]);
  }
  const nodeConnections = Object.entries(nodes).flatMap(([node, runs]) =>
    runs.flatMap((entries) => connectionsOf(node, entries)),
  );
  const deliveries = nodeConnections.flatMap((one) => one.deliveries).sort((a, b) => a.t - b.t);
  const answersByBytes = new Map<string, Answer>();
  for (const { answers } of deliveries)
    for (const answer of answers) if (answer.kind !== 'again') answersByBytes.set(answer.bytes, answer);
  return {
    ...{ connections, sends, parts, ids, invalid, ackedBytes, done },
    ...{ nodeConnections, deliveries, answersByBytes },
  };
}

function connectionsOf(node: string, entries: readonly NodeEntry[]): NodeConnection[] {
  const byNumber = new Map<number, NodeConnection>();
  const byReceipt = new Map<number, Delivery>();
  for (const entry of entries) {
    if (!('c' in entry)) continue;
    const connection = getOr(byNumber, entry.c, () => ({ node, c: entry.c, deliveries: [], noiseBytes: 0 }));
    if (entry.e === 'recv') {
      const { id, sha, t } = entry;
      const place = connection.deliveries.length;
      const delivery: Delivery = { node, connection, place, id, sha, t, answers: [] };
      connection.deliveries.push(delivery);
      byReceipt.set(entry.r, delivery);
    } else if (entry.e === 'answer') {
      const delivery = byReceipt.get(entry.r);
      if (delivery === undefined) throw new Error(`node ${node} answered a message that it had not received`);
      const { kind, code, bytes, t } = entry;
      delivery.answers.push({ kind, code, bytes, t, delivery });
    } else if (entry.e === 'noise') connection.noiseBytes += entry.bytes;
  }
  return [...byNumber.values()];
}

/**
 * Did the gateway take this delivery's answer? Surely, if a sender got that answer; and if it was the right one and the connection
 * was used on for more messages than could have been on their way already: after any other ending a connection takes no more.
 */
export function isSettled(
  { connection, place, answers }: Delivery,
  facts: Facts,
  pipelining: number,
): boolean {
  return (
    answers.some(({ bytes }) => facts.ackedBytes.has(bytes)) ||
    (connection.deliveries.length > place + pipelining && answers.some(({ kind }) => kind === 'right'))
  );
}

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
