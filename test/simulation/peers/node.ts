// A node of a simulated world: takes messages strictly in turn, as Mirth does, and misbehaves as it is told. Promises: every frame is on
// record when it has been read, every answer before it is sent; a node that was killed has forgotten everything but its record.
import { hash } from 'node:crypto';
import type { AnswerKind, NodeEntry } from '../../campaign/wire/log.ts';
import { ackOf, FrameCutter, frame, headerOf } from '../../campaign/wire/mllp.ts';
import { Prng } from '../../campaign/wire/prng.ts';
import type { Acceptor, End, EndUser, Network } from '../world/network.ts';
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
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  /** An answer later than this is too late. */
  readonly ackMs: number;
}

/** A node takes its time for what comes behind the commit acknowledgement. */
const APPLICATION_MS = [1, 120] as const;
/** What Mirth sends where a channel's own code fails. */
const ERROR_500 = 'AE';

interface Received {
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
    const connection = new NodeConnection(this, end, ++this.#opened);
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

class NodeConnection implements EndUser {
  readonly c: number;
  readonly end: End;
  readonly #node: SimulatedNode;
  /** Which start of the node it belongs to. */
  readonly #run: number;
  readonly #cutter = new FrameCutter();
  readonly #queue: Received[] = [];
  #isWorking = false;
  #again: Buffer | undefined;
  #hasEnded = false;
  #isClosed = false;

  constructor(node: SimulatedNode, end: End, c: number) {
    this.#node = node;
    this.#run = node.records.length;
    this.end = end;
    this.c = c;
  }

  /** Its process is gone. */
  get isDead(): boolean {
    return this.#node.isDown || this.#node.records.length !== this.#run;
  }

  onBytes(bytes: Buffer): void {
    if (this.isDead) return;
    for (const payload of this.#cutter.push(bytes)) this.#queue.push(this.#node.received(this.c, payload));
    if (this.#cutter.strayBytes > 0)
      this.#node.record.write({ e: 'noise', c: this.c, bytes: this.#cutter.strayBytes });
    this.#cutter.strayBytes = 0;
    if (!this.#isWorking) this.#workOn();
  }

  onEnd(): void {
    if (this.isDead) return;
    this.#closed('gateway', 'fin');
    this.#hasEnded = true;
    if (!this.#isWorking) this.end.close();
  }

  onGone(code: string): void {
    if (this.isDead) return;
    this.#closed('gateway', code);
  }

  /** Ends it once the message in work is answered; what is queued behind is dropped, as a stopping Mirth channel does. */
  stop(): void {
    this.#queue.length = 0;
    this.#hasEnded = true;
    if (!this.#isWorking) this.close('stop');
  }

  close(how: string): void {
    this.#closed('node', how);
    this.end.close();
  }

  #closed(by: 'node' | 'gateway', how: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#node.record.write({ e: 'close', c: this.c, by, how });
    this.#node.left(this);
  }

  #workOn(): void {
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.#isWorking = true;
      this.#process(next);
      return;
    }
    this.#isWorking = false;
    if (this.#hasEnded) this.close('stop');
  }

  #after(ms: number, then: () => void): void {
    const { time } = this.#node.network;
    const due = (): void => {
      if (this.isDead) return;
      if (this.#node.isStopped) time.after(1, due);
      else then();
    };
    time.after(ms, due);
  }

  #process(message: Received): void {
    const { prng, mode, start } = this.#node;
    if (this.#again !== undefined) this.#write(this.#again);
    this.#again = undefined;
    const over = (): void => this.#workOn();
    switch (mode) {
      case 'black-hole':
        // It is never answered, and neither is what comes behind it.
        return;
      case 'reset':
        this.#after(prng.chance(0.5) ? prng.next() * 5 : 0, () => {
          this.#closed('node', 'reset');
          this.end.reset();
        });
        return;
      case 'half-close':
        this.close('half-close');
        return;
      case 'slow':
        this.#answerAfter(message, (start.ackMs / 8) * (1 + 3 * prng.next()));
        return;
      case 'late':
        this.#answerAfter(message, start.ackMs * (1.1 + prng.next()));
        return;
      case 'sleepy':
        // On both sides of the deadline, to the millisecond.
        this.#answerAfter(message, start.ackMs - 1.5 + 3 * prng.next());
        return;
      case 'wrong': {
        const wrong = this.#node.ack(message.enhanced ? 'CA' : 'AA', this.#node.wrongId(message.id));
        this.#node.note(this.c, message, 'wrong', 'AA', wrong);
        this.#write(frame(wrong));
        over();
        return;
      }
      case 'foreign': {
        // The right answer to a message that another connection has brought.
        const { lastId } = this.#node;
        if (lastId === message.id) {
          this.#answerAfter(message, 0);
          return;
        }
        const foreign = this.#node.ack(message.enhanced ? 'CA' : 'AA', lastId);
        this.#node.note(this.c, message, 'wrong', 'AA', foreign);
        this.#write(frame(foreign));
        this.#answerAfter(message, prng.next() * 5);
        return;
      }
      case 'double':
        this.#answerTwice(message);
        over();
        return;
      case 'garbled':
        this.#garble(message);
        over();
        return;
      case 'unframed': {
        const bytes = this.#node.ack('AA', message.id);
        this.#node.note(this.c, message, 'garbled', '', bytes);
        this.#write(bytes);
        over();
        return;
      }
      case 'in-pieces': {
        const bytes = frame(this.#node.answer(this.c, message, 'right', message.enhanced ? 'CA' : 'AA'));
        for (let at = 0; at < bytes.length; at++)
          this.#after((at * start.ackMs) / 4 / bytes.length, () => this.#write(bytes.subarray(at, at + 1)));
        this.#after(start.ackMs / 4 + 1, over);
        return;
      }
      case 'negative':
        this.#answer(message, prng.pick(['AE', 'AR']));
        over();
        return;
      case 'error-500':
        this.#after(500 * prng.next(), () => {
          this.#answer(message, ERROR_500);
          over();
        });
        return;
      default:
        this.#answerAfter(message, prng.chance(0.7) ? 0.5 + 2.5 * prng.next() : 0);
        return;
    }
  }

  #answerAfter(message: Received, ms: number): void {
    const answered = (): void => {
      this.#answer(message);
      this.#workOn();
    };
    if (ms === 0 && !this.#node.isStopped) answered();
    else this.#after(ms, answered);
  }

  #answer(message: Received, code = 'AA'): void {
    const first = message.enhanced ? code.replace('A', 'C') : code;
    this.#write(frame(this.#node.answer(this.c, message, 'right', first)));
    if (!message.enhanced || code !== 'AA') return;
    const { prng } = this.#node;
    this.#after(prng.int(...APPLICATION_MS), () => {
      if (this.#isClosed) return;
      this.#write(frame(this.#node.answer(this.c, message, 'application', prng.chance(0.8) ? 'AA' : 'AE')));
    });
  }

