// What a listener's config says about HTTP and about proxies before it, and which of its keys belong to which protocol.
// Promises that no password stands in it: users are known by the scrypt hash of theirs, which no error repeats (F77).
import { isRange } from '../../../addresses.ts';
import { CODINGS, type Coding, type HttpListenerConfig } from '../../config.ts';
import { isText } from '../../formats.ts';
import { parsePasswordHash } from '../../http/password-hash.ts';
import { keysOnlyFor } from '../../keys/key.ts';
import { LISTENER_KEYS } from '../../keys/listener.ts';
import type { Section } from '../../read/section.ts';
import { suggestion } from '../../source/closest.ts';
import { described, type ReadContext, scalarOf } from '../../source/value.ts';

type ListenerSection = Section<typeof LISTENER_KEYS>;

export function buildListenerHttp(listener: ListenerSection, reading: ReadContext): HttpListenerConfig {
  checkProtocol(listener);
  const { http } = listener.values;
  if (http.http2 && listener.has('http.http2') && !listener.has('tls')) {
    listener.warn('http.http2', 'has no effect without tls, in whose handshake HTTP/2 is agreed on (ALPN)');
  }
  checkRealm(listener);
  return { ...http, users: readUsers(listener, reading), codings: readCodings(listener, reading) };
}

export function readTrustedProxies(listener: ListenerSection, { problems }: ReadContext): readonly string[] {
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
function readUsers(listener: ListenerSection, reading: ReadContext): ReadonlyMap<string, string> {
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
function readCodings(listener: ListenerSection, { problems }: ReadContext): readonly Coding[] {
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
function checkRealm(listener: ListenerSection): void {
  const { realm } = listener.values.http;
  if (isText(realm) && !/^[ -~]*$/.test(realm)) listener.error('http.realm', 'must be printable ASCII');
}

function checkProtocol(listener: ListenerSection): void {
  const [given] = listener.scalars('protocol');
  // Of one that was refused nothing is known.
  const protocol = listener.has('protocol') ? given?.text : 'mllp';
  if (protocol !== 'http' && protocol !== 'mllp' && protocol !== 'tcp') return;
  for (const [key, only] of keysOnlyFor(LISTENER_KEYS)) {
    if (!only.includes(protocol) && listener.has(key))
      listener.error(key, `is for protocol ${only.join(' and ')} only`);
  }
  if (listener.values.proxyProtocol && !listener.has('trustedProxies')) {
    listener.error('proxyProtocol', 'needs trustedProxies: the balancers that send the header');
  }
  if (protocol !== 'http' && listener.has('trustedProxies') && !listener.values.proxyProtocol) {
    listener.warn(
      'trustedProxies',
      `has no effect without proxyProtocol: ${protocol === 'tcp' ? 'bytes have' : 'MLLP has'} no forwarding headers`,
    );
  }
}
