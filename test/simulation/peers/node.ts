// A node of a simulated world: takes messages strictly in turn, as Mirth does, and misbehaves as it is told. Promises: every frame is on
// record when it has been read, every answer before it is sent; a node that was killed has forgotten everything but its record.
import { hash } from 'node:crypto';
import type { Acceptor, End, EndUser, Network } from '../../../src/tools/world/network.ts';
import { Prng } from '../../../src/tools/world/prng.ts';
import { isHttp, type Wire } from '../../campaign/peers/orders.ts';
import type { AnswerKind, NodeEntry } from '../../campaign/wire/log.ts';
import { ackOf, headerOf } from '../../campaign/wire/mllp.ts';
import { HttpNodeConnection } from './http-node-connection.ts';
import { MllpNodeConnection } from './mllp-node-connection.ts';
import type { NodeConnection } from './node-connection.ts';
import { type Clock, Record } from './record.ts';

/** What a node does with the messages and connections that come from now on. */
export const NODE_MODES = [
  'slow',
  'late',
  'wrong',
  'double',
  'garbled',
  'negative',
  'reset',
  'half-close',
  'black-hole',
  'full',
  'one-connection',
  'refuse',
  'sleepy',
  'foreign',
  'unframed',
  'in-pieces',
  'error-500',
] as const;

export type NodeMode = 'normal' | (typeof NODE_MODES)[number];

export interface SimulatedNodeStart {
  readonly name: string;
  readonly pool: string;
  readonly wire: Wire;
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  /** An answer later than this is too late. */
  readonly ackMs: number;
}

export interface Received {
  readonly r: number;
  readonly id: string;
  /** MSH-3. */
  readonly app: string;
  readonly enhanced: boolean;
}

export class SimulatedNode implements Acceptor {
  readonly start: SimulatedNodeStart;
  readonly network: Network;
  readonly prng: Prng;
  /** One for each time that it was started. */
  readonly records: Record<NodeEntry>[] = [];
  mode: NodeMode = 'normal';
  readonly #clock: Clock;
  #connections = new Set<NodeConnection>();
  #opened = 0;
  #received = 0;
  #acks = 0;
  lastId = 'NONE';
  isStopped = false;
  isDown = true;
  #isRedeploying = false;
  #isOpen = false;

  constructor(start: SimulatedNodeStart, network: Network, clock: Clock) {
    this.start = start;
    this.network = network;
    this.#clock = clock;
    this.prng = new Prng(start.seed);
  }

  get address(): string {
    return `${this.start.host}:${this.start.port}`;
  }

  get record(): Record<NodeEntry> {
    return this.records.at(-1) as Record<NodeEntry>;
  }

  begin(): void {
    this.#received = 0;
    this.records.push(new Record(this.#clock));
    this.isDown = false;
    this.#openOrClose();
  }

  enter(mode: NodeMode): void {
    this.mode = mode;
    this.#openOrClose();
  }

  /** Its process ends at once. */
  kill(): void {
    this.#forget();
    this.network.kill(this.start.host);
  }

  /** Its machine is off: nobody is told. */
  powerOff(): void {
    this.#forget();
    this.network.powerOff(this.start.host);
  }

  restart(): void {
    if (!this.isDown) return;
    this.network.dark.delete(this.start.host);
    this.mode = 'normal';
    this.begin();
  }

  /** As a channel that is redeployed: answers what is in work, drops what waits, and ends its connections. */
  redeploy(): void {
    this.#isRedeploying = true;
    this.#openOrClose();
    for (const connection of [...this.#connections]) connection.stop();
  }

  deployed(): void {
    this.#isRedeploying = false;
    this.#openOrClose();
  }

  #forget(): void {
    this.isDown = true;
    this.#openOrClose();
    this.#connections.clear();
    this.lastId = 'NONE';
  }

  #openOrClose(): void {
    const isOpen = !this.isDown && !this.#isRedeploying && this.mode !== 'refuse';
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    if (isOpen) this.network.listen(this.address, this);
    else this.network.close(this.address, this);
  }

  /** Its process does nothing until `go`. */
  halt(): void {
    this.isStopped = true;
    for (const { end } of this.#connections) end.pause();
  }

  go(): void {
    this.isStopped = false;
    for (const { end } of this.#connections) end.resume();
  }

  accept(end: End): EndUser | undefined {
    const { mode } = this;
    if (mode === 'full' || (mode === 'one-connection' && this.#connections.size >= 1)) return undefined;
    const Connection = isHttp(this.start.wire) ? HttpNodeConnection : MllpNodeConnection;
    const connection = new Connection(this, end, ++this.#opened);
    this.#connections.add(connection);
    if (this.isStopped) end.pause();
    this.record.write({ e: 'open', c: connection.c });
    return connection;
  }

  left(connection: NodeConnection): void {
    this.#connections.delete(connection);
  }

  received(c: number, payload: Buffer): Received {
    const header = headerOf(payload);
    const message = {
      r: ++this.#received,
      id: header[10] ?? '',
      app: header[3] ?? '',
      enhanced: (header[15] ?? '') !== '',
    };
    this.record.write({
      e: 'recv',
      c,
      r: message.r,
      id: message.id,
      sha: hash('sha256', payload, 'base64url'),
    });
    return message;
  }

  answer(c: number, message: Received, kind: AnswerKind, code: string): Buffer {
    const ack = this.ack(code, message.id, message.app);
    this.note(c, message, kind, code, ack);
    if (kind === 'right') this.lastId = message.id;
    return ack;
  }

  ack(code: string, id: string, app?: string): Buffer {
    return ackOf(`${this.start.name}.${this.records.length}.${++this.#acks}`, code, id, app);
  }

  note(c: number, { r }: Received, kind: AnswerKind, code: string, bytes: Buffer): void {
    this.record.write({ e: 'answer', c, r, kind, code, bytes: bytes.toString('base64') });
  }

  /** Of no message, or of the one answered last, whosever it was. */
  wrongId(id: string): string {
    return this.prng.pick([`X-${id}`, this.lastId === id ? 'NONE' : this.lastId, '']);
  }
}
