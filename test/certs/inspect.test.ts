// `certs inspect`: what it says of good files of every form, and what it warns about.
import { createHash, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from './certs-command.ts';
import { InspectFolder, type Report } from './inspect-folder.ts';

const folder = new InspectFolder();
beforeAll(() => folder.fill());
afterAll(() => folder.remove());

describe('what it says', () => {
  test('everything of a certificate, as JSON', async () => {
    const { certificates, keyMatches, ...rest } = await folder.inspect('vip.crt.pem', '--key', 'vip.key.pem');
    const known = new X509Certificate(folder.vip.certPem);
    expect(certificates).toEqual([
      {
        subject: 'CN=vip',
        names: ['DNS:vip.test', 'IP:10.0.0.1', 'IP:2001:db8::1'],
        issuer: 'CN=Hospital CA',
        serial: known.serialNumber,
        notBefore: known.validFromDate.toISOString(),
        notAfter: known.validToDate.toISOString(),
        daysLeft: 396,
        key: 'RSA 2048',
        signature: 'ecdsa-with-SHA384',
        keyUsage: ['digitalSignature', 'keyEncipherment'],
        purposes: ['server', 'client'],
        ca: false,
        selfSigned: false,
        crlUrls: [],
        sha256: known.fingerprint256,
        sha1: known.fingerprint,
        warnings: [],
      },
    ]);
    expect(keyMatches).toBe(true);
    expect(rest).toEqual({
      file: 'vip.crt.pem',
      format: 'PEM',
      requests: [],
      keys: [],
      crls: [],
      warnings: [],
    });
  });

  test('the same for a person', async () => {
    const out = await folder.good('inspect', 'chain.pem', '--key', 'vip.key.pem');
    for (const line of [
      'chain.pem (PEM)',
      '  subject      CN=vip',
      '  names        DNS:vip.test, IP:10.0.0.1, IP:2001:db8::1',
      '  issuer       CN=Hospital CA',
      '  key          RSA 2048',
      '  purpose      server, client',
      '  authority    yes, path length 0',
      '  issuer       itself (self-signed)',
      '  chain        each is signed by the next',
      '  key matches  yes',
    ])
      expect(out).toContain(line);
  });

  test('a key that does not match is exit code 1, in words and in JSON', async () => {
    const { code, out } = await folder.certs('inspect', 'vip.crt.pem', '--key', 'ca.key.pem');
    expect({ code, last: out.at(-2) }).toEqual({
      code: 1,
      last: '  key matches  NO: it belongs to none of these',
    });
    expect((await folder.inspect('vip.crt.pem', '--key', 'ca.key.pem')).keyMatches).toBe(false);
  });

  test('a key and a certificate in one file belong together, and nothing of the key is shown', async () => {
    const { out } = await folder.certs('inspect', 'both.pem', '--json');
    const report = JSON.parse(out[0] ?? '') as Report;
    const spki = new X509Certificate(folder.vip.certPem).publicKey.export({ type: 'spki', format: 'der' });
    const sha256 = createHash('sha256').update(spki).digest('hex').toUpperCase();
    expect(report.keyMatches).toBe(true);
    expect(report.keys).toEqual([
      { key: 'RSA 2048', encrypted: false, publicKeySha256: sha256.replace(/..(?=.)/g, '$&:'), warnings: [] },
    ]);
    expect(Object.keys(report).sort()).toEqual(
      ['certificates', 'crls', 'file', 'format', 'keyMatches', 'keys', 'requests', 'warnings'].sort(),
    );
  });

  test('several files: a line for each', async () => {
    const { out } = await folder.certs('inspect', 'vip.crt.pem', 'ca.pem', '--json');
    expect(out.map((line) => (JSON.parse(line) as { file: string }).file)).toEqual(['vip.crt.pem', 'ca.pem']);
  });

  test('DER, with CRLF and a BOM in PEM, and text around it', async () => {
    const der = new X509Certificate(folder.vip.certPem).raw;
    folder.write('vip.cer', der);
    folder.write(
      'windows.pem',
      `\ufeffBag Attributes\r\n  friendlyName: vip\r\n${folder.vip.certPem.replaceAll('\n', '\r\n')}`,
    );
    expect((await folder.inspect('vip.cer')).format).toBe('DER');
    for (const file of ['vip.cer', 'windows.pem'])
      expect((await folder.inspect(file)).certificates[0]?.subject).toBe('CN=vip');
  });

  test.skipIf(!hasOpenssl)(
    'what openssl writes: PKCS#7, a request, keys of every form, a CRL (skipped where there is no openssl)',
    async () => {
      folder.write('pass', 'word');
      const openssl = (...args: string[]): void => {
        const { status, output } = folder.tool('openssl', ...args);
        if (status !== 0) throw new Error(output);
      };
      openssl('crl2pkcs7', '-nocrl', '-certfile', 'chain.pem', '-out', 'chain.p7b');
      openssl('crl2pkcs7', '-nocrl', '-certfile', 'chain.pem', '-outform', 'DER', '-out', 'chain.p7b.der');
      for (const file of ['chain.p7b', 'chain.p7b.der']) {
        const { format, certificates } = await folder.inspect(file);
        expect({ format, count: certificates.length }).toEqual({ format: 'PKCS#7', count: 2 });
      }
      openssl(
        'rsa',
        '-in',
        'vip.key.pem',
        '-traditional',
        '-aes128',
        '-passout',
        'file:pass',
        '-out',
        'pkcs1.key',
      );
      openssl(
        'pkcs8',
        '-topk8',
        '-in',
        'vip.key.pem',
        '-passout',
        'file:pass',
        '-outform',
        'DER',
        '-out',
        'pkcs8.key',
      );
      openssl('pkey', '-in', 'vip.key.pem', '-outform', 'DER', '-out', 'plain.key');
      openssl('ec', '-in', 'ca.key.pem', '-outform', 'DER', '-out', 'sec1.key');
      for (const [file, key, encrypted] of [
        ['pkcs1.key', 'RSA 2048', true],
        ['pkcs8.key', 'RSA 2048', true],
        ['plain.key', 'RSA 2048', false],
        ['sec1.key', 'EC P-384', false],
      ] as const)
        expect((await folder.inspect(file, '--passphrase-file', 'pass')).keys).toMatchObject([
          { key, encrypted },
        ]);
      openssl(
        'req',
        '-new',
        '-key',
        'vip.key.pem',
        '-subj',
        '/O=Hospital/CN=vip',
        '-addext',
        'subjectAltName=DNS:a.test',
        '-out',
        'a.csr',
      );
      expect((await folder.inspect('a.csr', '--key', 'vip.key.pem')).requests).toMatchObject([
        { subject: 'O=Hospital, CN=vip', names: ['DNS:a.test'], signatureFits: true },
      ]);
    },
  );
});
