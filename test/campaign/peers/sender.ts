// A sender of the campaign, a process of its own. It has messages to say in order, keeps each until it is answered, and says
// those again, in order, on the next connection. Promises: every message is on record before its first byte is written.

import { Prng } from '../../../src/tools/world/prng.ts';
import { LogWriter, type SenderEntry } from '../wire/log.ts';
import { msaOf } from '../wire/mllp.ts';
import { connectTo, type Link } from './connect.ts';
import { isHttp, isSenderOrder, isTls, type SenderAct, type SenderStart } from './orders.ts';
import { earFor, type Frame, Speech } from './speech.ts';

const BURST = [5, 20] as const;
const RECONNECT_MS = [5, 60] as const;
/** A large message takes as long as hundreds of small ones. */
const LARGE_BURST = [1, 3] as const;

const start: SenderStart = JSON.parse(process.argv[2] ?? '');
const log = new LogWriter<SenderEntry>(start.log);
const prng = new Prng(start.seed);
const speech = new Speech(start, prng);

/** To be said, in order; what is on the connection and not answered is in `outstanding`. */
let backlog: Frame[] = [];
let window = start.window;
let finishing = false;
let done = false;
let connection: Connection | undefined;
let connections = 0;

class Connection {
  readonly c = ++connections;
  readonly #link: Link;
  readonly #ear = earFor(start.wire);
  readonly outstanding: Frame[] = [];
  #sending = false;
  #closed = false;
  #patience: NodeJS.Timeout | undefined;

  constructor() {
    this.#link = connectTo({ ...start, tls: isTls(start.wire) ? start.tls : undefined }, () => {
      log.write({ e: 'open', c: this.c });
      this.#sending = true;
      this.pump();
      rest();
    });
    const { socket } = this.#link;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => {
      this.close('gateway', 'fin');
      socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.close('gateway', error.code ?? 'error'));
    socket.on('close', () => this.close('gateway', 'close'));
  }

  pump(): void {
    while (this.#sending && this.outstanding.length < window) {
      const frame = backlog.shift();
      if (frame === undefined) return;
      for (const message of frame.messages) log.write({ e: 'send', c: this.c, ...message });
      if (this.outstanding.push(frame) === 1) this.#wait();
      this.#write(frame.bytes);
    }
  }

  /** Says the first part of a message that is never said whole, behind what is on its way. */
  breakOff(): void {
    if (!this.#sending) return;
    const { id, sha, bytes } = speech.part();
    log.write({ e: 'part', c: this.c, id, sha });
    this.#link.socket.write(bytes.subarray(0, prng.int(1, bytes.length - 1)));
    const how = prng.pick(['fin', 'destroy', 'reset'] as const);
    if (how === 'fin') this.halfClose();
    else this.drop(how);
  }

  /** Says no more, and still wants its answers. */
  halfClose(): void {
    if (!this.#sending) return;
    this.#sending = false;
    this.#link.socket.end();
  }

  drop(how: 'destroy' | 'reset' | 'refused'): void {
    this.close('sender', how);
    if (how === 'reset') this.#link.reset();
    else this.#link.socket.destroy();
  }

  end(): void {
    this.close('sender', 'end');
    this.#link.socket.end();
  }

  close(by: 'sender' | 'gateway', how: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sending = false;
    clearTimeout(this.#patience);
    log.write({ e: 'close', c: this.c, by, how });
    backlog = [...this.outstanding.splice(0), ...backlog];
    connection = undefined;
    if (!finishing || backlog.length > 0) setTimeout(connect, prng.int(...RECONNECT_MS));
    else rest();
  }

  #write(bytes: Buffer): void {
    const cut = prng.chance(0.1) ? prng.int(1, bytes.length - 1) : bytes.length;
    this.#link.socket.write(bytes.subarray(0, cut));
    if (cut < bytes.length) this.#link.socket.write(bytes.subarray(cut));
  }

  #wait(): void {
    clearTimeout(this.#patience);
    if (this.outstanding.length === 0) return;
    this.#patience = setTimeout(() => {
      this.close('sender', 'patience');
      this.#link.socket.destroy();
    }, start.patienceMs);
  }

  #read(chunk: Buffer): void {
    // What was still on its way when this side gave the connection up counts for nothing, so it is not on record either.
    if (this.#closed) return;
    for (const heard of this.#ear.push(chunk)) {
      if (heard.kind === 'acks') this.#onAcks(heard.acks);
      else this.#onRefused(heard.status);
      if (this.#closed) return;
    }
    const bytes = this.#ear.takeStray();
    if (bytes > 0) log.write({ e: 'noise', c: this.c, bytes });
    this.#wait();
    this.pump();
    rest();
  }

  #onAcks(acks: readonly Buffer[]): void {
    const told = acks.map((ack) => ({
      ...(msaOf(ack) ?? { code: '', id: '' }),
      bytes: ack.toString('base64'),
    }));
    const [first] = told;
    // After the commit acknowledgement, at any time.
    if (start.content === 'enhanced' && first?.code.startsWith('A') === true) {
      for (const one of told) log.write({ e: 'application', c: this.c, ...one });
      return;
    }
    for (const one of told) log.write({ e: 'ack', c: this.c, ...one });
    const frame = this.outstanding.shift();
    if (this.outstanding.length === 0) window = start.window;
    // Some senders say a refused message again, some drop it. One that can never be taken is not said again.
    const isNegative = told.some(({ code }) => code !== 'AA' && code !== 'CA');
    const isInvalid = frame?.messages.some(({ invalid }) => invalid === true) === true;
    if (frame !== undefined && isNegative && !isInvalid && prng.chance(0.5)) backlog.unshift(frame);
  }

  /** The message stays with this side, which tries again on another connection. */
  #onRefused(status: number): void {
    log.write({ e: 'refused', c: this.c, status });
    this.drop('refused');
  }
}

function connect(): void {
  connection = new Connection();
}

/** Has it something to say, after a while? */
function think(): void {
  const unanswered = backlog.length + (connection?.outstanding.length ?? 0);
  if (!finishing && unanswered < window) backlog.push(speech.next());
  connection?.pump();
  if (!finishing) setTimeout(think, prng.int(1, start.thinkMs * 2));
}

function rest(): void {
  if (!finishing || done || backlog.length > 0 || (connection?.outstanding.length ?? 0) > 0) return;
  done = true;
  log.write({ e: 'done', messages: speech.made });
  connection?.end();
  process.disconnect?.();
}

function act(what: SenderAct): void {
  switch (what) {
    case 'burst': {
      const [least, most] = start.content === 'large' ? LARGE_BURST : BURST;
      const count = prng.int(least, most);
      // Over HTTP one request waits for the response before it.
      if (!isHttp(start.wire)) window = Math.max(window, count);
      for (let i = 0; i < count; i++) backlog.push(speech.next());
      connection?.pump();
      return;
    }
    case 'mid-frame':
      connection?.breakOff();
      return;
    case 'reset':
      connection?.drop('reset');
      return;
    case 'half-close':
      connection?.halfClose();
      return;
    case 'finish':
      finishing = true;
      rest();
  }
}

process.on('message', (order) => {
  if (isSenderOrder(order)) act(order.act);
});
process.on('disconnect', () => {
  // Ended by the runner's end, not by its order.
  if (!finishing) process.exit();
});
connect();
think();
