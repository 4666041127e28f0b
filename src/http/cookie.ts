// Cookies as far as a proxy has to know them (RFC 6265): reading one of a request, taking the gateway's own out of it,
// and making that one. Its value names no node: it is opaque, and the same in every gateway of a pair.
import { createHash } from 'node:crypto';
import type { HeaderFields } from './fields.ts';

/** `header`: the Cookie field's value. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined || !header.includes(name)) return undefined;
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** Removes every cookie of that name from the request's fields, and the Cookie field if nothing is left of it. */
export function stripCookie(fields: HeaderFields, name: string): void {
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1] as string;
    if (fields[i] !== 'cookie' || !value.includes(name)) continue;
    const kept = value.split(';').filter((pair) => {
      const at = pair.indexOf('=');
      return at < 0 || pair.slice(0, at).trim() !== name;
    });
    if (kept.length > 0) fields[i + 1] = kept.join(';').trim();
    else {
      fields.splice(i, 2);
      i -= 2;
    }
  }
}

/** Of a Set-Cookie field: its cookie's value if it has that name. */
export function setCookieValue(field: string, name: string): string | undefined {
  const [pair = ''] = field.split(';', 1);
  const at = pair.indexOf('=');
  return at > 0 && pair.slice(0, at).trim() === name ? pair.slice(at + 1).trim() : undefined;
}

/** What the gateway's cookie says for a node: 96 bits of a hash, which is no secret but tells no name. */
export function nodeToken(pool: string, node: string): string {
  return createHash('sha256').update(`${pool}\0${node}`).digest('base64url').slice(0, 16);
}

export function persistenceCookie(name: string, token: string, secure: boolean): string {
  return `${name}=${token}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}
