// Logs for the checker's own tests, told in order: each call is the next thing that a sender or a node wrote down.
// Promises: time passes by one with each; answers are one of a kind, as the real nodes' are.

import type { AnswerKind, NodeEntry, SenderEntry } from '../wire/log.ts';
import type { Logs } from './facts.ts';

type SaidOf<T, E> = Partial<Omit<Extract<T, { readonly e: E }>, 't' | 'e' | 'c'>>;

export class Story {
  #t = 0;
  #acks = 0;
  readonly #senders: Record<string, SenderEntry[]> = {};
  readonly #nodes: Record<string, NodeEntry[]> = {};
  /** What each message was answered last. */
  readonly #bytes = new Map<string, string>();

  get logs(): Logs {
    return {
      senders: this.#senders,
      nodes: Object.fromEntries(Object.entries(this.#nodes).map(([name, entries]) => [name, [entries]])),
    };
  }

  send(sender: string, c: number, message: string, sha = shaOf(message)): this {
    return this.#sender(sender, {
      ...this.#at,
      e: 'send',
      c,
      n: numberOf(message),
      id: message,
      sha,
      bytes: 100,
    });
  }

  /** A message that breaks a rule of its route. */
  sendInvalid(sender: string, c: number, message: string): this {
    const entry = {
      e: 'send',
      c,
      n: numberOf(message),
      id: message,
      sha: shaOf(message),
      bytes: 100,
    } as const;
    return this.#sender(sender, { ...this.#at, ...entry, invalid: true });
  }

  refused(sender: string, c: number, status: number): this {
    return this.#sender(sender, { ...this.#at, e: 'refused', c, status });
  }

  /** The answer that the node gave last, as an application acknowledgement. */
  application(sender: string, c: number, message: string, code = 'AA'): this {
    const bytes = this.#bytes.get(message) ?? 'MADE UP';
    return this.#sender(sender, { ...this.#at, e: 'application', c, code, id: message, bytes });
  }

  /** Nothing happens for so long. */
  wait(seconds: number): this {
    this.#t += seconds * 1_000_000;
    return this;
  }

  /** Now, as a disturbance would say it. */
  get now(): number {
    return this.#t;
  }

  part(sender: string, c: number, message: string): this {
    return this.#sender(sender, { ...this.#at, e: 'part', c, id: message, sha: shaOf(message) });
  }

  ack(sender: string, c: number, message: string, over: SaidOf<SenderEntry, 'ack'> = {}): this {
    const bytes = this.#bytes.get(message) ?? 'MADE UP';
    return this.#sender(sender, { ...this.#at, e: 'ack', c, code: 'AA', id: message, bytes, ...over });
  }

  close(sender: string, c: number, by: 'sender' | 'gateway' = 'gateway', how = 'fin'): this {
    return this.#sender(sender, { ...this.#at, e: 'close', c, by, how });
  }

  senderNoise(sender: string, c: number): this {
    return this.#sender(sender, { ...this.#at, e: 'noise', c, bytes: 7 });
  }

  done(...senders: readonly string[]): this {
    for (const sender of senders) this.#sender(sender, { ...this.#at, e: 'done', messages: 0 });
    return this;
  }

  receive(node: string, c: number, message: string, sha = shaOf(message)): this {
    const entries = this.#entriesOf(node);
    entries.push({ ...this.#at, e: 'recv', c, r: entries.length, id: message, sha });
    return this;
  }

  /** The last receipt of that message by that node. */
  answer(node: string, message: string, kind: AnswerKind = 'right', code = 'AA'): this {
    const entries = this.#entriesOf(node);
    const received = entries.findLast((entry) => entry.e === 'recv' && entry.id === message);
    if (received?.e !== 'recv') throw new Error(`${node} has not received ${message}`);
    const { c, r } = received;
    const bytes = kind === 'again' ? (this.#bytes.get(message) ?? '') : `ack ${++this.#acks} of ${node}`;
    this.#bytes.set(message, bytes);
    entries.push({ ...this.#at, e: 'answer', c, r, kind, code, bytes });
    return this;
  }

  nodeNoise(node: string, c: number): this {
    this.#entriesOf(node).push({ ...this.#at, e: 'noise', c, bytes: 7 });
    return this;
  }

  /** All goes well, each on the connection given. */
  exchange(sender: string, c: number, node: string, nodeC: number, ...messages: readonly string[]): this {
    for (const message of messages)
      this.send(sender, c, message)
        .receive(node, nodeC, message)
        .answer(node, message)
        .ack(sender, c, message);
    return this;
  }

  get #at(): { readonly t: number } {
    return { t: ++this.#t };
  }

  #sender(sender: string, entry: SenderEntry): this {
    this.#senders[sender] = [...(this.#senders[sender] ?? []), entry];
    return this;
  }

  #entriesOf(node: string): NodeEntry[] {
    const entries = this.#nodes[node] ?? [];
    this.#nodes[node] = entries;
    return entries;
  }
}

function shaOf(message: string): string {
  return `sha of ${message}`;
}

function numberOf(message: string): number {
  return Number(message.replace(/\D/g, ''));
}
