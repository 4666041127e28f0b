// Password hashes: the one form that is taken, how strong it must be, and how costly it may be to check.
import { describe, expect, test } from 'vitest';
import { formatPasswordHash, parsePasswordHash } from '../../../src/config/http/password-hash.ts';

const SALT = Buffer.alloc(16, 0xfb);
const HASH = Buffer.alloc(32, 0xfe);

function written(parameters = 'ln=15,r=8,p=1', salt = SALT, hash = HASH): string {
  const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
  return `$scrypt$${parameters}$${text(salt)}$${text(hash)}`;
}

describe('good', () => {
  test.each([
    ['ln=14,r=8,p=1', 2 ** 14, 8, 1],
    ['ln=15,r=8,p=1', 2 ** 15, 8, 1],
    ['ln=14,r=64,p=4', 2 ** 14, 64, 4],
    ['ln=17,r=8,p=2', 2 ** 17, 8, 2],
  ])('%s', (parameters, cost, blockSize, parallelization) => {
    const text = written(parameters);
    const parsed = { cost, blockSize, parallelization, salt: SALT, hash: HASH };
    expect(parsePasswordHash(text)).toEqual(parsed);
    expect(formatPasswordHash(parsed)).toBe(text);
  });

  test.each([
    [12, 32],
    [16, 64],
    [64, 32],
  ])('a salt of %d bytes and a hash of %d', (salt, hash) => {
    const parsed = parsePasswordHash(written(undefined, Buffer.alloc(salt, 1), Buffer.alloc(hash, 2)));
    expect([parsed?.salt.length, parsed?.hash.length]).toEqual([salt, hash]);
  });
});

describe('weak', () => {
  test.each([
    'ln=13,r=8,p=1',
    'ln=1,r=8,p=1',
    'ln=0,r=8,p=1',
    'ln=15,r=7,p=1',
    'ln=15,r=0,p=1',
    'ln=15,r=8,p=0',
  ])('%s', (parameters) => expect(parsePasswordHash(written(parameters))).toBeUndefined());
  test('a short salt, a short hash', () => {
    expect(parsePasswordHash(written(undefined, Buffer.alloc(11, 1)))).toBeUndefined();
    expect(parsePasswordHash(written(undefined, SALT, Buffer.alloc(31, 1)))).toBeUndefined();
  });
});

describe('too costly', () => {
  test.each(['ln=18,r=8,p=1', 'ln=17,r=9,p=1', 'ln=14,r=65,p=1', 'ln=99,r=99,p=1', 'ln=15,r=8,p=5'])(
    '%s',
    (parameters) => expect(parsePasswordHash(written(parameters))).toBeUndefined(),
  );
  test('a hash or salt of any length', () => {
    expect(parsePasswordHash(written(undefined, SALT, Buffer.alloc(65, 1)))).toBeUndefined();
    expect(parsePasswordHash(written(undefined, Buffer.alloc(65, 1)))).toBeUndefined();
  });
});

describe('malformed', () => {
  test.each<[string, (text: string) => string]>([
    ['nothing', () => ''],
    ['a password', () => 'hunter2'],
    ['another algorithm', (text) => text.replace('scrypt', 'argon2id')],
    ['bcrypt', () => '$2b$12$abcdefghijklmnopqrstuv'],
    ['parameters in another order', (text) => text.replace('ln=15,r=8', 'r=8,ln=15')],
    ['a parameter missing', (text) => text.replace(',p=1', '')],
    ['a leading zero', (text) => text.replace('r=8', 'r=08')],
    ['a sign', (text) => text.replace('ln=15', 'ln=+15')],
    ['padding', (text) => `${text}=`],
    ['base64url', (text) => text.replaceAll('+', '-').replaceAll('/', '_')],
    ['a newline behind it', (text) => `${text}\n`],
    ['a space before it', (text) => ` ${text}`],
    ['its last character changed', (text) => `${text.slice(0, -1)}5`],
    ['one of its parts twice', (text) => `${text}$${text}`],
  ])('%s', (_, spoil) => {
    expect(parsePasswordHash(written())).toBeDefined();
    expect(parsePasswordHash(spoil(written()))).toBeUndefined();
  });
});
