// What operators decide, shared with the other members by a bucket. Promises that all members come to the same: of what is stored the
// newest revision goes. What is decided here is in force at once and written behind; what was decided while the bucket was away is
// written when it is back, unless another decision about the same thing was stored meanwhile.
import type { Log } from '../../observe/log/log.ts';
import { randomUUID } from '../../platform/random.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import type { Decisions } from '../decisions.ts';
import { type BucketEntry, BucketError, type BucketWatcher, reasonOf, type SharedBucket } from './bucket.ts';
import {
  ASPECTS,
  type Decided,
  type DecidedValue,
  decidedByKey,
  decidedValue,
  decisionInWords,
  decisionKey,
  placeOfKey,
  undecided,
} from './decision-keys.ts';

export interface DecisionTarget {
  /** All that is in force. */
  decisions(): Decisions;
  /** Puts one of another member in force. Returns why it does not fit the config; undefined: it does. */
  apply(decided: Decided): string | undefined;
}

export interface SharedDecisionsOptions {
  readonly member: string;
  readonly target: DecisionTarget;
  readonly log: Log;
  /** The bucket does not do what it should: it is to be opened again. */
  readonly onFailed: (error: unknown) => void;
  /** Something of another member is in force. */
  readonly onApplied?: () => void;
}

/** In the bucket. */
interface Stored {
  /** Of the decision: the same wherever it is written again. */
  readonly id: string;
  /** How many decisions about this there were before; tells old from new where revisions count from the beginning. */
  readonly count: number;
  readonly value: DecidedValue;
  readonly revision: number;
}

/** Decided here, not in the bucket yet as far as is known. */
interface Waiting {
  readonly id: string;
  readonly count: number;
  readonly value: DecidedValue;
  /** Ids of what it takes the place of: where the bucket has another one, that is newer. */
  readonly before: Set<string>;
  /** The bucket has been there since it was decided, so what is stored now comes before it. */
  isLive: boolean;
  /** Put, and not come back by the watch. */
  isSent: boolean;
}

export interface PendingDecision {
  readonly key: string;
  readonly id: string;
  readonly count: number;
  readonly value: DecidedValue;
  readonly before: readonly string[];
}

/** 1,000 pools of ten nodes, each drained and weighed; a foreign bucket may have anything. */
const MAX_KEYS = 20_000;
const MAX_VALUE_CHARACTERS = 256 * 1024;
/** After a put was refused because of a newer entry, that comes by the watch. */
const CONFLICT_MS = 3_000;

export class SharedDecisions {
  readonly counts = { written: 0, yielded: 0, dropped: 0, stored: 0, failed: 0 };
  /** The last one that was seen. */
  revision = 0;
  readonly #options: SharedDecisionsOptions;
  #bucket: SharedBucket | undefined;
  #identity: string | undefined;
  #isCurrent = false;
  #isPumping = false;
  #known = new Map<string, Stored>();
  /** Of the session before. */
  #last = new Map<string, Stored>();
  #first: BucketEntry[] = [];
  readonly #waiting = new Map<string, Waiting>();
  /** What is in force here, as it was told to the bucket or came from it. */
  #view: ReadonlyMap<string, Decided>;
  #conflictTimer: NodeJS.Timeout | undefined;

  constructor(options: SharedDecisionsOptions) {
    this.#options = options;
    this.#view = decidedByKey(options.target.decisions());
  }

  get queued(): number {
    return this.#waiting.size;
  }

