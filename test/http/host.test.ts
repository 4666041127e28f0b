// The Host: one name or address and one port, or nothing at all (F52).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHost } from '../../src/http/host.ts';

describe('readHost', () => {
  it.each([
    ['a', 'a', undefined],
    ['A.Example', 'a.example', undefined],
    ['a.example.', 'a.example', undefined],
    ['a.example.:80', 'a.example', 80],
    ['a:8080', 'a', 8080],
    ['a:', 'a', undefined],
    ['10.0.0.1:80', '10.0.0.1', 80],
    ['[::1]', '[::1]', undefined],
    ['[FD00::1]:65535', '[fd00::1]', 65535],
    ['[::ffff:10.0.0.1]', '[::ffff:10.0.0.1]', undefined],
  ])('reads %s as %s and %s', (text, name, port) => {
    // The second time it is remembered.
    for (let i = 0; i < 2; i++) expect(readHost(text)).toEqual({ text, name, port });
  });

  it.each([
    ...[
      '',
      ':80',
      ' a',
      'a ',
      'a b',
      'a\t',
      'a,b',
      'a;b',
      'a/b',
      'a?b',
      'a#b',
      'a@b',
      'a\\b',
      'a%41',
      '"a"',
      'a:b',
      'a:0',
      '.',
      '..',
      'a..',
      'a..:80',
    ],
    ...[
      'a:65536',
      'a:+80',
      'a:-1',
      'a:8 0',
      'a:80:80',
      '[::1',
      '::1',
      '[::1]80',
      '[]',
      '[a]',
      '[::1%eth0]',
      '[1.2.3.4]',
      'ä',
    ],
    ...['a\r\nb', 'a\0', `${'a'.repeat(254)}`],
  ])('refuses %j', (text) => {
    expect(() => readHost(text)).toThrow(expect.objectContaining({ code: 'GW_ERR_HTTP_REQUEST' }));
  });

  it('gives a name that a URL has for the same host', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 20 }), (text) => {
        let host: ReturnType<typeof readHost>;
        try {
          host = readHost(text);
        } catch {
          return;
        }
        expect(host.text).toBe(text);
        const url = URL.parse(`http://${text}/`);
        // A last label of digits makes an IPv4 address there, or nothing.
        if (url === null) return;
        expect([url.username, url.pathname, url.search, url.hash]).toEqual(['', '/', '', '']);
        if (host.port !== undefined) expect(url.port).toBe(host.port === 80 ? '' : String(host.port));
      }),
      { numRuns: 3_000 },
    );
  });
});
