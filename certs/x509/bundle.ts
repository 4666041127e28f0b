// The certificates of a PKCS#7 file (RFC 5652 5.1), as Windows' certificate authority hands them out: `.p7b`.
import { X509Certificate } from 'node:crypto';
import { decode, encode, isTagged, itemsOf, NotDer, oidOf } from './der.ts';

const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** @throws NotDer */
export function readCertificateBundle(der: Buffer): X509Certificate[] {
  const [type, content] = itemsOf(decode(der));
  if (oidOf(type) !== SIGNED_DATA) throw new NotDer('no signed data');
  const certificates = itemsOf(itemsOf(content)[0]).find((item) => isTagged(item, 0));
  if (certificates === undefined) throw new NotDer('no certificates');
  return itemsOf(certificates).map((item) => new X509Certificate(encode(item)));
}
