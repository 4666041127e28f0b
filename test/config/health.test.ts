// Health checks, ejection and slow start in a config: what they come to, and what is wrong with one.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { config, folderOf, outcome, TLS_FILES } from './config-folder.ts';

const MESSAGE = 'MSH|^~\\&|A|B|||{time}||ADT^A04|{id}|T|2.5\nEVN|A04\n';
const FILES = {
  ...TLS_FILES,
  'probe.hl7': MESSAGE,
  'none.hl7': 'PID|1\n',
  'anonymous.hl7': 'MSH|^~\\&|A|B|||||ADT^A04||T|2.5\r',
  'framed.hl7': `\x0b${MESSAGE}\x1c\r`,
  'long.hl7': `${MESSAGE}${'NTE|1\n'.repeat(15_000)}`,
  secret: 'PLANTED\n',
};

function loaded(health: string, node = '', pool = '') {
  const text = config({ pool: `health: { ${health} }\n    ${pool}`, node });
  const folder = folderOf(FILES);
  return parseConfig(text, { file: `${folder}/gateway.yaml`, env: {} }).config.pools[0];
}

describe('each type', () => {
  test.each([
    ['type: none', { type: 'none' }],
    ['type: tcp, port: 99', { type: 'tcp', port: 99 }],
    ['type: tls, tls: { ca: certs/ca.crt.pem }', { type: 'tls', port: undefined }],
    [
      'type: mllp, message: probe.hl7, ack: CA',
      {
        type: 'mllp',
        port: undefined,
        message: 'MSH|^~\\&|A|B|||{time}||ADT^A04|{id}|T|2.5\rEVN|A04\r',
        ack: 'CA',
      },
    ],
    [
      'type: http, url: "http://x/", status: "200, 300-302", headers: { A-B: c }, body: "/ok/i"',
      {
        type: 'http',
        method: 'GET',
        headers: [['A-B', 'c']],
        statuses: [
          { from: 200, to: 200 },
          { from: 300, to: 302 },
        ],
        body: { kind: 'regex', source: 'ok', flags: 'i' },
        credentials: undefined,
      },
    ],
    [
      'type: mirth, channel: ADT in, user: u, password: { file: secret }',
      { type: 'mirth', channel: 'ADT in', credentials: { user: 'u', password: 'PLANTED' } },
    ],
  ])('%s', (health, expected) => {
    expect(loaded(health)?.health.check).toEqual(expected);
  });

  test.each([
    ['type: mirth', '', 'https://h:8443/'],
    ['type: mirth, url: "https://{host}:9443/ctx"', '', 'https://h:9443/ctx'],
    ['type: mirth', 'healthUrl: "https://other"', 'https://other/'],
    ['type: http, url: "http://{host}:80/a", path: /b?c=1', '', 'http://h/b?c=1'],
    ['type: tcp', '', undefined],
  ])('%s, node %s: asked at %s', (health, node, url) => {
    expect(loaded(health, node)?.nodes[0]?.checkUrl).toBe(url);
  });

  test('an IPv6 host in its brackets', () => {
    const text = config({ pool: 'health: { type: mirth }' }).replace('mllp://h:1', 'mllp://[fd00::1]:1');
    expect(parseConfig(text, { env: {} }).config.pools[0]?.nodes[0]?.checkUrl).toBe(
      'https://[fd00::1]:8443/',
    );
  });

  test('the fast interval is never longer than the other', () => {
    expect(loaded('interval: 300ms')?.health).toMatchObject({ intervalMs: 300, fastIntervalMs: 300 });
    expect(loaded('interval: 1m')?.health).toMatchObject({ intervalMs: 60_000, fastIntervalMs: 1000 });
  });
});

describe('ejection and slow start', () => {
  test.each([
    ['', { baseMs: 7000, maxMs: 60_000, maxEjected: { share: 1 }, errors: undefined }],
    ['base: 1s, max: 500ms, maxEjected: 2', { baseMs: 1000, maxMs: 1000, maxEjected: { count: 2 } }],
    ['maxEjected: 30%', { maxEjected: { share: 0.3 } }],
    ['errors: { share: 0.5 }', { errors: { share: 0.5, windowMs: 30_000, answers: 20 } }],
    ['errors: { window: 1s }', { errors: undefined }],
  ])('ejection: { %s }', (ejection, expected) => {
    const pool = loaded('interval: 7s', '', `ejection: { ${ejection} }\n    slowStart: 2m`);
    expect(pool?.ejection).toMatchObject(expected);
    expect(pool?.slowStartMs).toBe(120_000);
  });
});

