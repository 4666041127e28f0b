// The `admin` section: what it becomes, and F76: where it may listen, and who may ask.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isOwnHost } from '../../src/addresses.ts';
import { parseConfig } from '../../src/config/load.ts';
import { config, folderOf, folderWith, outcome, TLS_FILES } from './config-folder.ts';

const TOKEN = 'sixteen-at-least';
const FILES = { ...TLS_FILES, 'admin.token': `${TOKEN}\n`, 'open.pem': '' };
const VIP = 'cert: certs/vip.crt.pem, key: certs/vip.key.pem';

/** Its text begins in line 9. */
function admin(section: string): string {
  return config({ top: `admin: ${section}` });
}

function loaded(section: string) {
  const folder = folderOf(FILES);
  const { config: whole } = parseConfig(admin(section), { file: join(folder, 'gateway.yaml'), env: {} });
  return JSON.parse(JSON.stringify(whole.admin).replaceAll(`${folder}/`, ''));
}

test('without the section there is no API, and an empty one is the default one', () => {
  expect(parseConfig(config({}), { env: {} }).config.admin).toBeUndefined();
  expect(parseConfig(admin('{}'), { env: {} }).config.admin).toEqual({
    bind: { host: '127.0.0.1', port: 9600 },
    token: undefined,
    tls: undefined,
    insecure: false,
    tap: false,
    messages: 1_000,
    users: new Map(),
    hosts: [],
    sessions: { idleMs: 1_800_000, absoluteMs: 43_200_000 },
  });
});

test('with everything', () => {
  const tls = `{ ${VIP}, passphrase: x, minVersion: TLSv1.3, groups: X25519, clientCa: certs/ca.crt.pem, requireClientCert: true, crl: certs/senders.crl.pem }`;
  expect(loaded(`{ bind: "[::]:9601", token: { file: admin.token }, tls: ${tls} }`)).toEqual({
    bind: { host: '::', port: 9601 },
    token: TOKEN,
    tls: {
      keyPairs: [
        { kind: 'pem', certFile: 'certs/vip.crt.pem', keyFile: 'certs/vip.key.pem', passphrase: 'x' },
      ],
      minVersion: 'TLSv1.3',
      groups: ['X25519'],
      clientCaFiles: ['certs/ca.crt.pem'],
      requireClientCert: true,
      crlFiles: ['certs/senders.crl.pem'],
      handshakeTimeoutMs: 10_000,
      maxHandshakes: 200,
    },
    insecure: false,
    tap: false,
    messages: 1_000,
    users: {},
    hosts: [],
    sessions: { idleMs: 1_800_000, absoluteMs: 43_200_000 },
  });
  expect(loaded(`{ token: ${TOKEN}, tls: { cert: { p12: certs/lab.p12 } } }`).tls.keyPairs).toEqual([
    { kind: 'p12', file: 'certs/lab.p12' },
  ]);
});

test.each([
  [true, '127.0.0.1'],
  [true, '127.9.9.9'],
  [true, '::1'],
  [true, '0:0:0:0:0:0:0:1'],
  [true, '::ffff:127.0.0.1'],
  [true, 'localhost'],
  [true, 'LOCALHOST.'],
  [false, '0.0.0.0'],
  [false, '::'],
  [false, '::ffff:0.0.0.0'],
  [false, '::ffff:10.0.0.1'],
  [false, '10.0.0.1'],
  [false, '128.0.0.1'],
  [false, 'gw.test'],
  [false, 'localhost.test'],
  [false, ''],
])('%s: only this machine reaches %s', (only, host) => expect(isOwnHost(host)).toBe(only));

