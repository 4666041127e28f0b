// A sender of a simulated world: has messages to say in order, keeps each until it is answered, and says those again, in order, on
// the next connection. Promises: every message is on record before its first byte is sent.

import type { End, EndUser, Network } from '../../../src/tools/world/network.ts';
import { Prng } from '../../../src/tools/world/prng.ts';
import { isHttp, type SenderStart } from '../../campaign/peers/orders.ts';
import { type Ear, earFor, type Frame, Speech } from '../../campaign/peers/speech.ts';
import type { SenderEntry } from '../../campaign/wire/log.ts';
import { msaOf } from '../../campaign/wire/mllp.ts';
import type { Clock } from './record.ts';
import { Record } from './record.ts';

const RECONNECT_MS = [5, 60] as const;
const BURST = [5, 20] as const;
const LARGE_BURST = [1, 3] as const;

/** Beyond its limit, for the gateway to see it, and for the end to arrive. */
const STANDS_MS = 400;
/** To come to the gateway through a small window, and for the end to come back. */
const OVERLONG_MS = 4_000;
/** A message has its header by then. */
const LEAST_PART = 60;
const MLLP_END = 2;
/** A longer limit than this is not waited for. */
const LONGEST_STAND_MS = 1_000;

export const SENDER_ACTS = [
  'burst',
  'mid-frame',
  'reset',
  'half-close',
  'impatient',
  'slow-reader',
  'slow-writer',
  'stall',
  'silence',
  'stray-bytes',
  'start-again',
  'overlong',
] as const;

export type SenderAct = (typeof SENDER_ACTS)[number];

/** What the config has of senders, in milliseconds; `idleMs` 0: never. */
export interface SenderLimits {
  readonly frameMs: number;
  readonly idleMs: number;
  readonly writeMs: number;
  readonly maxPending: number;
  readonly maxFrameBytes: number;
}

/** A time in which it said nothing, or no more of a message. In microseconds. */
export interface Stood {
  readonly sender: string;
  readonly what: 'stall' | 'silence' | 'overlong';
  readonly from: number;
  /** When it went on; its connection may have ended before. */
  until: number;
  /** It had stood for so long that its connection should have been ended, and was not. */
  isKept: boolean;
}

export type SimulatedSenderStart = Omit<SenderStart, 'tls' | 'log'> & {
  /** Messages; then it says no more. */
  readonly count: number;
  readonly limits: SenderLimits;
};

export class SimulatedSender {
  readonly start: SimulatedSenderStart;
  readonly record: Record<SenderEntry>;
  readonly network: Network;
  readonly prng: Prng;
  readonly speech: Speech;
  backlog: Frame[] = [];
  window: number;
  isDone = false;
  connection: SenderConnection | undefined;
  connections = 0;
  /** Bytes go out one by one until then. */
  slowUntilMs = 0;
  readonly stood: Stood[] = [];
  readonly clock: Clock;
  #isSilent = false;
  #isFinishing = false;

  constructor(start: SimulatedSenderStart, network: Network, clock: Clock) {
    this.start = start;
    this.network = network;
    this.clock = clock;
    this.record = new Record(clock);
    this.prng = new Prng(start.seed);
    this.speech = new Speech({ ...start, tls: undefined, log: '' }, this.prng);
    this.window = start.window;
  }

  get address(): string {
    return `${this.start.host}:${this.start.port}`;
  }

  begin(): void {
    this.connect();
    this.#think();
  }

  connect(): void {
    this.connection = new SenderConnection(this);
  }

