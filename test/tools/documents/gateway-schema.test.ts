// schema/gateway.schema.json takes every config that is shown or tried anywhere here, and refuses what the loader refuses,
// as far as a schema can know.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { formatOf } from '../../../src/config/keys/formats.ts';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';
import { allKeys } from '../../../src/tools/documents/key-tables.ts';
import { folderOf, outcome, TLS_FILES } from '../../config/config-folder.ts';
import { ROOT } from '../../helpers/product-files.ts';

const schema = JSON.parse(readFileSync(join(ROOT, 'schema/gateway.schema.json'), 'utf8'));
const validate = new Ajv2020({ allowUnionTypes: true, strictTuples: false }).compile(schema);

function refusals(config: unknown): unknown {
  return validate(config) ? [] : validate.errors;
}

interface Shown {
  readonly where: string;
  readonly config: unknown;
}

function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));
}

/** What has both is a whole config, and not a part that a page talks about. */
function isWhole(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'listeners' in value && 'routes' in value;
}

function shownConfigs(): Shown[] {
  const files = [...filesIn('examples', /\.ya?ml$/), ...filesIn('fixtures', /\.ya?ml$/)].map((where) => {
    const value = parse(readFileSync(join(ROOT, where), 'utf8'));
    return { where, config: value?.config ?? value };
  });
  const pages = ['README.md', ...filesIn('docs', /\.md$/)].flatMap((page) => {
    const blocks = readFileSync(join(ROOT, page), 'utf8').matchAll(/```yaml\n(.*?)```/gs);
    return [...blocks].map(([, text = ''], n) => {
      // A page may show a key in two ways.
      const value = parse(text, { uniqueKeys: false });
      return { where: `${page} (block ${n + 1})`, config: value?.config ?? value };
    });
  });
  return [...files, ...pages].filter(({ config }) => isWhole(config));
}

const SHOWN = shownConfigs();

test('there are configs in examples, fixtures and docs', () => {
  for (const folder of ['examples/', 'fixtures/', 'docs/'])
    expect(SHOWN.filter(({ where }) => where.startsWith(folder)).length, folder).toBeGreaterThan(0);
  expect(SHOWN.length).toBeGreaterThan(40);
});

test.each(SHOWN)('takes $where', ({ config }) => {
  expect(refusals(config)).toEqual([]);
});

test('is JSON Schema 2020-12, and names no place of this machine', () => {
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  expect(schema.$id).not.toMatch(/file:|\/home|\/work|\/tmp/);
  expect(schema.properties.shutdown.properties.timeout.description).toContain('SIGTERM');
});

/** A config in which one key stands, wherever it belongs. */
function configWith(key: string, value: unknown): object {
  const config: Record<string, unknown> = {
    listeners: { NAME: { bind: ':1' } },
    pools: { NAME: { nodes: { NAME: { url: 'mllp://h:1' } } } },
    routes: [{ to: 'NAME' }],
  };
  if (key.startsWith('cluster.'))
    config.cluster = {
      name: 'c',
      member: 'NAME',
      members: {
        NAME: { address: '10.0.0.3', priority: 150 },
        other: { address: '10.0.0.4', priority: 100 },
      },
      vips: [{ address: '10.0.0.5/24', interface: 'eth1' }],
    };
  if (key.startsWith('pools.NAME.spool.') && key !== 'pools.NAME.spool.store')
    config.pools = {
      NAME: { nodes: { NAME: { url: 'mllp://h:1' } }, spool: { store: { path: 'spool' } } },
    };
  const steps = key.replaceAll('[]', '.0').split('.');
  let holder = config;
  for (const step of steps.slice(0, -1)) {
    holder[step] ??= {};
    holder = holder[step] as Record<string, unknown>;
  }
  if (/^(listeners\.NAME|admin)\.tls\./.test(key) && steps.at(-2) === 'tls') holder.cert = 'vip.crt.pem';
  if (key.startsWith('cluster.state.nats.') && key !== 'cluster.state.nats.servers') {
    const { state } = config.cluster as { state: { nats: Record<string, unknown> } };
    state.nats.servers = ['nats://h:4222'];
  }
  if (steps.at(-2) === 'cert') holder.p12 = 'lab.p12';
  holder[steps.at(-1) ?? ''] = value;
  return config;
}

describe.each(allKeys())('%s', (key, { default: fallback, format }) => {
  test('has a default that the schema takes', () => {
    if (fallback === null || fallback === undefined) return;
    expect(validate(configWith(key, fallback)), JSON.stringify(validate.errors)).toBe(true);
  });

  test('is refused by both where it holds what no format is', () => {
    const wrong = configWith(key, [[['x']]]);
    expect(validate(wrong)).toBe(false);
    expect(outcome(stringify(wrong), folderOf({})).errors).not.toEqual([]);
  });

  test('takes a value of the environment, and one of a file, where it is a single value', () => {
    if (formatOf(format).shape !== 'scalar') return;
    for (const value of ['${NAME:-x}', { file: 'secret' }])
      expect(validate(configWith(key, value)), JSON.stringify(validate.errors)).toBe(true);
  });
});

const listener = (part: string): string => `listeners: { l: { bind: ":1", ${part} } }
pools: { p: { nodes: { a: { url: "mllp://h:1" } } } }
routes: [{ to: p }]`;
const pool = (part: string): string => `listeners: { l: { bind: ":1" } }
pools: { p: { nodes: { a: { url: "mllp://h:1" } }, ${part} } }
routes: [{ to: p }]`;
const route = (part: string): string => `listeners: { l: { bind: ":1" } }
pools: { p: { nodes: { a: { url: "mllp://h:1" } } } }
routes: [{ to: p, ${part} }]`;