describe('F76 an address that other machines reach', () => {
  test.each([':9600', '0.0.0.0:9600', '[::]:9600', '10.1.2.3:9600', 'gw.test:9600', '[fd00::1]:9600'])(
    '%s is refused without TLS',
    (bind) => {
      expect(outcome(admin(`{ bind: "${bind}", token: ${TOKEN} }`), folderOf(FILES)).errors).toEqual([
        `gateway.yaml:9:16: admin.bind: other machines reach "${bind}", so the admin API needs tls there (insecure: true does without)`,
      ]);
    },
  );

  test.each(['127.0.0.1:9600', '127.0.0.2:0', '[::1]:9600', 'localhost:9600'])('%s is none', (bind) => {
    const { errors, warnings } = outcome(admin(`{ bind: "${bind}", token: ${TOKEN} }`), folderOf(FILES));
    expect([errors, warnings]).toEqual([[], []]);
  });

  test('is taken with TLS', () => {
    const text = admin(`{ bind: ":9600", token: ${TOKEN}, tls: { ${VIP} } }`);
    expect(outcome(text, folderOf(FILES))).toEqual({ errors: [], warnings: [] });
  });

  test('is taken without where the config says so, with a warning', () => {
    const text = admin(`{ bind: ":9600", token: ${TOKEN}, insecure: true }`);
    expect(outcome(text, folderOf(FILES))).toEqual({
      errors: [],
      warnings: [
        'gateway.yaml:9:60: admin.insecure: without tls the token crosses the network as it is, and whoever reads it has it',
      ],
    });
    expect(outcome(admin(`{ token: ${TOKEN}, insecure: true }`), folderOf(FILES)).warnings).toEqual([]);
  });

  test('is not told of twice where its TLS has an error, nor what came from the environment', () => {
    const broken = admin(`{ bind: ":9600", token: ${TOKEN}, tls: { cert: certs/vip.crt.pem } }`);
    expect(outcome(broken, folderOf(FILES)).errors).toEqual([
      'gateway.yaml:9:63: admin.tls.cert: needs key as well',
    ]);
    const text = admin(`{ bind: "\${WHERE}", token: ${TOKEN} }`);
    const { errors } = outcome(text, folderOf(FILES), { WHERE: '10.9.8.7:9600' });
    expect(errors).toHaveLength(1);
    expect(errors[0]).not.toContain('10.9.8.7');
  });
});

describe('F76 the token', () => {
  const warnings = (section: string) => outcome(admin(section), folderOf(FILES)).warnings;

  test('there is none: said once', () => {
    const said =
      'gateway.yaml:9:1: admin.token: there is none, so all but /livez, /readyz and /metrics is answered with 401';
    expect(warnings('{}')).toEqual([said]);
  });

  test('may be guessed when it is short', () => {
    expect(warnings('{ token: fifteen-letters }')).toEqual([
      'gateway.yaml:9:17: admin.token: has fewer than 16 characters, so it may be guessed',
    ]);
    expect(warnings(`{ token: ${TOKEN} }`)).toEqual([]);
  });

  test('in a file that every user can read gives a warning (F77)', () => {
    const folder = folderWith(FILES);
    const text = admin('{ token: { file: admin.token } }');
    expect(outcome(text, folder).warnings).toEqual([]);
    chmodSync(join(folder, 'admin.token'), 0o644);
    expect(outcome(text, folder).warnings).toEqual([
      `gateway.yaml:9:17: admin.token: every user of this machine can read the token in "${folder}/admin.token"; chmod o-r`,
    ]);
  });

  test.each(['"two words"', 'tökén-tökén-tökén-tökén', '"tab\\ttab\\ttab\\ttab\\ttab"'])(
    '%s could not be sent, and is not repeated',
    (token) => {
      const { errors } = outcome(admin(`{ token: ${token} }`), folderOf(FILES));
      expect(errors).toEqual([
        expect.stringMatching(
          /^gateway\.yaml:9:17: admin\.token: must be (printable ASCII without spaces|one line)/,
        ),
      ]);
      expect(errors[0]).not.toMatch(/two|tökén|tab\b/);
    },
  );
});

describe('an address that is taken', () => {
  test.each([
    [':1', '', '9:16: admin.bind: listener l listens on this address already'],
    ['127.0.0.1:1', '', '9:16: admin.bind: listener l listens on this address already'],
    ['127.0.0.1:2', '', undefined],
  ])('%s', (bind, _, line) => {
    const text = admin(`{ bind: "${bind}", token: ${TOKEN}, insecure: true }`);
    expect(outcome(text, folderOf(FILES)).errors).toEqual(line === undefined ? [] : [`gateway.yaml:${line}`]);
  });

  test('that of a listener where the API’s own is the default', () => {
    const text = admin(`{ token: ${TOKEN} }`).replace('":1"', '":9600"');
    expect(outcome(text, folderOf(FILES)).errors).toEqual([
      'gateway.yaml:9:8: admin.bind: listener l listens on this address already',
    ]);
  });
});

