// Which worker may send a node on trial its one message: one at a time, each in its turn, as long as the trial lasts. Promises that no
// two workers have the permit at once.
import { clearInterval, setInterval } from '../../platform/time.ts';
import { type NodeName, type NodeVerdict, nodeKey } from '../protocol.ts';

export interface VerdictTaker {
  take(verdict: NodeVerdict): void;
  /** Resolves to whether it has no message there, and sends none from now on. */
  yieldTrial(name: NodeName, timeoutMs: number): Promise<boolean>;
}

/** A worker with messages uses the permit at once; one without passes it on after this. */
const TURN_MS = 100;
/** One that does not answer is ended by whoever watches it. */
const YIELD_MS = 60_000;

interface Permit {
  readonly name: NodeName;
  holder: VerdictTaker | undefined;
  timer: NodeJS.Timeout | undefined;
  isAsking: boolean;
}

export class TrialPermits {
  readonly #takers: () => readonly VerdictTaker[];
  readonly #onChange: (taker: VerdictTaker, name: NodeName) => void;
  readonly #permits = new Map<string, Permit>();

  constructor(
    takers: () => readonly VerdictTaker[],
    onChange: (taker: VerdictTaker, name: NodeName) => void,
  ) {
    this.#takers = takers;
    this.#onChange = onChange;
  }

  has(taker: VerdictTaker, name: NodeName): boolean {
    return this.#permits.get(nodeKey(name))?.holder === taker;
  }

  /** A trial has begun; it may have been known before. */
  begin(name: NodeName): void {
    const key = nodeKey(name);
    if (this.#permits.has(key)) return;
    const permit: Permit = { name, holder: this.#takers()[0], timer: undefined, isAsking: false };
    permit.timer = setInterval(() => void this.#pass(permit), TURN_MS).unref();
    this.#permits.set(key, permit);
  }

  end(name: NodeName): void {
    const key = nodeKey(name);
    clearInterval(this.#permits.get(key)?.timer);
    this.#permits.delete(key);
  }

  /** A worker is gone. */
  onEnd(taker: VerdictTaker): void {
    for (const permit of this.#permits.values()) if (permit.holder === taker) permit.holder = undefined;
  }

  async #pass(permit: Permit): Promise<void> {
    const { holder, name } = permit;
    const takers = this.#takers();
    if (permit.isAsking || (holder !== undefined && takers.length === 1 && takers[0] === holder)) return;
    if (holder !== undefined) {
      permit.isAsking = true;
      const isFree = await holder.yieldTrial(name, YIELD_MS).catch(() => false);
      permit.isAsking = false;
      if (!isFree && permit.holder === holder) return;
    }
    // The trial may be over, or another one.
    if (this.#permits.get(nodeKey(name)) !== permit) return;
    const now = this.#takers();
    permit.holder = now[(holder === undefined ? 0 : now.indexOf(holder) + 1) % now.length];
    if (permit.holder !== undefined) this.#onChange(permit.holder, name);
  }
}
