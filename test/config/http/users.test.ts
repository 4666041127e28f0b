// The users of HL7 over HTTP: password hashes as they may be written, what is refused, and that none is ever printed.
import { describe, expect, test } from 'vitest';
import type { ListenerConfig } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { folderOf, outcome, TLS_FILES, webConfig } from '../config-folder.ts';

const SALT = 'c2FsdHNhbHRzYWx0c2FsdA';
const HASH = `$scrypt$ln=15,r=8,p=1$${SALT}$${'A'.repeat(43)}`;
const TLS = 'tls: { cert: certs/vip.crt.pem, key: certs/vip.key.pem }';

function loaded(listener: string, files = {}): ListenerConfig | undefined {
  const folder = folderOf({ ...TLS_FILES, ...files });
  return parseConfig(webConfig({ listener }), { file: `${folder}/gateway.yaml`, env: {} }).config
    .listeners[0];
}

function problemsOf(text: string) {
  return outcome(text, folderOf(TLS_FILES));
}

describe('good values', () => {
  test('users, in quotes or from a file', () => {
    const listener = `${TLS}, http: { users: { lab: "${HASH}", "a b@ä": { file: hash }, constructor: '${HASH}' } }`;
    const users = loaded(listener, { hash: `${HASH}\n` })?.http.users;
    expect([...(users ?? [])]).toEqual([
      ['lab', HASH],
      ['a b@ä', HASH],
      ['constructor', HASH],
    ]);
  });

  test('users in a block need no quotes', () => {
    const text = webConfig({ listener: TLS }).replace(
      /^ {2}l: \{(.*)\}$/m,
      `  l:\n    bind: ":1"\n    protocol: http\n    ${TLS}\n    http:\n      users:\n        lab: ${HASH}`,
    );
    const { errors, warnings } = problemsOf(text);
    expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
  });
});

describe('one mistake, one line', () => {
  const users = (value: string) => webConfig({ listener: `${TLS}, http: { users: ${value} }` });
  const PRINTS =
    'must be a hash as "hl7-gateway password" prints it, $scrypt$ln=14…17,r=8,p=1…4$…, not a password';
  const TORN = 'within { } a hash must stand in quotes, as its commas end it; a user name has no "$"';

  test.each<[text: string, line: string]>([
    [users(`"${HASH}"`), '2:109: listeners.l.http.users: must be a map'],
    [
      users('{}'),
      '2:102: listeners.l.http.users: an empty map lets everybody in, like none; name a user or leave it out',
    ],
    [users('{ lab: }'), '2:111: listeners.l.http.users.lab: has no value'],
    [users('{ lab: hunter2 }'), `2:116: listeners.l.http.users.lab: ${PRINTS}`],
    [
      users(`{ "l:b": "${HASH}" }`),
      '2:111: listeners.l.http.users.l:b: a user name has no colon and no control characters',
    ],
    [
      users(`{ "l\\tb": "${HASH}" }`),
      '2:111: listeners.l.http.users.l\\u{9}b: a user name has no colon and no control characters',
    ],
    [users(`{ lab: ${HASH} }`), `2:134: listeners.l.http.users: ${TORN}`],
    [users(`{ lab:${HASH} }`), `2:111: listeners.l.http.users: ${TORN}`],
  ])('$1', (text, line) => {
    expect(problemsOf(text).errors).toEqual([`gateway.yaml:${line}`]);
  });
});

describe('F77 what belongs to a user is in no problem', () => {
  const SECRET = 'hunter2hunter2hunter2';
  const TORN_HASH = `$scrypt$ln=15,r=8,p=1$${SECRET}$${SECRET}${SECRET}`;

  test.each([
    `{ lab: ${SECRET} }`,
    `{ lab: [${SECRET}] }`,
    `{ lab: { flie: ${SECRET} } }`,
    `{ lab: { file: ${SECRET} }, x: }`.replace('file', 'text'),
    `{ lab: ${TORN_HASH} }`,
    `{ lab: ${TORN_HASH}, other: ${TORN_HASH}x }`,
    `{ lab:${TORN_HASH} }`,
    `[ "${TORN_HASH}" ]`,
    TORN_HASH,
    `{ lab: { ${TORN_HASH} } }`,
    `{ lab: ${TORN_HASH}, other: ${TORN_HASH} }`,
    `${SECRET}`,
    `{ lab: "${TORN_HASH}\\n" }`,
    `{ lab: "$scrypt$ln=9,r=8,p=1$${SECRET}a$${SECRET}${SECRET}a" }`,
    `{ lab: *${SECRET} }`,
    `{ lab: "${SECRET}" ${SECRET} }`,
    '{ lab: "${SECRET}" }',
    '{ lab: { file: secret } }',
  ])('users: %s', (written) => {
    const text = webConfig({ listener: `http: { users: ${written} }` });
    const { errors, warnings } = outcome(text, folderOf({ secret: SECRET }), { SECRET });
    expect(errors).not.toEqual([]);
    expect([...errors, ...warnings].join('\n')).not.toContain('hunter2');
  });

  test('nor in a dump of the config', () => {
    expect(JSON.stringify(loaded(`${TLS}, http: { users: { lab: "${HASH}" } }`))).not.toContain(SALT);
  });
});
