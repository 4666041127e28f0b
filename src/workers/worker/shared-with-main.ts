// What a worker has from the main process: verdicts on nodes, and places for connections to them; and what it tells it of nodes. Promises
// that a message costs nothing here but counts, which are told ten times a second, and that failures are told at once.
import { setInterval } from '../../platform/time.ts';
import type { PoolRuntime } from '../../pools/pool-runtime.ts';
import { MirroredHealth } from '../../upstream/health/mirrored-health.ts';
import type { HealthOptions, HealthOwner } from '../../upstream/health/node-health.ts';
import { LeasedLimit, type LeaseOffice } from '../../upstream/leased-limit.ts';
import type { NodeSharing } from '../../upstream/node-sharing.ts';
import type { PlaceLimit } from '../../upstream/shared-limit.ts';
import type { UpstreamLoad } from '../../upstream/upstream.ts';
import { type FromWorker, type NodeFigures, type NodeName, type NodeVerdict, nodeKey } from '../protocol.ts';

type Tell = (message: FromWorker) => void;

/** Nobody looks at a node's figures more often. */
const EVERY_MS = 100;

const NO_LOAD: UpstreamLoad = {
  inFlight: 0,
  connections: 0,
  isFull: false,
  isDialling: false,
  isLimited: false,
};

export class SharedWithMain implements NodeSharing, LeaseOffice {
  readonly #tell: Tell;
  readonly #runtimes: () => Iterable<PoolRuntime>;
  readonly #mirrors = new Map<string, Set<MirroredHealth>>();
  readonly #limits = new Map<string, LeasedLimit>();
  readonly #toldLoads = new Map<string, NodeName & { readonly load: UpstreamLoad }>();
  readonly #toldSpare = new Map<string, number>();

  constructor(runtimes: () => Iterable<PoolRuntime>, tell: Tell) {
    this.#runtimes = runtimes;
    this.#tell = tell;
  }

  start(): void {
    setInterval(() => this.#report(), EVERY_MS).unref();
  }

  readonly judge = (pool: string, node: string) => {
    return ({ initial }: HealthOptions, owner: HealthOwner): MirroredHealth => {
      const key = nodeKey({ pool, node });
      const mirror = new MirroredHealth(initial, owner, {
        report: (answers, failure) => this.#tell({ kind: 'outcome', pool, node, answers, failure }),
        onClose: () => {
          const mirrors = this.#mirrors.get(key);
          mirrors?.delete(mirror);
          if (mirrors?.size === 0) this.#mirrors.delete(key);
        },
      });
      const mirrors = this.#mirrors.get(key) ?? new Set();
      this.#mirrors.set(key, mirrors.add(mirror));
      return mirror;
    };
  };

  readonly createLease = (key: string, onEmpty: () => void): PlaceLimit => {
    const limit: LeasedLimit = new LeasedLimit(key, this, () => {
      if (this.#limits.get(key) === limit) this.#limits.delete(key);
      onEmpty();
    });
    this.#limits.set(key, limit);
    return limit;
  };

  onVerdict(verdict: NodeVerdict): void {
    for (const mirror of this.#mirrors.get(nodeKey(verdict)) ?? []) mirror.apply(verdict.verdict);
  }

  /** True: it had no message there, and sends it none. */
  yieldTrial(name: NodeName): boolean {
    const mirrors = [...(this.#mirrors.get(nodeKey(name)) ?? [])];
    return mirrors.every((mirror) => mirror.yieldTrial());
  }

  onGrant(key: string, places: number): void {
    const limit = this.#limits.get(key);
    if (limit === undefined) this.release(key, places);
    else limit.grant(places);
  }

  onRecall(key: string, mayBeBusy: boolean): void {
    const limit = this.#limits.get(key);
    if (limit === undefined) this.refuse(key);
    else limit.recall(mayBeBusy);
  }

  onExpect(key: string, places: number): void {
    this.#limits.get(key)?.expect(places);
  }

  ask(key: string, wanted: number, most: number): void {
    this.#tell({ kind: 'ask', key, wanted, most });
  }

  giveUp(key: string): void {
    this.#tell({ kind: 'give up', key });
  }

  release(key: string, places: number): void {
    this.#tell({ kind: 'release', key, places });
  }

  refuse(key: string): void {
    this.#tell({ kind: 'refuse', key });
  }

  /** What has changed since the last time. */
  #report(): void {
    const nodes: NodeFigures[] = [];
    const gone = new Map(this.#toldLoads);
    for (const { name: pool, nodes: all } of this.#runtimes()) {
      for (const { name: node, load } of all) {
        const key = nodeKey({ pool, node });
        gone.delete(key);
        const answers = this.#takeAnswers(key);
        const told = this.#toldLoads.get(key)?.load ?? NO_LOAD;
        if (answers.positive + answers.negative === 0 && isSame(told, load)) continue;
        this.#toldLoads.set(key, { pool, node, load });
        nodes.push({ pool, node, load, answers });
      }
    }
    for (const [key, { pool, node }] of gone) {
      this.#toldLoads.delete(key);
      nodes.push({ pool, node, load: NO_LOAD, answers: { positive: 0, negative: 0 } });
    }
    const spare = this.#changedSpare();
    if (nodes.length > 0 || spare.size > 0) this.#tell({ kind: 'figures', nodes, spare });
  }

  #takeAnswers(key: string): { positive: number; negative: number } {
    const sum = { positive: 0, negative: 0 };
    for (const mirror of this.#mirrors.get(key) ?? []) {
      const { positive, negative } = mirror.takeAnswers();
      sum.positive += positive;
      sum.negative += negative;
    }
    return sum;
  }

  #changedSpare(): ReadonlyMap<string, number> {
    const changed = new Map<string, number>();
    for (const key of this.#toldSpare.keys()) if (!this.#limits.has(key)) this.#toldSpare.delete(key);
    for (const [key, { spare }] of this.#limits) {
      if (spare === (this.#toldSpare.get(key) ?? 0)) continue;
      this.#toldSpare.set(key, spare);
      changed.set(key, spare);
    }
    return changed;
  }
}

function isSame(one: UpstreamLoad, other: UpstreamLoad): boolean {
  return (
    one.inFlight === other.inFlight &&
    one.connections === other.connections &&
    one.isFull === other.isFull &&
    one.isDialling === other.isDialling &&
    one.isLimited === other.isLimited
  );
}
