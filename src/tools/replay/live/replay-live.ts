// Replays messages against live targets: at a rate that the targets' answers do not slow (an open loop), or as fast as the
// connections go. Promises one result for each message that went, and the order of each sender's messages.
import { GatewayError } from '../../../errors.ts';
import { isNegative } from '../../../hl7/ack.ts';
import { readHeader } from '../../../hl7/header.ts';
import type { MessageClient } from '../../../upstream/client/message-client.ts';
import type { LiveMessage } from './messages.ts';
import { type Renew, renewing } from './new-ids.ts';
import { dueMs, type Pace } from './schedule.ts';
import { type Errand, type OpenLine, SendLane, type SendResult } from './send-lane.ts';
import { Tally } from './tally.ts';

export interface Target {
  readonly url: string;
  readonly open: OpenLine;
}

export interface LiveOptions {
  /** Connections take turns with them. */
  readonly targets: readonly Target[];
  readonly connections: number;
  /** Undefined: as fast as the connections go. */
  readonly pace: Pace | undefined;
  /** Again and again from the first, for so long; undefined: each message once. */
  readonly durationMs: number | undefined;
  readonly newIds: boolean;
  /** Aborted: sends nothing more. */
  readonly until: AbortSignal;
  readonly onProgress?: ((tally: Tally) => void) | undefined;
}

/**
 * Messages that wait for a connection. At 5,000/s a target that stands still for 20 s; then the clock goes on, but the
 * messages that fall due are not made before there is room.
 */
const MAX_WAITING = 100_000;
/** Without a rate: enough that no connection waits for the others' messages. */
const MAX_UNPACED = 10_000;
/** At 5,000/s five messages to a write; what Node.js has as its shortest timer. */
const TICK_MS = 1;
/** Twice a second is as often as anybody reads it. */
const PROGRESS_MS = 500;
/** What was due before the end of `durationMs`, and of those that wait at Ctrl-C the ones that are under way. */
const GRACE_MS = 1_000;

/**
 * Resolves when every message that went has its result; each has a deadline of its own.
 *
 * @throws GatewayError GW_ERR_NODE_… where a target cannot be connected to at the start
 */
export async function replayLive(messages: readonly LiveMessage[], options: LiveOptions): Promise<Tally> {
  const senders = [...new Set(messages.map(({ sender }) => sender))];
  const used = Math.min(options.connections, senders.length);
  // Before anything is connected: some messages cannot be given new ids.
  const renews = messages.map(({ bytes }) => (options.newIds ? renewing(bytes) : undefined));
  const first = await connectEach(options.targets.slice(0, used));
  const lanes = Array.from({ length: used }, (_, i) => {
    const target = options.targets[i % options.targets.length] as Target;
    return new SendLane(target.open, first[i]);
  });
  const bySender = new Map(senders.map((sender, i) => [sender, lanes[i % used] as SendLane]));
  const sources = messages.map((message, i): Source => {
    const lane = bySender.get(message.sender) as SendLane;
    return { message, lane, renew: renews[i] };
  });
  const run = new Run(sources, lanes, options, new Tally({ senders: senders.length, connections: used }));
  try {
    return await run.finished;
  } finally {
    for (const lane of lanes) lane.close();
  }
}

/** All or none: a target that is not there is said before anything is sent. */
async function connectEach(targets: readonly Target[]): Promise<MessageClient[]> {
  const settled = await Promise.allSettled(targets.map(({ open }) => open()));
  const lines = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed === undefined) return lines;
  for (const line of lines) line.close();
  throw failed.reason;
}

interface Source {
  readonly message: LiveMessage;
  readonly lane: SendLane;
  readonly renew: Renew | undefined;
}

class Run {
  readonly finished: Promise<Tally>;
  readonly #sources: readonly Source[];
  readonly #lanes: readonly SendLane[];
  readonly #options: LiveOptions;
  readonly #tally: Tally;
  readonly #resolve: (tally: Tally) => void;
  readonly #startedAt = performance.now();
  readonly #stop = (): void => this.#end(0);
  /** Messages that have been handed to their lanes. */
  #issued = 0;
  #settled = 0;
  #ending = false;
  #timer: NodeJS.Timeout | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  #progressTimer: NodeJS.Timeout | undefined;

