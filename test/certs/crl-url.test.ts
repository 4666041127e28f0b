// `--crl-url`: where a certificate says that its revocation list is, as OpenSSL reads it, fetches it and goes by it.
// Promises that a URL which peers could not use is refused before anything is written.

import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, createAuthority, type Issued } from '../../certs/authority.ts';
import { inspectCertificate } from '../../certs/inspect.ts';
import { type Asn1, explicit, implicit, sequence } from '../../certs/x509/der.ts';
import { EXTENSION, extension, readExtensions } from '../../certs/x509/extensions.ts';
import { subjectOf } from '../../certs/x509/names.ts';
import { revocationList } from '../helpers/revocation.ts';
import { CertsFolder, hasOpenssl } from './certs-command.ts';

const URL_ONE = 'http://pki.hospital.example/ca.crl';
const URL_TWO = 'ldap:///CN=CA,DC=hospital,DC=example?certificateRevocationList;binary';

const folder = new CertsFolder();
let authority: Authority;
beforeAll(() => {
  authority = createAuthority({ commonName: 'Hospital CA', days: 500, key: 'ec-p256' });
  folder.write('ca.crt.pem', authority.certPem);
  folder.write('ca.key.pem', authority.keyPem);
});
afterAll(() => folder.remove());

function issue(...crlUrls: string[]): Issued {
  return authority.issue({ commonName: 'vip', dns: ['vip.test'], usage: 'server', key: 'ec-p256', crlUrls });
}

function crlUrls(certPem: string): readonly string[] {
  return inspectCertificate(new X509Certificate(certPem)).crlUrls;
}

function openssl(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile('openssl', args, { cwd: folder.path, timeout: 15_000 }, (error, out, err) =>
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        output: out + err,
      }),
    );
  });
}

describe('the commands', () => {
  test('issue names every place, renew keeps them or takes new ones, inspect shows them', async () => {
    const args = ['old', '--dir', '.', '--key', 'ec-p256', '--crl-url', URL_ONE, '--crl-url', URL_TWO];
    await folder.good('issue', ...args);
    expect(crlUrls(folder.text('old.crt.pem'))).toEqual([URL_ONE, URL_TWO]);
    const { out } = await folder.certs('inspect', 'old.crt.pem', 'ca.crt.pem');
    expect(out.filter((line) => line.includes('revocation'))).toEqual([
      `  revocation   ${URL_ONE}, ${URL_TWO}`,
    ]);
    await folder.good('renew', 'old', '--dir', '.');
    expect(crlUrls(folder.text('old.crt.pem'))).toEqual([URL_ONE, URL_TWO]);
    await folder.good('renew', 'old', '--dir', '.', '--keep-key', '--crl-url', 'http://new.test/x');
    expect(crlUrls(folder.text('old.crt.pem'))).toEqual(['http://new.test/x']);
  });

  test('of a request, too', async () => {
    await folder.good('csr', 'lab', '--out', 'from-lab', '--key', 'ec-p256');
    const csr = ['--csr', 'from-lab/lab.csr.pem', '--crl-url', URL_ONE];
    await folder.good('issue', 'lab', '--dir', '.', '--client', ...csr);
    expect(crlUrls(folder.text('lab.crt.pem'))).toEqual([URL_ONE]);
  });

  test('a URL that is none is bad usage, and so is one for a root; nothing is written', async () => {
    const [refused, root] = await Promise.all([
      folder.certs('issue', 'refused', '--dir', '.', '--crl-url', 'https://pki.test/ca.crl'),
      folder.certs('renew', 'ca', '--dir', '.', '--crl-url', URL_ONE),
    ]);
    expect([refused.code, root.code]).toEqual([2, 2]);
    expect(refused.err).toEqual([
      'the command was called wrongly: "https://pki.test/ca.crl" is no http:// or ldap:// URL, which a revocation list must have [GW_ERR_USAGE]',
    ]);
    expect(root.err[0]).toContain('a root names no revocation list');
    expect(existsSync(folder.at('refused.key.pem'))).toBe(false);
    expect(folder.text('ca.crt.pem')).toBe(authority.certPem);
  });
});

test.each(['pki.test/a', 'file:///a', 'http://', 'http://a b/c', 'http://a/ü', 'http:a', 'http://[/', ''])(
  '%j is refused',
  (url) => {
    expect(() => issue(URL_ONE, url)).toThrow(/is no http:\/\/ or ldap:\/\/ URL/);
  },
);

test('without one there is no extension', () => {
  const { certPem } = issue();
  expect(crlUrls(certPem)).toEqual([]);
  // The object identifier 2.5.29.31.
  expect(new X509Certificate(certPem).raw.includes(Buffer.from([0x55, 0x1d, 0x1f]))).toBe(false);
});

test('what authorities of others write: several points, names that are no URL, points of reasons alone', () => {
  const uri = (text: string) => implicit(6, Buffer.from(text));
  const named = (...names: Asn1[]) => explicit(0, explicit(0, ...names));
  const points = sequence(
    sequence(named(explicit(4, subjectOf('a directory')), uri('http://a/1'))),
    // nameRelativeToCRLIssuer.
    sequence(explicit(0, explicit(1, sequence()))),
    sequence(implicit(1, Buffer.from([6, 0x40]))),
    sequence(named(uri('http://a/2')), explicit(2, explicit(4, subjectOf('another issuer')))),
  );
  const { crlUrls: read } = readExtensions([extension(EXTENSION.crlDistributionPoints, points)]);
  expect(read).toEqual(['http://a/1', 'http://a/2']);
});

describe.skipIf(!hasOpenssl)('as OpenSSL takes it (skipped where there is no openssl)', () => {
  test('one point with both names, which is not critical', async () => {
    folder.write('read.pem', issue(URL_ONE, URL_TWO).certPem);
    const { output } = await openssl('x509', '-in', 'read.pem', '-noout', '-text');
    const [, points = ''] = /X509v3 CRL Distribution Points:(.*?)Signature Algorithm/s.exec(output) ?? [];
    const lines = points.split('\n').map((line) => line.trim());
    expect(lines.filter((line) => line !== '')).toEqual(['Full Name:', `URI:${URL_ONE}`, `URI:${URL_TWO}`]);
  });

  test('it fetches the list from there, and goes by it', async () => {
    const asked: (string | undefined)[] = [];
    let list = Buffer.alloc(0);
    const server = http.createServer((request, response) => {
      asked.push(request.url);
      response.end(list);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ca.crl`;
    const [good, bad] = [issue(url), issue(url)];
    folder.write('good.pem', good.certPem);
    folder.write('bad.pem', bad.certPem);
    list = Buffer.from(revocationList(authority, [bad]).replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const verify = (file: string) =>
      openssl('verify', '-crl_check', '-crl_download', '-CAfile', 'ca.crt.pem', file);
    expect(await verify('good.pem')).toMatchObject({ code: 0 });
    const refused = await verify('bad.pem');
    expect(refused.code).not.toBe(0);
    expect(refused.output).toContain('certificate revoked');
    expect(asked).toEqual(['/ca.crl', '/ca.crl']);
  });
});
