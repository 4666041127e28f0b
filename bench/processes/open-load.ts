// Senders that send when it is time, whatever has been answered, a process of their own. Promises: a message is timed from when
// it was due, so a pause counts for all that were due in it; each is kept until it is answered, and said again, in order, on
// the next connection.
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { ACK, ACK_ID_FROM, frameOf, ID_DIGITS } from './frames.ts';
import type { Pace } from './pacer.ts';

export interface OpenLoad {
  readonly port: number;
  readonly connections: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** The first message's control id; the others count up from there. */
  readonly firstId: number;
}

/** By message, in the order in which they were due. Microseconds of the machine's monotonic clock. */
export interface OpenReport {
  readonly dueAt: readonly number[];
  /** 0: never. */
  readonly ackedAt: readonly number[];
  /** When it was first written. */
  readonly sentAt: readonly number[];
  /** How often it was said. */
  readonly sends: readonly number[];
  /** Connections that ended otherwise than by FIN with an answer owed, and by FIN with one owed. */
  readonly resets: number;
  readonly closedOwed: number;
  /** Answers that were not AA for the message that was due. */
  readonly wrong: number;
}

const RECONNECT_MS = 2;
/** Messages that are due within it go out together. */
const LEAST_TICK_MICROS = 200;
/** Or the one that a tick was for would wait for the next. */
const EARLY_MICROS = 10;
/** For the last answers. */
const PATIENCE_MS = 10_000;

const now = (): number => Number(process.hrtime.bigint() / 1000n);

class Run {
  readonly order: OpenLoad;
  readonly dueAt: number[] = [];
  readonly ackedAt: number[] = [];
  readonly sentAt: number[] = [];
  readonly sends: number[] = [];
  resets = 0;
  closedOwed = 0;
  wrong = 0;
  stopping = false;

  constructor(order: OpenLoad) {
    this.order = order;
  }

  get isAnswered(): boolean {
    return this.ackedAt.every((t) => t > 0);
  }
}

class Sender {
  readonly #run: Run;
  /** Places in the run: said and not answered, and not said yet on this connection. */
  #owed: number[] = [];
  #waiting: number[] = [];
  #socket: net.Socket | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(run: Run) {
    this.#run = run;
    this.#connect();
  }

  send(place: number): void {
    this.#waiting.push(place);
    this.#pump();
  }

  end(): void {
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = net.connect({ host: '127.0.0.1', port: this.#run.order.port, noDelay: true });
    let code: string | undefined;
    this.#rest = Buffer.alloc(0);
    socket.once('connect', () => {
      this.#socket = socket;
      this.#pump();
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    socket.once('close', () => {
      if (this.#socket === socket && !this.#run.stopping && this.#owed.length > 0)
        if (code === undefined) this.#run.closedOwed++;
        else this.#run.resets++;
      this.#socket = undefined;
      this.#waiting = [...this.#owed, ...this.#waiting];
      this.#owed = [];
      if (!this.#run.stopping) setTimeout(() => this.#connect(), RECONNECT_MS);
    });
  }

  #pump(): void {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed || !socket.writable) return;
    for (const place of this.#waiting.splice(0)) {
      this.#owed.push(place);
      this.#run.sentAt[place] ||= now();
      this.#run.sends[place] = (this.#run.sends[place] ?? 0) + 1;
      socket.write(frameOf(idOf(this.#run, place)));
    }
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (; bytes.length - at >= ACK.length; at += ACK.length) {
      const place = this.#owed.shift();
      const id = bytes.toString('latin1', at + ACK_ID_FROM, at + ACK_ID_FROM + ID_DIGITS);
      const isAa = bytes.toString('latin1', at + ACK_ID_FROM - 3, at + ACK_ID_FROM - 1) === 'AA';
      if (place === undefined || !isAa || id !== idOf(this.#run, place)) this.#run.wrong++;
      else this.#run.ackedAt[place] = now();
    }
    this.#rest = bytes.subarray(at);
  }
}

function idOf({ order: { firstId } }: Run, place: number): string {
  return String(firstId + place).padStart(ID_DIGITS, '0');
}

async function load(order: OpenLoad): Promise<OpenReport> {
  const run = new Run(order);
  const senders = Array.from({ length: order.connections }, () => new Sender(run));
  const total = Math.floor(order.perSecond * order.seconds);
  const startAt = now() + 200_000;
  process.send?.({ startAt });
  const everyMicros = Math.max(LEAST_TICK_MICROS, 1e6 / order.perSecond);
  const workerData: Pace = { startAt, everyMicros, forMicros: order.seconds * 1e6 };
  const pacer = new Worker(new URL('./pacer.ts', import.meta.url), { workerData });
  await new Promise<void>((resolve) => {
    pacer.on('message', () => {
      const due = Math.min(total, 1 + Math.floor(((now() + EARLY_MICROS - startAt) / 1e6) * order.perSecond));
      for (let place = run.dueAt.length; place < due; place++) {
        run.dueAt.push(startAt + (place / order.perSecond) * 1e6);
        run.ackedAt.push(0);
        run.sentAt.push(0);
        run.sends.push(0);
        senders[place % senders.length]?.send(place);
      }
      if (run.dueAt.length === total) resolve();
    });
  });
  await pacer.terminate();
  const end = performance.now() + PATIENCE_MS;
  while (!run.isAnswered && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  run.stopping = true;
  for (const sender of senders) sender.end();
  const { dueAt, ackedAt, sentAt, sends, resets, closedOwed, wrong } = run;
  return { dueAt, ackedAt, sentAt, sends, resets, closedOwed, wrong };
}

process.on('message', async (order: OpenLoad) => {
  process.send?.(await load(order));
});
process.once('disconnect', () => process.exit());
