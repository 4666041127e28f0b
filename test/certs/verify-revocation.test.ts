// `certs verify --crl`: revocation lists as openssl writes them, by the tool's own check and by OpenSSL's.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, createAuthority, type Issued } from '../../certs/authority.ts';
import type { Check } from '../../certs/verify/checks.ts';
import { CertsFolder, hasOpenssl } from './certs-command.ts';
import { made } from './made.ts';

const folder = new CertsFolder();
let authority: Authority;
let root: Issued;

interface Verdict {
  readonly good: boolean;
  readonly protocol?: string;
  readonly checks: readonly Check[];
}

const CA = ['--ca', 'ca.pem'];

async function verify(
  ...args: string[]
): Promise<{ code: number; good: boolean; bad: string[]; reason: string | undefined; verdict: Verdict }> {
  const { code, out } = await folder.certs('verify', ...args, '--json');
  const verdict = JSON.parse(out[0] ?? '') as Verdict;
  const bad = verdict.checks.filter(({ good }) => good === false).map(({ name }) => name);
  const reason = verdict.checks.find(({ name }) => name === 'handshake')?.code;
  return { code, good: verdict.good, bad, reason, verdict };
}

function pair(name: string, issued: Issued): void {
  folder.write(`${name}.crt.pem`, issued.certPem);
  folder.write(`${name}.key.pem`, issued.keyPem);
}

beforeAll(() => {
  authority = createAuthority({ commonName: 'Hospital CA', days: 400, key: 'ec-p256' });
  root = { certPem: authority.certPem, keyPem: authority.keyPem };
  folder.write('ca.pem', root.certPem);
  folder.write(
    'namesake.pem',
    createAuthority({ commonName: 'Hospital CA', days: 9, key: 'ec-p256' }).certPem,
  );
  folder.write('other.pem', createAuthority({ commonName: 'Other CA', days: 9, key: 'ec-p256' }).certPem);
  const server = { dns: ['vip.test'], ip: ['10.0.0.1'], key: 'ec-p256' } as const;
  pair('vip', authority.issue({ ...server, commonName: 'vip', usage: 'server' }));
  pair('rsa', authority.issue({ ...server, commonName: 'rsa', usage: 'both', key: 'rsa-2048' }));
  pair('sender', authority.issue({ commonName: 'sender', usage: 'client', key: 'ec-p256' }));
  pair('expired', made({ cn: 'expired', dns: ['vip.test'], fromDays: -9, toDays: -2 }, root));
  pair('early', made({ cn: 'early', dns: ['vip.test'], fromDays: 5 }, root));
  pair('alone', made({ cn: 'alone', dns: ['vip.test'] }));
  pair('common', made({ cn: 'vip.test' }, root));
  const notAnAuthority = made({ cn: 'no authority' }, root);
  pair('below', made({ cn: 'below', dns: ['vip.test'] }, notAnAuthority));
  folder.write('below.crt.pem', folder.text('below.crt.pem') + notAnAuthority.certPem);
  pair('mixed', { certPem: folder.text('vip.crt.pem'), keyPem: folder.text('sender.key.pem') });
  folder.write('keyless.pem', folder.text('vip.crt.pem'));
});
afterAll(() => folder.remove());

describe.skipIf(!hasOpenssl)('revocation lists of openssl (skipped where there is no openssl)', () => {
  beforeAll(() => {
    const openssl = (...args: string[]): void => {
      const { status, output } = folder.tool('openssl', ...args);
      if (status !== 0) throw new Error(output);
    };
    folder.write('ca.key', authority.keyPem);
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
    expect(await verify(...args, ...CA, '--usage', 'client')).toMatchObject({ code, bad, reason });
  });

  test('a list of another authority is no list', async () => {
    const other = createAuthority({ commonName: 'Third CA', days: 9, key: 'ec-p256' });
    folder.write('third.pem', other.certPem);
    pair('third', other.issue({ commonName: 'x', usage: 'client', key: 'ec-p256' }));
    expect(
      await verify('third.crt.pem', '--ca', 'third.pem', '--crl', 'nobody.crl', '--usage', 'client'),
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
