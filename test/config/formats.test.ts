// Every format with good and bad values, and what convict makes of them: text is taken whole or refused.
import convict from 'convict';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LONGEST_MS,
  parseCount,
  parseDuration,
  parseFlag,
  parseShare,
  parseSize,
  sizeText,
} from '../../src/config/formats.ts';
import type { ConfigKey } from '../../src/config/keys/key.ts';
import '../../src/config/read/convict-formats.ts';

type Item = Omit<ConfigKey, 'doc'>;

/** What convict says of `value`: the parsed value, or the error's text. */
function through(item: Item, value: unknown): unknown {
  const config = convict({ key: { ...item, sensitive: true } } as never, { env: {}, args: [] });
  try {
    return (config.load({ key: value }).validate({ allowed: 'strict' }).getProperties() as { key: unknown })
      .key;
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

describe('duration', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['500ms', 500],
    ['5s', 5000],
    ['2m', 120_000],
    ['1h', 3_600_000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each([
    '5',
    '12x',
    '',
    ' 5s',
    '5 s',
    '5S',
    '1.5s',
    '-1s',
    '+1s',
    '05s',
    '1e3ms',
    '5sm',
    '5s\n',
    '99999999999999h',
  ])('%j is none', (text) => expect(parseDuration(text)).toBeUndefined());

  const item: Item = { format: 'duration', default: '5s' };
  test('convict takes text and the default', () => {
    expect(through(item, '2m')).toBe(120_000);
    expect(convict({ key: item } as never, { env: {}, args: [] }).getProperties()).toEqual({ key: 5000 });
  });
  test('convict refuses what is no duration, zero where it means nothing, and what a timer cannot run', () => {
    expect(through(item, '12x')).toBe('key: must be a duration such as 500ms, 5s, 2m or 1h');
    expect(through(item, '0')).toBe('key: must be longer than 0');
    expect(through({ ...item, zero: true }, '0')).toBe(0);
    expect(through(item, '597h')).toBe('key: must be at most 596h (the longest a timer runs)');
    expect(through(item, '596h')).toBeLessThan(LONGEST_MS);
  });
});

describe('size', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['64KiB', 65_536],
    ['16MiB', 16_777_216],
    ['1GiB', 1_073_741_824],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));
  test.each(['', '16MB', '16M', '16mib', '1.5GiB', '12x', '-1', '01', '0x10', '1e3', '9007199254740992'])(
    '%j is none',
    (text) => expect(parseSize(text)).toBeUndefined(),
  );
  test('has limits, which the error names', () => {
    const item: Item = { format: 'size', default: '1MiB', min: 1024, max: 2 ** 30 };
    expect(through(item, '1023')).toBe('key: must be a size such as 64KiB, 16MiB or 1GiB, from 1KiB to 1GiB');
    expect(through(item, '1KiB')).toBe(1024);
  });
  test('what sizeText writes, parseSize reads', () => {
    fc.assert(fc.property(fc.nat(2 ** 40), (bytes) => parseSize(sizeText(bytes)) === bytes));
  });
});

describe('count', () => {
  test.each([
    ['0', 0],
    ['12', 12],
    ['9007199254740991', 9_007_199_254_740_991],
  ])('%s is %d', (text, count) => expect(parseCount(text)).toBe(count));
  test.each(['12x', '', '1.0', '-1', '+1', '012', '0x1', '1e3', ' 1', '1_000', '9007199254740992'])(
    '%j is none',
    (text) => expect(parseCount(text)).toBeUndefined(),
  );
  test('has limits, which the error names', () => {
    const item: Item = { format: 'count', default: 1, min: 0, max: 256 };
    for (const bad of ['12x', '257', '-1', 1.5, true, Number.NaN]) {
      expect(through(item, bad)).toBe('key: must be an integer from 0 to 256');
    }
    expect(through(item, '256')).toBe(256);
  });
  test('may be auto where the format says so', () => {
    const item: Item = { format: 'auto-count', default: 'auto', min: 1, max: 4 };
    expect(through(item, 'auto')).toBe('auto');
    expect(through(item, '4')).toBe(4);
    expect(through(item, 'Auto')).toBe('key: must be auto or an integer from 1 to 4');
  });
});

test('a flag is true or false in the spellings of YAML 1.2, and nothing else', () => {
  expect(['true', 'True', 'TRUE'].map(parseFlag)).toEqual([true, true, true]);
  expect(['false', 'False', 'FALSE'].map(parseFlag)).toEqual([false, false, false]);
  for (const bad of ['yes', 'no', 'on', '1', '0', '', 'tRUE', 'truee'])
    expect(parseFlag(bad)).toBeUndefined();
  expect(through({ format: 'flag', default: false }, 'yes')).toBe('key: must be true or false');
});

test('a share is a number from 0 to 1', () => {
  expect(['0', '0.25', '1', '1.0'].map(parseShare)).toEqual([0, 0.25, 1, 1]);
  for (const bad of ['1.1', '-0.1', '50%', '', '.5', '1e-1']) expect(parseShare(bad)).toBeUndefined();
});

test.each<[Item, readonly unknown[], readonly unknown[], string]>([
  [{ format: 'one-of', default: 'a', values: ['a', 'b'] }, ['a', 'b'], ['A', 'c', ''], 'one of a, b'],
  [{ format: 'file', default: undefined }, ['a/b.pem', '/a b'], ['', '-----BEGIN\nx'], 'the path of a file'],
  [
    { format: 'files', default: undefined },
    [['a'], ['a', 'b']],
    [[], [''], ['a\nb']],
    'the path of a file, or a list of such',
  ],
  [{ format: 'host', default: undefined }, ['mirth.example.org'], ['a b', ''], 'a host name'],
  [
    { format: 'text', default: undefined },
    ['x', 'ä'.repeat(200)],
    ['', 'a\nb', 'x'.repeat(201), '\u001b[2J'],
    'one line of 1 to 200 characters',
  ],
  [
    { format: 'http-url', default: undefined },
    ['http://127.0.0.1:4318'],
    ['ftp://a', 'http://', 'http://u:p@a'],
    'an http:// or https:// URL without a password',
  ],
  [
    { format: 'token', default: undefined },
    ['GATEWAY_NODE'],
    ['', 'a b', 'a=b'],
    "a name of letters, digits and !#$%&'*+-.^_`|~",
  ],
])('%j through convict', (item, good, bad, must) => {
  for (const value of good) expect(through(item, value)).toEqual(value);
  for (const value of bad) expect(through(item, value)).toBe(`key: must be ${must}`);
});

test('a required key is one that has null as its default', () => {
  const config = convict({ key: { format: 'bind', default: null } } as never, { env: {}, args: [] });
  expect(() => config.validate({ allowed: 'strict' })).toThrow('key: is required');
});
