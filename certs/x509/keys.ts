// Private keys: their kinds, made by Node.js (node-forge knows RSA alone), and their PKCS#8 form, encrypted or not.
// Promises that no error says anything of a key or a passphrase.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { GatewayError } from '../../src/errors.ts';
import { seal } from './encryption.ts';
import { KEY_KINDS, type KeyKind } from './key-kinds.ts';

export type { KeyKind } from './key-kinds.ts';

const CURVES = { 'ec-p256': 'P-256', 'ec-p384': 'P-384' } as const;

export function newKey(kind: KeyKind): KeyObject {
  // Serialised and read again: the type of the pair's own objects is not `KeyObject` in every version's declarations.
  const format = { type: 'pkcs8', format: 'der' } as const;
  const encodings = {
    privateKeyEncoding: format,
    publicKeyEncoding: { type: 'spki', format: 'der' },
  } as const;
  const { privateKey } =
    kind === 'ec-p256' || kind === 'ec-p384'
      ? generateKeyPairSync('ec', { namedCurve: CURVES[kind], ...encodings })
      : generateKeyPairSync('rsa', { modulusLength: kind === 'rsa-2048' ? 2048 : 3072, ...encodings });
  return createPrivateKey({ key: privateKey, ...format });
}

/** The kind to make when a key of this kind is to be replaced; undefined where this tool makes none such. */
export function kindOf(key: KeyObject): KeyKind | undefined {
  const name = `${key.asymmetricKeyType}-${keySize(key)}`;
  return KEY_KINDS.find((kind) => kind === name);
}

/** `2048`, `p256`, or the curve's name; empty where the type says it all. */
function keySize(key: KeyObject): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return `${modulusLength}`;
  if (namedCurve === undefined) return '';
  return { prime256v1: 'p256', secp384r1: 'p384', secp521r1: 'p521' }[namedCurve] ?? namedCurve;
}

/** `RSA 2048`, `EC P-256`, `ED25519`. */
export function keyText(key: KeyObject): string {
  const type = (key.asymmetricKeyType ?? 'unknown').toUpperCase();
  return `${type} ${keySize(key).replace(/^p(?=\d)/, 'P-')}`.trim();
}

/** RSA below it can be factored by those with means; NIST SP 800-131A allows nothing less since 2014. */
export const LEAST_RSA_BITS = 2048;

export function isWeakKey(key: KeyObject): boolean {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits !== undefined && bits < LEAST_RSA_BITS;
}

/** PKCS#8 in PEM; with a passphrase PBES2 with AES-256. */
export function keyPemOf(key: KeyObject, passphrase?: string): string {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return passphrase === undefined
    ? pem('PRIVATE KEY', der)
    : pem('ENCRYPTED PRIVATE KEY', seal(der, passphrase));
}

/**
 * PEM or DER, PKCS#8, PKCS#1 or SEC 1.
 *
 * @throws GatewayError GW_ERR_TLS_FILE, with the reason as its detail
 */
export function readKey(data: string | Buffer, passphrase: string | undefined): KeyObject {
  const encrypted = isEncrypted(data);
  if (encrypted && passphrase === undefined)
    throw unusable('the key is encrypted, and no passphrase was given');
  const failures: unknown[] = [];
  for (const type of typeof data === 'string' ? [undefined] : (['pkcs8', 'pkcs1', 'sec1'] as const)) {
    try {
      return createPrivateKey({
        key: data,
        format: typeof data === 'string' ? 'pem' : 'der',
        ...(type === undefined ? {} : { type }),
        ...(encrypted && passphrase !== undefined ? { passphrase } : {}),
      });
    } catch (cause) {
      failures.push(cause);
    }
  }
  // A wrong passphrase is often seen only by the rubbish that comes out, so the two cannot be told apart.
  const detail = encrypted ? 'wrong passphrase, or a damaged key' : 'the key cannot be read';
  throw new GatewayError('GW_ERR_TLS_FILE', { detail, cause: failures[0] });
}

/** Encrypted PKCS#8 in DER begins with the list of its algorithm; a key that is not, with a version number. */
export function isEncrypted(data: string | Buffer): boolean {
  if (typeof data === 'string')
    return /-{5}BEGIN ENCRYPTED PRIVATE KEY-{5}|^Proc-Type: 4,ENCRYPTED/m.test(data);
  const headerLength = (data[1] ?? 0) < 0x80 ? 2 : 2 + ((data[1] ?? 0) & 0x7f);
  return data[headerLength] === 0x30;
}

/** RFC 7468: 64 characters a line, LF. */
export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

function unusable(detail: string): GatewayError {
  return new GatewayError('GW_ERR_TLS_FILE', { detail });
}
