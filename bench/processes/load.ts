// The senders, a process of its own: connections that keep so many frames outstanding, and check what comes back.
// Promises: frames are built beforehand, one write for each read; every byte of every answer is compared with the one due.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { CLIENT } from '../tls-files.ts';
import {
  ACK,
  ACK_ID_FROM,
  controlId,
  countUp,
  FRAMING_BYTES,
  frameOf,
  ID_FROM,
  MESSAGE_BYTES,
  writeId,
} from './frames.ts';

export interface LoadOrder {
  readonly port: number;
  readonly connections: number;
  /** Frames outstanding on each connection. */
  readonly pipelining: number;
  /** Of each message. Default: MESSAGE_BYTES. */
  readonly bytes?: number;
  /** How long an answer's successor waits before it goes out; every answer is timed then. Default 0. */
  readonly pauseMs?: number;
  /** Messages of each connection. Default: no end. */
  readonly messages?: number;
  /** How long what is owed at the end may take. Default: ten seconds. */
  readonly patienceMs?: number;
  /** The authority of the proxy's certificate; without it there is no TLS. */
  readonly caPem?: string;
  /** The proxy makes an answer of its own: MSA alone is compared. */
  readonly isRewritten?: boolean;
  /** The first connection's number among all that send at the time. Default 0. */
  readonly firstConnection?: number;
}

export interface LoadReport {
  readonly sent: number;
  readonly answered: number;
  /** Answers that are not those that were due, and those that none was due for. */
  readonly wrong: number;
  readonly firstWrong: string;
  readonly broken: number;
  /** Round trips in milliseconds, since the last report. */
  readonly p50: number;
  readonly p99: number;
  /** The same as at most QUANTILES of them, in order and evenly spaced. */
  readonly latencies: readonly number[];
}

/** One answer in so many is timed. Odd, so that it does not keep step with a pipeline. Of large messages each is, as they are few. */
const SAMPLE = 7;
const LARGE_BYTES = 50_000;
const QUANTILES = 2_000;
/** Connections that are opened at the same time. */
const OPENING = 32;
/** Answers that are owed at the end have so long, and so long has one that nobody has asked for. */
const PATIENCE_MS = 10_000;
const SURPLUS_MS = 20;
const END_BLOCK = Buffer.from('\x1c\r');

