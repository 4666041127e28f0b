// When nothing was disturbed, by the runner's journal: a sender that then changes its node, or waits, has nobody to blame
// but the gateway. Pure. Promises: what was disturbed shortly before counts as disturbed.
import type { JournalEntry } from '../wire/log.ts';

/** In microseconds. */
export interface Disturbance {
  /** A node, a sender, or `gateway`. */
  readonly target: string;
  readonly kind?: string;
  readonly from: number;
  readonly until: number;
}

export function disturbancesOf(journal: readonly JournalEntry[]): Disturbance[] {
  const begun = new Map<number, JournalEntry>();
  const found: Disturbance[] = [];
  for (const entry of journal) {
    if (entry.event === undefined) continue;
    if (entry.e === 'begin') begun.set(entry.event, entry);
    else if (entry.e === 'end') {
      const from = begun.get(entry.event)?.t ?? entry.t;
      begun.delete(entry.event);
      found.push({ target: entry.target, kind: entry.kind, from, until: entry.t });
    }
  }
  for (const { target, kind, t } of begun.values())
    found.push({ target, kind, from: t, until: Number.POSITIVE_INFINITY });
  return found;
}

export class Calm {
  readonly #byTarget: ReadonlyMap<string, readonly Disturbance[]>;
  readonly #settleUs: number;

  constructor(disturbances: readonly Disturbance[], settleMs: number) {
    const byTarget = Map.groupBy(disturbances, ({ target }) => target);
    this.#byTarget = new Map([...byTarget].map(([target, ones]) => [target, merged(ones)]));
    this.#settleUs = settleMs * 1_000;
  }

  /** Was one of them disturbed from `from` to `until`, or so shortly before that it may show? */
  wasDisturbed(targets: Iterable<string>, from: number, until: number): boolean {
    for (const target of targets) {
      const ones = this.#byTarget.get(target) ?? [];
      const last = ones[lastBefore(ones, until)];
      if (last !== undefined && last.until + this.#settleUs >= from) return true;
    }
    return false;
  }

  /** For how long one of them was, or it may have shown, from `from` to `until`, in microseconds. */
  disturbedFor(target: string, from: number, until: number): number {
    let sum = 0;
    for (const one of this.#byTarget.get(target) ?? []) {
      const begin = Math.max(one.from, from);
      const end = Math.min(one.until + this.#settleUs, until);
      if (end > begin) sum += end - begin;
    }
    return sum;
  }
}

/** In order, and apart from each other. */
function merged(ones: readonly Disturbance[]): Disturbance[] {
  const found: Disturbance[] = [];
  for (const one of ones.toSorted((a, b) => a.from - b.from)) {
    const last = found.at(-1);
    if (last === undefined || one.from > last.until) found.push(one);
    else found[found.length - 1] = { ...last, until: Math.max(last.until, one.until) };
  }
  return found;
}

/** The index of the last one that had begun by then; -1: none. */
function lastBefore(ones: readonly Disturbance[], t: number): number {
  let [low, high] = [0, ones.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ones[middle]?.from ?? 0) <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
