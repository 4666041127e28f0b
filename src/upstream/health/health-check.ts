// Asks a node at intervals whether it is well, and tells it. More often while something is changing; not at all while
// messages show that its port is well, as a check takes one of the few connections that a node allows.
import { random } from '../../platform/random.ts';
import { clearTimeout, monotonicMs, setTimeout, wallMs } from '../../platform/time.ts';
import { type Check, type CheckResult, failed, type Occasion } from '../checks/check.ts';
import type { Node } from '../node.ts';

export interface HealthCheckOptions {
  readonly intervalMs: number;
  /** While the node is not steadily up. */
  readonly fastIntervalMs: number;
  /** Something about the check itself is not as it should be; undefined: it is again. Called when it changes. */
  readonly onNote?: (note: string | undefined) => void;
}

/** An answer that several checks share is asked for again when it is so old, in shares of the interval; timers may be early. */
const SHARED_AGE = 0.99;
/** The same in shares of the fast interval: each of these asks is to find out something new. */
const SHARED_AGE_FAST = 0.8;
/** Each wait differs by up to this share, so that checks of many nodes or gateways do not fall together. */
const JITTER = 0.1;

export class HealthCheck {
  readonly #node: Node;
  readonly #check: Check;
  readonly #options: HealthCheckOptions;
  #timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #stopped = true;
  #dueAt = 0;
  #note: string | undefined;

  constructor(node: Node, check: Check, options: HealthCheckOptions) {
    this.#node = node;
    this.#check = check;
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.#dueAt = monotonicMs() + jittered(this.#options.intervalMs);
    // One that is not known to be up is asked at once, at most a fifth of the interval after the others.
    if (this.#node.health === 'down') this.#wait(random() * this.#options.fastIntervalMs * 2 * JITTER);
    else this.#waitOn();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#check.close?.();
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      if (this.#isDue()) void this.#ask();
      else this.#waitOn();
    }, ms);
    this.#timer.unref();
  }

  /** Looks again in the rhythm of the fast interval, so that a node that begins to change is asked soon. */
  #waitOn(): void {
    const fastMs = jittered(this.#options.fastIntervalMs);
    const leftMs = this.#dueAt - monotonicMs();
    this.#wait(leftMs > 0 ? Math.min(leftMs, fastMs) : fastMs);
  }

  #isDue(): boolean {
    const node = this.#node;
    if (this.#check.onDataPort && node.isServingAllItCan) return false;
    if (!node.isSteady) return true;
    const now = monotonicMs();
    if (now < this.#dueAt) return false;
    return !this.#check.onDataPort || now - node.lastAnswerAt >= this.#options.intervalMs;
  }

  async #ask(): Promise<void> {
    const at = wallMs();
    const startedAt = monotonicMs();
    const abort = new AbortController();
    this.#abort = abort;
    const wasInContact = this.#node.isInContact;
    if (this.#check.onDataPort) this.#node.checkBegins();
    let verdict: CheckResult;
    try {
      verdict = await this.#check.ask(abort.signal, this.#occasion());
    } catch {
      // A check does not throw; if one does, its node must not be asked nothing for ever.
      verdict = failed('the check itself broke');
    }
    if (this.#stopped) return;
    // F96: it refuses a further connection while others are open: full, and not down.
    if (this.#check.onDataPort && isRefusal(verdict) && (wasInContact || this.#node.isInContact))
      verdict = { kind: 'full' };
    const { type } = this.#check;
    this.#node.checked({ type, verdict, at, durationMs: monotonicMs() - startedAt });
    if (verdict.kind !== 'unknown') this.#tellNote(verdict.kind === 'passed' ? verdict.note : undefined);
    this.#dueAt = this.#nextAt(verdict);
    this.#waitOn();
  }

  #occasion(): Occasion {
    const { intervalMs, fastIntervalMs } = this.#options;
    const { isSteady, answeredAt } = this.#node;
    return { maxAgeMs: isSteady ? intervalMs * SHARED_AGE : fastIntervalMs * SHARED_AGE_FAST, answeredAt };
  }

  #nextAt(verdict: CheckResult): number {
    const { intervalMs } = this.#options;
    const observedAt = verdict.kind === 'passed' ? verdict.observedAt : undefined;
    if (observedAt === undefined) return monotonicMs() + jittered(intervalMs);
    // Nobody who shares it asks before it is due, so that it is asked for once an interval for all of them.
    return observedAt + intervalMs * (1 + 2 * JITTER * random());
  }

  #tellNote(note: string | undefined): void {
    if (note === this.#note) return;
    this.#note = note;
    this.#options.onNote?.(note);
  }
}

function isRefusal(verdict: CheckResult): boolean {
  if (verdict.kind !== 'failed') return false;
  return verdict.reason === 'ECONNREFUSED' || verdict.reason === 'ECONNRESET';
}

function jittered(ms: number): number {
  return ms * (1 + JITTER * (2 * random() - 1));
}
