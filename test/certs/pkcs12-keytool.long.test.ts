// `certs import` and `export` beside Java's keytool, which Mirth's keystores are made with.
import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASS, Pkcs12Folder } from './pkcs12-folder.ts';

const hasKeytool = spawnSync('keytool', ['-help']).status === 0;
const folder = new Pkcs12Folder();
const cert = (name: string): X509Certificate => new X509Certificate(folder.bytes(name));
const subjects = (name: string): string[] =>
  (folder.text(name).match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map(
    (pem) => new X509Certificate(pem).subject,
  );

beforeAll(() => folder.fill());
afterAll(() => folder.remove());

beforeAll(() => folder.exportAll());

describe.skipIf(!hasKeytool)('Java’s keytool (skipped where there is none)', { timeout: 60_000 }, () => {
  const STORE = ['-storetype', 'PKCS12', '-storepass', 'changeit'];
  const generate = (store: string, alias: string, ...args: string[]): string =>
    folder.run(
      'keytool',
      ...(args[0]?.startsWith('-J') ? [args.shift() ?? ''] : []),
      '-genkeypair',
      '-alias',
      alias,
      '-dname',
      `CN=${alias}, O=Hospital`,
      '-validity',
      '90',
      '-ext',
      'san=dns:mirth.test',
      '-keystore',
      store,
      ...STORE,
      ...args,
    );

  test('a keystore of today, with two entries: the alias has to be said', async () => {
    generate('two.p12', 'mirth', '-keyalg', 'RSA', '-keysize', '2048');
    generate('two.p12', 'ec', '-keyalg', 'EC', '-groupname', 'secp256r1');
    expect(await folder.certs('import', 'two.p12', '--out', 'two', ...PASS)).toEqual({
      code: 2,
      out: [],
      err: [
        'the command was called wrongly: two.p12 has 2 entries, "mirth", "ec"; --alias chooses one [GW_ERR_USAGE]',
      ],
    });
    for (const alias of ['Mirth', 'ec']) {
      await folder.good('import', 'two.p12', '--out', 'two', '--alias', alias, ...PASS);
      const name = alias.toLowerCase();
      expect(cert(`two/${name}.crt.pem`).subject).toBe(`O=Hospital\nCN=${name}`);
      expect(
        cert(`two/${name}.crt.pem`).checkPrivateKey(createPrivateKey(folder.text(`two/${name}.key.pem`))),
      ).toBe(true);
    }
    const listed = folder.run('keytool', '-list', '-v', '-keystore', 'two.p12', ...STORE);
    expect(listed).toContain(cert('two/mirth.crt.pem').fingerprint256);
    expect(listed).toContain(cert('two/ec.crt.pem').fingerprint256);
    const { certificates } = await folder.json<{ certificates: { alias: string }[] }>(
      'inspect',
      'two.p12',
      ...PASS,
    );
    expect(certificates.map(({ alias }) => alias)).toEqual(['mirth', 'ec']);
  });

  test('a keystore as Java wrote it before 2021: 3DES and RC2', async () => {
    generate('old.p12', 'old', '-J-Dkeystore.pkcs12.legacy', '-keyalg', 'RSA', '-keysize', '2048');
    await folder.good('import', 'old.p12', '--out', 'old', ...PASS);
    expect(cert('old/old.crt.pem').checkPrivateKey(createPrivateKey(folder.text('old/old.key.pem')))).toBe(
      true,
    );
  });

  test('a truststore: certificates without a key', async () => {
    folder.run(
      'keytool',
      '-importcert',
      '-noprompt',
      '-alias',
      'ca',
      '-file',
      'ca.pem',
      '-keystore',
      'trust.p12',
      ...STORE,
    );
    folder.run(
      'keytool',
      '-importcert',
      '-noprompt',
      '-alias',
      'peer',
      '-file',
      'ec-p256.crt.pem',
      '-keystore',
      'trust.p12',
      ...STORE,
    );
    expect(await folder.good('import', 'trust.p12', '--out', 'trust', ...PASS)).toEqual([
      'trust.p12: CN=Hospital CA, without a key: for trust',
      '  trust/trust.crt.pem',
    ]);
    expect(subjects('trust/trust.crt.pem').sort()).toEqual(['CN=Hospital CA', 'CN=ec-p256']);
    expect(existsSync(folder.at('trust/trust.key.pem'))).toBe(false);
  });

  test('a keystore with a chain keeps it: the root in the chain file, not in what is shown', async () => {
    folder.run(
      'keytool',
      '-importkeystore',
      '-srckeystore',
      'rsa-20480.p12',
      '-srcstorepass',
      'changeit',
      '-destkeystore',
      'copy.p12',
      '-deststoretype',
      'PKCS12',
      '-deststorepass',
      'changeit',
    );
    await folder.good('import', 'copy.p12', '--out', 'copy', '--name', 'vip', ...PASS);
    expect(subjects('copy/vip.crt.pem')).toEqual(['CN=rsa-2048']);
    expect(subjects('copy/vip.chain.pem')).toEqual(['CN=Hospital CA']);
  });

  test('JKS is named for what it is', async () => {
    folder.run(
      'keytool',
      '-genkeypair',
      '-alias',
      'j',
      '-keyalg',
      'RSA',
      '-dname',
      'CN=j',
      '-storetype',
      'JKS',
      '-storepass',
      'changeit',
      '-keypass',
      'changeit',
      '-keystore',
      'j.jks',
    );
    expect((await folder.certs('import', 'j.jks', ...PASS)).err).toEqual([
      'a certificate or key file is not usable: j.jks: a Java keystore (JKS); keytool -importkeystore -deststoretype PKCS12 makes PKCS#12 of it [GW_ERR_TLS_FILE]',
    ]);
    folder.run(
      'keytool',
      '-importkeystore',
      '-srckeystore',
      'j.jks',
      '-srcstorepass',
      'changeit',
      '-destkeystore',
      'j.p12',
      '-deststoretype',
      'PKCS12',
      '-deststorepass',
      'changeit',
    );
    expect((await folder.certs('import', 'j.p12', '--out', 'j', ...PASS)).code).toBe(0);
  });

  test.each(['rsa-20480', 'rsa-20481', 'ec-p2560', 'ec-p3841'])(
    'keytool reads what the tool writes: %s',
    (name) => {
      const kind = name.slice(0, -1);
      const listed = folder.run(
        'keytool',
        '-list',
        '-v',
        '-keystore',
        `${name}.p12`,
        '-storepass',
        'changeit',
      );
      expect(listed).toContain(`Alias name: ${kind}`);
      expect(listed).toContain('Entry type: PrivateKeyEntry');
      expect(listed).toContain('Certificate chain length: 2');
      expect(listed).toContain(cert(`${kind}.crt.pem`).fingerprint256);
      // The key opens, too: a request can be signed with it.
      expect(
        folder.run(
          'keytool',
          '-certreq',
          '-alias',
          kind,
          '-keystore',
          `${name}.p12`,
          '-storepass',
          'changeit',
        ),
      ).toContain('BEGIN NEW CERTIFICATE REQUEST');
    },
  );
});
