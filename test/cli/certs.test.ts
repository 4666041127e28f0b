// `certs init`, `issue` and `csr`, typed as a user types them: what is printed, written, and left alone.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertsFolder } from '../certs/certs-command.ts';
import { made } from '../certs/made.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const folder = new CertsFolder();
const cert = (name: string): X509Certificate => new X509Certificate(folder.bytes(name));
const daysLeft = (name: string): number =>
  Math.round((cert(name).validToDate.getTime() - Date.now()) / DAY_MS);
let umask = 0;

beforeAll(async () => {
  // Keys must be private by their own mode, not by luck of the user's umask.
  umask = process.umask(0);
  folder.write('pass', 'correct horse\n');
  folder.write('other-pass', 'wrong\n');
  await folder.good('init', '--out', 'ca', '--cn', 'Hospital CA', '--key', 'ec-p256');
});
afterAll(() => {
  process.umask(umask);
  folder.remove();
});

describe('init', () => {
  test('writes an authority, and says what and where', async () => {
    const until = cert('ca/ca.crt.pem').validToDate.toISOString().slice(0, 10);
    await expect(folder.certs('init', '--out', 'new', '--cn', 'X', '--key', 'ec-p384')).resolves.toEqual({
      code: 0,
      out: [`authority CN=X, EC P-384, until ${until}`, '  new/ca.key.pem', '  new/ca.crt.pem'],
      err: [],
    });
    expect([folder.mode('new/ca.key.pem'), folder.mode('new/ca.crt.pem')]).toEqual(['600', '644']);
    expect(cert('new/ca.crt.pem').ca).toBe(true);
    expect(daysLeft('new/ca.crt.pem')).toBe(3650);
    expect(readdirSync(folder.at('new')).sort()).toEqual(['ca.crt.pem', 'ca.key.pem']);
  });

  test.each([
    ['rsa-2048', 'RSA 2048'],
    ['rsa-3072', 'RSA 3072'],
    ['ec-p256', 'EC P-256'],
  ])('--key %s', async (kind, shown) => {
    expect(await folder.json('init', '--out', kind, '--key', kind)).toMatchObject({ key: shown, ca: true });
  });

  test('does not touch an authority that is there, without --force', async () => {
    const before = folder.text('ca/ca.key.pem') + folder.text('ca/ca.crt.pem');
    await expect(folder.certs('init', '--out', 'ca', '--key', 'ec-p256')).resolves.toEqual({
      code: 2,
      out: [],
      err: [
        'the command was called wrongly: ca/ca.key.pem is there already; --force replaces it [GW_ERR_USAGE]',
      ],
    });
    expect(folder.text('ca/ca.key.pem') + folder.text('ca/ca.crt.pem')).toBe(before);
  });

  test('writes nothing at all if one of the two is there', async () => {
    mkdirSync(folder.at('half'));
    folder.write('half/ca.crt.pem', 'mine');
    expect((await folder.certs('init', '--out', 'half', '--key', 'ec-p256')).code).toBe(2);
    expect(existsSync(folder.at('half/ca.key.pem'))).toBe(false);
    expect(folder.text('half/ca.crt.pem')).toBe('mine');
  });

  test('--force replaces both, and a link is replaced rather than written through', async () => {
    mkdirSync(folder.at('forced'));
    folder.write('elsewhere', 'mine');
    symlinkSync(folder.at('elsewhere'), folder.at('forced/ca.key.pem'));
    await folder.good('init', '--out', 'forced', '--key', 'ec-p256', '--force');
    expect(folder.text('elsewhere')).toBe('mine');
    expect(folder.mode('forced/ca.key.pem')).toBe('600');
    expect(createPrivateKey(folder.text('forced/ca.key.pem')).asymmetricKeyType).toBe('ec');
  });

  test('a link to nowhere is not followed', async () => {
    mkdirSync(folder.at('linked'));
    symlinkSync(folder.at('nowhere'), folder.at('linked/ca.key.pem'));
    expect(await folder.certs('init', '--out', 'linked', '--key', 'ec-p256')).toMatchObject({
      code: 2,
      err: [
        'a certificate or key file is not usable: linked/ca.key.pem: cannot be written: it exists already [GW_ERR_TLS_FILE]',
      ],
    });
    expect(existsSync(folder.at('nowhere'))).toBe(false);
  });

  test('a key with a passphrase is encrypted, and only that passphrase issues with it', async () => {
    await folder.good('init', '--out', 'locked', '--key', 'ec-p256', '--passphrase-file', 'pass');
    expect(folder.text('locked/ca.key.pem')).toMatch(/^-{5}BEGIN ENCRYPTED PRIVATE KEY-{5}/);
    expect(folder.text('locked/ca.key.pem')).not.toContain('horse');
    const issue = ['issue', 'vip', '--dir', 'locked', '--key', 'ec-p256'];
    const line = (reason: string): object => ({
      code: 2,
      out: [],
      err: [`a certificate or key file is not usable: locked/ca.key.pem: ${reason} [GW_ERR_TLS_FILE]`],
    });
    expect(await folder.certs(...issue)).toEqual(line('the key is encrypted, and no passphrase was given'));
    expect(await folder.certs(...issue, '--ca-passphrase-file', 'other-pass')).toEqual(
      line('wrong passphrase, or a damaged key'),
    );
    process.env.CERTS_TEST_PASS = 'correct horse';
    await folder.good(...issue, '--ca-passphrase-env', 'CERTS_TEST_PASS', '--passphrase-file', 'pass');
    expect(folder.text('locked/vip.key.pem')).toMatch(/^-{5}BEGIN ENCRYPTED PRIVATE KEY-{5}/);
    expect(folder.mode('locked/vip.key.pem')).toBe('600');
  });
});

