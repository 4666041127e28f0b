// How bytes lie in the store: AES-256-GCM where there is a key, a CRC where there is none. Promises that what is opened is what was
// sealed, for the same `about`; else GW_ERR_SPOOL_CORRUPT. SQLite's pages have no sums, so nothing else would notice.
//
// A key may not be used twice with one nonce. Each opening of the store derives a key of its own from random bytes and counts from 0
// under it: ids could come again after a file was put back from a copy.
import { createCipheriv, createDecipheriv, hash, hkdfSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { GatewayError } from '../../errors.ts';
import { randomBytes } from '../../platform/random.ts';

/** Left free before the bytes to be sealed, so that without a key nothing is copied: kind, CRC. */
export const SEAL_ROOM = 5;

const PLAIN = 1;
const ENCRYPTED = 2;

const KEY_ID_BYTES = 4;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Kind, key id, salt, counter. */
const HEAD_BYTES = 1 + KEY_ID_BYTES + SALT_BYTES + 8;

/** One for each opening of the store that messages are left of. */
const MOST_DERIVED = 1_000;

interface SealKey {
  readonly id: string;
  readonly key: Uint8Array;
}

export class BodySeal {
  readonly #keys: readonly SealKey[];
  /** Of what is sealed now. */
  readonly #salt = randomBytes(SALT_BYTES);
  #counter = 0n;
  /** By key id and salt. */
  readonly #derived = new Map<string, Buffer>();

  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys.map((key) => ({ id: keyIdOf(key), key }));
  }

  /** Of the key that encrypts; undefined: none does. */
  get keyId(): string | undefined {
    return this.#keys[0]?.id;
  }

  has(keyId: string): boolean {
    return this.#keys.some(({ id }) => id === keyId);
  }

  /** `bytes` begin with SEAL_ROOM free ones; without a key they are what is returned. */
  seal(bytes: Uint8Array, about: string): Uint8Array {
    const first = this.#keys[0];
    const content = bytes.subarray(SEAL_ROOM);
    if (first === undefined) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, SEAL_ROOM);
      view.setUint8(0, PLAIN);
      view.setUint32(1, crc32(content, crc32(about)));
      return bytes;
    }
    const head = Buffer.allocUnsafe(HEAD_BYTES);
    head[0] = ENCRYPTED;
    head.write(first.id, 1, 'hex');
    this.#salt.copy(head, 1 + KEY_ID_BYTES);
    head.writeBigUInt64BE(this.#counter++, HEAD_BYTES - 8);
    const cipher = createCipheriv('aes-256-gcm', this.#derive(first, this.#salt), nonceOf(head));
    cipher.setAAD(Buffer.from(about));
    const encrypted = cipher.update(content);
    cipher.final();
    return Buffer.concat([head, encrypted, cipher.getAuthTag()]);
  }

  /** `name`: of what it is, for people. @throws GatewayError GW_ERR_SPOOL_CORRUPT */
  open(sealed: Uint8Array, about: string, name: string): Buffer {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (bytes[0] === PLAIN && bytes.length >= SEAL_ROOM) {
      const content = bytes.subarray(SEAL_ROOM);
      if (bytes.readUInt32BE(1) === crc32(content, crc32(about))) return content;
    } else if (bytes[0] === ENCRYPTED && bytes.length >= HEAD_BYTES + TAG_BYTES) {
      return this.#decrypt(bytes, about, name);
    }
    throw corrupt(`${name} is damaged`);
  }

  #decrypt(bytes: Buffer, about: string, name: string): Buffer {
    const id = bytes.toString('hex', 1, 1 + KEY_ID_BYTES);
    const key = this.#keys.find((one) => one.id === id);
    if (key === undefined) throw corrupt(`${name} was encrypted with the key ${id}, which is not here`);
    const derived = this.#derive(key, bytes.subarray(1 + KEY_ID_BYTES, HEAD_BYTES - 8));
    const decipher = createDecipheriv('aes-256-gcm', derived, nonceOf(bytes), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(about));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const content = decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      throw corrupt(`${name} is damaged`);
    }
    return content;
  }

  #derive({ id, key }: SealKey, salt: Buffer): Buffer {
    const name = `${id}${salt.toString('base64')}`;
    let derived = this.#derived.get(name);
    if (derived === undefined) {
      derived = Buffer.from(hkdfSync('sha256', key, salt, 'hl7-gateway spool', 32));
      if (this.#derived.size >= MOST_DERIVED) this.#derived.clear();
      this.#derived.set(name, derived);
    }
    return derived;
  }

  /** For finding by a value without storing it: under each key, the first being that of what is stored now. */
  digests(value: string): Buffer[] {
    const keys: readonly (Uint8Array | undefined)[] =
      this.#keys.length === 0 ? [undefined] : [...this.#keys.map(({ key }) => key), undefined];
    return keys.map((key) => digestOf(value, key));
  }

  digest(value: string): Buffer {
    return digestOf(value, this.#keys[0]?.key);
  }
}

/** Eight bytes: enough to leave few to look at, and too few to tell what it was. */
function digestOf(value: string, key: Uint8Array | undefined): Buffer {
  const text = Buffer.from(value);
  return hash('sha256', key === undefined ? text : Buffer.concat([key, text]), 'buffer').subarray(0, 8);
}

function nonceOf(head: Buffer): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  head.copy(nonce, NONCE_BYTES - 8, HEAD_BYTES - 8, HEAD_BYTES);
  return nonce;
}

/** Tells keys apart, and nothing of them. */
function keyIdOf(key: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from('hl7-gateway spool key id\0'), key])).slice(
    0,
    KEY_ID_BYTES * 2,
  );
}

function corrupt(detail: string): GatewayError {
  return new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail });
}
