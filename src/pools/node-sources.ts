// Where nodes are found: names that are looked up, and a file. Promises at most `max` of them, in an order that does not depend on
// the order of the answers.
import { isIP } from 'node:net';
import { NAME_PATTERN } from '../config/build/name.ts';
import type { DiscoverConfig } from '../config/config.ts';
import { parseCount, parseFlag, parsePoolNodeUrl } from '../config/formats.ts';
import { readText } from '../config/source/files.ts';
import { ConfigError, formatProblem, Problems } from '../config/source/problem.ts';
import { readTree } from '../config/source/tree.ts';
import { entryIn, type Tree } from '../config/source/value.ts';
import { GatewayError } from '../errors.ts';
import { platform } from '../platform/current.ts';
import { type FoundNode, nameOfPlace } from './found-nodes.ts';

export interface Lookup {
  readonly found: readonly FoundNode[];
  /** There were more than `max`. */
  readonly leftOut: number;
  /** The answer may be used for so long. */
  readonly ttlMs: number;
}

/** `known`: what was found before. @throws whatever a resolver does */
export async function lookUp(config: DiscoverConfig, known: readonly FoundNode[]): Promise<Lookup> {
  return config.kind === 'srv' ? lookUpServices(config, known) : lookUpAddresses(config, known);
}

async function lookUpAddresses(config: DiscoverConfig, known: readonly FoundNode[]): Promise<Lookup> {
  const { name, port, servers } = config;
  const { found, unknown } = await platform.names.addresses(name, servers);
  const nodes = found.map(({ address }) => ({
    ...{ name: nameOfPlace(address, port), host: address, port, path: undefined },
    ...{ weight: undefined, backup: undefined, servername: name },
  }));
  return limited(config, [...nodes, ...keptOf(known, unknown)], ttlOf(found));
}

async function lookUpServices(config: DiscoverConfig, known: readonly FoundNode[]): Promise<Lookup> {
  const { name, servers, max } = config;
  const all = await platform.names.services(name, servers);
  // RFC 2782: a single record with the root as its target says that there is no such service.
  const records = all.filter((one) => one.name !== '' && one.name !== '.').sort(byPriority);
  const lowest = records[0]?.priority;
  const largest = Math.max(0, ...records.map(({ weight }) => weight));
  // Beyond that nothing would be taken.
  const asked = records.slice(0, max);
  const targets = await Promise.all(
    asked.map(async (record) => ({ record, answer: await platform.names.addresses(record.name, servers) })),
  );
  const nodes = targets.flatMap(({ record, answer: { found, unknown } }) => {
    const weight =
      largest <= 256 ? Math.max(1, record.weight) : Math.max(1, Math.round((record.weight * 256) / largest));
    const target = record.name.replace(/\.$/, '');
    const more = { path: undefined, weight, backup: record.priority !== lowest, servername: target };
    const addresses = found.map(({ address }) => ({
      name: nameOfPlace(target, record.port, found.length > 1 ? address : undefined),
      ...{ host: address, port: record.port, ...more },
    }));
    const ofTarget = known.filter((one) => one.servername === target && one.port === record.port);
    return [...addresses, ...keptOf(ofTarget, unknown)];
  });
  const ttls = targets.map(({ answer }) => ttlOf(answer.found));
  const lookup = limited(config, nodes, Math.min(Number.POSITIVE_INFINITY, ...ttls));
  return { ...lookup, leftOut: lookup.leftOut + records.length - asked.length };
}

interface Ordered {
  readonly priority: number;
  readonly name: string;
  readonly port: number;
}

function byPriority(a: Ordered, b: Ordered): number {
  return a.priority - b.priority || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.port - b.port);
}

/** Of the family that could not be looked up. */
function keptOf(known: readonly FoundNode[], family: 4 | 6 | undefined): readonly FoundNode[] {
  return family === undefined ? [] : known.filter(({ host }) => isIP(host) === family);
}

function ttlOf(found: readonly { readonly ttl: number }[]): number {
  return found.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...found.map(({ ttl }) => ttl)) * 1000;
}

/** Primaries first; no two of one name. */
function limited({ max }: DiscoverConfig, nodes: readonly FoundNode[], ttlMs: number): Lookup {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const sorted = [...byName.values()].sort(
    (a, b) => Number(a.backup) - Number(b.backup) || (a.name < b.name ? -1 : 1),
  );
  return { found: sorted.slice(0, max), leftOut: Math.max(0, sorted.length - max), ttlMs };
}

/** @throws ConfigError, GatewayError GW_ERR_FILE */
export function readNodesFile(config: DiscoverConfig): Lookup {
  const { name: file, template } = config;
  const read = readText(file);
  if ('trouble' in read) throw new GatewayError('GW_ERR_FILE', { detail: `${file} ${read.trouble}` });
  const problems = new Problems(file);
  const reading = { problems, env: {}, folder: '/' };
  const tree = readTree(read.text, reading);
  const found = (tree?.entries ?? []).flatMap(({ key, place, value }): FoundNode[] => {
    if (!NAME_PATTERN.test(key)) problems.error(place, key, 'is no name for a node');
    const url = textIn(value, 'url');
    const parsed = parsePoolNodeUrl(url ?? '');
    const weight = textIn(value, 'weight');
    const backup = textIn(value, 'backup');
    if (value.kind === 'map')
      for (const { key: one, place: at } of value.entries)
        if (!['url', 'weight', 'backup'].includes(one))
          problems.error(at, `${key}.${one}`, 'unknown key; there are url, weight, backup');
    const number = weight === undefined ? undefined : parseCount(weight);
    if (weight !== undefined && (number === undefined || number > 256))
      problems.error(place, `${key}.weight`, 'must be an integer from 0 to 256');
    const flag = backup === undefined ? undefined : parseFlag(backup);
    if (backup !== undefined && flag === undefined)
      problems.error(place, `${key}.backup`, 'must be true or false');
    if (parsed === undefined || parsed.portOffset !== undefined || parsed.protocol !== template.protocol) {
      problems.error(place, `${key}.url`, `must be a URL with ${template.protocol}://, a host and a port`);
      return [];
    }
    const { host, port, path } = parsed;
    return [{ name: key, host, port, path, weight: number, backup: flag, servername: undefined }];
  });
  problems.throwIfAny();
  return limited(config, found, Number.POSITIVE_INFINITY);
}

/** A URL alone is the node's. */
function textIn(tree: Tree, key: string): string | undefined {
  if (tree.kind === 'scalar') return key === 'url' ? tree.text : undefined;
  const value = entryIn(tree, key)?.value;
  return value?.kind === 'scalar' ? value.text : undefined;
}

/** Why there is no answer, in words; of a resolver, its code. */
export function lookupTrouble(thrown: unknown): string {
  if (thrown instanceof ConfigError) return thrown.problems.map(formatProblem).join('; ');
  if (thrown instanceof GatewayError) return thrown.detail ?? thrown.code;
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
}
