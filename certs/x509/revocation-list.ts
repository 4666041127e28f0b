// Certificate revocation lists (RFC 5280 5.1), read: who is on them, and whether they count.
import type { X509Certificate } from 'node:crypto';
import { partsOf } from './certificate.ts';
import { type Asn1, dateOf, decode, encode, isTagged, isType, itemsOf, NotDer, octetsOf } from './der.ts';
import { subjectText } from './names.ts';
import { isSignedBy } from './sign.ts';

const INTEGER = 2;
const UTC_TIME = 23;
const GENERALIZED_TIME = 24;

export interface RevocationList {
  readonly issuer: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** Serial numbers as X509Certificate has them: hexadecimal, upper case, no leading zeros. */
  readonly revoked: ReadonlyMap<string, Date>;
  readonly der: Buffer;
  /** By this authority: its name, and its signature. Undefined where the signature's algorithm is not known here. */
  readonly isIssuedBy: (authority: X509Certificate) => boolean | undefined;
}

/** @throws NotDer */
export function readCrl(der: Buffer): RevocationList {
  const whole = decode(der);
  const fields = [...itemsOf(itemsOf(whole)[0])];
  if (isType(fields[0], INTEGER)) fields.shift();
  const [, issuer, thisUpdate, ...rest] = fields;
  if (issuer === undefined || !isTime(thisUpdate)) throw new NotDer('no revocation list');
  const nextUpdate = isTime(rest[0]) ? dateOf(rest.shift()) : undefined;
  const entries = rest[0] === undefined || isTagged(rest[0], 0) ? [] : itemsOf(rest[0]);
  return {
    issuer: subjectText(issuer),
    thisUpdate: dateOf(thisUpdate),
    nextUpdate,
    revoked: new Map(entries.map((entry) => [serialOf(itemsOf(entry)[0]), dateOf(itemsOf(entry)[1])])),
    der,
    isIssuedBy: (authority) =>
      encode(partsOf(authority).subject).equals(encode(issuer)) && isSignedBy(whole, authority.publicKey),
  };
}

function isTime(item: Asn1 | undefined): boolean {
  return isType(item, UTC_TIME) || isType(item, GENERALIZED_TIME);
}

function serialOf(item: Asn1 | undefined): string {
  return octetsOf(item)
    .toString('hex')
    .toUpperCase()
    .replace(/^(00)+(?=.)/, '');
}
