// Which fields go on behind a body: none that frames, routes, authenticates or says how to read what it stands behind,
// by whatever name, and none whose bytes would end the section that it stands in.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namedByConnection } from '../../src/http/fields.ts';
import { announced, mayTrail, trailersOf } from '../../src/http/trailers.ts';

/** RFC 9110 6.5.1 by its categories, and what the gateway says of its clients. */
const FORBIDDEN = [
  ...['content-length', 'transfer-encoding', 'trailer', 'te', 'connection', 'keep-alive', 'upgrade'],
  ...['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'x-real-ip'],
  ...['cache-control', 'expect', 'max-forwards', 'pragma', 'range', 'if-match', 'if-none-match', 'if-range'],
  ...['if-modified-since', 'if-unmodified-since', 'origin'],
  ...[
    'authorization',
    'proxy-authorization',
    'proxy-authenticate',
    'www-authenticate',
    'cookie',
    'set-cookie',
  ],
  ...['age', 'date', 'expires', 'location', 'retry-after', 'vary', 'warning'],
  ...['content-encoding', 'content-type', 'content-range', 'content-location'],
  ...['traceparent', 'tracestate'],
];
const none = (): boolean => false;

describe('mayTrail', () => {
  it.each(FORBIDDEN)('%s is nothing for a trailer, nor its twin', (name) => {
    expect(mayTrail(name)).toBe(false);
    expect(mayTrail(name.replaceAll('-', '_'))).toBe(false);
    expect(trailersOf([name.toUpperCase(), 'x'], none)).toEqual([]);
  });

  it.each(['x-sum', 'etag', 'server-timing', 'grpc-status', 'digest', 'x_sum'])('%s may trail', (name) => {
    expect(mayTrail(name)).toBe(true);
  });
});

describe('trailersOf', () => {
  it('keeps order and repetition, with names in lower case', () => {
    const raw = ['X-Sum', '1', 'Host', 'evil', 'x-sum', '2', 'X-Left', '3', 'X-Empty', ''];
    expect(trailersOf(raw, (name) => name === 'x-left')).toEqual(['x-sum', '1', 'x-sum', '2', 'x-empty', '']);
  });

  it('whatever is in them, what comes out is lines of name, colon and value and nothing else', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '-', ' ', ':', '\r', '\n', '\0', '\x7f', 'é', 'Ā') });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (pairs) => {
        const out = trailersOf(pairs.flat(), none);
        for (let i = 0; i < out.length; i += 2)
          expect(`${out[i]}: ${out[i + 1]}`).toMatch(/^[a-z-]+: [\t\x20-\x7e\x80-\xff]*$/);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('announced', () => {
  it.each([
    ['X-Sum', 'x-sum'],
    ['X-Sum , Content-Length, X-B,', 'x-sum, x-b'],
    ['Content-Length', undefined],
    ['', undefined],
    [undefined, undefined],
    ['a b, c\rd', undefined],
    ['x-left, x-sum', 'x-sum'],
  ])('%j', (value, names) => {
    expect(announced(value, (name) => name === 'x-left')).toBe(names);
  });
});

describe('namedByConnection', () => {
  it('names what Connection names, but for what frames or says who', () => {
    expect(namedByConnection(['Connection', 'close', 'X', 'y'])).toBeUndefined();
    const named = namedByConnection(['Connection', 'X-Sum, Host', 'X', 'y', 'connection', 'X-B']);
    expect([...(named ?? [])]).toEqual(['x-sum', 'x-b']);
  });
});