  act(what: SenderAct, ms: number): void {
    const { connection, network } = this;
    switch (what) {
      case 'burst':
        this.#burst();
        return;
      case 'mid-frame':
        connection?.breakOff();
        return;
      case 'reset':
        connection?.drop('reset');
        return;
      case 'half-close':
        connection?.halfClose();
        return;
      case 'impatient':
        connection?.leave();
        return;
      case 'slow-reader':
        connection?.stopReading(ms);
        this.#burst();
        return;
      case 'slow-writer':
        this.slowUntilMs = network.time.nowMs + ms;
        return;
      case 'stall':
        connection?.stall();
        return;
      case 'silence':
        if (this.#mayBeIdle && !this.#isFinishing) this.#isSilent = true;
        return;
      case 'stray-bytes':
        connection?.sayStray();
        return;
      case 'start-again':
        if (!this.#isFinishing && connection?.startAgain() === true) this.#burst();
        return;
      case 'overlong':
        connection?.sayTooMuch();
    }
  }

  #burst(): void {
    const [least, most] = this.start.content === 'large' ? LARGE_BURST : BURST;
    const count = this.prng.int(least, most);
    // Over HTTP one request waits for the response before it.
    if (!isHttp(this.start.wire)) this.window = Math.max(this.window, count);
    for (let i = 0; i < count && !this.#isFinishing; i++) this.backlog.push(this.speech.next());
    this.connection?.pump();
  }

  /** Says nothing new, and is done when all has been answered. */
  finish(): void {
    this.#isFinishing = true;
    this.rest();
  }

  closed(outstanding: readonly Frame[]): void {
    this.backlog = [...outstanding, ...this.backlog];
    this.connection = undefined;
    if (this.#isFinishing && this.backlog.length === 0) this.rest();
    else
      this.network.time.after(this.prng.int(...RECONNECT_MS), () => {
        if (!this.isDone) this.connect();
      });
  }

  rest(): void {
    if (!this.#isFinishing || this.isDone || this.backlog.length > 0) return;
    if ((this.connection?.outstanding.length ?? 0) > 0) return;
    this.isDone = true;
    this.record.write({ e: 'done', messages: this.speech.made });
    this.connection?.end();
  }

  /** Who is owed application acknowledgements is not idle. */
  get #mayBeIdle(): boolean {
    const { wire, content, limits } = this.start;
    return wire === 'mllp' && content !== 'enhanced' && limits.idleMs > 0;
  }

  /** It has all its answers, and says nothing for so long that its connection should be ended. */
  #beSilent(): void {
    this.#isSilent = false;
    const { connection } = this;
    connection?.stand('silence', this.start.limits.idleMs, () => this.#think());
    if (connection === undefined) this.#think();
  }

  #think(): void {
    if (this.#isFinishing) return;
    if (this.#isSilent && this.backlog.length === 0 && this.connection?.outstanding.length === 0) {
      this.#beSilent();
      return;
    }
    if (this.speech.made >= this.start.count) {
      this.finish();
      return;
    }
    const unanswered = this.backlog.length + (this.connection?.outstanding.length ?? 0);
    if (unanswered < this.window && !this.#isSilent) this.backlog.push(this.speech.next());
    this.connection?.pump();
    this.network.time.after(this.prng.next() * this.start.thinkMs * 2, () => this.#think());
  }
}

class SenderConnection implements EndUser {
  readonly c: number;
  readonly outstanding: Frame[] = [];
  readonly #sender: SimulatedSender;
  readonly #end: End;
  readonly #ear: Ear;
  /** How often it has said something that is no message. */
  #strays = 0;
  #isSending = false;
  #isClosed = false;
  /** Whatever comes is of a message that was not meant. */
  #isDeaf = false;
  #patience = 0;

  constructor(sender: SimulatedSender) {
    this.#sender = sender;
    this.#ear = earFor(sender.start.wire);
    this.c = ++sender.connections;
    this.#end = sender.network.connect(sender.start.name, sender.address, this);
  }

  onConnected(): void {
    this.#sender.record.write({ e: 'open', c: this.c });
    this.#isSending = true;
    this.pump();
    this.#sender.rest();
  }

  onBytes(bytes: Buffer): void {
    // What was still on its way when this side gave the connection up counts for nothing, so it is not on record either.
    if (this.#isClosed || this.#isDeaf) return;
    const { record } = this.#sender;
    for (const heard of this.#ear.push(bytes)) {
      if (heard.kind === 'acks') this.#onAcks(heard.acks);
      else this.#onRefused(heard.status);
      if (this.#isClosed) return;
    }
    const stray = this.#ear.takeStray();
    if (stray > 0) record.write({ e: 'noise', c: this.c, bytes: stray });
    this.#wait();
    this.pump();
    this.#sender.rest();
  }

  onEnd(): void {
    this.#close('gateway', 'fin');
    this.#end.close();
  }

  onGone(code: string): void {
    this.#close('gateway', code);
  }

  pump(): void {
    const { backlog, window, record } = this.#sender;
    while (this.#isSending && this.outstanding.length < window) {
      const frame = backlog.shift();
      if (frame === undefined) return;
      for (const message of frame.messages) record.write({ e: 'send', c: this.c, ...message });
      if (this.outstanding.push(frame) === 1) this.#wait();
      this.#write(frame.bytes);
    }
  }

  /** Says the first part of a message that is never said whole, behind what is on its way. */
  breakOff(): void {
    if (!this.#isSending) return;
    const { speech, record, prng } = this.#sender;
    const { id, sha, bytes } = speech.part();
    record.write({ e: 'part', c: this.c, id, sha });
    this.#end.write(bytes.subarray(0, prng.int(1, bytes.length - 1)));
    const how = prng.pick(['fin', 'destroy', 'reset'] as const);
    if (how === 'fin') this.halfClose();
    else this.drop(how);
  }

  /** Says the first part of a message, and begins another in the middle of it (F9). */
  startAgain(): boolean {
    const { speech, record, prng, start } = this.#sender;
    const isPlain = start.wire === 'mllp' && start.content !== 'batch';
    if (!this.#isSending || this.outstanding.length > 0 || !isPlain) return false;
    const { id, sha, bytes } = speech.part();
    record.write({ e: 'part', c: this.c, id, sha });
    this.#end.write(bytes.subarray(0, prng.int(LEAST_PART, bytes.length - MLLP_END)));
    return true;
  }

  /** Says a message that is larger than any may be (F16), and waits for the end of the connection. */
  sayTooMuch(): void {
    const { speech, record, start } = this.#sender;
    if (!this.#isSending || this.outstanding.length > 0 || start.wire !== 'mllp') return;
    // It may be owed an application acknowledgement, which it would not hear.
    if (start.content === 'enhanced') return;
    const { id, sha, bytes } = speech.part();
    record.write({ e: 'part', c: this.c, id, sha });
    this.#isSending = false;
    this.#isDeaf = true;
    this.#end.write(bytes.subarray(0, bytes.length - MLLP_END));
    this.#end.write(Buffer.alloc(start.limits.maxFrameBytes, 'x'));
    this.stand('overlong', OVERLONG_MS, () => this.drop('destroy'));
  }

  /** Says the first part of a message, and then nothing. */
  stall(): void {
    const { speech, record, prng, start } = this.#sender;
    if (!this.#isSending || this.outstanding.length > 0 || start.wire !== 'mllp') return;
    if (start.limits.frameMs > LONGEST_STAND_MS) return;
    const { id, sha, bytes } = speech.part();
    record.write({ e: 'part', c: this.c, id, sha });
    this.#isSending = false;
    this.#end.write(bytes.subarray(0, prng.int(1, bytes.length - 1)));
    this.stand('stall', start.limits.frameMs, () => this.drop('destroy'));
  }

  /** Stands for longer than it may, then goes on. */
  stand(what: Stood['what'], limitMs: number, goOn: () => void): void {
    const { clock, network, record, start, stood } = this.#sender;
    const one: Stood = {
      sender: start.name,
      what,
      from: what === 'stall' ? clock.now() : (record.entries.at(-1)?.t ?? 0),
      until: Number.POSITIVE_INFINITY,
      isKept: false,
    };
    const strays = this.#strays;
    stood.push(one);
    network.time.after(limitMs + STANDS_MS, () => {
      // A burst may have broken the silence, or bytes between messages.
      const isBroken =
        what === 'silence' && (record.entries.at(-1)?.t !== one.from || this.#strays !== strays);
      one.isKept = !this.#isClosed && !isBroken;
      one.until = clock.now();
      goOn();
    });
  }

  /** Line ends between two messages, as some senders have them. */
  sayStray(): void {
    if (!this.#isSending || this.#sender.start.wire !== 'mllp') return;
    this.#strays++;
    this.#end.write(Buffer.from('\r\n'));
  }

  /** Says no more, and still wants its answers. */
  halfClose(): void {
    if (!this.#isSending) return;
    this.#isSending = false;
    this.#end.end();
  }

  drop(how: 'destroy' | 'reset' | 'refused'): void {
    this.#close('sender', how);
    if (how === 'reset') this.#end.reset();
    else this.#end.close();
  }

  /** Does not wait for what is due. */
  leave(): void {
    if (this.outstanding.length === 0) return;
    this.#close('sender', 'impatient');
    this.#end.close();
  }

  stopReading(ms: number): void {
    this.#end.pause();
    this.#sender.network.time.after(ms, () => this.#end.resume());
  }

  end(): void {
    this.#close('sender', 'end');
    this.#end.close();
  }

  #close(by: 'sender' | 'gateway', how: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isSending = false;
    this.#patience++;
    this.#sender.record.write({ e: 'close', c: this.c, by, how });
    this.#sender.closed(this.outstanding.splice(0));
  }

  #write(bytes: Buffer): void {
    const { time } = this.#sender.network;
    if (time.nowMs >= this.#sender.slowUntilMs || bytes.length > 2_000) {
      this.#end.write(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += 1) this.#end.write(bytes.subarray(at, at + 1));
  }

  #wait(): void {
    const turn = ++this.#patience;
    if (this.outstanding.length === 0) return;
    this.#sender.network.time.after(this.#sender.start.patienceMs, () => {
      if (turn !== this.#patience) return;
      this.#close('sender', 'patience');
      this.#end.close();
    });
  }

  #onAcks(acks: readonly Buffer[]): void {
    const { record, start, prng, backlog } = this.#sender;
    const told = acks.map((ack) => ({
      ...(msaOf(ack) ?? { code: '', id: '' }),
      bytes: ack.toString('base64'),
    }));
    const [first] = told;
    // After the commit acknowledgement, at any time.
    if (start.content === 'enhanced' && first?.code.startsWith('A') === true) {
      for (const one of told) record.write({ e: 'application', c: this.c, ...one });
      return;
    }
    for (const one of told) record.write({ e: 'ack', c: this.c, ...one });
    const frame = this.outstanding.shift();
    if (this.outstanding.length === 0) this.#sender.window = start.window;
    // Some senders say a refused message again, some drop it. One that can never be taken is not said again.
    const isNegative = told.some(({ code }) => code !== 'AA' && code !== 'CA');
    const isInvalid = frame?.messages.some(({ invalid }) => invalid === true) === true;
    if (frame !== undefined && isNegative && !isInvalid && prng.chance(0.5)) backlog.unshift(frame);
  }

  /** The message stays with this side, which tries again on another connection. */
  #onRefused(status: number): void {
    this.#sender.record.write({ e: 'refused', c: this.c, status });
    this.drop('refused');
  }
}
