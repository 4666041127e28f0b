// Nodes as the main process has them: their health is judged here, by checks of its own and by what workers meet, while their connections
// are the workers'. Promises that each worker hears of each change of a verdict.
import { isDeepStrictEqual } from 'node:util';
import type { Pools } from '../../pools/pools.ts';
import type { HealthVerdict } from '../../upstream/health/mirrored-health.ts';
import type { Node } from '../../upstream/node.ts';
import type { NodeSharing } from '../../upstream/node-sharing.ts';
import type { Upstream, UpstreamLoad, UpstreamOwner } from '../../upstream/upstream.ts';
import { type NodeFigures, type NodeName, type NodeVerdict, nodeKey } from '../protocol.ts';
import { TrialPermits, type VerdictTaker } from './trial-permits.ts';

export class SharedNodes implements NodeSharing {
  readonly #pools: () => Pools;
  readonly #trials: TrialPermits;
  readonly #upstreams = new Map<string, Set<RemoteUpstream>>();
  readonly #told = new Map<string, HealthVerdict>();
  readonly #takers: () => readonly VerdictTaker[];

  /** `takers`: the workers that carry messages. */
  constructor(pools: () => Pools, takers: () => readonly VerdictTaker[]) {
    this.#pools = pools;
    this.#takers = takers;
    this.#trials = new TrialPermits(takers, (taker, name) => this.#tell(taker, name));
  }

  readonly upstream = (pool: string, node: string) => {
    return (owner: UpstreamOwner): Upstream => {
      const key = nodeKey({ pool, node });
      const upstream = new RemoteUpstream(owner, () => {
        const others = this.#upstreams.get(key);
        others?.delete(upstream);
        if (others?.size === 0) this.#upstreams.delete(key);
      });
      const others = this.#upstreams.get(key) ?? new Set();
      this.#upstreams.set(key, others.add(upstream));
      return upstream;
    };
  };

  readonly onChange = (node: Node): void => {
    // One that a reload has made is not in force yet.
    if (this.#find({ pool: node.pool, node: node.name }) !== node) return;
    const { verdict } = node;
    const key = nodeKey({ pool: node.pool, node: node.name });
    if (isDeepStrictEqual(this.#told.get(key), verdict)) return;
    this.#told.set(key, verdict);
    const name = { pool: node.pool, node: node.name };
    if (verdict.trial) this.#trials.begin(name);
    else this.#trials.end(name);
    for (const taker of this.#takers()) this.#tell(taker, name);
  };

  /** What this worker goes by, of all nodes that are in force. */
  verdictsFor(taker: VerdictTaker | undefined): readonly NodeVerdict[] {
    return [...this.#pools().runtimes.values()].flatMap(({ name: pool, nodes }) =>
      nodes.map((node) => ({ pool, node: node.name, verdict: this.#verdictFor(taker, node) })),
    );
  }

  /** Nodes have come or gone: all are told of all. */
  tellAll(): void {
    this.#told.clear();
    for (const { nodes } of this.#pools().runtimes.values()) for (const node of nodes) this.onChange(node);
  }

  /** A node on trial is down for all but the one that has the permit. */
  #verdictFor(taker: VerdictTaker | undefined, { verdict, pool, name }: Node): HealthVerdict {
    if (!verdict.trial || (taker !== undefined && this.#trials.has(taker, { pool, node: name })))
      return verdict;
    return { ...verdict, state: 'down', trial: false, wantsTrial: false };
  }

  #tell(taker: VerdictTaker, name: NodeName): void {
    const node = this.#find(name);
    if (node !== undefined) taker.take({ ...name, verdict: this.#verdictFor(taker, node) });
  }

  onFigures(worker: object, figures: NodeFigures): void {
    const node = this.#find(figures);
    for (const upstream of this.#upstreams.get(nodeKey(figures)) ?? []) upstream.set(worker, figures.load);
    const { positive, negative } = figures.answers;
    if (positive + negative > 0) node?.answeredElsewhere(positive, negative);
  }

  /** What it had is gone. */
  onWorkerEnd(worker: VerdictTaker): void {
    this.#trials.onEnd(worker);
    for (const upstreams of this.#upstreams.values())
      for (const upstream of upstreams) upstream.set(worker, undefined);
  }

  find(name: NodeName): Node | undefined {
    return this.#find(name);
  }

  #find({ pool, node }: NodeName): Node | undefined {
    return this.#pools()
      .runtimes.get(pool)
      ?.nodes.find(({ name }) => name === node);
  }
}

/** Connections of all workers to one node, as they have told. */
class RemoteUpstream implements Upstream {
  readonly hasRoom = false;
  readonly #owner: UpstreamOwner;
  readonly #onClose: () => void;
  readonly #loads = new Map<object, UpstreamLoad>();

  constructor(owner: UpstreamOwner, onClose: () => void) {
    this.#owner = owner;
    this.#onClose = onClose;
  }

  get inFlight(): number {
    return this.#sum(({ inFlight }) => inFlight);
  }

  get openConnections(): number {
    return this.#sum(({ connections }) => connections);
  }

  get isFull(): boolean {
    return this.openConnections === 0 && this.#some(({ isFull }) => isFull);
  }

  get isDialling(): boolean {
    return this.#some(({ isDialling }) => isDialling);
  }

  get isLimited(): boolean {
    return this.#some(({ isLimited }) => isLimited);
  }

  /** Undefined: the worker has ended. */
  set(worker: object, load: UpstreamLoad | undefined): void {
    const wasFull = this.isFull;
    if (load === undefined) this.#loads.delete(worker);
    else this.#loads.set(worker, load);
    if (wasFull !== this.isFull) this.#owner.onFullness();
    this.#owner.onRoom();
  }

  /** No message comes here: there is no room. */
  send(): void {
    throw new Error('the main process has no connections to nodes');
  }

  close(): void {
    this.#onClose();
  }

  #sum(of: (load: UpstreamLoad) => number): number {
    let sum = 0;
    for (const load of this.#loads.values()) sum += of(load);
    return sum;
  }

  #some(holds: (load: UpstreamLoad) => boolean): boolean {
    for (const load of this.#loads.values()) if (holds(load)) return true;
    return false;
  }
}