describe('issue', () => {
  const issue = (name: string, ...args: string[]): Promise<readonly string[]> =>
    folder.good('issue', name, '--dir', 'ca', '--key', 'ec-p256', ...args);

  test('a server: names as asked, for 397 days, its key private', async () => {
    await issue(
      'vip',
      '--dns',
      'vip.test',
      '--dns',
      '*.pool.test',
      '--dns',
      'münchen.test',
      '--ip',
      '10.0.0.1',
      '--ip',
      '::1',
    );
    const issued = cert('ca/vip.crt.pem');
    expect(issued.subject).toBe('CN=vip');
    expect(issued.subjectAltName).toBe(
      'DNS:vip.test, DNS:*.pool.test, DNS:xn--mnchen-3ya.test, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(issued.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(daysLeft('ca/vip.crt.pem')).toBe(397);
    expect(folder.mode('ca/vip.key.pem')).toBe('600');
    expect(issued.checkPrivateKey(createPrivateKey(folder.text('ca/vip.key.pem')))).toBe(true);
    expect(folder.text('ca/vip.crt.pem').match(/BEGIN/g)).toHaveLength(1);
  });

  test.each([
    ['node.test', 'DNS:node.test'],
    ['10.1.2.3', 'IP Address:10.1.2.3'],
  ])('a server without names is known by its own: %s', async (name, names) => {
    await issue(name);
    expect(cert(`ca/${name}.crt.pem`).subjectAltName).toBe(names);
  });

  test('a client: no names needed, for 825 days', async () => {
    await issue('sender', '--client', '--cn', 'Labor, Süd');
    expect(cert('ca/sender.crt.pem')).toMatchObject({
      subject: 'CN=Labor\\, Süd',
      subjectAltName: undefined,
      keyUsage: ['1.3.6.1.5.5.7.3.2'],
    });
    expect(daysLeft('ca/sender.crt.pem')).toBe(825);
  });

  test('both, with days', async () => {
    await issue('peer', '--both', '--days', '10');
    expect(cert('ca/peer.crt.pem').keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(daysLeft('ca/peer.crt.pem')).toBe(10);
  });

  test('an authority that has one above it stands in the chain, and the root does not', async () => {
    mkdirSync(folder.at('below'));
    const root = made({ cn: 'Root', ca: true });
    const below = made({ cn: 'Below', ca: true }, root);
    folder.write('below/ca.crt.pem', below.certPem + root.certPem);
    folder.write('below/ca.key.pem', below.keyPem);
    folder.write('root.pem', root.certPem);
    await folder.good('issue', 'deep', '--dir', 'below', '--key', 'ec-p256');
    expect(folder.text('below/deep.crt.pem').match(/BEGIN/g)).toHaveLength(2);
    expect(folder.text('below/deep.chain.pem').trim()).toBe(below.certPem.trim());
    const verified = await folder.certs('verify', 'below/deep.crt.pem', '--ca', 'root.pem', '--host', 'deep');
    expect(verified.out).toContain('  chain       good  CN=deep ← CN=Below ← CN=Root');
    expect(verified.code).toBe(0);
  });
});

describe('csr', () => {
  test('a request that another authority signs for its key alone, not for the names it asks for', async () => {
    expect(
      await folder.good(
        'csr',
        'lab',
        '--out',
        'req',
        '--cn',
        'Labor',
        '--dns',
        'lab.test',
        '--ip',
        '10.0.0.9',
        '--key',
        'ec-p384',
      ),
    ).toEqual([
      'request for CN=Labor (lab.test, 10.0.0.9), EC P-384',
      '  req/lab.key.pem',
      '  req/lab.csr.pem',
    ]);
    expect([folder.mode('req/lab.key.pem'), folder.mode('req/lab.csr.pem')]).toEqual(['600', '644']);

    await folder.good('issue', 'plain', '--dir', 'ca', '--csr', 'req/lab.csr.pem');
    expect(cert('ca/plain.crt.pem')).toMatchObject({ subject: 'CN=plain', subjectAltName: 'DNS:plain' });
    expect(existsSync(folder.at('ca/plain.key.pem'))).toBe(false);

    await folder.good('issue', 'trusted', '--dir', 'ca', '--csr', 'req/lab.csr.pem', '--trust-csr-names');
    expect(cert('ca/trusted.crt.pem')).toMatchObject({
      subject: 'CN=Labor',
      subjectAltName: 'DNS:lab.test, IP Address:10.0.0.9',
    });
    const key = createPrivateKey(folder.text('req/lab.key.pem'));
    for (const name of ['plain', 'trusted'])
      expect(cert(`ca/${name}.crt.pem`).checkPrivateKey(key)).toBe(true);
  });

  test('a request that was changed on the way is refused', async () => {
    await folder.good('csr', 'forged', '--out', 'req', '--dns', 'aaaa.test', '--key', 'ec-p256');
    const der = Buffer.from(folder.text('req/forged.csr.pem').replace(/-----.*/g, ''), 'base64');
    const changed = Buffer.from(der.toString('latin1').replace('aaaa.test', 'bbbb.test'), 'latin1');
    folder.write('forged.csr', changed);
    expect(
      await folder.certs('issue', 'x', '--dir', 'ca', '--csr', 'forged.csr', '--trust-csr-names'),
    ).toEqual({
      code: 2,
      out: [],
      err: [
        'a certificate or key file is not usable: forged.csr: its signature does not fit its key [GW_ERR_TLS_FILE]',
      ],
    });
  });
});
