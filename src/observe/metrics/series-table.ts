// Counts by up to four names, such as those of a listener, a route, a pool and a node. Promises a bound, and that finding
// a count takes four look-ups and makes nothing: it is done for each message.
import { monotonicMs } from '../../platform/time.ts';

/** Unused ones are empty. */
export type LabelValues = readonly [string, string, string, string];

export interface Series<Cell> {
  readonly names: LabelValues;
  readonly cell: Cell;
}

interface Entry<Cell> extends Series<Cell> {
  /** When one of its names was first missing, in monotonicMs() milliseconds. */
  goneSince: number | undefined;
}

type Level<Next> = Map<string, Next>;

/** What is not counted by its own names, because there are too many, stands under this one. No configured name has it. */
export const OTHER = '_other';

/**
 * A name that is gone from the config is still told for so long: the last messages of a node that was taken out are counted
 * after that, and Prometheus has to see the count at least once (it asks every 15 s to 2 min).
 */
const GONE_MS = 10 * 60_000;

/**
 * Each is a line or a few at every scrape. 2000 is the limit that OpenTelemetry sets for one instrument, and more than a
 * config of 20 routes to 100 nodes has.
 */
const MAX_SERIES = 2000;

export class SeriesTable<Cell> {
  readonly #create: (names: LabelValues) => Cell;
  readonly #max: number;
  readonly #root: Level<Level<Level<Level<Entry<Cell>>>>> = new Map();
  #size = 0;
  #other: Entry<Cell> | undefined;

  constructor(create: (names: LabelValues) => Cell, max: number = MAX_SERIES) {
    this.#create = create;
    this.#max = max;
  }

  of(a: string, b = '', c = '', d = ''): Cell {
    const entry = this.#root.get(a)?.get(b)?.get(c)?.get(d);
    return (entry ?? this.#add([a, b, c, d])).cell;
  }

  /** In the order in which they came up. */
  get all(): readonly Series<Cell>[] {
    const found: Entry<Cell>[] = [];
    this.#visit((entry) => void found.push(entry));
    if (this.#other !== undefined) found.push(this.#other);
    return found;
  }

  /** Forgets those with a name that has been gone for a while. To be called whenever the counts are told. */
  prune(isThere: (names: LabelValues) => boolean, now = monotonicMs()): void {
    this.#visit((entry, level, key) => {
      if (isThere(entry.names)) entry.goneSince = undefined;
      else {
        entry.goneSince ??= now;
        if (now - entry.goneSince < GONE_MS) return;
        level.delete(key);
        this.#size--;
      }
    });
  }

  #add(names: LabelValues): Entry<Cell> {
    if (this.#size >= this.#max) {
      this.#other ??= this.#entry([OTHER, OTHER, OTHER, OTHER]);
      return this.#other;
    }
    const [a, b, c, d] = names;
    const entry = this.#entry(names);
    below(below(below(this.#root, a), b), c).set(d, entry);
    this.#size++;
    return entry;
  }

  #entry(names: LabelValues): Entry<Cell> {
    return { names, cell: this.#create(names), goneSince: undefined };
  }

  /** Empty levels stay: there are no more of them than names. */
  #visit(see: (entry: Entry<Cell>, level: Level<Entry<Cell>>, key: string) => void): void {
    for (const second of this.#root.values())
      for (const third of second.values())
        for (const level of third.values()) for (const [key, entry] of level) see(entry, level, key);
  }
}

function below<Next>(level: Level<Level<Next>>, key: string): Level<Next> {
  let next = level.get(key);
  if (next === undefined) {
    next = new Map();
    level.set(key, next);
  }
  return next;
}