  #answerTwice(message: Received): void {
    const ack = this.#node.answer(this.c, message, 'right', message.enhanced ? 'CA' : 'AA');
    this.#node.note(this.c, message, 'again', 'AA', ack);
    // At once, a moment later, or when the next message has come and waits for its own.
    const when = this.#node.prng.pick(['together', 'soon', 'next'] as const);
    this.#write(when === 'together' ? Buffer.concat([frame(ack), frame(ack)]) : frame(ack));
    if (when === 'soon') this.#after(0.5 * this.#node.prng.next(), () => this.#write(frame(ack)));
    if (when === 'next') this.#again = frame(ack);
  }

  #garble(message: Received): void {
    const { prng } = this.#node;
    const right = frame(this.#node.ack('AA', message.id));
    const withoutMsa = right.subarray(1, right.indexOf('MSA'));
    const bytes = prng.pick([
      frame(Buffer.from('<html><body>502</body></html>')),
      frame(withoutMsa),
      frame(Buffer.alloc(0)),
      frame(Buffer.from('MSHe lloeMIRTHeeee20261122083014.446eeACKe1ePe2.4\rMSAeAAe1\r')),
      // Without its end: what follows on the connection would run into it.
      right.subarray(0, -2),
      right.subarray(0, right.length >> 1),
    ]);
    this.#node.note(this.c, message, 'garbled', '', bytes);
    this.#write(bytes);
    if (prng.chance(0.3)) this.close('garbled');
  }

  #write(bytes: Buffer): void {
    if (!this.isDead) this.end.write(bytes);
  }
}
