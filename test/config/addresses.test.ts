// Addresses, URLs and names: what each takes, and what only looks like one.
import { describe, expect, test } from 'vitest';
import { isRange } from '../../src/addresses.ts';
import { isHost, isToken, isUrlPath, parseBind, parseNodeUrl } from '../../src/config/formats.ts';

describe('bind', () => {
  test.each([
    ['0.0.0.0:2575', '0.0.0.0', 2575],
    ['localhost:0', 'localhost', 0],
    [':2575', '0.0.0.0', 2575],
    ['[::]:2575', '::', 2575],
    ['[fd00::1]:65535', 'fd00::1', 65_535],
    ['gateway_1.example.org:1', 'gateway_1.example.org', 1],
  ])('%s', (text, host, port) => expect(parseBind(text)).toEqual({ host, port }));
  test.each([
    '2575',
    '0.0.0.0',
    '0.0.0.0:',
    '0.0.0.0:65536',
    '0.0.0.0:02575',
    '256.0.0.1:1',
    '10.1:1',
    '::1:2575',
    '[::1]',
    '[10.0.0.1]:1',
    '[:::]:1',
    'a b:1',
    'a..b:1',
    '-a:1',
    'mllp://a:1',
    'a:1\n',
    'user@a:1',
    `${'a'.repeat(64)}:1`,
  ])('%j is none', (text) => expect(parseBind(text)).toBeUndefined());
});

describe('node URL', () => {
  test.each([
    ['mllp://10.0.0.11:6661', 'mllp', '10.0.0.11', 6661, '/'],
    ['mllps://mirth-1:6661/', 'mllps', 'mirth-1', 6661, '/'],
    ['mllp://[fd00::1]:6661', 'mllp', 'fd00::1', 6661, '/'],
    ['http://mirth-1', 'http', 'mirth-1', 80, '/'],
    ['https://mirth-1', 'https', 'mirth-1', 443, '/'],
    ['https://mirth-1:8443/', 'https', 'mirth-1', 8443, '/'],
    ['http://[fd00::1]', 'http', 'fd00::1', 80, '/'],
    ['https://[fd00::1]:8443/a', 'https', 'fd00::1', 8443, '/a'],
    ['http://10.0.0.1:8081/adt/in;v=1/%C3%A4/', 'http', '10.0.0.1', 8081, '/adt/in;v=1/%C3%A4/'],
  ])('%s', (text, protocol, host, port, path) => {
    expect(parseNodeUrl(text)).toEqual({ protocol, host, port, path });
  });
  test.each([
    '10.0.0.11:6661',
    'mllp://10.0.0.11',
    'mllp://:6661',
    'mllp://a:0',
    'MLLP://a:1',
    'tcp://a:1',
    'mllp:a:1',
    'mllp://a:1/path',
    'mllp://a:1?x=y',
    'mllp://user:pass@a:1',
    'mllp://a:65536',
    '',
    'http://',
    'http:///a',
    'http://:80',
    'http://a:',
    'http://a:0',
    'http://a:65536',
    'http://fd00::1',
    'http://user:pass@a',
    'http://user@a:1',
    'http://a?x=y',
    'http://a/b?x=y',
    'http://a/b#c',
    'http://a/b c',
    'http://a/ä',
    'http://a/%zz',
    'http://a/{b}',
    'http://a/b\\c',
    'http://a/b\n',
    'HTTP://a',
    'ws://a',
    'httpss://a',
  ])('%j is none', (text) => expect(parseNodeUrl(text)).toBeUndefined());
});

test('a host name is one, and what reads like an address has to be one', () => {
  for (const good of ['a', 'mirth-1', 'mirth_1', 'a.example.org', '10.0.0.1', '1a'])
    expect(isHost(good)).toBe(true);
  for (const bad of ['', '.', 'a.', '-a', 'a-', 'a b', '10.0.0', '1.2.3.4.5', '10.0.0.256', 'ä', 'a:b']) {
    expect(isHost(bad)).toBe(false);
  }
});

describe('token', () => {
  test.each(['X-A', 'a', "!#$%&'*+-.^_`|~09", 'x'.repeat(100)])('%j', (text) =>
    expect(isToken(text)).toBe(true),
  );
  test.each(['', 'a b', 'a:', ':path', 'a;b', 'a=b', '"a"', 'ä', 'a\n', 'a/b', 'x'.repeat(101), 5])(
    '%j is none',
    (text) => expect(isToken(text)).toBe(false),
  );
});

describe('range', () => {
  test.each([
    '10.1.2.3',
    '10.1.0.0/16',
    '0.0.0.0/0',
    '10.1.2.3/32',
    '::1',
    'fd00::/8',
    '::/0',
    'fd00::1/128',
  ])('%s', (text) => expect(isRange(text)).toBe(true));
  test.each([
    '',
    '10.1',
    '10.1.0.0/',
    '10.1.0.0/33',
    '10.1.0.0/016',
    '10.1.0.0/-1',
    '0x7f.1',
    '::/129',
    'fe80::1%eth0',
    'h',
    '[::1]',
  ])('%j is none', (text) => expect(isRange(text)).toBe(false));
});

describe('URL path', () => {
  test.each(['/', '/a', '/a//b', '/a;b=c,d', '/~a_b-c.d', '/%2F', "/!$&'()*+,=:@"])('%s', (text) =>
    expect(isUrlPath(text)).toBe(true),
  );
  test.each([
    '',
    'a',
    '/a?b',
    '/a#b',
    '/a b',
    '/ä',
    '/%',
    '/%2',
    '/%2g',
    '/a\\b',
    '/a\n',
    '/{a}',
    '/"',
    '/<',
    '/|',
    '/^',
    '/`',
  ])('%j is none', (text) => expect(isUrlPath(text)).toBe(false));
});
