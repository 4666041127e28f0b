// What the configs of all members of a cluster have to say alike, and where two of them do not. Promises that comments, secrets
// and what each member says of itself on purpose make no difference.
import { createHash } from 'node:crypto';
import { parseDocument } from 'yaml';
import { isAddress, isOwnHost } from '../addresses.ts';
import type { ClusterConfig } from '../config/config.ts';
import { shownText } from './effective-config.ts';

/** Whose names and addresses the config may hold. */
export type SharedBy = Pick<ClusterConfig, 'members' | 'vips'>;

/** The same for members whose configs say the same. It is shown to everybody, so it must not help to guess a secret. */
export function sharedDigest(text: string, cluster: SharedBy): string {
  return createHash('sha256')
    .update(JSON.stringify(sharedValue(shownText(text, new Map()), cluster) ?? null))
    .digest('hex')
    .slice(0, 16);
}

/** Where two shown texts differ: `pools.adt.nodes.b.url`. Where only one has a key, that key. */
export function sharedDifferences(one: string, other: string, cluster: SharedBy): readonly string[] {
  return differingPaths(sharedValue(one, cluster), sharedValue(other, cluster), '');
}

function sharedValue(shown: string, cluster: SharedBy): unknown {
  const document = parseDocument(shown);
  if (document.hasIn(['cluster', 'member'])) document.deleteIn(['cluster', 'member']);
  const value: unknown = document.toJS() ?? null;
  if (!isMap(value)) return value;
  const rename = new OwnTexts(cluster);
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, rename.in(part, key, !COMMON.has(key))]),
  );
}

/** Here a member's name or address means the same on each of them. */
const COMMON: ReadonlySet<string> = new Set(['cluster', 'pools', 'routes']);

/** Texts that each member has of its own. */
class OwnTexts {
  readonly #vips: ReadonlySet<string>;
  /** Of any member: one that all mention, in `allow` for example, is in all of them. */
  readonly #ofMembers: RegExp;

  constructor({ members, vips }: SharedBy) {
    this.#vips = new Set(vips.map(({ address }) => address));
    const texts = members.flatMap(({ name, address }) => [name, address]);
    const words = texts.map((text) => text.replace(/[^\w]/g, '\\$&')).join('|');
    this.#ofMembers = new RegExp(`(?<![\\w:.-])(${words})(?![\\w-])(?!\\.\\d)`, 'g');
  }

  in(value: unknown, key: string, isOwn: boolean): unknown {
    if (Array.isArray(value)) return value.map((one) => this.in(one, key, isOwn));
    if (isMap(value))
      return Object.fromEntries(
        Object.entries(value).map(([name, part]) => [name, this.in(part, name, isOwn)]),
      );
    if (typeof value !== 'string') return value;
    // Both have to be addresses of the machine itself.
    if (key === 'source' && isAddress(value)) return OWN;
    if (key === 'bind') return this.#bind(value);
    return isOwn ? value.replace(this.#ofMembers, OWN) : value;
  }

  #bind(text: string): string {
    const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:([^:]*)$/.exec(text) ?? [];
    const isCommon = !isAddress(host) || isOwnHost(host) || this.#vips.has(host) || /^[0:.]+$/.test(host);
    return isCommon ? text.replace(this.#ofMembers, OWN) : `${OWN}:${port}`;
  }
}

const OWN = '(of the member)';

function differingPaths(one: unknown, other: unknown, path: string): readonly string[] {
  if (isMap(one) && isMap(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].flatMap((key) =>
      differingPaths(one[key], other[key], path === '' ? key : `${path}.${key}`),
    );
  }
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length)
    return one.flatMap((part, i) => differingPaths(part, other[i], `${path}[${i}]`));
  return JSON.stringify(one) === JSON.stringify(other) ? [] : [path];
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
