// The `tls` sections of listeners and nodes: what each way of writing one becomes, and what is refused or surprises.
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { parseFingerprint } from '../../src/config/build/tls/fingerprint.ts';
import { GROUPS } from '../../src/config/build/tls/groups.ts';
import type { ListenerTlsConfig, NodeTlsConfig } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { config, folderOf, outcome, TLS_FILES } from './config-folder.ts';

const FILES = {
  ...TLS_FILES,
  'certs/open.pem': '',
  'certs/open.pfx': '',
  'path-of-cert': 'certs/vip.crt.pem\n',
};
const VIP = 'cert: certs/vip.crt.pem, key: certs/vip.key.pem';
const LAB = '{ p12: certs/lab.p12, passphrase: { file: secrets/lab-p12.pass } }';
const FINGERPRINT = Array(32).fill('AB').join(':');

function listener(tls: string): string {
  return config({ listener: `tls: { ${tls} }` });
}

function node(tls: string): string {
  return config({ node: `tls: { ${tls} }` }).replace('mllp://h:1', 'mllps://h:1');
}

/** The folder's name is taken off all paths. */
function loaded(text: string): { listener: ListenerTlsConfig | undefined; node: NodeTlsConfig | undefined } {
  const folder = folderOf(FILES);
  const { config: whole } = parseConfig(text, { file: join(folder, 'gateway.yaml'), env: {} });
  const { listeners, pools } = JSON.parse(JSON.stringify(whole).replaceAll(`${folder}/`, ''));
  return { listener: listeners[0].tls, node: pools[0].nodes[0].tls };
}

describe('key pairs of a listener', () => {
  const vip = { kind: 'pem', certFile: 'certs/vip.crt.pem', keyFile: 'certs/vip.key.pem' };
  const gateway = { kind: 'pem', certFile: 'certs/gateway.crt.pem', keyFile: 'certs/gateway.key.pem' };
  const lab = { kind: 'p12', file: 'certs/lab.p12', passphrase: 'of the p12' };

  test.each<[tls: string, expected: unknown]>([
    [VIP, [vip]],
    ['cert: [certs/vip.crt.pem], key: [certs/vip.key.pem]', [vip]],
    [`${VIP}, passphrase: { file: secrets/vip-key.pass }`, [{ ...vip, passphrase: 'of the key' }]],
    [`${VIP}, passphrase: 0123`, [{ ...vip, passphrase: '0123' }]],
    ['cert: { p12: certs/lab.p12 }', [{ kind: 'p12', file: 'certs/lab.p12' }]],
    [`cert: ${LAB}`, [lab]],
    [
      `cert: [certs/vip.crt.pem, ${LAB}, certs/gateway.crt.pem], key: [certs/vip.key.pem, certs/gateway.key.pem], passphrase: x`,
      [{ ...vip, passphrase: 'x' }, lab, { ...gateway, passphrase: 'x' }],
    ],
    [`cert: [${LAB}, certs/gateway.crt.pem], key: certs/gateway.key.pem`, [lab, gateway]],
    // As for every value: the text of the file, which is a path here.
    ['cert: { file: path-of-cert }, key: certs/vip.key.pem', [vip]],
    ['cert: [{ file: path-of-cert }], key: certs/vip.key.pem', [vip]],
  ])('%s', (tls, expected) => expect(loaded(listener(tls)).listener?.keyPairs).toEqual(expected));
});

test('the rest of a listener', () => {
  const tls = `${VIP}, clientCa: certs/senders-ca.crt.pem, crl: certs/senders.crl.pem, maxHandshakes: 7, groups: [X25519, P-256]`;
  expect(loaded(listener(tls)).listener).toMatchObject({
    clientCaFiles: ['certs/senders-ca.crt.pem'],
    requireClientCert: false,
    crlFiles: ['certs/senders.crl.pem'],
    handshakeTimeoutMs: 10_000,
    maxHandshakes: 7,
    groups: ['X25519', 'P-256'],
  });
  expect(loaded(listener(VIP)).listener?.groups).toEqual([]);
});

test('OpenSSL knows every group', () => {
  for (const group of GROUPS) expect(() => createSecureContext({ ecdhCurve: group }), group).not.toThrow();
});

describe('a node', () => {
  test.each<[tls: string, expected: unknown]>([
    [
      'cert: certs/gateway.crt.pem, key: certs/gateway.key.pem, passphrase: x',
      {
        kind: 'pem',
        certFile: 'certs/gateway.crt.pem',
        keyFile: 'certs/gateway.key.pem',
        passphrase: 'x',
      },
    ],
    [`cert: ${LAB}`, { kind: 'p12', file: 'certs/lab.p12', passphrase: 'of the p12' }],
    ['ca: certs/mirth-ca.crt.pem', undefined],
  ])('%s', (tls, expected) => expect(loaded(node(tls)).node?.keyPair).toEqual(expected));

  test.each<[pin: string, expected: readonly string[]]>([
    ['ab'.repeat(32), [FINGERPRINT]],
    [`"${FINGERPRINT.toLowerCase()}"`, [FINGERPRINT]],
    // Digits alone stay text, whatever number they would be.
    [`[ "${FINGERPRINT}", ${'01'.repeat(32)} ]`, [FINGERPRINT, Array(32).fill('01').join(':')]],
  ])('pin: %s', (pin, expected) => expect(loaded(node(`pin: ${pin}`)).node?.pins).toEqual(expected));

  test('revocation lists', () => {
    expect(loaded(node('crl: [certs/senders.crl.pem]')).node?.crlFiles).toEqual(['certs/senders.crl.pem']);
  });
});

