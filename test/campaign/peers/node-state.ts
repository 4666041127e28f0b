// What all connections of a node share: how it was started, its mode, its log and its counters. Promises: every frame is on
// record when it has been read, every answer before it is written.
import { hash } from 'node:crypto';
import { Prng } from '../../../src/tools/world/prng.ts';
import { type AnswerKind, LogWriter, type NodeEntry } from '../wire/log.ts';
import { ackOf, headerOf } from '../wire/mllp.ts';
import type { NodeMode, NodeStart } from './orders.ts';

export interface Received {
  readonly r: number;
  readonly id: string;
  /** MSH-3. */
  readonly app: string;
  /** It asks for a commit acknowledgement (MSH-15), and for an application acknowledgement behind it (MSH-16). */
  readonly enhanced: boolean;
}

export class NodeState {
  readonly start: NodeStart;
  readonly prng: Prng;
  readonly #log: LogWriter<NodeEntry>;
  mode: NodeMode = 'normal';
  #connections = 0;
  #received = 0;
  #acks = 0;
  #lastId = 'NONE';

  constructor(start: NodeStart) {
    this.start = start;
    this.prng = new Prng(start.seed);
    this.#log = new LogWriter<NodeEntry>(start.log);
  }

  listens(port: number): void {
    this.#log.write({ e: 'listen', port });
  }

  enters(mode: NodeMode): void {
    this.mode = mode;
    this.#log.write({ e: 'mode', mode });
  }

  opened(): number {
    const c = ++this.#connections;
    this.#log.write({ e: 'open', c });
    return c;
  }

  closed(c: number, by: 'node' | 'gateway', how: string): void {
    this.#log.write({ e: 'close', c, by, how });
  }

  noise(c: number, bytes: number): void {
    this.#log.write({ e: 'noise', c, bytes });
  }

  received(c: number, payload: Buffer): Received {
    const header = headerOf(payload);
    const message = {
      r: ++this.#received,
      id: header[10] ?? '',
      app: header[3] ?? '',
      enhanced: (header[15] ?? '') !== '',
    };
    const { r, id } = message;
    this.#log.write({ e: 'recv', c, r, id, sha: hash('sha256', payload, 'base64url') });
    return message;
  }

  answer(c: number, message: Received, kind: AnswerKind, code: string): Buffer {
    const ack = this.ack(code, message.id, message.app);
    this.note(c, message, kind, code, ack);
    if (kind === 'right') this.#lastId = message.id;
    return ack;
  }

  ack(code: string, id: string, app?: string): Buffer {
    const { name, run } = this.start;
    return ackOf(`${name}.${run}.${++this.#acks}`, code, id, app);
  }

  note(c: number, { r }: Received, kind: AnswerKind, code: string, bytes: Buffer): void {
    this.#log.write({ e: 'answer', c, r, kind, code, bytes: bytes.toString('base64') });
  }

  /** An id that is not that of the message: the id of the message answered last, whosever it was, or none at all. */
  wrongId(id: string): string {
    return this.prng.pick([`X-${id}`, this.#lastId === id ? 'NONE' : this.#lastId, '']);
  }
}
