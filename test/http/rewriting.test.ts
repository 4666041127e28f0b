// Rewriting: a path that comes out is as normal as one that came in, what a node says of itself is put right for the client
// and nothing else is, and no header rule can end a line (F55, F70).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileHeaderRules } from '../../src/http/header-rules.ts';
import {
  compilePathRewrite,
  outsideCookie,
  outsideLocation,
  type PathChange,
  pathChange,
} from '../../src/http/path-rewrite.ts';
import { readTarget } from '../../src/http/request-target.ts';
import { anyCharacter } from '../helpers/any-text.ts';
import { cpuMsOf } from '../helpers/cpu-time.ts';

const segments = fc.array(fc.constantFrom('a', 'b', 'api', 'c%20d', 'x;y', 'index.html'), { maxLength: 5 });
const paths = segments.map((parts) => `/${parts.join('/')}`);

describe('compilePathRewrite', () => {
  it('gives a normal path, whatever it puts together', () => {
    const to = fc.array(fc.constantFrom('/', 'a', '$1', 'b%2fc', '%2e', '..', '//'), { maxLength: 5 });
    fc.assert(
      fc.property(paths, to, (path, parts) => {
        let rewritten: string | undefined;
        try {
          rewritten = compilePathRewrite({ source: '^/a(/.*)?$', flags: '', to: parts.join('') })?.(path);
        } catch (error) {
          expect(error).toMatchObject({ code: 'GW_ERR_HTTP_REQUEST' });
          return;
        }
        expect(rewritten && readTarget(rewritten).path).toBe(rewritten);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['^/api/(.*)$', '/$1', '/api/a/b', '/a/b'],
    ['^/api/', '/', '/api/a', '/a'],
    ['^/api', '', '/api', '/'],
    ['^/x', '/y', '/a', '/a'],
    ['b', 'c', '/b/b', '/c/b'],
  ])('%s to %s makes of %s %s', (source, to, path, expected) => {
    expect(compilePathRewrite({ source, flags: '', to })?.(path)).toBe(expected);
  });

  it('takes linear time', () => {
    const rewrite = compilePathRewrite({ source: '^/(a+)+$', flags: '', to: '/x' });
    expect(cpuMsOf(() => rewrite?.(`/${'a'.repeat(4_000)}!`))).toBeLessThan(1_000);
  });
});

const PLACES = { origin: 'https://vip.test', inside: ['10.0.0.1:8080', 'vip.test'] };

describe('what a node says of its paths', () => {
  it('a prefix that was exchanged is exchanged back, for what lies under it alone', () => {
    const prefixes = fc.constantFrom('', '/api', '/a/b');
    fc.assert(
      fc.property(prefixes, prefixes, paths, (outside, inside, rest) => {
        const change = pathChange(`${outside}${rest}`, `${inside}${rest}`);
        if (change === undefined) return;
        expect(outsideLocation(`${change.inside}/there?q`, change, PLACES)).toBe(`${change.outside}/there?q`);
        expect(outsideLocation(`${inside}${rest}`, change, PLACES)).toBe(`${outside}${rest}`);
      }),
    );
    const change = pathChange('/api/a/b', '/a/b') as PathChange;
    expect(change).toEqual({ outside: '/api', inside: '' });
    expect(outsideLocation('/c', change, PLACES)).toBe('/api/c');
    expect(outsideLocation('http://10.0.0.1:8080/c?d', change, PLACES)).toBe('https://vip.test/api/c?d');
  });

  it.each([
    ['http://10.0.0.1:8080/a', 'https://vip.test/a'],
    ['http://10.0.0.1:8080', 'https://vip.test/'],
    ['HTTP://VIP.test/a', 'https://vip.test/a'],
    ['http://elsewhere.test/a', 'http://elsewhere.test/a'],
    ['http://10.0.0.1:8080.evil.test/a', 'http://10.0.0.1:8080.evil.test/a'],
    ['//elsewhere.test/a', '//elsewhere.test/a'],
    ['a', 'a'],
    ['mailto:a', 'mailto:a'],
  ])('Location %s becomes %s', (location, expected) => {
    expect(outsideLocation(location, undefined, PLACES)).toBe(expected);
  });

  const CHANGE: PathChange = { outside: '/api', inside: '/app' };
  it.each([
    ['a=b; Path=/app', 'a=b; Path=/api'],
    ['a=b; path=/app/x; HttpOnly', 'a=b; Path=/api/x; HttpOnly'],
    ['a=b; Path=/application', 'a=b; Path=/application'],
    ['a=b; Path=/', 'a=b; Path=/'],
    ['a=b; Domain=10.0.0.1', 'a=b; Domain=vip.test'],
    ['a=b; Domain=.VIP.test', 'a=b; Domain=vip.test'],
    ['a=b; Domain=other.test', 'a=b; Domain=other.test'],
    ['a=path=/app', 'a=path=/app'],
  ])('Set-Cookie %j becomes %j', (field, expected) => {
    expect(outsideCookie(field, CHANGE, PLACES, 'vip.test')).toBe(expected);
  });
});

describe('compileHeaderRules', () => {
  const variables = { clientAddress: '10.0.0.1', tlsSubject: 'CN=é', requestId: 'id', node: 'a' };

  it('no variable ends a line, or brings in what a header cannot hold', () => {
    const rules = compileHeaderRules({
      remove: [],
      set: [{ name: 'x', value: 'a ${tls.subject} b' }],
      add: [{ name: 'y', value: '${request.id}' }],
    });
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 12 }), (text) => {
        const out = rules?.([], { ...variables, tlsSubject: text, requestId: text }) ?? [];
        expect(out.length % 2).toBe(0);
        for (const part of out) expect(part).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/);
      }),
      { numRuns: 3_000 },
    );
  });

  it('of what is set or removed no twin passes, whichever way the rule writes it (F58)', () => {
    const rules = compileHeaderRules({ remove: ['a_b'], set: [{ name: 'c_d', value: '1' }], add: [] });
    const out = rules?.(['a-b', '1', 'a_b', '2', 'c-d', '3', 'c_d', '4', 'cd', '5'], variables);
    expect(out).toEqual(['cd', '5', 'c_d', '1']);
  });

  it('removes, then sets, then adds; a subject in UTF-8 stays the same bytes', () => {
    const rules = compileHeaderRules({
      remove: ['a'],
      set: [{ name: 'b', value: '${tls.subject}' }],
      add: [{ name: 'c', value: '${client.address}/${node}' }],
    });
    const out = rules?.(['a', '1', 'b', '2', 'c', '3', 'B_', '4'], variables) ?? [];
    expect(out).toEqual([
      'c',
      '3',
      'B_',
      '4',
      'b',
      Buffer.from('CN=é').toString('latin1'),
      'c',
      '10.0.0.1/a',
    ]);
    expect(compileHeaderRules({ remove: [], set: [], add: [] })).toBeUndefined();
  });
});
