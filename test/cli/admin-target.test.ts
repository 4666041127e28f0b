// Where the commands find the admin API, and what they show of themselves: by options, by the gateway's own config, by the
// environment; over TLS as well.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ServerTls } from '../../certs/server-tls.ts';
import { type AdminOptions, targetOf } from '../../src/cli/admin/admin-target.ts';
import { status } from '../../src/cli/admin/status.ts';
import { ConfigError } from '../../src/config/load.ts';
import { GatewayError } from '../../src/errors.ts';
import { openAdmin, TOKEN } from '../admin/admin-room.ts';
import { folderWith } from '../config/config-folder.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { NOWHERE, Printed, printed } from './admin-command.ts';

const LONG = 'sixteen-and-some-more';

async function target(options: Partial<AdminOptions>, env: Record<string, string> = {}) {
  const terminal = new Printed();
  const { host, port, tls, token } = await targetOf({ ...NOWHERE, ...options }, terminal, env);
  return { host, port, secured: tls !== undefined, token, err: terminal.lines.err };
}

async function refusalOf(options: Partial<AdminOptions>, env: Record<string, string> = {}): Promise<string> {
  try {
    await targetOf({ ...NOWHERE, ...options }, new Printed(), env);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.message;
    throw thrown;
  }
  throw new Error('it was taken');
}

describe('where it is', () => {
  const plain = { secured: false, token: undefined, err: [] };

  test.each([
    [{}, { host: '127.0.0.1', port: 9600, ...plain }],
    [{ admin: 'http://gw.test:9601' }, { host: 'gw.test', port: 9601, ...plain }],
    [{ admin: 'http://[::1]:9601/' }, { host: '::1', port: 9601, ...plain }],
    [{ admin: 'https://gw.test' }, { host: 'gw.test', port: 443, ...plain, secured: true }],
  ])('%j', (options, expected) => expect(target(options)).resolves.toEqual(expected));

  test.each(['gw.test:9600', 'mllp://gw.test:9600', 'http://', 'http://gw.test/status', 'http://gw.test:0'])(
    '%s is none',
    async (admin) => {
      expect(await refusalOf({ admin })).toBe(
        `the command was called wrongly: --admin takes http://HOST:PORT or https://HOST:PORT, not "${admin}"`,
      );
    },
  );

  test('F77 a URL with a password is not repeated', async () => {
    expect(await refusalOf({ admin: 'http://me:hunter2@gw.test:1' })).not.toContain('hunter2');
  });

  const withConfig = (text: string, files: Record<string, string> = {}) =>
    `${folderWith({ ...files, 'gateway.yaml': text })}/gateway.yaml`;

  test.each([
    ['{}', { host: '127.0.0.1', port: 9600, ...plain }],
    ['{ bind: "127.0.0.1:9601" }', { host: '127.0.0.1', port: 9601, ...plain }],
    ['{ bind: ":9601", insecure: true }', { host: '127.0.0.1', port: 9601, ...plain }],
    ['{ bind: "[::]:9601", insecure: true }', { host: '::1', port: 9601, ...plain }],
    ['{ bind: "[::1]:9601" }', { host: '::1', port: 9601, ...plain }],
    [`{ token: { file: t.token } }`, { host: '127.0.0.1', port: 9600, ...plain, token: LONG }],
    ['{ token: "${MY_TOKEN}" }', { host: '127.0.0.1', port: 9600, ...plain, token: 'from-the-environment' }],
  ])('a config with admin: %s', async (admin, expected) => {
    const config = withConfig(`listeners: {}\nadmin: ${admin}\n`, { 't.token': `${LONG}\n` });
    expect(await target({ config }, { MY_TOKEN: 'from-the-environment' })).toEqual(expected);
  });

  test('the rest of a config may be wrong: it may be the draft of the next', async () => {
    const text =
      'listeners: { l: { bnd: 1 } }\nroutes: [{ to: "${NOT_SET}" }]\nwat: 1\nadmin: { bind: ":9601", insecure: true }';
    expect(await target({ config: withConfig(text) })).toMatchObject({ port: 9601 });
  });

  test('--admin goes before the bind of the config, --token-file before its token', async () => {
    const files = { 't.token': `${LONG}\n`, 'u.token': 'another-one-of-theirs\n' };
    const config = withConfig('admin: { token: { file: t.token } }', files);
    const tokenFile = config.replace('gateway.yaml', 'u.token');
    expect(await target({ config, admin: 'http://[::1]:1' })).toMatchObject({
      host: '::1',
      port: 1,
      token: LONG,
    });
    expect(await target({ config, tokenFile })).toMatchObject({ port: 9600, token: 'another-one-of-theirs' });
  });

  test.each([
    ['a config without admin', 'listeners: {}', 'has no admin section, so its gateway has no admin API'],
    ['port 0', 'admin: { bind: "127.0.0.1:0" }', 'admin.bind has port 0, which is a new one each time'],
    ['an empty section', 'admin:', 'admin: has no value'],
    ['a wrong key', 'admin: { bnd: 1 }', 'admin.bnd: unknown key; did you mean "bind"?'],
    ['a variable that is not set', 'admin: { token: "${NOT_SET}" }', 'admin.token: '],
    [
      'a token file that is not there',
      'admin: { token: { file: gone } }',
      'admin.token.file: the file "gone" does not exist',
    ],
    ['no YAML', 'admin: {', 'not valid YAML'],
  ])('%s', async (_, text, part) => {
    const config = withConfig(text);
    expect(await refusalOf({ config })).toContain(part);
  });

  test('a config that is not there', () => {
    return expect(targetOf({ ...NOWHERE, config: '/nowhere/gateway.yaml' }, new Printed())).rejects.toThrow(
      ConfigError,
    );
  });
});

