// `certs verify --crl`: revocation lists as openssl writes them, by the tool's own check and by OpenSSL's.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../../certs/authority.ts';
import { hasOpenssl } from './certs-command.ts';
import { CA, VerifyFolder } from './verify-folder.ts';

const folder = new VerifyFolder();
beforeAll(() => folder.fill());
afterAll(() => folder.remove());

describe.skipIf(!hasOpenssl)('revocation lists of openssl (skipped where there is no openssl)', () => {
  beforeAll(() => {
    const openssl = (...args: string[]): void => {
      const { status, output } = folder.tool('openssl', ...args);
      if (status !== 0) throw new Error(output);
    };
    folder.write('ca.key', folder.authority.keyPem);
    folder.write('index.txt', '');
    folder.write(
      'ca.cnf',
      '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\ndefault_crl_days=30\n',
    );
    openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'nobody.crl');
    openssl('ca', '-config', 'ca.cnf', '-revoke', 'sender.crt.pem');
    openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'sender.crl');
    openssl(
      'ca',
      '-config',
      'ca.cnf',
      '-gencrl',
      '-crl_lastupdate',
      '20200101000000Z',
      '-crl_nextupdate',
      '20200201000000Z',
      '-out',
      'old.crl',
    );
    openssl('crl', '-in', 'sender.crl', '-outform', 'DER', '-out', 'sender.crl.der');
  });

  test.each<[string, string[], number, string[], string | undefined]>([
    ['not on the list', ['sender.crt.pem', '--crl', 'nobody.crl'], 0, [], undefined],
    ['revoked', ['sender.crt.pem', '--crl', 'sender.crl'], 1, ['revocation', 'handshake'], 'CERT_REVOKED'],
    [
      'revoked, the list in DER',
      ['sender.crt.pem', '--crl', 'sender.crl.der'],
      1,
      ['revocation', 'handshake'],
      'CERT_REVOKED',
    ],
    ['another is revoked', ['rsa.crt.pem', '--crl', 'sender.crl'], 0, [], undefined],
    ['an old list', ['rsa.crt.pem', '--crl', 'old.crl'], 1, ['revocation', 'handshake'], 'CRL_HAS_EXPIRED'],
  ])('%s', async (_, args, code, bad, reason) => {
    expect(await folder.verify(...args, ...CA, '--usage', 'client')).toMatchObject({ code, bad, reason });
  });

  test('a list of another authority is no list', async () => {
    const other = createAuthority({ commonName: 'Third CA', days: 9, key: 'ec-p256' });
    folder.write('third.pem', other.certPem);
    folder.pair('third', other.issue({ commonName: 'x', usage: 'client', key: 'ec-p256' }));
    expect(
      await folder.verify('third.crt.pem', '--ca', 'third.pem', '--crl', 'nobody.crl', '--usage', 'client'),
    ).toMatchObject({
      code: 1,
      bad: ['revocation', 'handshake'],
      reason: 'UNABLE_TO_GET_CRL',
    });
  });

  test('inspect reads them', async () => {
    const report = await folder.json<{ crls: object[] }>('inspect', 'sender.crl');
    expect(report.crls).toMatchObject([{ issuer: 'CN=Hospital CA', revoked: 1, warnings: [] }]);
  });
});
