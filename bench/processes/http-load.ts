// HTTP clients, a process of its own: keep-alive connections that send their next request when a response is whole.
// Promises: requests are built beforehand; a response that is no 200, or not of the length due, is counted as wrong.
import { once } from 'node:events';
import net from 'node:net';
import { controlId, frameOf } from './frames.ts';

export interface HttpLoadOrder {
  readonly port: number;
  readonly connections: number;
  readonly request: 'small' | 'large' | 'message' | 'form';
}

export interface HttpLoadReport {
  readonly sent: number;
  readonly answered: number;
  readonly wrong: number;
  readonly broken: number;
  /** In milliseconds, since the last report. */
  readonly p50: number;
  readonly p99: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** 2 KB, which is what a laboratory result with a dozen values has. */
const MESSAGE_BYTES = 2048;

function message(id: number): Buffer {
  return frameOf(controlId(id, 0), MESSAGE_BYTES).subarray(1, -2);
}

function requestOf(kind: HttpLoadOrder['request'], id: number): Buffer {
  // http-proxy closes the connection of a client that does not say it.
  const common = 'Host: vip.example\r\nUser-Agent: bench\r\nAccept: */*\r\nConnection: keep-alive\r\n';
  if (kind === 'small' || kind === 'large')
    return Buffer.from(`GET /${kind} HTTP/1.1\r\n${common}\r\n`, 'latin1');
  const body = message(id);
  const type = kind === 'message' ? 'application/hl7-v2' : 'application/octet-stream';
  const head = `POST /hl7 HTTP/1.1\r\n${common}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

class Client {
  readonly socket: net.Socket;
  readonly #request: Buffer;
  #sentAt = 0;
  #head: Buffer = Buffer.alloc(0);
  /** Of the body that is being read; -1: still in the head. */
  #left = -1;

  constructor(socket: net.Socket, request: Buffer) {
    const mine = totals;
    this.socket = socket;
    this.#request = request;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!mine.stopping) mine.broken++;
    });
  }

  send(): void {
    this.#sentAt = performance.now();
    totals.sent++;
    this.socket.write(this.#request);
  }

  #read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#left < 0) {
      if (this.#head.length > 0) bytes = Buffer.concat([this.#head, chunk]);
      const end = bytes.indexOf(HEAD_END);
      if (end < 0) {
        this.#head = bytes;
        return;
      }
      this.#head = Buffer.alloc(0);
      const head = bytes.toString('latin1', 0, end);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      if (!head.startsWith('HTTP/1.1 200') || length === undefined) totals.wrong++;
      this.#left = Number(length);
      bytes = bytes.subarray(end + 4);
    }
    this.#left -= bytes.length;
    if (this.#left > 0) return;
    if (this.#left < 0) totals.wrong++;
    this.#left = -1;
    totals.answered++;
    totals.latencies.push(performance.now() - this.#sentAt);
    if (!totals.stopping) this.send();
  }
}

let totals = { sent: 0, answered: 0, wrong: 0, broken: 0, latencies: [] as number[], stopping: false };
let clients: Client[] = [];

function report(): HttpLoadReport {
  const { latencies, stopping: _, ...counts } = totals;
  totals.latencies = [];
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { ...counts, p50: at(0.5), p99: at(0.99) };
}

async function start({ port, connections, request }: HttpLoadOrder): Promise<void> {
  totals = { sent: 0, answered: 0, wrong: 0, broken: 0, latencies: [], stopping: false };
  clients = [];
  for (let i = 0; i < connections; i++) {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    clients.push(new Client(socket, requestOf(request, i)));
  }
  for (const client of clients) client.send();
}

/** Sends no more, and waits for the responses that are owed, for two seconds at most. */
async function stop(): Promise<void> {
  totals.stopping = true;
  const end = performance.now() + 2_000;
  while (totals.answered < totals.sent && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 5));
  for (const { socket } of clients) socket.destroy();
}

process.on('message', async (order: { do: 'start' | 'report' | 'stop'; load?: HttpLoadOrder }) => {
  if (order.do === 'start' && order.load !== undefined) await start(order.load);
  if (order.do === 'stop') await stop();
  process.send?.(report());
});
process.once('disconnect', () => process.exit());
