// What an operator may change of nodes while the gateway runs. Every change is logged with who made it, and kept over a
// reload of the file; what cannot be done changes nothing.
import { isDeepStrictEqual } from 'node:util';
import type { NodeConfig } from '../../config/config.ts';
import { ConfigError, parseConfig } from '../../config/load.ts';
import { suggestion } from '../../config/source/closest.ts';
import { asGatewayError, GatewayError } from '../../errors.ts';
import type { Gateway } from '../../gateway.ts';
import type { Log } from '../../observe/log/log.ts';
import { type Decisions, isNothing, type PoolDecisions } from '../../state/decisions.ts';
import type { Decided } from '../../state/shared/decision-keys.ts';
import type { Node } from '../../upstream/node.ts';
import type { By } from '../control.ts';
import { changedText, type PoolChanges } from '../effective-config.ts';

export class NodeActions {
  readonly #gateway: () => Gateway;
  readonly #text: () => string;
  readonly #log: Log;
  readonly #onChanged: () => void;
  /** Settings of added nodes as they were given, by pool and node. */
  readonly #settings = new Map<string, Map<string, object>>();

  /** `text`: of the config in force, as loaded. `onChanged`: what was decided is to be stored, before anybody is told. */
  constructor(gateway: () => Gateway, text: () => string, log: Log, onChanged: () => void = () => {}) {
    this.#gateway = gateway;
    this.#text = text;
    this.#log = log;
    this.#onChanged = onChanged;
  }

  drain(pool: string, node: string, by: By, reason?: string): Node {
    return this.#change(pool, node, by, 'drain', (one) => one.drain(wantedFrom(by, reason)));
  }

  maintenance(pool: string, node: string, by: By, reason?: string): Node {
    return this.#change(pool, node, by, 'maintenance', (one) => one.maintenance(wantedFrom(by, reason)));
  }

  ready(pool: string, node: string, by: By, reason?: string): Node {
    return this.#change(pool, node, by, 'ready', (one) => one.ready(wantedFrom(by, reason)));
  }

  setWeight(pool: string, node: string, weight: number, by: By): Node {
    return this.#change(pool, node, by, `weight ${weight}`, (one) => this.#weigh(pool, one, weight));
  }

