// What operators have added to pools, taken out of them or weighed in them while the gateway runs. Promises that a reload of
// the file keeps that, as far as the file still has what it is about.
import type { NodeConfig, PoolConfig } from '../config/config.ts';
import type { Log } from '../observe/log/log.ts';
import { type FoundNode, withFound } from './found-nodes.ts';

/** Of one pool, by node name. */
export interface PoolOverrides {
  readonly added: Map<string, NodeConfig>;
  readonly removed: Set<string>;
  readonly weights: Map<string, number>;
  /** What was discovered. */
  found: readonly FoundNode[];
}

export class Overrides {
  readonly #byPool = new Map<string, PoolOverrides>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  of(pool: string): PoolOverrides {
    let overrides = this.#byPool.get(pool);
    if (overrides === undefined) {
      overrides = { added: new Map(), removed: new Set(), weights: new Map(), found: [] };
      this.#byPool.set(pool, overrides);
    }
    return overrides;
  }

  /** The pool as the file has it, with what operators have changed. */
  applyTo(inConfig: PoolConfig): PoolConfig {
    const overrides = this.#byPool.get(inConfig.name);
    if (overrides === undefined) return inConfig;
    const pool = withFound(inConfig, overrides.found);
    const { added, removed, weights } = overrides;
    const inFile = new Set(pool.nodes.map(({ name }) => name));
    const nodes = [
      ...pool.nodes.filter(({ name }) => !removed.has(name)),
      // The file has the last word on a node that it names itself.
      ...[...added.values()].filter(({ name }) => !inFile.has(name)),
    ];
    return {
      ...pool,
      // The file may have come to name none but what an operator took out: a pool without nodes helps nobody.
      nodes: (nodes.length === 0 ? pool.nodes : nodes).map((node) => ({
        ...node,
        weight: weights.get(node.name) ?? node.weight,
      })),
    };
  }

  /** Of what the file does not have: what has the same name one day is something else. */
  forgetGone(pools: readonly PoolConfig[]): void {
    for (const [name, overrides] of this.#byPool) {
      const { added, removed, weights } = overrides;
      const inConfig = pools.find((one) => one.name === name);
      if (inConfig === undefined) {
        this.#byPool.delete(name);
        continue;
      }
      if (inConfig.discover === undefined) overrides.found = [];
      const pool = withFound(inConfig, overrides.found);
      const inFile = new Set(pool.nodes.map((node) => node.name));
      for (const node of added.keys()) if (inFile.has(node)) added.delete(node);
      for (const node of removed) if (!inFile.has(node)) removed.delete(node);
      for (const node of weights.keys()) if (!inFile.has(node) && !added.has(node)) weights.delete(node);
      if (added.size === 0 && removed.size === inFile.size) {
        this.#log.warn({ pool: name }, 'nodes that were removed are there again: the config has no others');
        removed.clear();
      }
    }
  }
}
