// `pools.NAME.discover`: where nodes are found, and what each of them is like. Promises that one source is named.
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { DiscoverConfig, NodeConfig } from '../config.ts';
import { parseNodeUrl } from '../formats.ts';
import { DISCOVER_KEYS } from '../keys/discover.ts';
import { readSection, type Section } from '../read/section.ts';
import { fileTrouble, relativeHint } from '../source/files.ts';
import { quoted } from '../source/problem.ts';
import { described, type Entry, type ReadContext, type Tree } from '../source/value.ts';

/** In the place of a host that is not known yet. It never exists (RFC 6761 6.4). */
export const HOST_TO_COME = 'discovered.invalid';

/** `build`: makes a node of an entry. Undefined: nothing is discovered. */
export function buildDiscover(
  pool: Section,
  build: (entry: Entry, key: string) => NodeConfig,
  reading: ReadContext,
): DiscoverConfig | undefined {
  const tree = pool.tree('discover');
  if (tree === undefined) return undefined;
  const where = { key: `${pool.key}.discover`, place: pool.at('discover') };
  const section = readSection(tree, DISCOVER_KEYS, where, reading);
  const { protocol, minTtlMs, maxTtlMs, max } = section.values;
  const given = (['dns', 'srv', 'file'] as const).filter((kind) => section.has(kind));
  if (given.length !== 1)
    section.error(
      given[1] ?? '',
      `takes one of dns, srv and file${given.length === 0 ? '' : `, not ${given.join(' and ')}`}`,
    );
  if (minTtlMs > maxTtlMs) section.error('minTtl', 'is longer than maxTtl');
  if (given[0] === 'file')
    for (const key of ['minTtl', 'maxTtl', 'servers'])
      if (section.has(key)) section.error(key, 'is for dns and srv');
  const servers = serversIn(section, reading);
  const template = build(entryFor(section, `${protocol}://${HOST_TO_COME}:1`), `${section.key}.node`);
  const source = sourceOf(given[0], section, reading);
  return source && { ...source, template, minTtlMs, maxTtlMs, max, servers };
}

type Source = Pick<DiscoverConfig, 'kind' | 'name' | 'port'>;

function sourceOf(
  kind: DiscoverConfig['kind'] | undefined,
  section: Section<typeof DISCOVER_KEYS>,
  { folder, isElsewhere }: ReadContext,
): Source | undefined {
  const [scalar] = kind === undefined ? [] : section.scalars(kind);
  if (kind === undefined || scalar === undefined) return undefined;
  if (kind === 'file') {
    const file = resolve(folder, scalar.text);
    const trouble = isElsewhere ? undefined : fileTrouble(file);
    if (trouble !== undefined)
      section.error(
        'file',
        `the file ${quoted(scalar.written ?? scalar.text)} ${trouble}${relativeHint(scalar.text, trouble)}`,
      );
    return { kind, name: file, port: 0 };
  }
  if (kind === 'srv') {
    if (!/^(?=.{1,253}$)_[a-z0-9-]{1,62}\._(tcp|udp)(\.[a-z0-9_-]{1,63})+\.?$/i.test(scalar.text))
      section.error('srv', `must be a name such as _mllp._tcp.mirth.example, not ${described(scalar)}`);
    return { kind, name: scalar.text, port: 0 };
  }
  const parsed = parseNodeUrl(`mllp://${scalar.text}`);
  if (parsed === undefined || isIP(parsed.host) !== 0) {
    const other =
      parsed === undefined
        ? 'a host name and a port such as mirth.example:6661'
        : 'a name, as an address needs no look-up: it belongs into nodes';
    section.error('dns', `must be ${other}, not ${described(scalar)}`);
    return undefined;
  }
  return { kind, name: parsed.host, port: parsed.port };
}

function serversIn(section: Section, { problems }: ReadContext): readonly string[] {
  const scalars = section.scalars('servers');
  for (const scalar of scalars) {
    const [, v6, v4] = /^(?:\[([0-9a-f:.]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?)$/i.exec(scalar.text) ?? [];
    if (isIP(v6 ?? v4 ?? scalar.text) === 0)
      problems.error(
        scalar.place,
        `${section.key}.servers`,
        `must be addresses such as 10.0.0.53, not ${described(scalar)}`,
      );
  }
  return scalars.map(({ text }) => text);
}

/** A node as the file would have it. */
function entryFor(section: Section, url: string): Entry {
  const place = section.at('node');
  const given = section.tree('node');
  const own = given?.kind === 'map' ? given.entries.filter(({ key }) => key !== 'url') : [];
  if (given?.kind === 'map' && own.length < given.entries.length)
    section.error('node', 'takes no url: it is what is discovered');
  const value: Tree = { kind: 'scalar', place, text: url, written: undefined };
  return {
    key: 'discovered',
    place,
    value: { kind: 'map', place, entries: [{ key: 'url', place, value }, ...own] },
  };
}
