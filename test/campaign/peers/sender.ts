// A sender of the campaign, a process of its own. It has messages to say in order, keeps each until it is answered, and says
// those again, in order, on the next connection. Promises: every message is on record before its first byte is written.
import { hash } from 'node:crypto';
import net from 'node:net';
import { LogWriter, type SenderEntry } from '../wire/log.ts';
import { FrameCutter, frame, messageOf, msaOf } from '../wire/mllp.ts';
import { Prng } from '../wire/prng.ts';
import { isSenderOrder, type SenderAct, type SenderStart } from './orders.ts';

const BURST = [5, 20] as const;
const RECONNECT_MS = [5, 60] as const;
/** Different ids of a sender whose ids come round again: fewer than what is under way and what was given up on. */
const DIFFERENT_IDS = 2;

const start: SenderStart = JSON.parse(process.argv[2] ?? '');
const log = new LogWriter<SenderEntry>(start.log);
const prng = new Prng(start.seed);

interface Message {
  readonly n: number;
  readonly id: string;
  readonly sha: string;
  readonly frame: Buffer;
}

let made = 0;
/** To be said, in order; what is on the connection and not answered is in `outstanding`. */
let backlog: Message[] = [];
let window = start.window;
let finishing = false;
let done = false;
let connection: Connection | undefined;
let connections = 0;

function make(): Message {
  const n = ++made;
  const id =
    start.ids === 'unique'
      ? `${start.name}-${n}`
      : `${start.ids === 'shared' ? 'S' : start.name}-${n % DIFFERENT_IDS}`;
  return { n, id, ...bytesOf(id, n) };
}

function bytesOf(id: string, n: number): Pick<Message, 'sha' | 'frame'> {
  // Most are small, some need several reads, a few are larger than a socket's buffer.
  const size = prng.chance(0.9) ? prng.int(0, 1_500) : prng.chance(0.9) ? prng.int(1_500, 20_000) : 300_000;
  const payload = messageOf(start.name, id, n, fillerOf(size));
  return { sha: hash('sha256', payload, 'base64url'), frame: frame(payload) };
}

/** Any byte from 20 up but 7C, and now and then a 1C, which is content unless 0D follows. */
function fillerOf(size: number): string {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) {
    const byte = prng.int(0x1f, 0xff);
    bytes[i] = byte === 0x7c ? 0x20 : byte === 0x1f ? 0x1c : byte;
  }
  if (size > 0 && bytes[size - 1] === 0x1c) bytes[size - 1] = 0x20;
  return bytes.toString('latin1');
}

class Connection {
  readonly c = ++connections;
  readonly #socket: net.Socket;
  readonly #cutter = new FrameCutter();
  readonly outstanding: Message[] = [];
  #sending = false;
  #closed = false;
  #patience: NodeJS.Timeout | undefined;

  constructor() {
    const socket = net.connect({ host: start.host, port: start.port, allowHalfOpen: true, noDelay: true });
    this.#socket = socket;
    socket.once('connect', () => {
      log.write({ e: 'open', c: this.c });
      this.#sending = true;
      this.pump();
      rest();
    });
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
      const message = backlog.shift();
      if (message === undefined) return;
      const { n, id, sha } = message;
      log.write({ e: 'send', c: this.c, n, id, sha });
      if (this.outstanding.push(message) === 1) this.#wait();
      this.#write(message.frame);
    }
  }

  /** Says the first part of a message that is never said whole, behind what is on its way. */
  breakOff(): void {
    if (!this.#sending) return;
    const id = `${start.name}-PART-${++made}`;
    const { sha, frame } = bytesOf(id, made);
    log.write({ e: 'part', c: this.c, id, sha });
    this.#socket.write(frame.subarray(0, prng.int(1, frame.length - 1)));
    const how = prng.pick(['fin', 'destroy', 'reset'] as const);
    if (how === 'fin') this.halfClose();
    else this.drop(how);
  }

  /** Says no more, and still wants its answers. */
  halfClose(): void {
    if (!this.#sending) return;
    this.#sending = false;
    this.#socket.end();
  }

  drop(how: 'destroy' | 'reset'): void {
    this.close('sender', how);
    if (how === 'reset') this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  end(): void {
    this.close('sender', 'end');
    this.#socket.end();
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
    this.#socket.write(bytes.subarray(0, cut));
    if (cut < bytes.length) this.#socket.write(bytes.subarray(cut));
  }

  #wait(): void {
    clearTimeout(this.#patience);
    if (this.outstanding.length === 0) return;
    this.#patience = setTimeout(() => {
      this.close('sender', 'patience');
      this.#socket.destroy();
    }, start.patienceMs);
  }

  #read(chunk: Buffer): void {
    // What was still on its way when this side gave the connection up counts for nothing, so it is not on record either.
    if (this.#closed) return;
    for (const ack of this.#cutter.push(chunk)) this.#onAck(ack);
    if (this.#cutter.strayBytes > 0) log.write({ e: 'noise', c: this.c, bytes: this.#cutter.strayBytes });
    this.#cutter.strayBytes = 0;
    this.#wait();
    this.pump();
    rest();
  }

  #onAck(ack: Buffer): void {
    const { code, id } = msaOf(ack) ?? { code: '', id: '' };
    log.write({ e: 'ack', c: this.c, code, id, bytes: ack.toString('base64') });
    const message = this.outstanding.shift();
    if (this.outstanding.length === 0) window = start.window;
    // Some senders say a refused message again, some drop it.
    if (message !== undefined && code !== 'AA' && code !== 'CA' && prng.chance(0.5)) backlog.unshift(message);
  }
}

function connect(): void {
  connection = new Connection();
}

/** Has it something to say, after a while? */
function think(): void {
  const unanswered = backlog.length + (connection?.outstanding.length ?? 0);
  if (!finishing && unanswered < window) backlog.push(make());
  connection?.pump();
  if (!finishing) setTimeout(think, prng.int(1, start.thinkMs * 2));
}

function rest(): void {
  if (!finishing || done || backlog.length > 0 || (connection?.outstanding.length ?? 0) > 0) return;
  done = true;
  log.write({ e: 'done', messages: made });
  connection?.end();
  process.disconnect?.();
}

function act(what: SenderAct): void {
  switch (what) {
    case 'burst': {
      const count = prng.int(...BURST);
      window = Math.max(window, count);
      for (let i = 0; i < count; i++) backlog.push(make());
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
