// The workers of a gateway: started, given connections, told what they share, started again when they end. Promises that one that ends
// takes nothing along but its own connections, and that one that ends again and again is started less and less often.
import type { Socket } from 'node:net';
import type { ConnectionDistributor } from '../../../listeners/accept/front-listener.ts';
import { GatewayError } from '../../errors.ts';
import type { Log } from '../../observe/log/log.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';
import type { FromWorker, StartOrder, ToWorker, WorkerRequest } from '../protocol.ts';
import { LeaseBook } from './lease-book.ts';
import type { TakeLines } from './log-lines.ts';
import { type GivenConnection, WorkerProcess } from './worker-process.ts';

export interface SupervisorOptions {
  readonly count: number;
  /** What Node.js runs for each. */
  readonly program: { readonly entry: string; readonly args: readonly string[] };
  readonly log: Log;
  readonly takeLines: TakeLines;
  /** `index` from 0; asked for at each start. */
  readonly startOrder: (index: number) => StartOrder;
  /** It takes connections; what has changed since its order is told now. */
  readonly onStarted: (worker: WorkerProcess) => void;
  readonly onMessage: (worker: WorkerProcess, message: FromWorker) => void;
  readonly onEnd: (worker: WorkerProcess) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** One that has run for so long begins with the first pause again. */
const STEADY_MS = 60_000;
/** What a process takes to end, once its time is over. */
const GRACE_MS = 300;
/** Connections that wait for a worker, while none runs. */
const MAX_WAITING = 4_096;

interface Place {
  worker: WorkerProcess | undefined;
  pauseMs: number;
  timer: NodeJS.Timeout | undefined;
}

export class Supervisor implements ConnectionDistributor {
  readonly leases = new LeaseBook();
  readonly #options: SupervisorOptions;
  readonly #places: Place[];
  #waiting: GivenConnection[] = [];
  #restarts = 0;
  #turn = 0;
  /** `starting`: an end is an error; `running`: it is mended; `ending`: it is what is wanted. */
  #phase: 'starting' | 'running' | 'ending' = 'starting';
  #onChange: () => void = () => {};
  #isClean = true;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, () => ({
      worker: undefined,
      pauseMs: FIRST_PAUSE_MS,
      timer: undefined,
    }));
  }

  get restarts(): number {
    return this.#restarts;
  }

  get count(): number {
    return this.#options.count;
  }

  /** Those that carry messages. */
  get running(): readonly WorkerProcess[] {
    return this.#all.filter(({ isUp }) => isUp);
  }

  /** Resolves when all carry messages. @throws GatewayError GW_ERR_WORKER where one does not start */
  async start(): Promise<void> {
    for (const [index, place] of this.#places.entries()) this.#startAt(place, index);
    await this.#until(() =>
      this.#places.every(({ worker }) => worker?.isUp === true || worker === undefined),
    );
    if (this.#places.some(({ worker }) => worker === undefined)) {
      this.#phase = 'ending';
      for (const worker of this.#all) worker.kill();
      throw new GatewayError('GW_ERR_WORKER', { detail: 'it ended before it carried messages' });
    }
    this.#phase = 'running';
  }

  give(listener: string, socket: Socket, onEnd: () => void): boolean {
    const given = { listener, socket, onEnd };
    const worker = this.#choose(listener);
    if (worker !== undefined) worker.give(given);
    else if (this.#phase === 'ending' || this.#waiting.length >= MAX_WAITING) return false;
    else this.#waiting.push(given);
    return true;
  }

  tell(message: ToWorker): void {
    for (const worker of this.running) worker.tell(message);
  }

  /** The answers of those that answer in time. */
  async askAll<Answer>(request: WorkerRequest, timeoutMs: number): Promise<Answer[]> {
    const asked = this.running.map((worker) => worker.ask(request, timeoutMs) as Promise<Answer>);
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  /** Ends one that does not do what all do; another one takes its place, and begins with what is in force. */
  replace(worker: WorkerProcess, reason: string): void {
    if (worker.isOver) return;
    this.#options.log.error({ worker: worker.number, code: 'GW_ERR_WORKER', reason }, 'a worker is ended');
    worker.kill();
  }

  /** Those that have not taken part in a reload begin again, with what is in force now. */
  replaceAllBut(kept: readonly WorkerProcess[]): void {
    for (const worker of this.#all) if (!kept.includes(worker)) this.replace(worker, 'it missed a reload');
  }

  /** Each worker ends at a message boundary, and after `timeoutMs` at once. Resolves to whether none had to cut anything. */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#phase = 'ending';
    for (const { timer } of this.#places) clearTimeout(timer);
    for (const { socket, onEnd } of this.#waiting.splice(0)) {
      socket.destroy();
      onEnd();
    }
    for (const worker of this.#all) worker.drain();
    // They keep to it themselves, unless they hang.
    const late = setTimeout(() => this.kill(), timeoutMs + GRACE_MS);
    await this.#until(() => this.#all.length === 0);
    clearTimeout(late);
    return this.#isClean;
  }

  /** Ends at once whatever is left. */
  kill(): void {
    this.#phase = 'ending';
    for (const { timer } of this.#places) clearTimeout(timer);
    for (const worker of this.#all) worker.kill();
  }

  get #all(): readonly WorkerProcess[] {
    return this.#places.flatMap(({ worker }) => (worker === undefined ? [] : [worker]));
  }

  /** Connections of MLLP stay for days: the one with the fewest of this listener, then of all. */
  #choose(listener: string): WorkerProcess | undefined {
    const prompt = this.running.filter(({ isSlow }) => !isSlow);
    const running = prompt.length > 0 ? prompt : this.running;
    let best: WorkerProcess | undefined;
    this.#turn++;
    for (let i = 0; i < running.length; i++) {
      const one = running[(i + this.#turn) % running.length] as WorkerProcess;
      const fewer = best === undefined ? -1 : one.connectionsOf(listener) - best.connectionsOf(listener);
      if (fewer < 0 || (fewer === 0 && one.connections < (best?.connections ?? 0))) best = one;
    }
    return best;
  }

  #startAt(place: Place, index: number): void {
    place.timer = undefined;
    const { program, takeLines, startOrder, onMessage, log } = this.#options;
    const worker = new WorkerProcess(index + 1, program, takeLines, {
      onMessage: (one, message) => {
        if (message.kind === 'started') this.#onStarted(one);
        else onMessage(one, message);
      },
      onStuck: (one, reason) =>
        log.error({ worker: one.number, code: 'GW_ERR_WORKER', reason }, 'a worker is ended'),
      onEnd: (one, code, signal, unsent) => this.#onEnd(place, index, one, code, signal, unsent),
    });
    place.worker = worker;
    worker.start(startOrder(index));
  }

  #onStarted(worker: WorkerProcess): void {
    worker.started();
    this.leases.add(worker);
    this.#options.onStarted(worker);
    if (this.#phase === 'running')
      this.#options.log.info({ worker: worker.number, pid: worker.pid }, 'a worker carries messages');
    for (const { listener, socket, onEnd } of this.#waiting.splice(0)) {
      if (!this.give(listener, socket, onEnd)) onEnd();
    }
    this.#onChange();
  }

  #onEnd(
    place: Place,
    index: number,
    worker: WorkerProcess,
    code: number | null,
    signal: string | null,
    unsent: readonly GivenConnection[],
  ): void {
    place.worker = undefined;
    this.leases.remove(worker);
    this.#options.onEnd(worker);
    if (this.#phase === 'ending') {
      if (code !== 0) this.#isClean = false;
      for (const { socket, onEnd } of unsent) {
        socket.destroy();
        onEnd();
      }
    } else {
      this.#options.log.error(
        { worker: worker.number, pid: worker.pid, exitCode: code ?? undefined, signal: signal ?? undefined },
        'a worker has ended, and its connections with it',
      );
      if (this.#phase === 'running') this.#startAgain(place, index, worker);
      for (const { listener, socket, onEnd } of unsent) {
        if (this.give(listener, socket, onEnd)) continue;
        socket.destroy();
        onEnd();
      }
    }
    this.#onChange();
  }

  #startAgain(place: Place, index: number, worker: WorkerProcess): void {
    if (monotonicMs() - worker.startedAt >= STEADY_MS) place.pauseMs = FIRST_PAUSE_MS;
    const { pauseMs } = place;
    place.pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    this.#restarts++;
    place.timer = setTimeout(() => this.#startAt(place, index), pauseMs);
  }

  #until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (!holds()) return;
        this.#onChange = () => {};
        resolve();
      };
      this.#onChange();
    });
  }
}
