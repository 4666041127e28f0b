// What a listener's config says about HTTP and about proxies before it, and which of its keys belong to which protocol.
// Promises that no password stands in it: users are known by the scrypt hash of theirs, which no error repeats (F77).
import { isRange } from '../../addresses.ts';
import { CODINGS, type Coding, type HttpListenerConfig } from '../config.ts';
import { type Item, isText } from '../formats.ts';
import { CONFIG_SECTIONS, isItem, type Schema } from '../schema.ts';
import type { Section } from '../section.ts';
import { suggestion } from '../source/closest.ts';
import { described, type ReadContext, scalarOf } from '../source/value.ts';
import { parsePasswordHash } from './password-hash.ts';

const HTTP_ONLY = keysBelow('http', CONFIG_SECTIONS['listeners.NAME'].http ?? {});
const MLLP_ONLY = [
  'framing.strayEndByte',
  'framing.missingCr',
  'limits.idleTimeout',
  'limits.maxPending',
  'limits.maxJunk',
];

function keysBelow(prefix: string, schema: Schema | Item): string[] {
  if (isItem(schema)) return [prefix];
  return Object.entries(schema).flatMap(([key, below]) => keysBelow(`${prefix}.${key}`, below));
}

export function buildListenerHttp(listener: Section, reading: ReadContext): HttpListenerConfig {
  checkProtocol(listener);
  if (listener.flag('http.http2') && listener.has('http.http2') && !listener.has('tls')) {
    listener.warn('http.http2', 'has no effect without tls, in whose handshake HTTP/2 is agreed on (ALPN)');
  }
  return {
    headersTimeoutMs: listener.number('http.headersTimeout'),
    bodyTimeoutMs: listener.number('http.bodyTimeout'),
    keepAliveMs: listener.number('http.keepAlive'),
    maxHeaderBytes: listener.number('http.maxHeaderSize'),
    maxHeaders: listener.number('http.maxHeaders'),
    http2: listener.flag('http.http2'),
    path: {
      encodedSlash: listener.word('http.path.encodedSlash'),
      parameters: listener.word('http.path.parameters'),
      blanks: listener.word('http.path.blanks'),
      trailingDots: listener.word('http.path.trailingDots'),
    },
    users: readUsers(listener, reading),
    realm: readRealm(listener),
    codings: readCodings(listener, reading),
  };
}

export function readTrustedProxies(listener: Section, { problems }: ReadContext): readonly string[] {
  const scalars = listener.scalars('trustedProxies');
  if (listener.tree('trustedProxies') !== undefined && scalars.length === 0) {
    listener.error('trustedProxies', 'an empty list trusts nobody; leave it out');
  }
  const listed = listener.tree('trustedProxies')?.kind === 'list';
  for (const [index, scalar] of scalars.entries()) {
    const key = `${listener.key}.trustedProxies${listed ? `[${index}]` : ''}`;
    if (!isRange(scalar.text)) {
      const message = `must be an address or a CIDR range such as 10.1.0.0/16, not ${described(scalar)}`;
      problems.error(scalar.place, key, message);
    } else if (scalar.text.endsWith('/0')) {
      problems.warn(scalar.place, key, 'is every address, so anyone may say who the client is');
    }
  }
  return scalars.map(({ text }) => text);
}

/** RFC 7617. */
function readUsers(listener: Section, reading: ReadContext): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  const entries = listener.entries('http.users');
  if (listener.tree('http.users') !== undefined && entries.length === 0) {
    listener.error('http.users', 'an empty map lets everybody in, like none; name a user or leave it out');
  }
  // What follows the hash's first comma reads as further users then, and would be printed as their names.
  const torn = entries.find(({ key }) => key.includes('$'));
  if (torn !== undefined) {
    const message = 'within { } a hash must stand in quotes, as its commas end it; a user name has no "$"';
    reading.problems.error(torn.place, `${listener.key}.http.users`, message);
    return users;
  }
  for (const entry of entries) {
    const key = `${listener.key}.http.users.${entry.key}`;
    // The first colon ends the name.
    if (/[:\p{Cc}]/u.test(entry.key)) {
      reading.problems.error(entry.place, key, 'a user name has no colon and no control characters');
    }
    const scalar = scalarOf(entry.value, key, reading);
    if (scalar === undefined) continue;
    if (parsePasswordHash(scalar.text) === undefined) {
      const form = '$scrypt$ln=14…17,r=8,p=1…4$…';
      const message = `must be a hash as "hl7-gateway password" prints it, ${form}, not a password`;
      reading.problems.error(scalar.place, key, message);
    }
    users.set(entry.key, scalar.text);
  }
  if (users.size > 0 && !listener.has('tls')) {
    listener.warn('http.users', 'without tls passwords cross the network as they are');
  }
  return users;
}

/** Without the key all that there are; `identity` alone is none of them. */
function readCodings(listener: Section, { problems }: ReadContext): readonly Coding[] {
  const scalars = listener.scalars('http.codings');
  if (listener.tree('http.codings') === undefined) return CODINGS;
  if (scalars.length === 0) listener.error('http.codings', 'needs at least one; identity takes none');
  const names = [...CODINGS, 'identity'];
  for (const { text, place } of scalars) {
    if (!names.includes(text)) {
      const message = `must be one of ${names.join(', ')}${suggestion(text, names)}`;
      problems.error(place, `${listener.key}.http.codings`, message);
    }
  }
  return CODINGS.filter((coding) => scalars.some(({ text }) => text === coding));
}

/** Part of a header (RFC 9110 11.5), and beyond ASCII no two clients read one alike. */
function readRealm(listener: Section): string {
  const realm = listener.text('http.realm');
  if (isText(realm) && !/^[ -~]*$/.test(realm)) listener.error('http.realm', 'must be printable ASCII');
  return realm;
}

function checkProtocol(listener: Section): void {
  const [given] = listener.scalars('protocol');
  // Of one that was refused nothing is known.
  const protocol = listener.has('protocol') ? given?.text : 'mllp';
  if (protocol !== 'http' && protocol !== 'mllp') return;
  for (const key of protocol === 'http' ? MLLP_ONLY : HTTP_ONLY) {
    if (listener.has(key))
      listener.error(key, `is for protocol ${protocol === 'http' ? 'mllp' : 'http'} only`);
  }
  if (listener.flag('proxyProtocol') && !listener.has('trustedProxies')) {
    listener.error('proxyProtocol', 'needs trustedProxies: the balancers that send the header');
  }
  if (protocol === 'mllp' && listener.has('trustedProxies') && !listener.flag('proxyProtocol')) {
    listener.warn('trustedProxies', 'has no effect without proxyProtocol: MLLP has no forwarding headers');
  }
}