describe('the token', () => {
  test('comes from a file, the config or the environment, in this order', async () => {
    const folder = folderWith({
      'a.token': 'of-the-file\n',
      'gateway.yaml': `admin: { token: ${LONG} }`,
      'bare.yaml': 'admin: {}',
    });
    const env = { HL7_GATEWAY_TOKEN: 'of-the-environment' };
    const tokenFile = `${folder}/a.token`;
    const config = `${folder}/gateway.yaml`;
    expect((await target({ tokenFile, config }, env)).token).toBe('of-the-file');
    expect((await target({ config }, env)).token).toBe(LONG);
    expect((await target({ config: `${folder}/bare.yaml` }, env)).token).toBe('of-the-environment');
    expect((await target({}, env)).token).toBe('of-the-environment');
    expect((await target({}, { HL7_GATEWAY_TOKEN: '' })).token).toBeUndefined();
  });

  test('F77 in a file that others can read, or over plain HTTP to another machine, gives a warning', async () => {
    const folder = folderWith({ 'open.txt': 'of-the-file\n' });
    expect((await target({ tokenFile: `${folder}/open.txt`, admin: 'http://gw.test:9600' })).err).toEqual([
      `warning: ${folder}/open.txt: every user of this machine can read it`,
      'warning: over http:// the token crosses the network as it is; use https://',
    ]);
    expect((await target({ admin: 'http://gw.test:9600' })).err).toEqual([]);
  });

  test.each(['two words', 'tökén', 'a\tb'])('%j could not be sent, and is not repeated', async (token) => {
    const folder = folderWith({ 'a.token': token });
    const text = await refusalOf({ tokenFile: `${folder}/a.token` });
    expect(text).toBe(
      'the command was called wrongly: a token is printable ASCII without spaces, as it is sent in a header',
    );
    expect(await refusalOf({}, { HL7_GATEWAY_TOKEN: token })).toBe(text);
  });

  test('a file that is not there is named', async () => {
    expect(await refusalOf({ tokenFile: '/nowhere/a.token' })).toBe(
      'a file could not be read: /nowhere/a.token: no such file',
    );
  });
});

test.each([[{ ca: 'x' }], [{ cert: 'x', key: 'y' }], [{ servername: 'x' }], [{ insecure: true }]])(
  '%j needs https',
  async (options) => {
    expect(await refusalOf(options)).toContain(
      '--ca, --cert, --key, --servername and --insecure need https://',
    );
  },
);

test.each([
  [{ cert: 'x' }, '--cert and --key go together'],
  [{ key: 'x' }, '--cert and --key go together'],
  [{ servername: 'a b' }, '--servername takes a host name, not "a b"'],
])('over https %j is refused', async (options, part) => {
  expect(await refusalOf({ ...options, admin: 'https://gw.test:1' })).toContain(part);
});

