// Passwords against their hashes: other implementations' hashes are known here, and only the right password fits.
import { describe, expect, test } from 'vitest';
import { hashPassword, verifyPassword } from '../../src/config/http/password.ts';
import { parsePasswordHash } from '../../src/config/http/password-hash.ts';

const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

/** With a letter that a keyboard may compose. */
const PASSWORD = 's3cret Mu\u0308ller';
/** Each hash costs a tenth of a second: one for all. */
const made = hashPassword(PASSWORD);

/** RFC 7914 12. */
const RFC_7914 = `$scrypt$ln=14,r=8,p=1$${text(Buffer.from('SodiumChloride'))}$${text(
  Buffer.from(
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    'hex',
  ),
)}`;

test('a hash of RFC 7914 is checked as the RFC says', async () => {
  expect(await verifyPassword('pleaseletmein', RFC_7914)).toBe(true);
  expect(await verifyPassword('pleaseletmeIn', RFC_7914)).toBe(false);
  expect(await verifyPassword('', RFC_7914)).toBe(false);
});

test('a hash that Python’s hashlib made is known', async () => {
  // hashlib.scrypt('Grüße'.encode(), salt=bytes(range(16)), n=2**15, r=8, p=1, maxmem=2**26, dklen=32)
  const hash = '$scrypt$ln=15,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$vfr9OGKPAtGwH2Wxn2Iw+qfHuA9styQHvMASPgqQmNg';
  expect(await verifyPassword('Grüße', hash)).toBe(true);
  expect(await verifyPassword('Gruesse', hash)).toBe(false);
});

describe('a hash that is made here', () => {
  test('has the form of a config, fits its password and no other, and is another one each time', async () => {
    const [one, two] = [await made, await hashPassword(PASSWORD)];
    expect(one).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(parsePasswordHash(one)).toMatchObject({ cost: 2 ** 15, blockSize: 8, parallelization: 1 });
    expect(two).not.toBe(one);
    expect(await verifyPassword(PASSWORD, one)).toBe(true);
    expect(await verifyPassword(PASSWORD, two)).toBe(true);
    expect(await verifyPassword(`${PASSWORD} `, one)).toBe(false);
  });

  test('fits however a keyboard composes the same letters', async () => {
    expect(await verifyPassword(PASSWORD.normalize('NFC'), await made)).toBe(true);
  });
});

test('what is no hash, or no user, fits nothing, and takes as long as a wrong password', async () => {
  const timed = async (password: string, hash: string | undefined): Promise<number> => {
    const startedAt = performance.now();
    expect(await verifyPassword(password, hash)).toBe(false);
    return performance.now() - startedAt;
  };
  // The shortest of several is the one that the machine disturbed least.
  let known = Number.POSITIVE_INFINITY;
  let unknown = Number.POSITIVE_INFINITY;
  for (const none of [undefined, '', PASSWORD, '$scrypt$ln=2,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$AAAA']) {
    known = Math.min(known, await timed('wrong', await made));
    unknown = Math.min(unknown, await timed(PASSWORD, none));
  }
  expect(unknown).toBeGreaterThan(known / 3);
});

test('the dearest hash that a config may hold can be checked', async () => {
  const hash = `$scrypt$ln=17,r=8,p=4$${text(Buffer.alloc(16))}$${text(Buffer.alloc(32))}`;
  expect(parsePasswordHash(hash)).toBeDefined();
  expect(await verifyPassword('x', hash)).toBe(false);
});
