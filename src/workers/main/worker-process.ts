// One worker as the main process sees it: a child process, the connections that it was given, and what it has told. Promises that each
// connection is counted until it has ended or the process has, and that a process that answers no more is ended.
import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import type { GatewayError } from '../../errors.ts';
import { belowOf, closeBelow } from '../../mllp/wire/node-handles.ts';
import { clearInterval, clearTimeout, monotonicMs, setInterval, setTimeout } from '../../platform/time.ts';
import { IpcChannel } from '../channel.ts';
import type { FromWorker, NodeName, NodeVerdict, StartOrder, ToWorker, WorkerRequest } from '../protocol.ts';
import type { Lessee } from './lease-book.ts';
import { LogLines, type TakeLines } from './log-lines.ts';
import type { VerdictTaker } from './trial-permits.ts';

export interface WorkerWatcher {
  onMessage(worker: WorkerProcess, message: FromWorker): void;
  /** `code` null: by this signal. `unsent`: connections that it never got. */
  onEnd(
    worker: WorkerProcess,
    code: number | null,
    signal: string | null,
    unsent: readonly GivenConnection[],
  ): void;
  /** It answers no more, and is ended. */
  onStuck(worker: WorkerProcess, reason: string): void;
}

export interface GivenConnection {
  readonly listener: string;
  readonly socket: Socket;
  readonly onEnd: () => void;
}

interface Entry {
  readonly listener: string;
  readonly onEnd: () => void;
  /** Until it is the worker's. */
  socket: Socket | undefined;
  /** Below the socket. Node.js closes its own when the worker has said that it has the connection, and of one that has ended never. */
  readonly handle: object | undefined;
}

/** How often each worker is asked whether it is alive. */
const ALIVE_EVERY_MS = 2_000;
/** Far longer than a turn of the event loop takes, also on a machine that swaps. */
const ALIVE_MS = 30_000;
/** A turn of the event loop that takes so long is out of the ordinary. */
const SLOW_MS = 1_000;
/** A first start reads and compiles the program. */
const START_MS = 60_000;

export class WorkerProcess implements Lessee, VerdictTaker {
  /** From 1. */
  readonly number: number;
  readonly startedAt = monotonicMs();
  readonly #child: ChildProcess;
  readonly #channel: IpcChannel<ToWorker, FromWorker>;
  readonly #watcher: WorkerWatcher;
  readonly #connections = new Map<number, Entry>();
  /** By listener. */
  readonly #counts = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #startTimer: NodeJS.Timeout | undefined;
  /** When it was asked whether it is alive, while it has not answered. */
  #askedAt: number | undefined;
  #lastId = 0;
  #state: 'starting' | 'up' | 'draining' | 'over' = 'starting';

  /** `entry`: the script that Node.js runs, with `args`. */
  constructor(
    number: number,
    { entry, args }: { readonly entry: string; readonly args: readonly string[] },
    takeLines: TakeLines,
    watcher: WorkerWatcher,
  ) {
    this.number = number;
    this.#watcher = watcher;
    // Its standard output is its log; standard error has what Node.js itself says of an end that is none of the gateway's.
    const child = fork(entry, [...args], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#child = child;
    const lines = new LogLines(takeLines);
    child.stdout?.on('data', (bytes: Buffer) => lines.push(bytes));
    this.#channel = new IpcChannel(child, {
      onMessage: (message) => this.#onMessage(message),
      onStuck: () => this.#end('it does not read'),
    });
    child.on('error', () => {});
    // Behind the last line of its log.
    child.once('close', (code, signal) => this.#onEnd(code, signal));
    this.#startTimer = setTimeout(() => this.#end('it did not start in time'), START_MS).unref();
    this.#timer = setInterval(() => this.#askAlive(), ALIVE_EVERY_MS).unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isUp(): boolean {
    return this.#state === 'up' && this.#child.connected;
  }

  /** It has not answered for a while: others are given connections first. */
  get isSlow(): boolean {
    return this.#askedAt !== undefined && monotonicMs() - this.#askedAt > SLOW_MS;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  get connections(): number {
    return this.#connections.size;
  }

