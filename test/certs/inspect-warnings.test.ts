// `certs inspect`: what it warns about, and that what a certificate says cannot harm who reads it.
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Issued } from '../../certs/authority.ts';
import { encode, sequence } from '../../certs/x509/der.ts';
import { PURPOSE, purposes } from '../../certs/x509/extensions.ts';
import { hasOpenssl } from './certs-command.ts';
import { InspectFolder } from './inspect-folder.ts';
import { made } from './made.ts';

const folder = new InspectFolder();
beforeAll(() => folder.fill());
afterAll(() => folder.remove());

describe('what it warns about', () => {
  const warnings = async (name: string, issued: Issued): Promise<readonly string[]> => {
    folder.write(name, issued.certPem);
    return (await folder.inspect(name)).certificates[0]?.warnings ?? [];
  };

  test.each([
    ['expired', { toDays: -2.5, fromDays: -5 }, 'it has expired 3 days ago'],
    ['soon', { toDays: 12.5 }, 'it ends in 12 days'],
    ['tomorrow', { toDays: 1.5 }, 'it ends in 1 day'],
    ['early', { fromDays: 2 }, 'it is not valid yet'],
    [
      'nameless',
      { dns: [] },
      'it has no host name or IP address as a SAN; peers do not look at the common name',
    ],
    [
      'authority',
      { ca: true },
      'it is an authority’s (CA:TRUE) though it names a server: its key could sign for any name',
    ],
  ])('%s', async (name, over, warning) => {
    expect(await warnings(name, made({ cn: name, dns: ['x.test'], ...over }))).toEqual([warning]);
  });

  test('not about a client without names, nor an authority without', async () => {
    expect(await warnings('client', made({ cn: 'c', extensions: [purposes(PURPOSE.client)] }))).toEqual([]);
    expect(await warnings('root', made({ cn: 'r', ca: true }))).toEqual([]);
  });

  test('a chain in the wrong order, and a key of the second certificate', async () => {
    expect((await folder.inspect('reversed.pem')).warnings).toEqual([
      'certificate 1 is not signed by certificate 2: peers want them in that order',
    ]);
    const { keyMatches, warnings: found } = await folder.inspect('chain.pem', '--key', 'ca.key.pem');
    expect({ keyMatches, found }).toEqual({
      keyMatches: true,
      found: ['the key belongs to certificate 2, not to the first'],
    });
  });

  test.skipIf(!hasOpenssl)('short keys and SHA-1 (skipped where there is no openssl)', async () => {
    const openssl = (...args: string[]): void => {
      const { status, output } = folder.tool('openssl', ...args);
      if (status !== 0) throw new Error(output);
    };
    openssl(
      'req',
      '-new',
      '-newkey',
      'rsa:1024',
      '-nodes',
      '-keyout',
      'weak.key',
      '-subj',
      '/CN=weak',
      '-out',
      'weak.csr',
    );
    folder.write('weak.ext', 'subjectAltName=DNS:weak.test\n');
    openssl(
      'x509',
      '-req',
      '-in',
      'weak.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key.pem',
      '-CAcreateserial',
      '-sha1',
      '-days',
      '90',
      '-extfile',
      'weak.ext',
      '-out',
      'weak.pem',
    );
    expect((await folder.inspect('weak.pem')).certificates[0]?.warnings).toEqual([
      'it is signed with ecdsa-with-SHA1, which can be forged',
      'its key, RSA 1024, is too short: 2048 bits at least',
    ]);
    const refused = await folder.certs('issue', 'weak', '--csr', 'weak.csr', '--dir', '.');
    expect(refused.err).toEqual([
      'a certificate or key file is not usable: weak.csr: its key, RSA 1024, is too short: 2048 bits at least [GW_ERR_TLS_FILE]',
    ]);
  });

  test('text in a certificate does not move the cursor', async () => {
    // What the tool does not write, another may have: ESC [ 2 J clears a terminal.
    const issued = made({ cn: 'evilXXXX', dns: ['x.test'] });
    const der = new X509Certificate(issued.certPem).raw;
    folder.write(
      'evil.cer',
      Buffer.from(der.toString('latin1').replaceAll('evilXXXX', 'evil\x1b[2J'), 'latin1'),
    );
    const out = (await folder.good('inspect', 'evil.cer')).join('\n');
    expect(out).toContain('evil');
    expect(out).not.toContain('\x1b');
  });
});

test('a sequence of nothing is no certificate', async () => {
  folder.write('nothing.der', encode(sequence()));
  expect((await folder.certs('inspect', 'nothing.der')).err).toEqual([
    'a certificate or key file is not usable: nothing.der: neither PEM nor DER nor PKCS#12 [GW_ERR_TLS_FILE]',
  ]);
});