test.each([
  ['', '9:1: admin: has no value'],
  ['[]', '9:8: admin: must be a map'],
  ['{ bnd: 1 }', '9:10: admin.bnd: unknown key; did you mean "bind"?'],
  ['{ bind: 9600 }', '9:16: admin.bind: must be host:port, [IPv6 address]:port or :port, not "9600"'],
  ['{ insecure: yes }', '9:20: admin.insecure: must be true or false, not "yes"'],
  ['{ tls: {} }', '9:10: admin.tls.cert: is required'],
  ['{ tls: { cert: gone, key: gone } }', '9:23: admin.tls.cert: the file "gone" does not exist'],
  ['{ tls: { handshakeTimeout: 1s } }', '9:17: admin.tls.handshakeTimeout: unknown key'],
  [`{ tls: { ${VIP}, requireClientCert: true } }`, 'admin.tls.requireClientCert: needs clientCa'],
])('admin: %s', (section, part) => {
  expect(outcome(admin(section), folderOf(FILES)).errors.join('\n')).toContain(part);
});

describe('tap', () => {
  test('needs TLS or an address of this machine; insecure is not enough', () => {
    const open = outcome(
      admin(`{ bind: ":9600", token: ${TOKEN}, insecure: true, tap: true }`),
      folderOf(FILES),
    );
    expect(open.errors).toEqual([
      'gateway.yaml:9:71: admin.tap: sends patient data where other machines may read it, so it needs tls, whatever insecure says',
    ]);
    expect(loaded(`{ token: ${TOKEN}, tap: true }`).tap).toBe(true);
    expect(loaded(`{ bind: ":9600", token: ${TOKEN}, tap: true, tls: { ${VIP} } }`).tap).toBe(true);
  });
});

describe('who may log in to the console', () => {
  const HASH = `$scrypt$ln=15,r=8,p=1$${Buffer.alloc(16, 1).toString('base64').replace(/=+$/, '')}$${Buffer.alloc(32, 2).toString('base64').replace(/=+$/, '')}`;
  const read = (section: string) =>
    parseConfig(admin(section), {
      file: join(folderOf({ ...FILES, 'olga.hash': `${HASH}\n` }), 'gateway.yaml'),
      env: {},
    });

  test('users with their hashes and roles, limits of a log-in, names of hosts', () => {
    const { config: whole, warnings } = read(
      `{ users: { olga: { password: { file: olga.hash }, role: operate }, ward: { password: "${HASH}" } }, sessions: { idle: 5m, absolute: 1h }, hosts: [GW.example, console.example] }`,
    );
    expect(whole.admin).toMatchObject({
      token: undefined,
      sessions: { idleMs: 300_000, absoluteMs: 3_600_000 },
      hosts: ['gw.example', 'console.example'],
    });
    expect(whole.admin?.users).toEqual(
      new Map([
        ['olga', { password: HASH, role: 'operate' }],
        ['ward', { password: HASH, role: 'view' }],
      ]),
    );
    // Whoever has no token may have users.
    expect(warnings).toEqual([]);
  });

  test.each([
    ['{ users: {} }', 'admin.users: names nobody; leave it out'],
    ['{ users: { olga: { role: view } } }', 'admin.users.olga.password: is missing'],
    ['{ users: { olga: { password: secret-of-olga } } }', 'admin.users.olga.password: must be a hash as'],
    ['{ users: { "a b": { password: "HASH" } } }', 'admin.users.a b: a name has 1 to 63 letters'],
    ['{ users: { olga: { password: "HASH", role: admin } } }', 'admin.users.olga.role: must be one of'],
    ['{ users: { olga: { password: "HASH", rolle: view } } }', 'admin.users.olga.rolle: unknown key'],
    ['{ hosts: "https://gw:9600" }', 'admin.hosts: must be names of hosts, without a scheme and a port'],
  ])('%s is refused', (section, error) => {
    const { errors } = outcome(admin(section.replaceAll('HASH', HASH)), folderOf(FILES));
    expect(errors).toEqual([expect.stringContaining(error)]);
    expect(errors.join()).not.toContain('secret-of-olga');
  });
});