class Connection {
  readonly socket: net.Socket;
  readonly #order: LoadOrder;
  readonly #total: Totals;
  readonly #number: number;
  /** As many frames as are outstanding, and all but one again, so that any run of them is one slice. */
  readonly #frames: Buffer;
  readonly #frameBytes: number;
  /** When the frame in each place was sent. */
  readonly #sentAt: Float64Array;
  /** The control ids of the next message, and of the next answer. */
  readonly #nextId: Buffer;
  readonly #dueId: Buffer;
  /** The answer that is due. */
  readonly #due = Buffer.from(ACK);
  readonly #sample: number;
  #sent = 0;
  #answered = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(number: number, socket: net.Socket, total: Totals, order: LoadOrder, template: Buffer) {
    this.#number = number;
    this.#order = order;
    this.socket = socket;
    this.#total = total;
    this.#frameBytes = template.length;
    this.#sample = template.length > LARGE_BYTES || order.pauseMs !== undefined ? 1 : SAMPLE;
    this.#frames = Buffer.concat(Array.from({ length: 2 * order.pipelining - 1 }, () => template));
    this.#sentAt = new Float64Array(order.pipelining);
    this.#nextId = Buffer.from(controlId(number, 0), 'latin1');
    this.#dueId = Buffer.from(this.#nextId);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!total.stopping) total.broken++;
    });
  }

  /** The frames in these places have been answered, so the kernel has their bytes, and they can be written over. */
  send(wanted: number): void {
    const count = Math.min(wanted, (this.#order.messages ?? Number.POSITIVE_INFINITY) - this.#sent);
    if (count <= 0) return;
    const places = this.#order.pipelining;
    const now = performance.now();
    const at = this.#sent % places;
    for (let i = 0; i < count; i++) {
      writeId(this.#nextId, this.#frames, (at + i) * this.#frameBytes + ID_FROM);
      countUp(this.#nextId);
      this.#sentAt[(at + i) % places] = now;
    }
    this.#sent += count;
    this.#total.sent += count;
    this.socket.write(this.#frames.subarray(at * this.#frameBytes, (at + count) * this.#frameBytes));
  }

  /** Nothing may be left over that answers no message. */
  finish(): void {
    if (this.#rest.length > 0) this.#wrong(`there are ${this.#rest.length} bytes too many`);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let count = 0;
    let from = 0;
    for (let to = this.#endOf(bytes, from); to <= bytes.length; to = this.#endOf(bytes, from)) {
      if (this.#answered === this.#sent) {
        this.#wrong(`more answers than the ${this.#sent} messages`);
        return;
      }
      if (!this.#isDue(bytes, from, to)) {
        const text = bytes.toString('latin1', from, Math.min(to, from + 2 * ACK.length));
        this.#wrong(`not the answer to ${this.#dueId.toString('latin1')}: ${JSON.stringify(text)}`);
        return;
      }
      this.#answered++;
      if (this.#total.looked++ % this.#sample === 0) {
        const sentAt = this.#sentAt[(this.#answered - 1) % this.#sentAt.length] ?? 0;
        this.#total.latencies.push(performance.now() - sentAt);
      }
      countUp(this.#dueId);
      count++;
      from = to;
    }
    this.#rest = bytes.subarray(from);
    this.#total.answered += count;
    if (count === 0 || this.#total.stopping) return;
    const { pauseMs } = this.#order;
    if (pauseMs === undefined) this.send(count);
    else setTimeout(() => this.#total.stopping || this.send(count), pauseMs);
  }

  /** Answers are all of one length through a proxy that does not touch them. Beyond the bytes where there is no whole one. */
  #endOf(bytes: Buffer, from: number): number {
    if (this.#order.isRewritten !== true) return from + ACK.length;
    const end = bytes.indexOf(END_BLOCK, from);
    return end < 0 ? bytes.length + 1 : end + END_BLOCK.length;
  }

  #isDue(bytes: Buffer, from: number, to: number): boolean {
    if (this.#order.isRewritten === true)
      return bytes.toString('latin1', from, to).includes(`\rMSA|AA|${this.#dueId.toString('latin1')}`);
    writeId(this.#dueId, this.#due, ACK_ID_FROM);
    return this.#due.compare(bytes, from, to) === 0;
  }

  #wrong(text: string): void {
    this.#total.wrong++;
    this.#total.firstWrong ||= `sender ${this.#number}: ${text}`;
    this.#rest = Buffer.alloc(0);
    this.socket.destroy();
  }
}

class Totals {
  sent = 0;
  answered = 0;
  wrong = 0;
  firstWrong = '';
  broken = 0;
  latencies: number[] = [];
  /** Answers of all connections, to time one in so many of them. */
  looked = 0;
  stopping = false;
}

let connections: Connection[] = [];
let totals = new Totals();
let patienceMs = PATIENCE_MS;

function report(): LoadReport {
  const { latencies, stopping: _, looked: __, ...counts } = totals;
  totals.latencies = [];
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  const length = Math.min(QUANTILES, sorted.length);
  const evenly = Array.from({ length }, (_, i) => at(length === 1 ? 0.5 : i / (length - 1)));
  return { ...counts, p50: at(0.5), p99: at(0.99), latencies: evenly };
}

async function connect({ port, caPem }: LoadOrder, secureContext: tls.SecureContext | undefined) {
  const to = { host: '127.0.0.1', port, noDelay: true };
  const socket =
    secureContext === undefined ? net.connect(to) : tls.connect({ ...CLIENT, ...to, secureContext });
  await once(socket, caPem === undefined ? 'connect' : 'secureConnect');
  return socket;
}

async function start(order: LoadOrder): Promise<void> {
  const mine = new Totals();
  totals = mine;
  patienceMs = order.patienceMs ?? PATIENCE_MS;
  const all: Connection[] = [];
  connections = all;
  const template = frameOf(controlId(0, 0), order.bytes);
  if (template.length !== (order.bytes ?? MESSAGE_BYTES) + FRAMING_BYTES)
    throw new Error('a message is too short');
  // One context for all, or reading the authority would be most of a handshake.
  const context =
    order.caPem === undefined ? undefined : tls.createSecureContext({ ...CLIENT, ca: order.caPem });
  for (let first = 0; first < order.connections; first += OPENING) {
    const length = Math.min(OPENING, order.connections - first);
    const sockets = await Promise.all(Array.from({ length }, () => connect(order, context)));
    for (const [i, socket] of sockets.entries())
      all.push(new Connection((order.firstConnection ?? 0) + first + i, socket, mine, order, template));
  }
  // Not all in step where they pause.
  for (const [i, connection] of all.entries()) {
    if (order.pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, i % 2));
    connection.send(order.pipelining);
  }
  // Where their number is fixed, it is over when all are answered.
  if (order.messages !== undefined) await answered();
}

/** Until nothing is owed, or nobody waits any longer. */
async function answered(): Promise<void> {
  const end = performance.now() + patienceMs;
  const isDone = () => totals.answered >= totals.sent || totals.wrong + totals.broken > 0;
  while (!isDone() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Sends no more, waits for the answers that are owed, and for what nobody has asked for. */
async function stop(): Promise<void> {
  totals.stopping = true;
  await answered();
  await new Promise((resolve) => setTimeout(resolve, SURPLUS_MS));
  for (const connection of connections) {
    connection.finish();
    connection.socket.destroy();
  }
}

process.on('message', async (order: { do: 'start' | 'report' | 'stop'; load?: LoadOrder }) => {
  if (order.do === 'start' && order.load !== undefined) await start(order.load);
  if (order.do === 'stop') await stop();
  process.send?.(report());
});
process.once('disconnect', () => process.exit());
