// Names in certificates: the subject, and the alternative names that peers compare with the host they meant.
// Promises that a name that could not be matched, or could be misread, is refused when it is written.
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { isHost } from '../../src/config/formats.ts';
import { GatewayError } from '../../src/errors.ts';
import {
  type Asn1,
  derText,
  implicit,
  isTagged,
  itemsOf,
  octetsOf,
  oid,
  oidOf,
  sequence,
  setOf,
  utf8,
} from './der.ts';

/** RFC 5280 appendix A.1, ub-common-name. */
const MAX_COMMON_NAME = 64;
const COMMON_NAME = '2.5.4.3';

/** OpenSSL's short names, so that a subject reads here as it does in `openssl x509` and in a route's `tls.subject`. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

export interface AltName {
  readonly type: 'dns' | 'ip' | 'email' | 'uri' | 'other';
  readonly value: string;
}

/** A subject of a common name alone. RFC 5280 4.1.2.4: PrintableString or UTF8String; the latter takes every name. */
export function subjectOf(commonName: string): Asn1 {
  const length = [...commonName].length;
  if (length === 0 || length > MAX_COMMON_NAME)
    throw wrong(`a common name must have 1 to ${MAX_COMMON_NAME} characters`);
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(commonName))
    throw wrong('a common name must not hold control characters');
  return sequence(setOf(sequence(oid(COMMON_NAME), utf8(commonName))));
}

/** `CN=vip, O=Hospital`, in the order of the certificate, escaped as RFC 4514 2.4 says and OpenSSL does. */
export function subjectText(name: Asn1): string {
  return itemsOf(name)
    .map((relative) => itemsOf(relative).map(attributeText).join(' + '))
    .join(', ');
}

function attributeText(attribute: Asn1): string {
  const [type, value] = itemsOf(attribute);
  const id = oidOf(type);
  return `${ATTRIBUTES[id] ?? id}=${escaped(derText(value))}`;
}

function escaped(text: string): string {
  const inner = text
    .replace(/[,+"\\<>;]/g, '\\$&')
    .replace(
      /[\x00-\x1f\x7f]/g,
      (control) => `\\${Buffer.from(control, 'latin1').toString('hex').toUpperCase()}`,
    );
  // A lone # OpenSSL leaves as it is.
  const start = /^( |#.)/s.test(inner) ? `\\${inner}` : inner;
  return text.length > 1 ? start.replace(/ $/, '\\ ') : start;
}

/** What a user types as a host name, as DNS and certificates have it: `münchen.test` → `xn--mnchen-3ya.test`. */
export function hostName(text: string): string {
  // Only international names are converted: domainToASCII cuts `x/y` to `x`, and would hide a typing error.
  const name = /^[\x21-\x7e]+$/.test(text) ? text : domainToASCII(text);
  const plain = name.startsWith('*.') ? name.slice(2) : name;
  if (/[/:?#@%\s]/.test(text) || plain === '' || !isHost(plain) || isIP(plain) !== 0)
    throw wrong(`"${text}" is no host name`);
  return name;
}

/** The types of GeneralName in RFC 5280 4.2.1.6. */
const GENERAL_NAMES = { email: 1, dns: 2, uri: 6, ip: 7 } as const;

/** RFC 5280 4.2.1.6; undefined where there are none, because an empty list is not allowed. */
export function altNames(dns: readonly string[], ip: readonly string[]): Asn1 | undefined {
  for (const name of dns) {
    // The name is an IA5String, and an address in it would never be matched.
    if (!/^[\x21-\x7e]+$/.test(name) || isIP(name) !== 0) throw wrong(`"${name}" is no host name`);
  }
  for (const address of ip) if (isIP(address) === 0) throw wrong(`"${address}" is no IP address`);
  const names = [
    ...dns.map((name) => implicit(GENERAL_NAMES.dns, Buffer.from(name, 'latin1'))),
    ...ip.map((text) => implicit(GENERAL_NAMES.ip, addressBytes(text))),
  ];
  return names.length === 0 ? undefined : sequence(...names);
}

/**
 * Where a revocation list is, as a name of type URI. RFC 5280 8 is against `https:`: whoever asks there has to check a
 * certificate first, for which the list may be needed.
 */
export function uriName(text: string): Asn1 {
  if (!/^(http|ldap):\/\/[!-~]+$/i.test(text) || !URL.canParse(text))
    throw wrong(`"${text}" is no http:// or ldap:// URL, which a revocation list must have`);
  return implicit(GENERAL_NAMES.uri, Buffer.from(text, 'latin1'));
}

function addressBytes(text: string): Buffer {
  if (isIP(text) === 4) return Buffer.from(ipaddr.IPv4.parse(text).toByteArray());
  // `fe80::1%eth0` is an address of this machine's only; the zone has no place in a certificate. By way of a URL,
  // because ipaddr.js 2.5 takes `::1.2.3.4` for `::ffff:1.2.3.4`, and URLs have hexadecimal groups alone.
  const groups = new URL(`http://[${text.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  return Buffer.from(ipaddr.IPv6.parse(groups).toByteArray());
}

export function readAltNames(names: Asn1): AltName[] {
  return itemsOf(names).map((name): AltName => {
    if (isTagged(name, GENERAL_NAMES.dns)) return { type: 'dns', value: octetsOf(name).toString('latin1') };
    if (isTagged(name, GENERAL_NAMES.email))
      return { type: 'email', value: octetsOf(name).toString('latin1') };
    if (isTagged(name, GENERAL_NAMES.uri)) return { type: 'uri', value: octetsOf(name).toString('latin1') };
    if (isTagged(name, GENERAL_NAMES.ip)) return { type: 'ip', value: addressText(octetsOf(name)) };
    return { type: 'other', value: `[${name.type}]` };
  });
}

/** RFC 5952 for IPv6, as a person writes it. */
function addressText(bytes: Buffer): string {
  return bytes.length === 4 || bytes.length === 16
    ? ipaddr.fromByteArray([...bytes]).toString()
    : `#${bytes.toString('hex')}`;
}

function wrong(detail: string): GatewayError {
  return new GatewayError('GW_ERR_USAGE', { detail });
}
