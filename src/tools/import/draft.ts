// The config that an import makes, before it is text: listeners, pools and routes, each with what has to be said of it.

/** A value of the YAML file. */
export type DraftValue = string | number | boolean | DraftMap | readonly DraftValue[];
export interface DraftMap {
  [key: string]: DraftValue | undefined;
}

export interface Block {
  /** Of a listener or pool, its name; of a route what a person calls it. */
  readonly name: string;
  readonly comments: string[];
  readonly value: DraftMap;
}

export type DraftProtocol = 'mllp' | 'http' | 'tcp';

export interface DraftListener extends Block {
  readonly protocol: DraftProtocol;
  readonly isSecured: boolean;
  /** The first one of a range; undefined: it stands in a variable. */
  readonly port: number | undefined;
}

export interface DraftPool extends Block {
  readonly protocol: DraftProtocol;
}

export interface ConfigDraft {
  readonly listeners: DraftListener[];
  readonly pools: DraftPool[];
  readonly routes: Block[];
  /** The admin API, where the file had a page of statistics. */
  admin?: Block;
}

export function emptyDraft(): ConfigDraft {
  return { listeners: [], pools: [], routes: [] };
}

/** Sets `a.b.c` in a map of maps. */
export function put(map: DraftMap, path: string, value: DraftValue): void {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let at = map;
  for (const key of keys) {
    const next = at[key];
    if (typeof next === 'object' && !Array.isArray(next)) at = next as DraftMap;
    else {
      const made: DraftMap = {};
      at[key] = made;
      at = made;
    }
  }
  at[last] = value;
}

/** Undefined where it is not there. */
export function taken(map: DraftMap, path: string): DraftValue | undefined {
  let at: DraftValue | undefined = map;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || Array.isArray(at)) return undefined;
    at = (at as DraftMap)[key];
  }
  return at;
}