  constructor(sources: readonly Source[], lanes: readonly SendLane[], options: LiveOptions, tally: Tally) {
    this.#sources = sources;
    this.#lanes = lanes;
    this.#options = options;
    this.#tally = tally;
    const { promise, resolve } = Promise.withResolvers<Tally>();
    this.finished = promise;
    this.#resolve = resolve;
    const { until, onProgress } = options;
    until.addEventListener('abort', this.#stop, { once: true });
    if (onProgress !== undefined) this.#progressTimer = setInterval(() => onProgress(tally), PROGRESS_MS);
    tally.start(this.#startedAt);
    if (until.aborted) this.#stop();
    else this.#tick();
  }

  #tick(): void {
    if (this.#ending) return;
    const { pace, durationMs } = this.#options;
    const now = performance.now();
    const elapsed = now - this.#startedAt;
    let next = elapsed;
    let isOver = false;
    const most = pace === undefined ? MAX_UNPACED : MAX_WAITING;
    while (this.#issued - this.#settled < most) {
      const due = pace === undefined ? elapsed : dueMs(this.#issued, pace);
      isOver = durationMs === undefined ? this.#issued >= this.#sources.length : due >= durationMs;
      next = due;
      if (isOver || due > elapsed) break;
      if (pace !== undefined) this.#tally.behind(elapsed - due);
      this.#issue(this.#startedAt + due);
    }
    // With no room no message falls due; the clock runs out all the same.
    if (durationMs !== undefined && elapsed >= durationMs) {
      isOver = true;
      if (pace !== undefined)
        for (let n = this.#issued; dueMs(n, pace) < durationMs; n++) this.#tally.notSent++;
    }
    if (isOver) {
      // Without a rate nothing is due but what is under way.
      this.#end(durationMs === undefined ? undefined : pace === undefined ? 0 : GRACE_MS);
      return;
    }
    // From the schedule anew each time: no timer's lateness is carried on.
    this.#timer = setTimeout(() => this.#tick(), Math.max(TICK_MS, next - elapsed));
  }

  #issue(dueAt: number): void {
    const source = this.#sources[this.#issued % this.#sources.length] as Source;
    const { pace } = this.#options;
    this.#issued++;
    const scheduledMs = dueAt - this.#startedAt;
    const errand: Errand = {
      dueAt,
      prepare: () => copyOf(source),
      sent: (sentAt) => this.#tally.sent(sentAt, scheduledMs),
      done: (result, sentAt) => {
        const latency = performance.now() - (pace === undefined ? sentAt : dueAt);
        this.#onDone(source.message, result, latency);
      },
    };
    source.lane.take(errand);
  }

  #onDone(message: LiveMessage, result: SendResult, latencyMs: number): void {
    this.#settled++;
    if (result instanceof GatewayError) this.#tally.failed(message, result);
    else {
      const { ack } = result;
      const isRefused = ack !== undefined && isNegative(ack.code);
      this.#tally.answered(message, ack?.code ?? 'none', isRefused, latencyMs);
    }
    if (this.#ending && this.#settled === this.#issued) this.#finish();
  }

  /** Nothing more falls due. `graceMs`: how long those that wait may still go; undefined: until they have. */
  #end(graceMs: number | undefined): void {
    this.#ending = true;
    clearTimeout(this.#timer);
    if (this.#options.until.aborted) this.#tally.interrupted = true;
    if (graceMs === 0) this.#forget();
    else if (graceMs !== undefined && this.#graceTimer === undefined)
      this.#graceTimer = setTimeout(() => this.#forget(), graceMs);
    if (this.#settled === this.#issued) this.#finish();
  }

  #forget(): void {
    let forgotten = 0;
    for (const lane of this.#lanes) forgotten += lane.forget();
    this.#issued -= forgotten;
    const { pace, durationMs } = this.#options;
    if (durationMs === undefined) this.#tally.notSent = this.#sources.length - this.#issued;
    else if (pace !== undefined) this.#tally.notSent += forgotten;
    if (this.#settled === this.#issued) this.#finish();
    // Ctrl-C: whoever waits wants the report now.
    else if (this.#tally.interrupted) {
      clearTimeout(this.#graceTimer);
      this.#graceTimer = setTimeout(() => this.#finish(), GRACE_MS);
    }
  }

  #finish(): void {
    clearTimeout(this.#graceTimer);
    clearInterval(this.#progressTimer);
    this.#options.until.removeEventListener('abort', this.#stop);
    this.#tally.unanswered = this.#issued - this.#settled;
    this.#tally.end(performance.now());
    this.#resolve(this.#tally);
  }
}

function copyOf({ message, renew }: Source): { bytes: Buffer; header: LiveMessage['header'] } {
  if (renew === undefined) return message;
  const bytes = renew(new Date());
  return { bytes, header: readHeader(bytes) };
}
