// The senders, a process of its own: connections that keep so many frames outstanding, and count what comes back.
// Promises: frames are built beforehand, one write for each read; the answers are counted, and checked in samples.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { CLIENT } from '../tls-files.ts';
import { ACK, ACK_ID_FROM, controlId, ring } from './frames.ts';

export interface LoadOrder {
  readonly port: number;
  readonly connections: number;
  /** Frames outstanding on each connection. */
  readonly pipelining: number;
  /** How long an answer's successor waits before it goes out; every answer is timed then. Default 0. */
  readonly pauseMs?: number;
  /** The authority of the proxy's certificate; without it there is no TLS. */
  readonly caPem?: string;
}

export interface LoadReport {
  readonly sent: number;
  readonly answered: number;
  /** Answers whose MSA-2 was looked at, and those where it was not that of the message due. */
  readonly checked: number;
  readonly wrong: number;
  readonly broken: number;
  /** Round trips in milliseconds, since the last report. */
  readonly p50: number;
  readonly p99: number;
}

/** One answer in so many is looked at whole and timed. Odd, so that it does not keep step with a pipeline. */
const SAMPLE = 7;

class Connection {
  readonly socket: net.Socket;
  readonly #id: number;
  readonly #ring: ReturnType<typeof ring>;
  readonly #total: Totals;
  /** When the frame was sent, by its place in the ring. */
  readonly #sentAt: Float64Array;
  readonly #pauseMs: number;
  #sent = 0;
  #answered = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(id: number, socket: net.Socket, total: Totals, pauseMs: number) {
    this.#pauseMs = pauseMs;
    this.#id = id;
    this.socket = socket;
    this.#ring = ring(id);
    this.#total = total;
    this.#sentAt = new Float64Array(this.#ring.bytes.length / this.#ring.frameBytes / 2);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!total.stopping) total.broken++;
    });
  }

  send(count: number): void {
    const { bytes, frameBytes } = this.#ring;
    const places = this.#sentAt.length;
    const now = performance.now();
    const at = this.#sent % places;
    for (let i = 0; i < count; i++) this.#sentAt[(at + i) % places] = now;
    this.#sent += count;
    this.#total.sent += count;
    this.socket.write(bytes.subarray(at * frameBytes, (at + count) * frameBytes));
  }

  /** Answers are all of one length through any proxy that does not touch them; the end block of each is looked for. */
  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let count = 0;
    let from = 0;
    for (
      let end = bytes.indexOf(0x1c);
      end >= 0 && end + 1 < bytes.length;
      end = bytes.indexOf(0x1c, from + ACK_ID_FROM)
    ) {
      if (bytes[end + 1] !== 0x0d) {
        this.#total.wrong++;
        break;
      }
      if (++this.#answered % SAMPLE === 0 || this.#pauseMs > 0) this.#check(bytes, from, end);
      count++;
      from = end + 2;
    }
    this.#rest = bytes.subarray(from);
    this.#total.answered += count;
    if (count === 0 || this.#total.stopping) return;
    if (this.#pauseMs === 0) this.send(count);
    else setTimeout(() => this.#total.stopping || this.send(count), this.#pauseMs);
  }

  #check(bytes: Buffer, from: number, end: number): void {
    const n = this.#answered - 1;
    this.#total.checked++;
    this.#total.latencies.push(performance.now() - (this.#sentAt[n % this.#sentAt.length] ?? 0));
    const id = bytes.toString('latin1', from + ACK_ID_FROM, end - 1);
    if (end - from !== ACK.length - 2 || id !== controlId(this.#id, n)) this.#total.wrong++;
  }
}

interface Totals {
  sent: number;
  answered: number;
  checked: number;
  wrong: number;
  broken: number;
  latencies: number[];
  stopping: boolean;
}

let connections: Connection[] = [];
let totals: Totals;

function report(): LoadReport {
  const { latencies, stopping: _, ...counts } = totals;
  totals.latencies = [];
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { ...counts, p50: at(0.5), p99: at(0.99) };
}

async function start(order: LoadOrder): Promise<void> {
  totals = { sent: 0, answered: 0, checked: 0, wrong: 0, broken: 0, latencies: [], stopping: false };
  connections = [];
  for (let i = 0; i < order.connections; i++) {
    const to = { host: '127.0.0.1', port: order.port, noDelay: true };
    const socket =
      order.caPem === undefined ? net.connect(to) : tls.connect({ ...CLIENT, ...to, ca: order.caPem });
    await once(socket, order.caPem === undefined ? 'connect' : 'secureConnect');
    connections.push(new Connection(i, socket, totals, order.pauseMs ?? 0));
  }
  // Not all in step where they pause.
  for (const [i, connection] of connections.entries()) {
    if (order.pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, i % 2));
    connection.send(order.pipelining);
  }
}

/** Sends no more, and waits for the answers that are owed, for ten seconds at most. */
async function stop(): Promise<void> {
  totals.stopping = true;
  const end = performance.now() + 10_000;
  while (totals.answered < totals.sent && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 5));
  for (const { socket } of connections) socket.destroy();
}

process.on('message', async (order: { do: 'start' | 'report' | 'stop'; load?: LoadOrder }) => {
  if (order.do === 'start' && order.load !== undefined) await start(order.load);
  if (order.do === 'stop') await stop();
  process.send?.(report());
});
process.once('disconnect', () => process.exit());
