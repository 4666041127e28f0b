// The extensions of certificates and requests, written and read.
// Promises what RFC 5280 4.2 asks of those that are written; of those read, unknown ones are left alone.
import { createHash, type KeyObject } from 'node:crypto';
import {
  type Asn1,
  bits,
  bitsOf,
  decode,
  encode,
  explicit,
  implicit,
  integer,
  isTagged,
  isType,
  itemsOf,
  octets,
  octetsOf,
  oid,
  oidOf,
  sequence,
  yes,
} from './der.ts';
import { type AltName, readAltNames, uriName } from './names.ts';

export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
} as const;

export const PURPOSE = {
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
} as const;

const PURPOSE_NAMES: Readonly<Record<string, string>> = {
  [PURPOSE.server]: 'server',
  [PURPOSE.client]: 'client',
  '1.3.6.1.5.5.7.3.3': 'code signing',
  '1.3.6.1.5.5.7.3.4': 'email',
  '1.3.6.1.5.5.7.3.8': 'time stamping',
  '1.3.6.1.5.5.7.3.9': 'OCSP signing',
  '2.5.29.37.0': 'any',
};

/** RFC 5280 4.2.1.3, in the order of the bits. */
const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
export type KeyUsage = (typeof KEY_USAGES)[number];

const BOOLEAN = 1;
const INTEGER = 2;

export function extension(id: string, value: Asn1, critical = false): Asn1 {
  return sequence(oid(id), ...(critical ? [yes()] : []), octets(encode(value)));
}

/** Critical in an authority (4.2.1.9); the path length is how many authorities may be below it. */
export function authorityConstraints(pathLength: number): Asn1 {
  return extension(EXTENSION.basicConstraints, sequence(yes(), integer(pathLength)), true);
}

export function leafConstraints(): Asn1 {
  return extension(EXTENSION.basicConstraints, sequence());
}

export function keyUsage(...usages: readonly KeyUsage[]): Asn1 {
  const positions = usages.map((usage) => KEY_USAGES.indexOf(usage));
  const last = Math.max(...positions);
  const bytes = Buffer.alloc(Math.floor(last / 8) + 1);
  for (const at of positions)
    bytes[Math.floor(at / 8)] = (bytes[Math.floor(at / 8)] ?? 0) | (0x80 >> (at % 8));
  // X.690 11.2.2: a list of named bits ends with its last one.
  return extension(EXTENSION.keyUsage, bits(bytes, 7 - (last % 8)), true);
}

export function purposes(...ids: readonly string[]): Asn1 {
  return extension(EXTENSION.extKeyUsage, sequence(...ids.map(oid)));
}

/** RFC 5280 4.2.1.2 (1): SHA-1 of the public key's bits. A name for the key, no security rests on it. */
export function keyId(publicKey: KeyObject): Buffer {
  const [, key] = itemsOf(decode(publicKey.export({ type: 'spki', format: 'der' })));
  return createHash('sha1').update(bitsOf(key)).digest();
}

export function subjectKeyId(id: Buffer): Asn1 {
  return extension(EXTENSION.subjectKeyIdentifier, octets(id));
}

export function authorityKeyId(id: Buffer): Asn1 {
  return extension(EXTENSION.authorityKeyIdentifier, sequence(implicit(0, id)));
}

/** RFC 5280 4.2.1.13: one list, and every place where it is; undefined where there is none. The value alone. */
export function crlPoints(urls: readonly string[]): Asn1 | undefined {
  if (urls.length === 0) return undefined;
  return sequence(sequence(explicit(0, explicit(0, ...urls.map(uriName)))));
}

/** Of the points that name their list by URL, all URLs. */
function readCrlPoints(points: Asn1): string[] {
  return itemsOf(points).flatMap((point) => {
    const place = itemsOf(point).find((part) => isTagged(part, 0));
    const names = place && itemsOf(place)[0];
    if (names === undefined) return [];
    return readAltNames(names).flatMap(({ type, value }) => (type === 'uri' ? [value] : []));
  });
}

/** What a list of extensions says. */
export interface Extensions {
  readonly altNames: readonly AltName[];
  /** As found; for a renewal. */
  readonly altNamesDer: Asn1 | undefined;
  readonly keyUsages: readonly string[];
  /** Object identifiers; undefined: none is set, so every purpose is allowed. */
  readonly purposes: readonly string[] | undefined;
  readonly ca: boolean;
  readonly pathLength: number | undefined;
  readonly keyId: Buffer | undefined;
  /** Where the revocation list is. */
  readonly crlUrls: readonly string[];
  /** As found; for a renewal. */
  readonly crlPointsDer: Asn1 | undefined;
}

/** @throws NotDer */
export function readExtensions(list: readonly Asn1[]): Extensions {
  const values = new Map<string, Asn1>();
  for (const one of list) {
    const [id, ...rest] = itemsOf(one);
    values.set(oidOf(id), decode(octetsOf(rest.at(-1))));
  }
  const names = values.get(EXTENSION.subjectAltName);
  const usage = values.get(EXTENSION.keyUsage);
  const extended = values.get(EXTENSION.extKeyUsage);
  const [ca, length] = itemsOf(values.get(EXTENSION.basicConstraints) ?? sequence());
  const id = values.get(EXTENSION.subjectKeyIdentifier);
  const points = values.get(EXTENSION.crlDistributionPoints);
  return {
    altNames: names === undefined ? [] : readAltNames(names),
    altNamesDer: names,
    keyUsages: usage === undefined ? [] : namedBits(bitsOf(usage)),
    purposes: extended === undefined ? undefined : itemsOf(extended).map(oidOf),
    ca: isType(ca, BOOLEAN) && octetsOf(ca)[0] !== 0,
    pathLength: isType(length, INTEGER) ? octetsOf(length).readUIntBE(0, 1) : undefined,
    keyId: id === undefined ? undefined : octetsOf(id),
    crlUrls: points === undefined ? [] : readCrlPoints(points),
    crlPointsDer: points,
  };
}

export function purposeName(id: string): string {
  return PURPOSE_NAMES[id] ?? id;
}

function namedBits(bytes: Buffer): string[] {
  return KEY_USAGES.filter((_, at) => ((bytes[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0);
}