  addNode(pool: string, node: string, settings: unknown, by: By): Node {
    this.#refuseWhileDraining();
    const runtime = this.#runtime(pool);
    if (runtime.nodes.some(({ name }) => name === node))
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: `pool ${pool} has a node of that name` });
    if (typeof settings !== 'object' || settings === null)
      throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: 'a node is a map as in the config' });
    this.#add(pool, node, settings);
    this.#log.warn({ pool, node, by }, 'admin: node added');
    this.#onChanged();
    return this.#node(pool, node);
  }

  removeNode(pool: string, node: string, by: By): void {
    this.#refuseWhileDraining();
    this.#node(pool, node);
    if (this.#runtime(pool).nodes.length === 1)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'a pool needs at least one node' });
    this.#remove(pool, node);
    this.#log.warn({ pool, node, by }, 'admin: node removed');
    this.#onChanged();
  }

  /** All that is in force, for the state file. */
  decisions(): Decisions {
    const pools = [...this.#gateway().pools.runtimes.values()].map((runtime) => {
      const { weights, removed } = this.#gateway().pools.overrides.of(runtime.name);
      const states = runtime.nodes.flatMap(({ name, adminState, status: { reason } }) =>
        adminState === 'ready' ? [] : [[name, { state: adminState, reason }] as const],
      );
      const decided: PoolDecisions = {
        states: Object.fromEntries(states),
        weights: Object.fromEntries(weights),
        removed: [...removed],
        added: Object.fromEntries(this.#settings.get(runtime.name) ?? []),
      };
      return [runtime.name, decided] as const;
    });
    return Object.fromEntries(pools.filter(([, decided]) => !isNothing(decided)));
  }

  /** Puts stored ones in force before the first message. Returns what no longer fits, a phrase each. */
  restore(decisions: Decisions): readonly string[] {
    const dropped: string[] = [];
    for (const [pool, { states, weights, removed, added }] of Object.entries(decisions)) {
      const runtime = this.#gateway().pools.runtimes.get(pool);
      if (runtime === undefined) {
        dropped.push(`pool ${pool}`);
        continue;
      }
      const has = (node: string): boolean => runtime.nodes.some(({ name }) => name === node);
      for (const [node, settings] of Object.entries(added)) {
        if (has(node)) dropped.push(`added node ${pool}/${node}: the config names it itself now`);
        else
          try {
            this.#add(pool, node, settings);
          } catch (thrown) {
            dropped.push(`added node ${pool}/${node}: ${asGatewayError(thrown).detail ?? 'not usable'}`);
          }
      }
      for (const node of removed) {
        if (!has(node)) dropped.push(`removed node ${pool}/${node}`);
        else if (runtime.nodes.length === 1)
          dropped.push(`removed node ${pool}/${node}: the pool has no other`);
        else this.#remove(pool, node);
      }
      const known = (node: string, what: string): Node | undefined => {
        const found = runtime.nodes.find(({ name }) => name === node);
        if (found === undefined) dropped.push(`${what} of node ${pool}/${node}`);
        return found;
      };
      for (const [name, weight] of Object.entries(weights)) {
        const node = known(name, `weight ${weight}`);
        try {
          if (node !== undefined) this.#weigh(pool, node, weight);
        } catch {
          dropped.push(`weight ${weight} of node ${pool}/${name}`);
        }
      }
      for (const [name, { state, reason }] of Object.entries(states)) {
        const node = known(name, state);
        if (state === 'draining') node?.drain(reason);
        else node?.maintenance(reason);
      }
    }
    return dropped;
  }

  /** Puts in force what was decided at another member. Returns why it does not fit the config; undefined: it does. */
  apply({ pool, node: name, value }: Decided): string | undefined {
    const runtime = this.#gateway().pools.runtimes.get(pool);
    if (runtime === undefined) return 'no pool of that name';
    const node = runtime.nodes.find((one) => one.name === name);
    try {
      if (value.is === 'node') return this.#applyNode(pool, name, node !== undefined, value);
      if (node === undefined) return 'no node of that name';
      if (value.is === 'weight') this.#applyWeight(pool, node, value.weight);
      else if (value.state === 'ready') node.ready(value.reason);
      else if (value.state === 'draining') node.drain(value.reason);
      else node.maintenance(value.reason);
      return undefined;
    } catch (thrown) {
      return asGatewayError(thrown).detail ?? 'not usable';
    }
  }

  #applyNode(pool: string, node: string, isThere: boolean, value: Decided['value'] & { is: 'node' }) {
    const { pools } = this.#gateway();
    const { added, removed } = pools.overrides.of(pool);
    if (value.node === 'removed') {
      // There never was one, or there is none any more.
      if (!isThere) return undefined;
      if (this.#runtime(pool).nodes.length === 1) return 'the pool has no other';
      this.#remove(pool, node);
      return undefined;
    }
    if (value.node === 'added') {
      if (isThere && !added.has(node)) return 'the config names it itself';
      if (isThere) {
        const mine = this.#settings.get(pool)?.get(node);
        if (isDeepStrictEqual(mine, value.settings)) return undefined;
        if (this.#runtime(pool).nodes.length === 1) return 'the pool has no other';
        this.#remove(pool, node);
      }
      this.#add(pool, node, value.settings);
      return undefined;
    }
    if (added.has(node)) {
      if (this.#runtime(pool).nodes.length === 1) return 'the pool has no other';
      this.#remove(pool, node);
    }
    if (removed.delete(node)) pools.refresh(this.#poolConfig(pool));
    return undefined;
  }

  #applyWeight(pool: string, node: Node, weight: number | undefined): void {
    if (weight !== undefined) {
      this.#weigh(pool, node, weight);
      return;
    }
    const { weights } = this.#gateway().pools.overrides.of(pool);
    if (weights.delete(node.name)) this.#gateway().pools.refresh(this.#poolConfig(pool));
  }

  /** What was changed, by pool. */
  changes(): ReadonlyMap<string, PoolChanges> {
    const { pools, config } = this.#gateway();
    return new Map(
      config.pools.map(({ name }) => {
        const { removed, weights } = pools.overrides.of(name);
        return [name, { added: this.#settings.get(name) ?? new Map<string, object>(), removed, weights }];
      }),
    );
  }

  /** The file has the last word on a pool that it does not have any more, and on a node that it names itself. */
  forgetGone(): void {
    const { pools } = this.#gateway();
    for (const [pool, mine] of this.#settings) {
      if (!pools.runtimes.has(pool)) this.#settings.delete(pool);
      else for (const name of mine.keys()) if (!pools.overrides.of(pool).added.has(name)) mine.delete(name);
    }
  }

  /** The process that takes over has the state already: what is decided here would be forgotten with this one. */
  #refuseWhileDraining(): void {
    if (this.#gateway().isDraining)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the gateway is about to end' });
  }

  #weigh(pool: string, node: Node, weight: number): void {
    node.setWeight(weight);
    this.#gateway().pools.overrides.of(pool).weights.set(node.name, weight);
  }

  /** @throws GatewayError; then nothing has changed */
  #add(pool: string, node: string, settings: object): void {
    const { added, removed } = this.#gateway().pools.overrides.of(pool);
    const mine = this.#settings.get(pool) ?? new Map<string, object>();
    this.#settings.set(pool, mine);
    mine.set(node, settings);
    const wasRemoved = removed.delete(node);
    try {
      added.set(node, this.#built(pool, node));
      this.#gateway().pools.refresh(this.#poolConfig(pool));
    } catch (thrown) {
      mine.delete(node);
      added.delete(node);
      if (wasRemoved) removed.add(node);
      throw thrown;
    }
  }

  #remove(pool: string, node: string): void {
    const { added, removed, weights } = this.#gateway().pools.overrides.of(pool);
    added.delete(node);
    weights.delete(node);
    this.#settings.get(pool)?.delete(node);
    removed.add(node);
    this.#gateway().pools.refresh(this.#poolConfig(pool));
  }

  #change(pool: string, name: string, by: By, what: string, act: (node: Node) => void): Node {
    this.#refuseWhileDraining();
    const node = this.#node(pool, name);
    act(node);
    this.#log.warn({ pool, node: name, by }, `admin: ${what}`);
    this.#onChanged();
    return node;
  }

  #runtime(pool: string) {
    const { runtimes } = this.#gateway().pools;
    const runtime = runtimes.get(pool);
    if (runtime === undefined)
      throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
        detail: `no pool of that name${suggestion(pool, [...runtimes.keys()])}`,
      });
    return runtime;
  }

  #node(pool: string, name: string): Node {
    const { nodes } = this.#runtime(pool);
    const node = nodes.find((one) => one.name === name);
    if (node !== undefined) return node;
    const hint = suggestion(
      name,
      nodes.map((one) => one.name),
    );
    throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
      detail: `pool ${pool} has no node of that name${hint}`,
    });
  }

  #poolConfig(pool: string) {
    const config = this.#gateway().config.pools.find(({ name }) => name === pool);
    if (config === undefined)
      throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail: 'no pool of that name' });
    return config;
  }

  /** Checked as if it stood in the file. */
  #built(pool: string, node: string): NodeConfig {
    try {
      const { config } = parseConfig(changedText(this.#text(), this.changes()), {
        file: this.#gateway().config.file,
        env: process.env,
      });
      const built = config.pools.find(({ name }) => name === pool)?.nodes.find(({ name }) => name === node);
      if (built !== undefined) return built;
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      const [first] = thrown.problems;
      const detail = first === undefined ? undefined : `${first.key}: ${first.message}`;
      throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail });
    }
    throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: 'the node would not be in the config' });
  }
}

/** What `status` shows of it. */
function wantedFrom(by: By, reason: string | undefined): string {
  return `wanted from ${by}${reason === undefined ? '' : `: ${reason}`}`;
}