describe('one mistake, one error', () => {
  test.each<[health: string, error: string, node?: string]>([
    ['type: tcp, user: u', 'health.user: is for type http, mirth, and the type is tcp'],
    ['type: none, initial: down', 'health.initial: type none never finds out that a node is up'],
    ['type: mllp', 'health.type: mllp needs message, the file of the message that it sends'],
    [
      'type: mllp, message: none.hl7',
      'health.message: the file "none.hl7" holds no HL7 message: it does not begin with a usable MSH',
    ],
    [
      'type: mllp, message: anonymous.hl7',
      'health.message: the file "anonymous.hl7" has no MSH-10; write {id} there',
    ],
    [
      'type: mllp, message: framed.hl7',
      'health.message: the file "framed.hl7" holds a byte that frames messages (0B or 1C)',
    ],
    ['type: mllp, message: long.hl7', 'health.message: the file "long.hl7" is larger than 64 KiB'],
    [
      'type: mllp, message: gone.hl7',
      'health.message: the file "gone.hl7" does not exist (relative paths start at the config file\'s folder)',
    ],
    ['type: http', 'health.type: http needs url: node a itself speaks no HTTP'],
    [
      'type: http, url: "ftp://x"',
      'health.url: must be an http:// or https:// URL without a password, not "ftp://x"',
    ],
    ['type: http, url: "http://{hots}"', 'health.url: must be a URL whose only placeholder is {host}'],
    ['type: http, url: "http://x", path: a', 'health.path: must begin with / and hold no spaces'],
    [
      'type: http, url: "http://x", status: 2xx',
      'health.status: must be status codes and ranges of them such as 200, 300-399',
    ],
    [
      'type: http, url: "http://x", status: 300-200',
      'health.status: must be status codes and ranges of them such as 200, 300-399',
    ],
    [
      'type: http, url: "http://x", body: "/(/"',
      'health.body: is no RE2 regex with flags of i, m and s: error parsing regexp: missing closing ): `(`',
    ],
    [
      'type: http, url: "http://x", body: "/a"',
      'health.body: a value that begins with / is a regex and ends in / and its flags',
    ],
    [
      'type: http, url: "http://x", headers: { Transfer-Encoding: a }',
      'health.headers.Transfer-Encoding: is no header field that a check may set',
    ],
    [
      'type: http, url: "http://x", headers: { A: "b\\nc" }',
      'health.headers.A: holds what no header field can hold',
    ],
    ['type: mirth, user: u', 'health.user: needs password as well'],
    ['type: mirth, password: p', 'health.password: needs user as well'],
    ['type: mirth, user: "a:b", password: p', 'health.user: has a colon, which no user name may have'],
    [
      'type: mirth, channel: c',
      'health.channel: needs user and password: Mirth tells nobody else of its channels',
    ],
    [
      'type: tcp',
      'nodes.a.healthUrl: is for health types http, mirth, and the type is tcp',
      'healthUrl: "http://x"',
    ],
    [
      'type: tls',
      'health.type: a TLS handshake needs mllps://, https:// or tls:// nodes, and node a is mllp://; tcp checks both',
    ],
  ])('%s', (health, error, node = '') => {
    const { errors } = outcome(config({ pool: `health: { ${health} }`, node }), folderOf(FILES));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(`: pools.p.${error}`);
    expect(errors[0]?.endsWith(error)).toBe(true);
  });

  test.each(['110%', '-1', 'half', '1.5', '50 %'])('maxEjected: %s', (text) => {
    const { errors } = outcome(config({ pool: `ejection: { maxEjected: "${text}" }` }), folderOf(FILES));
    expect(errors).toEqual([
      'gateway.yaml:6:29: pools.p.ejection.maxEjected: must be a number of nodes, or a share of them such as 50%',
    ]);
  });

  test('a password over plain HTTP is warned about, and never repeated', () => {
    const health = 'type: mirth, user: u, password: PLANTED, url: "http://{host}:8080"';
    const { errors, warnings } = outcome(config({ pool: `health: { ${health} }` }), folderOf(FILES));
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      'gateway.yaml:6:61: pools.p.health.url: sends the password over a connection without TLS',
    ]);
    for (const bad of ['password: { x: PLANTED }', 'password: [PLANTED]', 'password: "PLANTED\\n"']) {
      const found = outcome(config({ pool: `health: { type: mirth, user: u, ${bad} }` }), folderOf(FILES));
      expect(found.errors.length).toBeGreaterThan(0);
      expect(JSON.stringify(found)).not.toContain('PLANTED');
    }
  });
});

test('the example of docs/high-availability.md loads without a warning, with the message that stands below it', () => {
  const page = readFileSync(new URL('../../docs/high-availability.md', import.meta.url), 'utf8');
  const [, example = ''] = /```yaml\n(.+?)```/s.exec(page) ?? [];
  const [, message = ''] = /```\n(MSH.+?)```/s.exec(page) ?? [];
  const folder = folderOf({ ...TLS_FILES, 'probe.hl7': message, 'secrets/mirth.pass': 'x\n' });
  expect(outcome(example, folder)).toEqual({ errors: [], warnings: [] });
  const { config: loadedConfig } = parseConfig(example, { file: `${folder}/gateway.yaml`, env: {} });
  expect(loadedConfig.pools[0]?.nodes.map(({ checkUrl }) => checkUrl)).toEqual([
    'https://10.0.0.11:8443/',
    'https://10.0.0.12:8443/',
    'https://mirth-c.example:9443/',
  ]);
});
