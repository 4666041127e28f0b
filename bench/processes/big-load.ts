// A sender of large messages, a process of its own: the same one again and again, the next when it is answered.
import { once } from 'node:events';
import net from 'node:net';
import { document, report } from '../parsing/reads.ts';

export interface BigOrder {
  readonly do: 'start' | 'report' | 'stop';
  readonly port?: number;
  readonly bytes?: number;
  readonly kind?: 'report' | 'document';
  /** Of the line, in bytes a second; without it as fast as it goes. */
  readonly rate?: number;
}

/** A line's bytes come in portions of so long. */
const PORTION_MS = 2;

export interface BigReport {
  readonly answered: number;
  /** Answers that were not AA. */
  readonly wrong: number;
}

let answered = 0;
let wrong = 0;
let running = false;
let socket: net.Socket | undefined;

async function start({ port = 0, bytes = 0, kind, rate }: BigOrder): Promise<void> {
  const frame = Buffer.concat([
    Buffer.from([0x0b]),
    kind === 'document' ? document(bytes) : report(bytes).bytes,
    Buffer.from([0x1c, 0x0d]),
  ]);
  answered = 0;
  wrong = 0;
  running = true;
  const one = net.connect({ host: '127.0.0.1', port, noDelay: true });
  socket = one;
  await once(one, 'connect');
  one.on('error', () => {});
  one.on('data', (chunk: Buffer) => {
    if (chunk.includes('MSA|AA|4711')) answered++;
    else wrong++;
    if (running) send(one, frame, rate);
  });
  one.on('close', () => {
    if (running) wrong++;
  });
  send(one, frame, rate);
}

function send(one: net.Socket, frame: Buffer, rate: number | undefined): void {
  if (rate === undefined) {
    one.write(frame);
    return;
  }
  const from = performance.now();
  let at = 0;
  const portion = (): void => {
    const due = Math.min(frame.length, Math.ceil(((performance.now() - from) * rate) / 1_000));
    if (due > at) one.write(frame.subarray(at, due));
    at = due;
    if (at < frame.length && running) setTimeout(portion, PORTION_MS);
  };
  portion();
}

process.on('message', async (order: BigOrder) => {
  if (order.do === 'start') await start(order);
  if (order.do === 'stop') {
    running = false;
    socket?.destroy();
  }
  process.send?.({ answered, wrong } satisfies BigReport);
});
process.once('disconnect', () => process.exit());
