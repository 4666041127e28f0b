// What a request line asks for: whatever comes in, the path that comes out can be read in one way only, by a route as by
// any node, and stays as it is when it is read again.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PathPolicy } from '../../src/config/config.ts';
import { readTarget } from '../../src/http/request-target.ts';
import { anyCharacter } from '../helpers/any-text.ts';

const PIECES = [
  ...[
    '/',
    '//',
    '.',
    '..',
    '%',
    '%2',
    '%2e',
    '%2E',
    '%2f',
    '%2F',
    '%5c',
    '%25',
    '%00',
    '%zz',
    '%61',
    '%7e',
    '%c3%a4',
    '%20',
    '%09',
  ],
  ...[
    'a',
    'B',
    '~',
    ';',
    ';x=y',
    '..;',
    '?',
    '&',
    '=',
    '#',
    '\\',
    '"',
    '<',
    '>',
    '^',
    '`',
    '{',
    '|',
    '}',
    '+',
    ' ',
  ],
  ...['\t', '\r', '\n', '\0', '\x7f', '\xe4', '\u2028', 'http://', 'https://h', '@', ':', '[::1]', '*'],
];
const targets = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((parts) => parts.join(''));
const paths = targets.map((text) => `/${text}`);

/** What is read of it; undefined: it is refused. */
function read(text: string, policy?: PathPolicy): ReturnType<typeof readTarget> | undefined {
  try {
    return readTarget(text, policy);
  } catch (error) {
    expect(error).toMatchObject({ code: 'GW_ERR_HTTP_REQUEST' });
    return undefined;
  }
}

/** As servers do that decode a path before they look at its segments, or after, or both. */
function everyReading(path: string): string[] {
  const decoded = decodeBytes(path);
  return [
    path,
    decoded,
    decoded.replaceAll('\\', '/'),
    path.replace(/;[^/]*/g, ''),
    decoded.replace(/;[^/]*/g, ''),
  ];
}

/** All but separators, which no server takes an encoded one for that is not broken. */
function decodeBytes(path: string): string {
  return path.replace(/%([0-9A-Fa-f]{2})/g, (whole, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return char === '/' || char === '\\' ? whole : char;
  });
}

describe('readTarget', () => {
  it('gives a path that is normal: again it comes out the same', () => {
    fc.assert(
      fc.property(targets, (text) => {
        const target = read(text);
        if (target === undefined) return;
        expect(read(target.path + target.query)).toEqual({ ...target, authority: undefined });
      }),
      { numRuns: 2_000 },
    );
  });

  it('F122 gives a normal path under every policy, and none that the refused readings differ on', () => {
    const policy = fc.record<PathPolicy>({
      encodedSlash: fc.constantFrom('refuse', 'forward', 'decode'),
      parameters: fc.constantFrom('refuse', 'forward', 'remove'),
      blanks: fc.constantFrom('refuse', 'forward', 'remove'),
      trailingDots: fc.constantFrom('refuse', 'forward', 'remove'),
    });
    fc.assert(
      fc.property(paths, policy, (text, by) => {
        const target = read(text, by);
        if (target === undefined) return;
        const { path, query } = target;
        expect(read(path + query, by)).toEqual(target);
        for (const reading of everyReading(path)) expect(`${reading}/`).not.toMatch(/\/\/.|\/\.\.?\//);
        if (by.encodedSlash !== 'forward') expect(path).not.toMatch(/%(2F|5C)/i);
        if (by.parameters !== 'forward') expect(path).not.toContain(';');
        if (by.blanks !== 'forward') expect(path).not.toMatch(/\/%20|%20(\/|$)/);
        if (by.trailingDots !== 'forward') expect(path).not.toMatch(/\.(\/|$)/);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['/a/..%20.', '/a/.%09..', '/%2E%09..;', '/a/%20..%0D./b'])(
    'F122 refuses a dot segment that is one only without the dots behind its blanks: %s',
    (text) => {
      for (const parameters of ['forward', 'remove'] as const)
        for (const blanks of ['forward', 'remove'] as const)
          expect(
            read(text, { encodedSlash: 'refuse', parameters, blanks, trailingDots: 'remove' }),
          ).toBeUndefined();
    },
  );

  it('F122 reads the longest path in one pass', () => {
    const policy = {
      encodedSlash: 'decode',
      parameters: 'remove',
      blanks: 'remove',
      trailingDots: 'remove',
    } as const;
    const before = process.cpuUsage();
    for (const run of ['%20', '.', '%20.', '.%20', ';', '%2F'])
      for (const end of ['', 'x']) read(`/a${run.repeat(240_000 / run.length)}${end}`, policy);
    // A quadratic reading of one of them would take minutes.
    expect(process.cpuUsage(before).user).toBeLessThan(20_000_000);
  });

  it('gives a path without empty or dot segments, in whatever way that is read', () => {
    fc.assert(
      fc.property(paths, (text) => {
        const path = read(text)?.path;
        if (path === undefined) return;
        expect(path).toMatch(/^\/[!-~]*$/);
        expect(path).not.toMatch(/["#<>\\^`{|}?]/);
        for (const reading of everyReading(path)) expect(`${reading}/`).not.toMatch(/\/\/.|\/\.\.?\//);
        for (const [code] of path.matchAll(/%../g)) expect(code).toMatch(/^%[0-9A-F]{2}$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives the resource that was asked for: decoded, it is what a plain resolver finds', () => {
    const plain = fc
      .array(fc.constantFrom('a', 'b%20c', '..', '.', '', '%2e%2e', '%61', 'x;y'), { maxLength: 8 })
      .map((segments) => `/${segments.join('/')}`);
    fc.assert(
      fc.property(plain, (text) => {
        const url = new URL(`http://h${text.replace(/\/{2,}/g, '/')}`);
        const expected = url.pathname.replace(/\/{2,}/g, '/');
        expect(decodeBytes(readTarget(text).path)).toBe(decodeBytes(expected));
      }),
      { numRuns: 1_500 },
    );
  });

  it('splits off the query at the first question mark, and leaves it alone', () => {
    fc.assert(
      fc.property(paths, (text) => {
        const target = read(text);
        if (target === undefined) return;
        const mark = text.indexOf('?');
        expect(target.query).toBe(mark < 0 ? '' : text.slice(mark));
      }),
      { numRuns: 1_500 },
    );
  });

  it('never puts out a byte that would end a request line', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 30 }), (text) => {
        for (const target of [read(text), read(`/${text}`), read(`http://h/${text}`)]) {
          if (target !== undefined) expect(target.path + target.query).toMatch(/^[!-~]+$/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['http://h', '/', 'h'],
    ['http://h/', '/', 'h'],
    ['HTTPS://h:1/a', '/a', 'h:1'],
    ['http://h?a', '/', 'h'],
    ['http://a@b/c', '/c', 'a@b'],
    ['http://[::1]:8080/a/../b', '/b', '[::1]:8080'],
  ])('reads %s as %s of %s', (text, path, authority) => {
    expect(readTarget(text)).toMatchObject({ path, authority });
  });

  it.each([
    '',
    '*',
    'h:80',
    'a/b',
    'ftp://h/',
    'http:/h',
    'http:///a',
    '//h/a#b',
    '/a#b',
    '/a?b#c',
    '/\\',
    '/%',
    '/..;/a',
  ])('refuses %j', (text) => {
    expect(read(text)).toBeUndefined();
  });
});
