// `defaults`: puts what it has under each listener, pool and node that does not say otherwise.
// Promises that a default which means nothing to an entry's protocol (or to the type of its health check) stays away from it, as
// one section of defaults is for all of them; and that what is wrong with a default is said once.
import { parsePoolNodeUrl } from '../formats.ts';
import { DEFAULT_TABLES, DEFAULTS_KEYS } from '../keys/defaults.ts';
import { HEALTH_KEYS } from '../keys/health.ts';
import { type ConfigKey, isKey, type KeyTable } from '../keys/key.ts';
import { CONFIG_SECTIONS } from '../keys/sections.ts';
import type { SourcePlace } from '../source/problem.ts';
import {
  type Entry,
  entryIn,
  type MapTree,
  type ReadContext,
  standsForScalar,
  type Tree,
} from '../source/value.ts';
import { readSection } from './section.ts';

/** The tree without `defaults`, and with what they had. */
export function withDefaults(tree: MapTree, reading: ReadContext): MapTree {
  const defaults = entryIn(tree, 'defaults');
  if (defaults === undefined) return tree;
  const rest = tree.entries.filter((entry) => entry !== defaults);
  readSection(defaults.value, DEFAULTS_KEYS, { key: 'defaults', place: defaults.place }, reading);
  const of = (kind: DefaultKind): MapTree => {
    const given = entryIn(defaults.value, kind);
    if (given?.value.kind !== 'map') return { kind: 'map', place: defaults.place, entries: [] };
    return inherited(checked(kind, given, reading)) as MapTree;
  };
  const [listeners, pools, nodes] = [of('listeners'), of('pools'), of('nodes')];
  const entries = rest.map((entry) => {
    if (entry.key === 'listeners')
      return eachIn(entry, (one) => under(listenerDefaults(listeners, one), one));
    return entry.key === 'pools' ? eachIn(entry, (one) => poolWith(pools, nodes, one)) : entry;
  });
  return { ...tree, entries };
}

type DefaultKind = keyof typeof DEFAULT_TABLES;

const WHOSE = { listeners: 'listeners.NAME', pools: 'pools.NAME', nodes: 'pools.NAME.nodes.NAME' } as const;
/** What no two entries share. */
const OWN = { listeners: 'bind', pools: 'nodes', nodes: 'url' } as const;

/** Without the keys that cannot be defaults. */
function checked(kind: DefaultKind, { value, place }: Entry, reading: ReadContext): Tree {
  if (value.kind !== 'map') return value;
  const own = entryIn(value, OWN[kind]);
  const key = `defaults.${kind}`;
  if (own !== undefined)
    reading.problems.error(own.place, `${key}.${own.key}`, 'cannot be a default: each entry has its own');
  const usable = { ...value, entries: value.entries.filter((entry) => entry !== own) };
  readSection(usable, optional(DEFAULT_TABLES[kind]), { key, place }, reading);
  for (const [pattern, table] of Object.entries(CONFIG_SECTIONS)) {
    if (!pattern.startsWith(`${WHOSE[kind]}.`) || pattern.endsWith('.cert')) continue;
    const path = pattern.slice(WHOSE[kind].length + 1);
    if (path.includes('NAME')) continue;
    const inner = path
      .split('.')
      .reduce<Entry | undefined>((at, step) => entryIn(at?.value, step), { key, place, value: usable });
    if (inner?.value.kind === 'map')
      readSection(inner.value, optional(table), { key: `${key}.${path}`, place: inner.place }, reading);
  }
  return usable;
}

/** The entry itself gives what is required. */
function optional(table: KeyTable): KeyTable {
  const entries = Object.entries(table).map(([name, part]): [string, ConfigKey | KeyTable] => {
    if (!isKey(part)) return [name, optional(part)];
    return [name, part.default === null ? { ...part, default: undefined } : part];
  });
  return Object.fromEntries(entries);
}

function inherited(tree: Tree): Tree {
  const place = inheritedPlace(tree.place);
  if (tree.kind === 'list') return { ...tree, place, items: tree.items.map(inherited) };
  if (tree.kind !== 'map') return { ...tree, place };
  const entries = tree.entries.map((entry) => ({
    ...entry,
    place: inheritedPlace(entry.place),
    value: inherited(entry.value),
  }));
  return { ...tree, place, entries };
}

function inheritedPlace(place: SourcePlace): SourcePlace {
  return { ...place, isInherited: true };
}

function eachIn(entry: Entry, change: (one: MapTree) => MapTree): Entry {
  const { value } = entry;
  if (value.kind !== 'map') return entry;
  const entries = value.entries.map((one) =>
    one.value.kind === 'map' ? { ...one, value: change(one.value) } : one,
  );
  return { ...entry, value: { ...value, entries } };
}