test('a fingerprint is 64 hexadecimal digits', () => {
  expect(parseFingerprint(FINGERPRINT)).toBe(FINGERPRINT);
  expect(parseFingerprint('ab'.repeat(32))).toBe(FINGERPRINT);
  // SHA-1, cut short, one too many, with what openssl prints before it, no hex.
  const none = [
    '',
    'ab'.repeat(20),
    'ab'.repeat(31),
    `${'ab'.repeat(32)}a`,
    `sha256 Fingerprint=${FINGERPRINT}`,
  ];
  for (const text of [...none, 'ag'.repeat(32), ` ${FINGERPRINT}`, `${FINGERPRINT}\n`]) {
    expect(parseFingerprint(text), text).toBeUndefined();
  }
});

test('certificates are watched unless the config says otherwise', () => {
  const watched = (top: string) => parseConfig(config({ top }), { env: {} }).config.watchCertificates;
  expect(['', 'certificates: { watch: true }', 'certificates: { watch: false }'].map(watched)).toEqual([
    true,
    true,
    false,
  ]);
});

const HINT = "(relative paths start at the config file's folder)";

describe('one mistake, one line', () => {
  test.each<[text: string, line: string]>([
    // Certificates
    [listener('cert: certs/vip.crt.pem'), '2:33: listeners.l.tls.cert: needs key as well'],
    [listener(`cert: [${LAB}, certs/vip.crt.pem]`), '2:33: listeners.l.tls.cert: needs key as well'],
    [listener('key: certs/vip.key.pem'), '2:20: listeners.l.tls.cert: is required'],
    [listener('cert: , key: certs/vip.key.pem'), '2:27: listeners.l.tls.cert: has no value'],
    [listener('cert: []'), '2:33: listeners.l.tls.cert: needs at least one certificate'],
    [
      listener('cert: [[certs/vip.crt.pem]], key: certs/vip.key.pem'),
      '2:34: listeners.l.tls.cert[0]: must be a single value, not a list',
    ],
    [
      listener('cert: ["", certs/gateway.crt.pem], key: [certs/vip.key.pem, certs/gateway.key.pem]'),
      '2:34: listeners.l.tls.cert[0]: must be the path of a file or { p12: … }',
    ],
    [
      listener('cert: [certs/vip.crt.pem, gone], key: [certs/vip.key.pem, certs/gateway.key.pem]'),
      `2:53: listeners.l.tls.cert[1]: the file "gone" does not exist ${HINT}`,
    ],
    [
      listener('cert: { file: gone }, key: certs/vip.key.pem'),
      `2:41: listeners.l.tls.cert.file: the file "gone" does not exist ${HINT}`,
    ],
    [
      listener('cert: { file: certs/vip.crt.pem }, key: certs/vip.key.pem'),
      '2:33: listeners.l.tls.cert: must be the path of a file or { p12: … }',
    ],
    [
      listener(`cert: [certs/vip.crt.pem, ${LAB}], key: [certs/vip.key.pem, certs/gateway.key.pem]`),
      '2:127: listeners.l.tls.key: has 2 files where cert has 1 besides p12; each certificate needs its key',
    ],
    // PKCS#12
    [
      listener('cert: { p12: gone }'),
      `2:40: listeners.l.tls.cert.p12: the file "gone" does not exist ${HINT}`,
    ],
    [
      listener('cert: [{ p12: certs }]'),
      '2:41: listeners.l.tls.cert[0].p12: the file "certs" is a directory, not a file',
    ],
    [listener('cert: {}'), '2:33: listeners.l.tls.cert.p12: is required'],
    [listener('cert: { passphrase: x }'), '2:33: listeners.l.tls.cert.p12: is required'],
    [
      listener('cert: { p12: certs/lab.p12, pasphrase: x }'),
      '2:55: listeners.l.tls.cert.pasphrase: unknown key; did you mean "passphrase"?',
    ],
    [
      listener('cert: { p12: [certs/lab.p12] }'),
      '2:40: listeners.l.tls.cert.p12: must be a single value, not a list',
    ],
    [
      listener(`cert: ${LAB}, key: certs/vip.key.pem`),
      '2:106: listeners.l.tls.key: a p12 holds its own key, so there is none to name here',
    ],
    [
      listener('cert: { p12: certs/lab.p12 }, passphrase: hunter2'),
      "2:69: listeners.l.tls.passphrase: is for PEM keys; a p12's stands beside it: { p12: …, passphrase: … }",
    ],
    // Passphrases
    [
      listener(`${VIP}, passphrase: ""`),
      '2:88: listeners.l.tls.passphrase: must be one line of 1 to 200 characters',
    ],
    [
      listener('cert: { p12: certs/lab.p12, passphrase: "hunter2\\n" }'),
      '2:67: listeners.l.tls.cert.passphrase: must be one line of 1 to 200 characters',
    ],
    // Revocation, handshakes
    [
      listener(`${VIP}, crl: certs/senders.crl.pem`),
      '2:81: listeners.l.tls.crl: needs clientCa, whose certificates it revokes',
    ],
    [
      listener(`${VIP}, maxHandshakes: 0`),
      '2:91: listeners.l.tls.maxHandshakes: must be an integer from 1 to 10000, not "0"',
    ],
    // Groups
    [listener(`${VIP}, groups: []`), '2:84: listeners.l.tls.groups: needs at least one group'],
    [
      listener(`${VIP}, groups: [X25519, P-251]`),
      `2:93: listeners.l.tls.groups: must be one of ${GROUPS.join(', ')}; did you mean "P-256"?`,
    ],
    [
      config({ top: 'certificates: { watch: yes }' }),
      '9:24: certificates.watch: must be true or false, not "yes"',
    ],
    // Nodes
    [node('cert: certs/gateway.crt.pem'), '5:52: pools.p.nodes.a.tls.cert: needs key as well'],
    [node('key: certs/gateway.key.pem'), '5:51: pools.p.nodes.a.tls.key: needs cert as well'],
    [node('passphrase: hunter2'), '5:58: pools.p.nodes.a.tls.passphrase: needs cert as well'],
    [
      node('cert: [certs/gateway.crt.pem], key: certs/gateway.key.pem'),
      '5:52: pools.p.nodes.a.tls.cert: must be the path of a file or { p12: … }, not a list',
    ],
    [
      node(`cert: ${LAB}, key: certs/gateway.key.pem`),
      '5:125: pools.p.nodes.a.tls.key: a p12 holds its own key, so there is none to name here',
    ],
    [
      node('cert: { p21: certs/lab.p12, p12: certs/lab.p12 }'),
      '5:54: pools.p.nodes.a.tls.cert.p21: unknown key; did you mean "p12"?',
    ],
    [node('pin: []'), '5:51: pools.p.nodes.a.tls.pin: needs at least one fingerprint'],
    [
      node(`pin: [ "${FINGERPRINT}", ${'ab'.repeat(20)} ]`),
      '5:152: pools.p.nodes.a.tls.pin: must be a SHA-256 fingerprint: 64 hexadecimal digits, colons as you like',
    ],
    [node('crl: gone'), `5:51: pools.p.nodes.a.tls.crl: the file "gone" does not exist ${HINT}`],
  ])('$1', (text, line) => {
    expect(outcome(text, folderOf(FILES))).toEqual({ errors: [`gateway.yaml:${line}`], warnings: [] });
  });
});

