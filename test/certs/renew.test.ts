// `certs renew`: what stays, what is new, and what is never lost.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertsFolder } from './certs-command.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const folder = new CertsFolder();
const cert = (name: string): X509Certificate => new X509Certificate(folder.bytes(name));
const daysLeft = (name: string): number =>
  Math.round((cert(name).validToDate.getTime() - Date.now()) / DAY_MS);

beforeAll(async () => {
  folder.write('pass', 'correct horse\n');
  await folder.good('init', '--out', 'ca', '--cn', 'Hospital CA', '--key', 'ec-p256');
});
afterAll(() => folder.remove());

describe('renew', () => {
  test('the same subject, names and purpose; new serial, dates and key; the old files beside', async () => {
    await folder.good(
      'issue',
      'old',
      '--dir',
      'ca',
      '--dns',
      'a.test',
      '--both',
      '--days',
      '3',
      '--key',
      'ec-p384',
      '--cn',
      'Ö, x',
    );
    const before = { cert: folder.text('ca/old.crt.pem'), key: folder.text('ca/old.key.pem') };
    await folder.good('renew', 'old', '--dir', 'ca');
    const [was, is] = [new X509Certificate(before.cert), cert('ca/old.crt.pem')];
    expect([is.subject, is.subjectAltName, is.keyUsage]).toEqual([
      was.subject,
      was.subjectAltName,
      was.keyUsage,
    ]);
    expect(is.serialNumber).not.toBe(was.serialNumber);
    expect(is.publicKey.equals(was.publicKey)).toBe(false);
    expect(is.publicKey.asymmetricKeyDetails).toEqual(was.publicKey.asymmetricKeyDetails);
    expect(is.checkPrivateKey(createPrivateKey(folder.text('ca/old.key.pem')))).toBe(true);
    expect(daysLeft('ca/old.crt.pem')).toBe(397);
    expect({ cert: folder.text('ca/old.crt.pem.bak'), key: folder.text('ca/old.key.pem.bak') }).toEqual(
      before,
    );
    expect([folder.mode('ca/old.key.pem'), folder.mode('ca/old.key.pem.bak')]).toEqual(['600', '600']);
    expect(readdirSync(folder.at('ca')).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  test('--keep-key leaves the key file alone', async () => {
    await folder.good('issue', 'kept', '--dir', 'ca', '--key', 'ec-p256', '--client');
    const key = folder.text('ca/kept.key.pem');
    await folder.good('renew', 'kept', '--dir', 'ca', '--keep-key', '--days', '5');
    expect(folder.text('ca/kept.key.pem')).toBe(key);
    expect(cert('ca/kept.crt.pem').checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(daysLeft('ca/kept.crt.pem')).toBe(5);
    expect(existsSync(folder.at('ca/kept.key.pem.bak'))).toBe(false);
  });

  test('an encrypted key is never replaced by one in the clear', async () => {
    await folder.good('issue', 'secret', '--dir', 'ca', '--key', 'ec-p256', '--passphrase-file', 'pass');
    const before = folder.text('ca/secret.key.pem');
    expect((await folder.certs('renew', 'secret', '--dir', 'ca')).code).toBe(2);
    await folder.good('issue', 'open', '--dir', 'ca', '--key', 'ec-p256');
    expect((await folder.certs('renew', 'open', '--dir', 'ca', '--passphrase-file', 'pass')).err).toEqual([
      'the command was called wrongly: ca/open.key.pem is not encrypted; renew it without a passphrase [GW_ERR_USAGE]',
    ]);
    expect(folder.text('ca/secret.key.pem')).toBe(before);
    await folder.good('renew', 'secret', '--dir', 'ca', '--passphrase-file', 'pass');
    expect(folder.text('ca/secret.key.pem')).toMatch(/^-----BEGIN ENCRYPTED/);
  });

  test('the authority itself: what it has issued stays good', async () => {
    await folder.good('init', '--out', 'root', '--key', 'ec-p256', '--days', '400');
    await folder.good('issue', 'vip', '--dir', 'root', '--key', 'ec-p256', '--days', '300');
    await folder.good('renew', 'ca', '--dir', 'root');
    expect(daysLeft('root/ca.crt.pem')).toBe(3650);
    expect((await folder.certs('verify', 'root/vip.crt.pem', '--ca', 'root/ca.crt.pem')).code).toBe(0);
  });

  test('a certificate of another authority is left alone', async () => {
    await folder.good('init', '--out', 'foreign', '--key', 'ec-p256', '--cn', 'Hospital CA');
    await folder.good('issue', 'theirs', '--dir', 'foreign', '--key', 'ec-p256');
    folder.write('ca/theirs.crt.pem', folder.text('foreign/theirs.crt.pem'));
    expect(await folder.certs('renew', 'theirs', '--dir', 'ca')).toEqual({
      code: 2,
      out: [],
      err: [
        'a certificate or key file is not usable: ca/theirs.crt.pem: the authority in ca has not issued it [GW_ERR_TLS_FILE]',
      ],
    });
  });
});
