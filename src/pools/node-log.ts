// What the log says of a pool's nodes while messages go to them. Promises that no line comes without end.
import type { Log } from '../observe/log/log.ts';
import { Repeats } from '../observe/log/repeats.ts';
import { monotonicMs } from '../platform/time.ts';
import type { LostAnswer } from '../upstream/mllp/node-quirks.ts';
import type { Node, NodeWatcher } from '../upstream/node.ts';

/** What happens for each message of such a sender is said this often. */
const REPEATED_IDS_MS = 60_000;

const LOST: Readonly<Record<LostAnswer, string>> = {
  unclear: 'more than one sender has a message with its control id',
  gone: "the sender's connection has ended",
  closed: 'the connection to the node ended before it came',
  unasked: 'it is a refusal, and its sender wants no answer',
};

export class NodeLog implements Omit<NodeWatcher, 'onRoom' | 'onUsable' | 'mayEject'> {
  readonly #log: Log;
  readonly #pool: string;
  readonly #pipelining: () => number;
  readonly #saidAt = new WeakMap<Node, number>();
  readonly #repeats = new Repeats();

  /** `pipelining`: as the config in force says. */
  constructor(log: Log, pool: string, pipelining: () => number) {
    this.#log = log;
    this.#pool = pool;
    this.#pipelining = pipelining;
  }

  onState(node: Node, state: string, reason: string): void {
    this.#log[state === 'up' || state === 'ready' ? 'info' : 'warn'](
      { ...this.#fields(node), reason },
      `node ${state}`,
    );
  }

  onStrayAnswer(node: Node): void {
    const fields = this.#fields(node);
    const tell = (leftOut: number): void =>
      this.#log.warn({ ...fields, leftOut }, 'more answers that belong to no message were dropped');
    if (this.#repeats.admits(node.name, tell))
      this.#log.warn(fields, 'an answer that belongs to no message was dropped');
  }

  onLostAnswer(node: Node, why: LostAnswer, count: number): void {
    const fields = this.#fields(node);
    const reason = LOST[why];
    const tell = (leftOut: number): void =>
      this.#log.warn({ ...fields, reason, leftOut }, 'lines were left out: too many alike');
    if (this.#repeats.admits(`${node.name} ${why}`, tell))
      this.#log.warn({ ...fields, count, reason }, 'no sender was told of an application acknowledgement');
  }

  onRepeatedId(node: Node): void {
    const now = monotonicMs();
    if (now - (this.#saidAt.get(node) ?? -REPEATED_IDS_MS) < REPEATED_IDS_MS) return;
    this.#saidAt.set(node, now);
    this.#log.warn(
      this.#fields(node),
      'a sender repeats its control ids: connections are made anew for them (connections.repeatedIds)',
    );
  }

  onAlike(node: Node): void {
    this.#log.warn(
      this.#fields(node),
      this.#pipelining() === 1
        ? 'its answers have MSA-1 or MSA-2 in another form than they should (connections.match)'
        : 'its answers have MSA-1 or MSA-2 in another form than they should (connections.match): one message a connection from now on',
    );
  }

  #fields(node: Node): { readonly pool: string; readonly node: string } {
    return { pool: this.#pool, node: node.name };
  }
}
