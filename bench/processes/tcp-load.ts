// Clients of a TCP proxy, a process of its own: connections one after the other, or bytes as fast as they go.
// Promises: what does not come back as it was sent, a count that is not that of the other side, and a connection that breaks off are
// counted as wrong.
import net from 'node:net';
import { COUNT_BYTES, KIND_BYTES, WRITE_BYTES } from './tcp-sink-protocol.ts';

export interface TcpLoadOrder {
  readonly port: number;
  /** At once. */
  readonly connections: number;
  /** `echo`: connections that send 64 bytes, get them back and are closed, over and over. */
  readonly kind: keyof typeof KIND_BYTES;
}

export interface TcpLoadReport {
  /** Connections that were closed, of `echo`; bytes otherwise. */
  readonly done: number;
  readonly wrong: number;
  readonly firstWrong: string;
}

const SMALL = Buffer.alloc(64, 'e');
const CHUNK = Buffer.alloc(WRITE_BYTES, 'x');
/** For what is on the way when it is over. */
const END_MS = 5_000;

let done = 0;
let wrong = 0;
let firstWrong = '';
let isOver = false;
const open = new Set<net.Socket>();

function fail(what: string): void {
  wrong++;
  firstWrong ||= what;
}

function connect(port: number): net.Socket {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
  open.add(socket);
  socket.on('error', ({ message }) => fail(message));
  socket.on('close', () => open.delete(socket));
  return socket;
}

function echo(port: number): void {
  if (isOver) return;
  const socket = connect(port);
  const chunks: Buffer[] = [];
  let length = 0;
  socket.write(SMALL);
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= SMALL.length) socket.end();
  });
  socket.on('close', () => {
    if (!Buffer.concat(chunks).equals(SMALL)) fail(`${length} bytes came back`);
    done++;
    // Where nobody listens, connections would fail as fast as this process can make them.
    if (wrong === 0) echo(port);
  });
}

function up(port: number): void {
  const socket = connect(port);
  let sent = 0;
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('close', () => {
    const count = Buffer.concat(chunks);
    if (count.length !== COUNT_BYTES || count.readDoubleLE(0) !== sent) fail('not all of it arrived');
  });
  const next = (): void => {
    if (socket.destroyed) return;
    if (isOver) {
      if (!socket.writableEnded) socket.end();
      return;
    }
    sent += CHUNK.length;
    done += CHUNK.length;
    socket.write(CHUNK, next);
  };
  socket.write(Buffer.from([KIND_BYTES.up]));
  // Two on the way, so that the next is there when one has gone.
  next();
  next();
}

function down(port: number): void {
  const socket = connect(port);
  let got = 0;
  let last: Buffer = Buffer.alloc(0);
  socket.write(Buffer.from([KIND_BYTES.down]));
  socket.on('data', (chunk: Buffer) => {
    got += chunk.length;
    done += chunk.length;
    last =
      chunk.length >= COUNT_BYTES
        ? chunk.subarray(-COUNT_BYTES)
        : Buffer.concat([last, chunk]).subarray(-COUNT_BYTES);
    if (isOver && !socket.writableEnded) socket.end();
  });
  socket.on('close', () => {
    if (last.length !== COUNT_BYTES || last.readDoubleLE(0) !== got - COUNT_BYTES) fail('not all of it came');
  });
}

const KINDS = { echo, up, down } as const;

async function stop(): Promise<void> {
  isOver = true;
  const end = performance.now() + END_MS;
  while (open.size > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const socket of open) socket.destroy();
}

process.on('message', async (order: { do: 'start' | 'report' | 'stop'; load?: TcpLoadOrder }) => {
  if (order.do === 'start' && order.load !== undefined) {
    [done, wrong, firstWrong, isOver] = [0, 0, '', false];
    const { port, kind, connections } = order.load;
    for (let i = 0; i < connections; i++) KINDS[kind](port);
  }
  if (order.do === 'stop') await stop();
  process.send?.({ done, wrong, firstWrong } satisfies TcpLoadReport);
});
process.once('disconnect', () => process.exit());