/** Maps are put together; a key without a value takes the default out; anything else goes before the default. */
function under(defaults: MapTree, own: MapTree): MapTree {
  const entries = own.entries.flatMap((entry): Entry[] => {
    const base = entryIn(defaults, entry.key);
    if (base === undefined) return [entry];
    if (entry.value.kind === 'nothing') return [];
    const isJoined = isOpen(base.value) && isOpen(entry.value);
    return [isJoined ? { ...entry, value: under(base.value as MapTree, entry.value as MapTree) } : entry];
  });
  const more = defaults.entries.filter(({ key }) => entryIn(own, key) === undefined);
  return { ...own, entries: [...entries, ...more] };
}

/** `{ file: … }` and `{ p12: … }` are one value. */
function isOpen(tree: Tree): boolean {
  return tree.kind === 'map' && !standsForScalar(tree) && entryIn(tree, 'p12') === undefined;
}

function listenerDefaults(defaults: MapTree, own: MapTree): MapTree {
  const protocol = textIn(own, 'protocol') ?? textIn(defaults, 'protocol') ?? 'mllp';
  return fitting(defaults, DEFAULT_TABLES.listeners, (only) => only.includes(protocol));
}

function poolWith(pools: MapTree, nodes: MapTree, own: MapTree): MapTree {
  const [first] = entriesIn(own, 'nodes');
  const discover = entryIn(own, 'discover');
  const { protocol: scheme = textIn(discover?.value, 'protocol') ?? 'mllp' } =
    parsePoolNodeUrl(textIn(first?.value, 'url') ?? '') ?? {};
  const protocol = scheme === 'tls' ? 'tcp' : scheme.replace(/s$/, '');
  const { health: ofHealth, ...table } = DEFAULT_TABLES.pools;
  const fit = fitting(pools, { ...table, health: {} }, (only) => only.includes(protocol));
  const type =
    textIn(entryIn(own, 'health')?.value, 'type') ?? textIn(entryIn(pools, 'health')?.value, 'type') ?? 'tcp';
  const entries = fit.entries.map((entry) => {
    if (entry.key !== 'health' || entry.value.kind !== 'map') return entry;
    return { ...entry, value: fitting(entry.value, HEALTH_KEYS, (only) => only.includes(type)) };
  });
  const pool = under({ ...fit, entries }, own);
  const ofNodes = pool.entries.map((entry) => {
    if (entry.key === 'nodes')
      return eachIn(entry, (node) => under(nodeDefaults(nodes, schemeOf(textIn(node, 'url')), type), node));
    if (entry.key !== 'discover' || entry.value.kind !== 'map') return entry;
    const protocolOfFound = textIn(entry.value, 'protocol') ?? 'mllp';
    return { ...entry, value: foundWith(nodeDefaults(nodes, protocolOfFound, type), entry.value) };
  });
  return { ...pool, entries: ofNodes };
}

/** What is discovered has the defaults of nodes as well. */
function foundWith(defaults: MapTree, discover: MapTree): MapTree {
  const node = entryIn(discover, 'node');
  if (defaults.entries.length === 0 || (node !== undefined && node.value.kind !== 'map')) return discover;
  const { place } = node ?? discover;
  const own: MapTree = node?.value.kind === 'map' ? node.value : { kind: 'map', place, entries: [] };
  const others = discover.entries.filter((entry) => entry !== node);
  return { ...discover, entries: [...others, { key: 'node', place, value: under(defaults, own) }] };
}

function schemeOf(url: string | undefined): string | undefined {
  return parsePoolNodeUrl(url ?? '')?.protocol;
}

/** TLS is for nodes whose URL says so, a place to ask for checks that ask over HTTP. */
function nodeDefaults(defaults: MapTree, scheme: string | undefined, checkType: string): MapTree {
  const entries = defaults.entries.filter(({ key }) => {
    if (key === 'tls') return scheme !== undefined && /^(mllps|https|tls)$/.test(scheme);
    return key !== 'healthUrl' || checkType === 'http' || checkType === 'mirth';
  });
  return { ...defaults, entries };
}

/** Without the keys that are for others only. */
function fitting(tree: MapTree, table: KeyTable, isFor: (only: readonly string[]) => boolean): MapTree {
  const entries = tree.entries.flatMap((entry): Entry[] => {
    const part = Object.hasOwn(table, entry.key) ? table[entry.key] : undefined;
    if (part === undefined) return [entry];
    if (isKey(part)) return part.only === undefined || isFor(part.only) ? [entry] : [];
    if (entry.value.kind !== 'map') return [entry];
    const inner = fitting(entry.value, part, isFor);
    return inner.entries.length === 0 && entry.value.entries.length > 0 ? [] : [{ ...entry, value: inner }];
  });
  return { ...tree, entries };
}

function entriesIn(tree: MapTree, key: string): readonly Entry[] {
  const value = entryIn(tree, key)?.value;
  return value?.kind === 'map' ? value.entries : [];
}

function textIn(tree: Tree | undefined, key: string): string | undefined {
  const value = entryIn(tree, key)?.value;
  return value?.kind === 'scalar' ? value.text : undefined;
}
