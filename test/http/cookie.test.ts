// Cookies as far as a proxy has to know them: its own is found, taken out whole, and touches no other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  nodeToken,
  persistenceCookie,
  readCookie,
  setCookieValue,
  stripCookie,
} from '../../src/http/cookie.ts';

const names = fc.constantFrom('GATEWAY_NODE', 'GATEWAY_NODE2', 'XGATEWAY_NODE', 'JSESSIONID', 'gateway_node');
const values = fc.constantFrom('', 'a', 'b c', 'GATEWAY_NODE', 'a=b', '"q"');
const headers = fc
  .array(fc.tuple(names, values), { minLength: 1, maxLength: 6 })
  .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('; '));

/** As RFC 6265 5.4 writes them. */
function pairsOf(header: string): string[] {
  return header.split(';').map((pair) => pair.trim());
}

describe('stripCookie', () => {
  it('takes every one of that name away and leaves the others in order', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const fields = ['a', 'b', 'cookie', header, 'c', 'd'];
        stripCookie(fields, 'GATEWAY_NODE');
        const kept = pairsOf(header).filter((pair) => !pair.startsWith('GATEWAY_NODE='));
        expect(fields).toEqual(
          kept.length === 0 ? ['a', 'b', 'c', 'd'] : ['a', 'b', 'cookie', fields[3], 'c', 'd'],
        );
        if (kept.length > 0) expect(pairsOf(fields[3] as string)).toEqual(kept);
        expect(readCookie(kept.length === 0 ? undefined : fields[3], 'GATEWAY_NODE')).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it('looks at every Cookie field', () => {
    const fields = ['cookie', 'n=1', 'cookie', 'a=b; n=2', 'cookie', 'n=3;c=d'];
    stripCookie(fields, 'n');
    expect(fields).toEqual(['cookie', 'a=b', 'cookie', 'c=d']);
  });

  it('knows spaces around a name', () => {
    const fields = ['cookie', 'a=b;  n =1; c=d'];
    stripCookie(fields, 'n');
    expect(fields).toEqual(['cookie', 'a=b; c=d']);
  });
});

describe('readCookie', () => {
  it('is the first of that name', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const pair = pairsOf(header).find((one) => one.startsWith('JSESSIONID='));
        expect(readCookie(header, 'JSESSIONID')).toBe(pair?.slice('JSESSIONID='.length));
      }),
    );
    expect(readCookie(undefined, 'a')).toBeUndefined();
    expect(readCookie('a', 'a')).toBeUndefined();
  });
});

describe('the cookie of a pool', () => {
  it('is what a client sends back', () => {
    for (const secure of [true, false]) {
      const field = persistenceCookie('N', nodeToken('pool', 'a'), secure);
      expect(setCookieValue(field, 'N')).toBe(nodeToken('pool', 'a'));
      expect(field).toMatch(/; HttpOnly/);
      expect(field).toMatch(/; SameSite=Lax/);
      expect(field.includes('; Secure')).toBe(secure);
    }
  });

  it('says another thing for each node and pool, and names neither', () => {
    const tokens = ['a', 'b'].flatMap((pool) => ['a', 'b', 'ab'].map((node) => nodeToken(pool, node)));
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(nodeToken('ab', 'c')).not.toBe(nodeToken('a', 'bc'));
    for (const token of tokens) expect(token).toMatch(/^[\w-]{16}$/);
  });
});

describe('setCookieValue', () => {
  it.each([
    ['a=b; Path=/', 'a', 'b'],
    [' a = b ;Path=/', 'a', 'b'],
    ['ab=c', 'a', undefined],
    ['x=y; a=b', 'a', undefined],
    ['a', 'a', undefined],
  ])('%j has for %s the value %s', (field, name, expected) => {
    expect(setCookieValue(field, name)).toBe(expected);
  });
});