// OpenSSL has the first, which is weak, and would take the others for two groups, or for what it has itself.
test.each(['P-192', '"X25519:P-256"', '"?X25519"', 'DEFAULT', 'x25519'])(
  'the group %s is refused',
  (group) => {
    const { errors } = outcome(listener(`${VIP}, groups: ${group}`), folderOf(FILES));
    expect(errors).toEqual([
      expect.stringMatching(/^gateway.yaml:2:84: listeners\.l\.tls\.groups: must be one of X25519, P-256, /),
    ]);
  },
);

test.each(['groups: [X25519MLKEM768, X25519]', 'groups: X25519MLKEM768, minVersion: TLSv1.3'])(
  '%s is no surprise',
  (keys) => {
    expect(outcome(listener(`${VIP}, ${keys}`), folderOf(FILES))).toEqual({ errors: [], warnings: [] });
  },
);

describe('one surprise, one warning', () => {
  test.each<[text: string, line: string]>([
    [
      listener(`${VIP}, groups: [X25519MLKEM768, ffdhe3072]`),
      '2:84: listeners.l.tls.groups: TLS 1.2 has none of these: only senders of TLS 1.3 can connect (X25519 is for both)',
    ],
    [
      listener('cert: { p12: certs/open.pfx }'),
      '2:40: listeners.l.tls.cert.p12: every user of this machine can read the private key in "certs/open.pfx"; chmod o-r',
    ],
    [
      node('cert: certs/gateway.crt.pem, key: certs/open.pem'),
      '5:80: pools.p.nodes.a.tls.key: every user of this machine can read the private key "certs/open.pem"; chmod o-r',
    ],
    [
      node(`insecure: true, pin: ${'ab'.repeat(32)}`),
      "5:56: pools.p.nodes.a.tls.insecure: the node's certificate is checked by its pin alone: not its issuer, names and dates",
    ],
  ])('$1', (text, line) => {
    expect(outcome(text, folderOf(FILES))).toEqual({ errors: [], warnings: [`gateway.yaml:${line}`] });
  });
});
