// The gateway's config file, and the ways in which it changes during a campaign. Promises: no change alters what the profile
// promises; a wrong config is replaced as a whole file, as an editor does, and the good one comes back by `restore`.
import { renameSync, writeFileSync } from 'node:fs';

export interface ConfigChange {
  /** The gateway has to take it up; else it must change nothing. */
  readonly good: boolean;
  readonly what: string;
}

type Config = Record<string, unknown>;

/** Each makes another config of the first one, different from the one before. */
const CHANGES: readonly {
  readonly what: string;
  readonly good: boolean;
  readonly text: (config: Config, n: number) => string;
}[] = [
  {
    what: 'weight of a node',
    good: true,
    text: (config, n) => withPool(config, (pool) => set(pool, ['nodes', 'b'], { weight: 2 + (n % 3) })),
  },
  { what: 'unfinished file', good: false, text: (config) => JSON.stringify(config).slice(0, -40) },
  {
    what: 'route added',
    good: true,
    text: (config, n) => {
      const route = { name: `no test ${n}`, when: { 'MSH-9.1': 'NONE' }, reject: { code: 'AR' } };
      return JSON.stringify({ ...config, routes: [route, ...(config.routes as object[])] });
    },
  },
  {
    what: 'unknown key',
    good: false,
    text: (config) => withPool(config, (pool) => set(pool, ['queue'], { timeuot: '1s' })),
  },
  {
    what: 'queue.timeout',
    good: true,
    text: (config, n) => withPool(config, (pool) => set(pool, ['queue'], { timeout: `${1_100 + n}ms` })),
  },
  {
    what: 'route to a pool that is not there',
    good: false,
    text: (config) => JSON.stringify({ ...config, routes: [{ to: 'nowhere' }] }),
  },
  {
    // With the next change it is gone again, with whatever it has then.
    what: 'another pool of the same nodes',
    good: true,
    text: (config) => {
      const pools = part(config, 'pools');
      // A pool without a route is warned of.
      const none = { name: 'none', when: { 'MSH-9.1': 'NONE' }, to: 'pool' };
      const others = (config.routes as Config[]).map((route) =>
        route.to === 'pool' ? { ...route, to: 'other' } : route,
      );
      const routes = [none, ...others];
      return JSON.stringify({ ...config, pools: { ...pools, other: part(pools, 'pool') }, routes });
    },
  },
  { what: 'empty file', good: false, text: () => '' },
  {
    what: 'nodes made anew',
    good: true,
    text: (config, n) => withPool(config, (pool) => set(pool, ['timeouts'], { connect: `${501 + n}ms` })),
  },
  {
    what: 'a port that is none',
    good: false,
    text: (config) => JSON.stringify(set(config, ['listeners', 'more'], { bind: '127.0.0.1:70000' })),
  },
];

/** The `n`th change of a config: its text. */
export function changeOf(config: object, n: number): ConfigChange & { readonly text: string } {
  const next = CHANGES[n % CHANGES.length];
  if (next === undefined) throw new Error('no change');
  return { good: next.good, what: next.what, text: next.text({ ...config }, n) };
}

export class ConfigFile {
  readonly path: string;
  readonly #config: Config;
  #good: string;
  #changes = 0;

  constructor(path: string, config: object) {
    this.path = path;
    this.#config = { ...config };
    this.#good = JSON.stringify(config);
    writeFileSync(path, this.#good);
  }

  change(): ConfigChange {
    const n = this.#changes++;
    const { text, ...next } = changeOf(this.#config, n);
    this.#put(text);
    if (next.good) this.#good = text;
    return next;
  }

  restore(): void {
    this.#put(this.#good);
  }

  #put(text: string): void {
    writeFileSync(`${this.path}.new`, text);
    renameSync(`${this.path}.new`, this.path);
  }
}

function withPool(config: Config, change: (pool: Config) => Config): string {
  return JSON.stringify(set(config, ['pools'], { pool: change(part(part(config, 'pools'), 'pool')) }));
}

/** A copy with these keys added to the map at that path. */
function set(map: Config, path: readonly string[], keys: Config): Config {
  const [first, ...rest] = path;
  if (first === undefined) return { ...map, ...keys };
  return { ...map, [first]: set(part(map, first), rest, keys) };
}

function part(map: Config, key: string): Config {
  return { ...(map[key] as object) };
}