describe('what both refuse', () => {
  test.each([
    ['an unknown key', listener('bindd: ":2"')],
    ['an unknown key within a group', listener('limits: { maxConnection: 5 }')],
    ['an unknown key at the top', `${listener('')}\nlistener: {}`],
    ['a key without a value', 'listeners: { l: { bind: ":1" } }\nroutes: [{ reject: }]'],
    ['no listeners', 'routes: []'],
    ['a listener without an address', 'listeners: { l: {} }\nroutes: []'],
    ['a list of listeners', 'listeners: [{ bind: ":1" }]\nroutes: []'],
    ['a name with a blank', 'listeners: { "a b": { bind: ":1" } }\nroutes: []'],
    ['a word that is none', pool('balance: fair')],
    ['a duration without a unit', listener('limits: { frameTimeout: 30 }')],
    ['a duration of an unknown unit', listener('limits: { frameTimeout: 30w }')],
    ['a duration of 0 where that means nothing', listener('limits: { frameTimeout: 0s }')],
    ['a size of an unknown unit', listener('limits: { maxFrame: 16MB }')],
    ['too few bytes', listener('limits: { maxFrame: 5 }')],
    ['an integer with a fraction', listener('limits: { maxConnections: 1.5 }')],
    ['an integer out of its range', listener('limits: { maxConnections: 0 }')],
    ['yes for true', listener('proxyProtocol: yes')],
    ['an address without a port', 'listeners: { l: { bind: localhost } }\nroutes: []'],
    ['a range that is none', listener('trustedProxies: everyone')],
    ['a fingerprint that is none', pool('health: { type: tls, tls: { pin: abc } }')],
    [
      'a node of another scheme',
      'listeners: { l: { bind: ":1" } }\npools: { p: { nodes: { a: { url: "udp://h:1" } } } }\nroutes: [{ to: p }]',
    ],
    [
      'an MLLP node with a path',
      'listeners: { l: { bind: ":1" } }\npools: { p: { nodes: { a: { url: "mllp://h:1/x" } } } }\nroutes: [{ to: p }]',
    ],
    ['a number of connections that is no word', pool('connections: { max: many }')],
    ['a share above 1', pool('ejection: { errors: { share: 1.5 } }')],
    ['a condition on what there is not', route('when: { sender: x }')],
    ['a condition on a field in small letters', route('when: { msh-9: x }')],
    ['a condition that is an empty list', route('when: { MSH-9: [] }')],
    ['a test of an unknown kind', route('when: { MSH-9: { is: x } }')],
    ['a cookie in a condition', route('when: { cookie.A: x }')],
    ['a listener in a rule of who may send', listener('allow: [{ listener: l }]')],
    ['a sticky key of what there is not', pool('persistence: { by: sender }')],
    [
      'a code of table 0357 that is none',
      'listeners: { l: { bind: ":1" } }\nroutes: [{ reject: { condition: 99 } }]',
    ],
    ['a segment in small letters', route('validate: { segments: [pid] }')],
    ['a length that is none', route('validate: { lengths: { PID-3.1: long } }')],
    ['a p12 without its file', listener('tls: { cert: { passphrase: x } }')],
    ['a route that is a text', 'listeners: { l: { bind: ":1" } }\nroutes: [p]'],
  ])('%s', (_, text) => {
    expect(validate(parse(text))).toBe(false);
    expect(outcome(text, folderOf(TLS_FILES)).errors).not.toEqual([]);
  });
});

test('what the loader takes, the schema takes', () => {
  const values: unknown[] = [
    ...[
      '',
      'x',
      'none',
      'auto',
      '5s',
      '0',
      '16MiB',
      ':1',
      'mllp://h:1',
      'https://h',
      '/a/',
      'MSH-3',
      '${X}',
      '200',
    ],
    ...[null, true, 0, 1, 1.5, 1e300, [], {}, ['x'], [['x']], { file: 'x' }, { not: 'x' }, { exists: true }],
  ];
  const whole = SHOWN.filter(({ where }) => where.startsWith('fixtures/'));
  let taken = 0;
  const change = fc.record({
    at: fc.nat(),
    value: fc.constantFrom(...values),
    key: fc.constantFrom(...NAMES),
  });
  fc.assert(
    fc.property(fc.constantFrom(...whole), change, ({ config }, { at, value, key }) => {
      const changed = structuredClone(config) as object;
      const spots = holdersIn(changed);
      const holder = spots[at % spots.length] as Record<string, unknown>;
      const keys = [...Object.keys(holder), key];
      holder[keys[at % keys.length] as string] = structuredClone(value);
      if (!isTaken(stringify(changed))) return;
      taken++;
      expect(refusals(changed), JSON.stringify(changed)).toEqual([]);
    }),
    { numRuns: 400 },
  );
  expect(taken).toBeGreaterThan(10);
}, 120_000);

/** The last parts of all keys. */
const NAMES = [...new Set(allKeys().map(([key]) => key.split('.').at(-1) ?? ''))];

function holdersIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(holdersIn)];
}

function isTaken(text: string): boolean {
  try {
    parseConfig(text, { env: { X: 'x' } });
    return true;
  } catch (thrown) {
    if (thrown instanceof ConfigError) return false;
    throw thrown;
  }
}

test('a config in JSON is one, too', () => {
  const config = { listeners: { l: { bind: ':1' } }, routes: [{ reject: { condition: 207 } }] };
  expect(refusals(config)).toEqual([]);
  expect(outcome(JSON.stringify(config), folderOf({})).errors).toEqual([]);
});