describe('over TLS', () => {
  let folder: TlsFolder;
  beforeAll(() => {
    folder = createTlsFolder();
  });
  afterAll(() => folder[Symbol.dispose]());

  const ONCE = { until: new AbortController().signal, clear: false };

  async function openSecure(cert: 'good' | 'wrongHost' = 'good', clientCa = false) {
    const { cert: certFile, key: keyFile } = folder.files[cert];
    const tls = new ServerTls({
      keyPairs: [{ kind: 'pem', certFile, keyFile, passphrase: undefined }],
      minVersion: 'TLSv1.2',
      groups: [],
      clientCaFiles: clientCa ? [folder.caFile] : [],
      requireClientCert: clientCa,
      crlFiles: [],
      handshakeTimeoutMs: 10_000,
      maxHandshakes: 200,
    });
    return openAdmin({ tls });
  }

  /** The config that such a gateway would have. */
  function configFor(
    port: number,
    cert: 'good' | 'wrongHost' | 'untrusted' = 'good',
    key = folder.files[cert].key,
  ): string {
    const tls = `{ cert: ${folder.files[cert].cert}, key: ${key} }`;
    return folder.write(
      `gateway-${port}.yaml`,
      `admin: { bind: "127.0.0.1:${port}", token: ${TOKEN}, tls: ${tls} }\n`,
    );
  }

  const look = (options: Partial<AdminOptions>) =>
    printed((terminal) => status({ ...NOWHERE, ...options, watchMs: undefined, json: true }, terminal, ONCE));

  test('the config is enough: it names the certificate', async () => {
    const room = await openSecure();
    expect((await look({ config: configFor(room.port) })).code).toBe(0);
  });

  test('whatever names are in it, and even if its key may not be read', async () => {
    const room = await openSecure('wrongHost');
    expect((await look({ config: configFor(room.port, 'wrongHost', '/nowhere/key.pem') })).code).toBe(0);
  });

  test('another certificate than that of the config gets no token', async () => {
    const room = await openSecure();
    const config = configFor(room.port, 'untrusted');
    const { code, err } = await look({ config });
    expect([code, err]).toEqual([
      'GW_ERR_ADMIN_CONNECT',
      [`the admin API did not answer: ${room.url}: its certificate is not the one that the config names`],
    ]);
    expect(room.control.changes).toEqual([]);
    expect((await look({ config, ca: folder.caFile })).code).toBe(0);
    expect((await look({ config, insecure: true })).code).toBe(0);
  });

  test('--ca, --servername and --insecure', async () => {
    const room = await openSecure('wrongHost');
    const tokenFile = folder.write('a.token', TOKEN);
    const given = { admin: room.url, tokenFile };
    expect((await look({ ...given, ca: folder.caFile })).err).toEqual([
      `the admin API did not answer: ${room.url}: the certificate is for another host`,
    ]);
    expect((await look(given)).err[0]).toContain('no authority that signed it is among the trusted ones');
    expect((await look({ ...given, ca: folder.caFile, servername: 'other.test' })).code).toBe(0);
    expect((await look({ ...given, insecure: true })).code).toBe(0);
  });

  test('--cert and --key, where the API asks for a certificate', async () => {
    const room = await openSecure('good', true);
    const given = { config: configFor(room.port) };
    const { code, err } = await look(given);
    expect(code).toBe('GW_ERR_ADMIN_CONNECT');
    expect(err).toHaveLength(1);
    expect((await look({ ...given, ...folder.files.client })).code).toBe(0);
  });

  test('http:// to a port with TLS, and https:// to one without', async () => {
    const secure = await openSecure();
    const plain = await openAdmin();
    const http = await look({ admin: secure.url.replace('https', 'http') });
    expect(http.err[0]).toContain('does it speak TLS, and so want https://?');
    const https = await look({ admin: plain.url.replace('http', 'https'), insecure: true });
    expect(https.err[0]).toContain('what the peer sends is not TLS');
  });
});

describe('one line when nothing is there', () => {
  const ONCE = { until: new AbortController().signal, clear: false };
  const look = (admin: string) =>
    printed((terminal) => status({ ...NOWHERE, admin, watchMs: undefined, json: false }, terminal, ONCE));

  test('nothing listens', async () => {
    const room = await openAdmin();
    await room.server.stop();
    expect(await look(room.url)).toEqual({
      code: 'GW_ERR_ADMIN_CONNECT',
      out: [],
      err: [
        `the admin API did not answer: ${room.url}: nothing listens there; is the gateway running, with admin in its config?`,
      ],
    });
  });

  test('no token, and a wrong one', async () => {
    const room = await openAdmin();
    expect((await look(room.url)).err).toEqual([
      'the token is missing or wrong: give it by --token-file, -c or HL7_GATEWAY_TOKEN',
    ]);
    const tokenFile = `${folderWith({ 'a.token': 'not-the-token-of-it\n' })}/a.token`;
    const options = { ...NOWHERE, admin: room.url, tokenFile, watchMs: undefined, json: false };
    expect((await printed((terminal) => status(options, terminal, ONCE))).err).toEqual([
      `the token is missing or wrong: ${room.url} does not take this one`,
    ]);
  });
});
