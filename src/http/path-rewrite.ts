// Rewriting a request's path by a regex of linear time, and putting right what the node then says of its own paths:
// Location, Content-Location and the path and domain of cookies.

import type { HttpRouteConfig } from '../config/config.ts';
import { compileRegex } from '../hl7/regex.ts';
import { readTarget } from './request-target.ts';

export type PathRewrite = (path: string) => string;

/** The result is normalised like a path that came from outside: what is routed on is what is forwarded (F55). */
export function compilePathRewrite(rewrite: HttpRouteConfig['rewrite']): PathRewrite | undefined {
  if (rewrite === undefined) return undefined;
  const regex = compileRegex(rewrite.source, rewrite.flags);
  return (path) => {
    const matcher = regex.matcher(path);
    if (!matcher.find()) return path;
    const replaced = matcher.replaceFirst(rewrite.to);
    return readTarget(replaced.startsWith('/') ? replaced : `/${replaced}`).path;
  };
}

/** How a path was rewritten: what came in began with `outside` where the node sees `inside`. Neither ends in `/`. */
export interface PathChange {
  readonly outside: string;
  readonly inside: string;
}

/**
 * What a rewriting did, told from its two ends: the longest common tail of whole segments stayed as it was. Undefined:
 * nothing, or nothing that could be undone.
 */
export function pathChange(before: string, after: string): PathChange | undefined {
  if (before === after) return undefined;
  let common = 0;
  for (let n = 1; n <= before.length && n <= after.length; n++) {
    if (before.at(-n) !== after.at(-n)) break;
    if (before.at(-n) === '/') common = n;
  }
  if (common === 0) return undefined;
  return { outside: before.slice(0, -common), inside: after.slice(0, -common) };
}

/** A path of the node as clients know it; undefined if it lies outside what was rewritten. */
function outsidePath(path: string, { outside, inside }: PathChange): string | undefined {
  if (!path.startsWith(inside)) return undefined;
  const rest = path.slice(inside.length);
  if (rest === '' && outside === '') return '/';
  return rest === '' || rest.startsWith('/') || rest.startsWith('?') || rest.startsWith('#')
    ? `${outside}${rest}`
    : undefined;
}

/** Where clients find the gateway, and the names by which a node may call itself. */
export interface Places {
  /** `https://vip.example`. */
  readonly origin: string;
  /** `host[:port]` in lower case: the node's own, and the one that was asked for. */
  readonly inside: readonly string[];
}

export function outsideLocation(location: string, change: PathChange | undefined, places: Places): string {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(location) ?? [];
  if (authority !== undefined) {
    if (!places.inside.includes(authority.toLowerCase())) return location;
    const path = rest.startsWith('/') ? rest : `/${rest}`;
    return `${places.origin}${(change && outsidePath(path, change)) ?? path}`;
  }
  // A relative one is right as it is, for the tail of the path did not change.
  if (change === undefined || !location.startsWith('/') || location.startsWith('//')) return location;
  return outsidePath(location, change) ?? location;
}

/** A Set-Cookie field with the path and the domain that clients know. */
export function outsideCookie(
  field: string,
  change: PathChange | undefined,
  places: Places,
  host: string,
): string {
  if (!/;\s*(path|domain)\s*=/i.test(field)) return field;
  return field.replace(/;\s*(path|domain)\s*=\s*([^;]*)/gi, (whole: string, name: string, value: string) => {
    if (name.toLowerCase() === 'path') {
      const path = change && outsidePath(value.trim(), change);
      return path === undefined ? whole : `; Path=${path}`;
    }
    const domain = value.trim().replace(/^\./, '').toLowerCase();
    const inside = places.inside.some((one) => one.replace(/:\d+$/, '') === domain);
    return inside ? `; Domain=${host}` : whole;
  });
}
