// Any mutation of a good config, of its structure or of its text, loads or throws GW_ERR_CONFIG with its problems.
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError, parseConfig } from '../../src/config/load.ts';
import { anyCharacter } from '../helpers/any-text.ts';

const SMALL = {
  listeners: { l: { bind: ':2575' } },
  pools: { p: { nodes: { a: { url: 'mllps://mirth:6661' } }, persistence: { by: 'MSH-3' } } },
  routes: [{ to: 'p' }],
};

const HASH = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** Hundreds of configs are loaded in each test: seconds, and far more of them on a busy machine. */
vi.setConfig({ testTimeout: 300_000 });

describe('any mutation of a good config loads or throws GW_ERR_CONFIG with its problems', () => {
  const good = () =>
    structuredClone({
      ...SMALL,
      listeners: {
        l: {
          bind: ':2575',
          allow: [{ source: '10.0.0.0/8', 'MSH-3': ['A', 'B'] }, { 'tls.san': { not: 'a' } }],
        },
        web: {
          protocol: 'http',
          bind: ':8080',
          trustedProxies: ['10.0.0.1'],
          proxyProtocol: true,
          http: { keepAlive: '5s', users: { lab: HASH } },
        },
      },
      pools: {
        p: {
          nodes: { a: { url: 'mllps://mirth:6661', tls: { pin: ['ab'.repeat(32)], insecure: true } } },
          persistence: { by: ['MSH-3', 'tls.subject'] },
        },
        q: {
          nodes: { a: { url: 'https://mirth:8443/a' }, b: { url: 'http://mirth' } },
          persistence: { cookie: 'N', by: ['header.X-A', 'host'] },
          contentType: 'text/plain',
          connections: { max: 'auto' },
        },
      },
      certificates: { watch: true },
      routes: [
        {
          when: { path: '/^a/', method: ['GET'], host: 'a', 'header.X-A': { exists: true } },
          to: 'q',
          http: {
            hl7: true,
            rewrite: { path: ['^/(a)', '/$1'] },
            request: { remove: ['X-B'], set: { 'X-C': '${node}' } },
            response: { add: { 'X-D': 'd' } },
            timeout: '5m',
          },
        },
        { name: 'a', when: { 'MSH-9.1': ['ADT', '/^O/i'], source: { not: '10.0.0.0/8' } }, to: 'p' },
      ],
      limits: { maxBuffered: '64MiB' },
    });

  test('which is good', () => {
    expect(parseConfig(stringify(good()), { env: {} }).config.listeners).toHaveLength(2);
  });

  const judged = (text: string, env: Record<string, string> = {}): void => {
    try {
      const { config } = parseConfig(text, { env });
      expect(config.listeners.length).toBeGreaterThan(0);
      // JSON has no NaN and no Infinity: a number that was refused and went unreported would show up as null.
      expect(JSON.stringify(config)).not.toContain('null');
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      expect(thrown.code).toBe('GW_ERR_CONFIG');
      expect(thrown.problems.length).toBeGreaterThan(0);
      for (const { line, column, message } of thrown.problems) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(message).not.toMatch(/\p{Cc}|undefined|NaN|\[object/u);
      }
    }
  };

  const keys = fc.constantFrom(
    'listeners',
    'pools',
    'nodes',
    'tls',
    'limits',
    'bind',
    'when',
    'to',
    'reject',
    'persistence',
    'by',
    'file',
    'not',
    'exists',
    'cert',
    'p12',
    'passphrase',
    'pin',
    'allow',
    'MSH-3',
    'http',
    'users',
    'cookie',
    'set',
    'remove',
    'rewrite',
    'path',
    'header.X',
    'Host',
    'a.b',
    '__proto__',
    'constructor',
    'prototype',
    '_cvtProperties',
    'default',
    'format',
    '<<',
    '',
  );
  const oddValues: readonly unknown[] = [
    'hash',
    '5s',
    '16MiB',
    ':1',
    'mllp://h:1',
    'http://h',
    'http',
    '/a/',
    '$1',
    '/(/',
    '${X}',
    '${Y:-z}',
    '${',
    '*a',
    null,
    true,
    0,
    -1,
    1.5,
    1e300,
    [],
    {},
    [[]],
    'p',
    'l',
  ];
  const values = fc.oneof(
    fc.constantFrom(...oddValues),
    fc.jsonValue({ maxDepth: 3 }),
    fc.dictionary(keys, fc.jsonValue({ maxDepth: 1 })),
  );

  type Spot = { holder: Record<string, unknown> | unknown[]; key: string; depth: number };
  const spots = (value: unknown, depth = 0): Spot[] => {
    if (typeof value !== 'object' || value === null) return [];
    const holder = value as Record<string, unknown>;
    return Object.keys(holder).flatMap((key) => [{ holder, key, depth }, ...spots(holder[key], depth + 1)]);
  };
  const set = (holder: object, key: string, given: unknown): void => {
    // A generated value is used again by later changes, and must not become part of itself.
    const value = structuredClone(given);
    Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
  };

  test('by each odd value in each place', () => {
    const depths = Math.max(...spots(good()).map(({ depth }) => depth));
    for (const value of oddValues)
      for (let depth = 0; depth <= depths; depth++)
        // Every second place of a depth at once, so that each has good neighbours, and all takes no longer than a second.
        for (const turn of [0, 1]) {
          const config = good();
          const places = spots(config).filter((spot) => spot.depth === depth);
          for (const [i, { holder, key }] of places.entries()) if (i % 2 === turn) set(holder, key, value);
          judged(JSON.stringify(config), { X: 'x' });
        }
  });

  test('of its structure', () => {
    const change = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom('replace', 'remove', 'add', 'wrap'),
      key: keys,
      value: values,
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, asJson) => {
        const config = good();
        for (const { at, kind, key, value } of changes) {
          const all = spots(config);
          const spot = all[at % Math.max(1, all.length)];
          if (spot === undefined) continue;
          if (kind === 'replace') set(spot.holder, spot.key, value);
          else if (kind === 'wrap') set(spot.holder, spot.key, [Reflect.get(spot.holder, spot.key)]);
          else if (kind === 'add' && !Array.isArray(spot.holder)) set(spot.holder, key, value);
          else if (kind === 'remove' && !Array.isArray(spot.holder)) delete spot.holder[spot.key];
        }
        judged(asJson ? JSON.stringify(config) : stringify(config), { X: 'x' });
      }),
      { numRuns: 200 },
    );
  });

  test('of its text', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ':',
        ': ',
        '\n',
        '  ',
        '- ',
        '"',
        "'",
        '#',
        '&a ',
        '*a',
        '!t ',
        '|',
        '>',
        '?',
        '%',
        '@',
        '\t',
        '${',
        '---\n',
        '\0',
        '\u2028',
      ),
      fc.string({ unit: anyCharacter, maxLength: 8 }),
    );
    const splice = fc.record({ at: fc.nat(), remove: fc.nat(12), insert: piece });
    fc.assert(
      fc.property(fc.array(splice, { minLength: 1, maxLength: 4 }), (splices) => {
        let text = stringify(good());
        for (const { at, remove, insert } of splices) {
          const start = at % (text.length + 1);
          text = text.slice(0, start) + insert + text.slice(start + remove);
        }
        judged(text);
      }),
      { numRuns: 200 },
    );
  });

  test('and anything at all that is no config', () => {
    fc.assert(fc.property(fc.string({ unit: anyCharacter }), (text) => judged(text)));
    fc.assert(fc.property(fc.jsonValue(), (value) => judged(JSON.stringify(value))));
  });
});
