// `certs verify FILE`: would the handshake succeed, and why not; each verdict with OpenSSL's own code beside it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { made } from './made.ts';
import { CA, VerifyFolder } from './verify-folder.ts';

const folder = new VerifyFolder();
beforeAll(() => folder.fill());
afterAll(() => folder.remove());

describe('a handshake that succeeds', () => {
  test('in words', async () => {
    const { code, out } = await folder.certs('verify', 'vip.crt.pem', ...CA, '--host', 'vip.test');
    expect(code).toBe(0);
    expect(out).toEqual([
      'vip.crt.pem: the handshake would succeed',
      '  chain       good  CN=vip ← CN=Hospital CA',
      `  dates       good  valid until ${new Date(Date.now() + 397 * 86_400_000).toISOString().slice(0, 10)}`,
      '  purpose     good  server',
      '  host        good  vip.test',
      '  revocation  -     not checked: no --crl',
      '  key         good  belongs to the certificate',
      '  handshake   good  done, both ends in this process',
    ]);
  });

  test.each([
    ['by IP address', ['vip.crt.pem', '--host', '10.0.0.1']],
    ['with RSA, without a host', ['rsa.crt.pem']],
    ['as a client', ['sender.crt.pem', '--usage', 'client']],
    ['both ways', ['rsa.crt.pem', '--usage', 'client']],
    ['its own trust', ['alone.crt.pem', '--ca', 'alone.crt.pem', '--host', 'vip.test']],
    ['with the key named', ['keyless.pem', '--key', 'vip.key.pem']],
    ['with two authorities', ['vip.crt.pem', '--ca', 'other.pem']],
  ])('%s', async (_, args) => {
    const { code, good, bad, verdict } = await folder.verify(...args, ...CA);
    expect({ code, good, bad, protocol: verdict.protocol }).toEqual({
      code: 0,
      good: true,
      bad: [],
      protocol: 'TLSv1.3',
    });
  });

  test('without the key only the certificate can be judged, and it says so', async () => {
    const { code, out } = await folder.certs('verify', 'keyless.pem', ...CA);
    expect({ code, first: out[0], last: out.at(-1) }).toEqual({
      code: 0,
      first: 'keyless.pem: the handshake would succeed (as far as it can be seen without the key)',
      last: '  handshake   -     not tried: it takes the key (--key)',
    });
  });
});

describe('a handshake that fails', () => {
  test.each<[string, string[], string[], string]>([
    ['expired', ['expired.crt.pem'], ['dates'], 'CERT_HAS_EXPIRED'],
    ['not valid yet', ['early.crt.pem'], ['dates'], 'CERT_NOT_YET_VALID'],
    ['another host', ['vip.crt.pem', '--host', 'wrong.test'], ['host'], 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['another address', ['vip.crt.pem', '--host', '10.0.0.2'], ['host'], 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['a client’s as a server’s', ['sender.crt.pem'], ['purpose'], 'INVALID_PURPOSE'],
    ['a server’s as a client’s', ['vip.crt.pem', '--usage', 'client'], ['purpose'], 'INVALID_PURPOSE'],
    ['self-signed', ['alone.crt.pem'], ['chain'], 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['another’s key', ['mixed.crt.pem'], ['key'], 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'],
  ])('%s', async (_, args, checks, reason) => {
    expect(await folder.verify(...args, ...CA)).toMatchObject({
      code: 1,
      good: false,
      bad: [...checks, 'handshake'],
      reason,
    });
  });

  test.each([
    [
      'another authority',
      'other.pem',
      'the certificate of CN=Hospital CA, which has signed CN=vip, is missing',
    ],
    [
      'an authority of that name with another key',
      'namesake.pem',
      'CN=vip names CN=Hospital CA as its issuer, but not the one given here has signed it: another key',
    ],
  ])('%s', async (_, ca, text) => {
    const { code, bad, reason, verdict } = await folder.verify('vip.crt.pem', '--ca', ca);
    expect({ code, bad, reason }).toEqual({
      code: 1,
      bad: ['chain', 'handshake'],
      reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    expect(verdict.checks[0]?.text).toBe(text);
  });

  test('signed by a certificate that is no authority’s', async () => {
    const { code, bad, verdict } = await folder.verify('below.crt.pem', ...CA);
    expect({ code, bad }).toEqual({ code: 1, bad: ['chain', 'handshake'] });
    expect(verdict.checks[0]?.text).toBe(
      'CN=no authority has signed CN=below, but is no authority (CA:TRUE)',
    );
  });

  test('OpenSSL’s verdict counts where the checks see nothing: an authority below one that allows none', async () => {
    const middle = made({ cn: 'middle', ca: true }, folder.root);
    folder.pair('deep', made({ cn: 'deep', dns: ['vip.test'] }, middle));
    folder.write('deep.crt.pem', folder.text('deep.crt.pem') + middle.certPem);
    expect(await folder.verify('deep.crt.pem', ...CA)).toMatchObject({
      code: 1,
      bad: ['handshake'],
      reason: 'PATH_LENGTH_EXCEEDED',
    });
  });

  test('a common name is no host name, though Node.js would take it', async () => {
    const { code, bad, verdict } = await folder.verify('common.crt.pem', ...CA, '--host', 'vip.test');
    expect({ code, bad }).toEqual({ code: 1, bad: ['host'] });
    expect(verdict.checks.find(({ name }) => name === 'host')?.text).toMatch(/RFC 9525/);
  });

  test('in words, with the code', async () => {
    const { code, out } = await folder.certs('verify', 'expired.crt.pem', ...CA);
    expect({ code, first: out[0], last: out.at(-1) }).toEqual({
      code: 1,
      first: 'expired.crt.pem: the handshake would fail',
      last: '  handshake   BAD   a certificate has expired [CERT_HAS_EXPIRED]',
    });
  });
});

describe('--at', () => {
  const day = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

  test('a certificate that is good today will have expired', async () => {
    expect(await folder.verify('vip.crt.pem', ...CA, '--at', day(398))).toMatchObject({
      code: 1,
      bad: ['dates'],
    });
    expect(await folder.verify('vip.crt.pem', ...CA, '--at', day(300))).toMatchObject({ code: 0, bad: [] });
  });

  test('one that has expired was good', async () => {
    const { code, bad, verdict } = await folder.verify('expired.crt.pem', ...CA, '--at', day(-4));
    // The authority is younger than that.
    expect({ code, bad }).toEqual({ code: 1, bad: ['dates'] });
    expect(verdict.checks.find(({ name }) => name === 'dates')?.text).toMatch(
      /^CN=Hospital CA is not valid before/,
    );
    const early = await folder.verify('early.crt.pem', ...CA, '--at', day(20));
    expect({ code: early.code, bad: early.bad, reason: early.reason }).toEqual({
      code: 0,
      bad: [],
      reason: 'CERT_NOT_YET_VALID',
    });
  });
});