  /** What would be lost with the process. */
  get pending(): readonly PendingDecision[] {
    return [...this.#waiting].map(([key, { id, count, value, before }]) => {
      return { key, id, count, value, before: [...before] };
    });
  }

  /** Of the process before; before any bucket is there. */
  restore(pending: readonly PendingDecision[]): void {
    for (const { key, id, count, value, before } of pending)
      this.#waiting.set(key, { id, count, value, before: new Set(before), isLive: false, isSent: false });
    this.rebase();
  }

  /** An operator has decided something here. */
  decided(): void {
    const now = decidedByKey(this.#options.target.decisions());
    for (const key of new Set([...this.#view.keys(), ...now.keys()])) {
      const place = placeOfKey(key);
      if (place === undefined) continue;
      const value = now.get(key)?.value ?? undecided(place.aspect);
      if (isSame(value, this.#view.get(key)?.value)) continue;
      this.#wait(key, value);
    }
    this.#view = now;
    void this.#pump();
  }

  /** The config has changed, or what is stored was put in force: that is no decision. What fits now and did not is put in force. */
  rebase(): void {
    const { target } = this.#options;
    for (const key of inOrder([...this.#known.keys()])) {
      const place = placeOfKey(key);
      const stored = this.#known.get(key);
      if (place === undefined || stored === undefined || this.#waiting.has(key)) continue;
      const inForce = decidedByKey(target.decisions()).get(key)?.value ?? undecided(place.aspect);
      if (!isSame(stored.value, inForce)) target.apply({ ...place, value: stored.value });
    }
    this.#view = decidedByKey(target.decisions());
  }

  /** A bucket is there: what it has comes first. */
  begin(bucket: SharedBucket): BucketWatcher {
    this.end();
    if (this.#identity !== bucket.identity) this.revision = 0;
    this.#bucket = bucket;
    this.#last = this.#known;
    this.#known = new Map();
    return {
      onEntry: (entry) => {
        if (this.#bucket !== bucket) return;
        this.revision = Math.max(this.revision, entry.revision);
        if (this.#isCurrent) this.#take(entry);
        else if (this.#first.length < MAX_KEYS) this.#first.push(entry);
      },
      onCurrent: () => {
        if (this.#bucket === bucket && !this.#isCurrent) this.#takeFirst(bucket);
      },
    };
  }

  /** It is gone. */
  end(): void {
    clearTimeout(this.#conflictTimer);
    this.#bucket = undefined;
    // What the bucket before had is known until another one tells what it has.
    if (!this.#isCurrent) for (const [key, stored] of this.#known) this.#last.set(key, stored);
    if (!this.#isCurrent) this.#known = this.#last;
    this.#isCurrent = false;
    this.#first = [];
    for (const one of this.#waiting.values()) {
      one.isLive = false;
      one.isSent = false;
    }
  }

  #wait(key: string, value: DecidedValue): void {
    const { member } = this.#options;
    const replaced = this.#waiting.get(key);
    const known = this.#known.get(key);
    const before = new Set(replaced?.before);
    if (replaced !== undefined) before.add(replaced.id);
    else if (known !== undefined) before.add(known.id);
    this.#waiting.set(key, {
      id: `${member}/${randomUUID()}`,
      count: Math.max(replaced?.count ?? 0, known?.count ?? 0) + 1,
      value,
      before,
      isLive: this.#isCurrent && replaced?.isLive !== false,
      isSent: false,
    });
  }

  #takeFirst(bucket: SharedBucket): void {
    const isAnother = this.#identity !== undefined && this.#identity !== bucket.identity;
    this.#identity = bucket.identity;
    this.#isCurrent = true;
    const entries = new Map(this.#first.map((entry) => [entry.key, entry]));
    this.#first = [];
    for (const key of inOrder([...entries.keys()])) {
      const entry = entries.get(key) as BucketEntry;
      const last = this.#last.get(key);
      const stored = read(entry);
      // Whoever filled the new bucket knew less than this member does.
      if (isAnother && stored && last && !this.#waiting.has(key) && last.count > stored.count)
        this.#again(key, last, [stored.id]);
      this.#take(entry);
    }
    for (const [key, last] of this.#last)
      if (!this.#known.has(key) && !this.#waiting.has(key)) this.#again(key, last, []);
    this.#last = new Map();
    // Of the state file, say, from before there was a bucket.
    for (const [key, { value }] of decidedByKey(this.#options.target.decisions()))
      if (!this.#known.has(key) && !this.#waiting.has(key)) {
        this.#wait(key, value);
        (this.#waiting.get(key) as Waiting).isLive = false;
      }
    this.#view = decidedByKey(this.#options.target.decisions());
    void this.#pump();
  }

  #again(key: string, { id, count, value }: Stored, before: readonly string[]): void {
    this.#waiting.set(key, { id, count, value, before: new Set(before), isLive: false, isSent: false });
  }

  #take(entry: BucketEntry): void {
    const { key, revision } = entry;
    const place = placeOfKey(key);
    const stored = read(entry);
    if (place === undefined || stored === undefined) return;
    const before = this.#known.get(key);
    if (before !== undefined && before.revision >= revision) return;
    if (before === undefined && this.#known.size >= MAX_KEYS) return;
    this.#known.set(key, stored);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      clearTimeout(this.#conflictTimer);
      if (stored.id === waiting.id) {
        this.#waiting.delete(key);
        // It is stored as told.
        if (this.#waiting.size === 0) this.#options.onApplied?.();
        if (!waiting.isLive) this.#tell('written', place, waiting.value);
        return;
      }
      // Its own revision will be newer.
      if (waiting.isLive) return;
      if (waiting.before.has(stored.id)) {
        waiting.isSent = false;
        void this.#pump();
        return;
      }
      this.#waiting.delete(key);
      if (!isSame(waiting.value, stored.value)) this.#tell('yielded', place, waiting.value);
    }
    const last = before ?? this.#last.get(key);
    this.#apply(key, { ...place, value: stored.value }, stored.id, last?.id === stored.id);
  }

  #apply(key: string, decided: Decided, id: string, isOld: boolean): void {
    const { target, log, onApplied } = this.#options;
    const { pool, node, value } = decided;
    const inForce = decidedByKey(target.decisions()).get(key)?.value ?? undecided(value.is);
    if (isSame(inForce, value)) {
      this.#view = decidedByKey(target.decisions());
      return;
    }
    const why = target.apply(decided);
    if (why !== undefined) {
      if (!isOld) {
        this.counts.dropped++;
        const what = `${decisionInWords(value)} of node ${pool}/${node}: ${why}`;
        log.warn({ from: 'NATS', what }, 'stored state dropped: it no longer fits the config');
      }
    } else {
      log.warn(
        { pool, node, what: decisionInWords(value), by: memberOf(id) },
        'shared state: decided at another member',
      );
      // What was stored of a node that was not here.
      if (value.is === 'node') this.rebase();
      onApplied?.();
    }
    this.#view = decidedByKey(target.decisions());
  }

  #tell(how: 'written' | 'yielded', { pool, node }: Omit<Decided, 'value'>, value: DecidedValue): void {
    this.counts[how]++;
    const fields = { pool, node, what: decisionInWords(value) };
    if (how === 'written')
      this.#options.log.info(fields, 'shared state: decided here while NATS was away, written now');
    else
      this.#options.log.warn(
        fields,
        'shared state: decided here while NATS was away, gives way to what was stored meanwhile',
      );
  }

  /** One after the other, so that a node is added before it is drained. */
  async #pump(): Promise<void> {
    const bucket = this.#bucket;
    if (this.#isPumping || bucket === undefined || !this.#isCurrent) return;
    this.#isPumping = true;
    try {
      for (;;) {
        const key = inOrder([...this.#waiting.keys()]).find(
          (one) => this.#waiting.get(one)?.isSent === false,
        );
        if (key === undefined || this.#bucket !== bucket) break;
        await this.#put(bucket, key, this.#waiting.get(key) as Waiting);
      }
    } catch (thrown) {
      this.counts.failed++;
      if (this.#bucket === bucket) this.#options.onFailed(thrown);
    } finally {
      this.#isPumping = false;
    }
    if (this.#bucket !== undefined && this.#bucket !== bucket) void this.#pump();
  }

  async #put(bucket: SharedBucket, key: string, waiting: Waiting): Promise<void> {
    waiting.isSent = true;
    const { id, count, value, isLive } = waiting;
    try {
      const text = JSON.stringify({ id, count, ...value });
      await bucket.put(key, text, isLive ? undefined : (this.#known.get(key)?.revision ?? 0));
      this.counts.stored++;
    } catch (thrown) {
      const reason = reasonOf(thrown);
      if (reason === 'too large') {
        if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
        this.counts.dropped++;
        this.#options.log.warn(
          { reason, what: key },
          'shared state: a decision cannot be written, and stays here',
        );
        return;
      }
      if (reason !== 'conflict') throw thrown;
      // The watch tells what is there now, and may have told it already.
      clearTimeout(this.#conflictTimer);
      if (this.#waiting.get(key) !== waiting || !waiting.isSent) return;
      this.#conflictTimer = setTimeout(() => {
        if (this.#bucket === bucket) this.#options.onFailed(new BucketError('conflict'));
      }, CONFLICT_MS);
      this.#conflictTimer.unref();
    }
  }
}

function inOrder(keys: string[]): string[] {
  const rank = (key: string): number => ASPECTS.findIndex((aspect) => key.endsWith(`.${aspect}`));
  return keys.sort((one, other) => rank(one) - rank(other));
}

function isSame(one: DecidedValue, other: DecidedValue | undefined): boolean {
  // Who wanted it, and how it was put, makes no other decision of it.
  if (one.is === 'state' && other?.is === 'state') return one.state === other.state;
  return JSON.stringify(one) === JSON.stringify(other ?? undecided(one.is));
}

/** Undefined: no member has written that. */
function read({ key, value, revision }: BucketEntry): Stored | undefined {
  const aspect = placeOfKey(key)?.aspect;
  if (aspect === undefined) return undefined;
  // Somebody else than a member has deleted it.
  if (value === undefined) return { id: `deleted/${revision}`, count: 0, value: undecided(aspect), revision };
  if (value.length > MAX_VALUE_CHARACTERS) return undefined;
  try {
    const parsed = JSON.parse(value) as Record<string, unknown>;
    const decided = decidedValue(aspect, parsed);
    const { id, count } = parsed;
    if (decided === undefined || typeof id !== 'string' || typeof count !== 'number') return undefined;
    return { id, count, value: decided, revision };
  } catch {
    return undefined;
  }
}

function memberOf(id: string): string {
  return id.slice(0, Math.max(0, id.lastIndexOf('/')));
}

/** Of the state file: what makes no sense is left out. */
export function readPending(value: unknown): readonly PendingDecision[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: Record<string, unknown> | null) => {
    const { key, id, count, value: what, before } = one ?? {};
    const place = typeof key === 'string' ? placeOfKey(key) : undefined;
    const decided = place && decidedValue(place.aspect, what);
    if (place === undefined || decided === undefined) return [];
    if (typeof id !== 'string' || typeof count !== 'number' || !Array.isArray(before)) return [];
    const known = before.filter((name) => typeof name === 'string');
    const { pool, node, aspect } = place;
    return [{ key: decisionKey(pool, node, aspect), id, count, value: decided, before: known }];
  });
}
