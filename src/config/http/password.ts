// Makes and checks the hashes that a config holds instead of passwords: scrypt (RFC 7914), off the event loop.
// Promises that a check takes as long for a user that does not exist as for a wrong password.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { formatPasswordHash, type PasswordHash, parsePasswordHash } from './password-hash.ts';

/** 2^15 × 8 × 128 bytes: 32 MiB and some 60 ms of a core for each guess, and for each check. */
const COST = 2 ** 15;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 1;
/** Longer than two users need to have different ones by chance (NIST SP 800-132 5.1 asks for 16 at least). */
const SALT_BYTES = 16;
/** As many as SHA-256 gives: more would not make a password harder to guess. */
const HASH_BYTES = 32;

/** What is compared with where nobody has that name. */
const NOBODY: PasswordHash = {
  cost: COST,
  blockSize: BLOCK_SIZE,
  parallelization: PARALLELIZATION,
  salt: randomBytes(SALT_BYTES),
  hash: randomBytes(HASH_BYTES),
};

/** The line that `listeners.NAME.http.users` takes. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const form = { cost: COST, blockSize: BLOCK_SIZE, parallelization: PARALLELIZATION, salt };
  return formatPasswordHash({ ...form, hash: await derive(password, form, HASH_BYTES) });
}

/**
 * `hash`: as the config has it; undefined for a user that it does not name. Each call takes a thread of Node.js's pool
 * and the hash's memory (see COST): the caller bounds how many run at once.
 */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const known = hash === undefined ? undefined : parsePasswordHash(hash);
  const expected = known ?? NOBODY;
  const actual = await derive(password, expected, expected.hash.length);
  return timingSafeEqual(actual, expected.hash) && known !== undefined;
}

type Form = Omit<PasswordHash, 'hash'>;

function derive(
  password: string,
  { cost, blockSize, parallelization, salt }: Form,
  bytes: number,
): Promise<Buffer> {
  // What the algorithm needs (RFC 7914 6) and OpenSSL counts; Node.js allows 32 MiB unless told.
  const maxmem = 128 * blockSize * (cost + parallelization + 2);
  return new Promise((resolve, reject) => {
    // RFC 7617 2.1: two keyboards may write the same character in two ways (RFC 8265 4.2.1).
    scrypt(
      password.normalize('NFC'),
      salt,
      bytes,
      { cost, blockSize, parallelization, maxmem },
      (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      },
    );
  });
}