  connectionsOf(listener: string): number {
    return this.#counts.get(listener) ?? 0;
  }

  start(order: StartOrder): void {
    this.#channel.tell(order);
  }

  /** It carries messages from now on. */
  started(): void {
    clearTimeout(this.#startTimer);
    if (this.#state === 'starting') this.#state = 'up';
  }

  give({ listener, socket, onEnd }: GivenConnection): void {
    const id = ++this.#lastId;
    const entry: Entry = { listener, onEnd, socket, handle: belowOf(socket) };
    this.#connections.set(id, entry);
    this.#counts.set(listener, this.connectionsOf(listener) + 1);
    this.#channel.tell({ kind: 'connection', id, listener }, socket, () => {
      entry.socket = undefined;
    });
  }

  tell(message: ToWorker): void {
    this.#channel.tell(message);
  }

  /** @throws GatewayError of the worker, or GW_ERR_WORKER */
  ask(request: WorkerRequest, timeoutMs: number): Promise<unknown> {
    return this.#channel.ask(request, timeoutMs);
  }

  take(verdict: NodeVerdict): void {
    this.tell({ kind: 'verdict', verdict });
  }

  async yieldTrial(name: NodeName, timeoutMs: number): Promise<boolean> {
    return (await this.ask({ ask: 'yield trial', ...name }, timeoutMs)) === true;
  }

  grantKey(pool: string, key: string, node: string | undefined): void {
    this.tell({ kind: 'key', pool, key, node });
  }

  recallKey(pool: string, key: string): void {
    this.tell({ kind: 'recall key', pool, key });
  }

  grant(key: string, places: number): void {
    this.tell({ kind: 'grant', key, places });
  }

  recall(key: string, mayBeBusy: boolean): void {
    this.tell({ kind: 'recall', key, mayBeBusy });
  }

  expect(key: string, places: number): void {
    this.tell({ kind: 'expect', key, places });
  }

  /** It is given no more connections, and ends when those that it has have ended. */
  drain(): void {
    if (this.#state === 'over') return;
    this.#state = 'draining';
    clearTimeout(this.#startTimer);
    this.tell({ kind: 'drain' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #askAlive(): void {
    if (this.#state !== 'up' || this.#askedAt !== undefined) return;
    this.#askedAt = monotonicMs();
    this.ask({ ask: 'alive' }, ALIVE_MS).then(
      () => {
        this.#askedAt = undefined;
      },
      (error: GatewayError) => {
        if (this.#state === 'up') this.#end(error.detail ?? error.message);
      },
    );
  }

  #end(reason: string): void {
    if (this.#state === 'over') return;
    this.#watcher.onStuck(this, reason);
    this.kill();
  }

  #onMessage(message: FromWorker): void {
    if (message.kind === 'ended') for (const id of message.ids) this.#connectionEnded(id);
    else this.#watcher.onMessage(this, message);
  }

  #connectionEnded(id: number): void {
    const entry = this.#connections.get(id);
    if (entry === undefined) return;
    this.#connections.delete(id);
    this.#counts.set(entry.listener, this.connectionsOf(entry.listener) - 1);
    entry.onEnd();
  }

  #onEnd(code: number | null, signal: string | null): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#startTimer);
    clearInterval(this.#timer);
    this.#channel.end();
    const entries = [...this.#connections.values()];
    this.#connections.clear();
    this.#counts.clear();
    const unsent: GivenConnection[] = [];
    for (const { listener, onEnd, socket, handle } of entries) {
      if (socket !== undefined && isWhole(socket)) {
        unsent.push({ listener, onEnd, socket });
        continue;
      }
      // The worker may have taken it and may not: its sender is not to wait for an answer.
      closeBelow(handle);
      onEnd();
    }
    this.#watcher.onEnd(this, code, signal, unsent);
  }
}

/** Node.js takes a socket's handle away when it begins to send it. */
function isWhole(socket: Socket): boolean {
  return !socket.destroyed && belowOf(socket) !== undefined;
}
