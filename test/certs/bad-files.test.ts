// Files that cannot be used: each is named with its reason, in one line, and the exit code is 2 (F78).

import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../../certs/authority.ts';
import { writePkcs12 } from '../../certs/pkcs12/write.ts';
import { keyPemOf, readKey } from '../../certs/x509/keys.ts';
import { CertsFolder } from './certs-command.ts';

const folder = new CertsFolder();

beforeAll(() => {
  const authority = createAuthority({ commonName: 'CA', days: 400, key: 'ec-p256' });
  const { certPem, keyPem } = authority.issue({
    commonName: 'vip',
    dns: ['vip.test'],
    usage: 'server',
    key: 'ec-p256',
  });
  const key = readKey(keyPem, undefined);
  folder.write('ca.crt.pem', authority.certPem);
  folder.write('vip.crt.pem', certPem);
  folder.write('vip.key.pem', keyPem);
  folder.write('other.key.pem', authority.keyPem);
  folder.write('locked.key.pem', keyPemOf(key, 'right'));
  folder.write('right', 'right');
  folder.write('wrong', 'wrong');
  folder.write('empty', '');
  folder.write('two-lines', 'a\nb\n');
  folder.write('rubbish', Buffer.from('00112233445566778899aabbccddeeff', 'hex'));
  folder.write('text', 'a letter to the editor\n');
  folder.write('cut.pem', certPem.slice(0, 300));
  folder.write('dirty.pem', certPem.replace('\nM', '\n!M'));
  folder.write(
    'inner.pem',
    certPem.replace(/\n.{60}/, (line) => `\n${'A'.repeat(line.length - 1)}`),
  );
  folder.write('cut-second.pem', certPem + certPem.slice(0, 100));
  folder.write(
    'parameters.pem',
    '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n',
  );
  folder.write('tail.der', Buffer.concat([new X509Certificate(certPem).raw, Buffer.from('more')]));
  const chain = [new X509Certificate(certPem)];
  const p12 = writePkcs12({ key, chain, friendlyName: 'vip' }, { passphrase: 'right', legacy: false });
  folder.write('vip.p12', p12);
  const changed = Buffer.from(p12);
  changed.writeUInt8(changed.readUInt8(400) ^ 1, 400);
  folder.write('changed.p12', changed);
  folder.write('cut.p12', p12.subarray(0, 500));
  folder.write('old.jks', Buffer.from('feedfeed0000000200000000', 'hex'));
  folder.write('mirth.jceks', Buffer.from('cececece0000000200000000', 'hex'));
  folder.write('large', Buffer.alloc(4 * 1024 * 1024 + 1, 0x30));
  mkdirSync(folder.at('folder'));
});
afterAll(() => folder.remove());

const TLS = (reason: string): string =>
  `a certificate or key file is not usable: ${reason} [GW_ERR_TLS_FILE]`;
const FILE = (reason: string): string => `a file could not be read: ${reason} [GW_ERR_FILE]`;
const RIGHT = ['--passphrase-file', 'right'];
const WRONG = ['--passphrase-file', 'wrong'];
const CA = ['--ca', 'ca.crt.pem'];

describe('inspect', () => {
  test.each<[string, string[], string]>([
    ['a missing file', ['gone.pem'], TLS('gone.pem: no such file')],
    ['an empty file', ['empty'], TLS('empty: empty')],
    ['a directory', ['folder'], TLS('folder: a directory, not a file')],
    ['rubbish', ['rubbish'], TLS('rubbish: neither PEM nor DER nor PKCS#12')],
    ['text', ['text'], TLS('text: neither PEM nor DER nor PKCS#12')],
    ['a file that is too large', ['large'], TLS('large: larger than 4 MiB, so no certificate or key file')],
    ['PEM that is cut off', ['cut.pem'], TLS('cut.pem: the CERTIFICATE block in line 1 has no end')],
    ['PEM with rubbish in it', ['dirty.pem'], TLS('dirty.pem: the CERTIFICATE block in line 1 is no base64')],
    [
      'PEM with other bytes in it',
      ['inner.pem'],
      TLS('inner.pem: the CERTIFICATE block in line 1 cannot be read'),
    ],
    ['nothing of use', ['parameters.pem'], TLS('parameters.pem: no certificate, key or request in it')],
    ['bytes behind the end', ['tail.der'], TLS('tail.der: neither PEM nor DER nor PKCS#12')],
    [
      'a locked key',
      ['locked.key.pem'],
      TLS('locked.key.pem: the key is encrypted, and no passphrase was given'),
    ],
    [
      'a wrong passphrase',
      ['locked.key.pem', ...WRONG],
      TLS('locked.key.pem: wrong passphrase, or a damaged key'),
    ],
    ['a locked keystore', ['vip.p12'], TLS('vip.p12: PKCS#12, and no passphrase was given')],
    ['a keystore’s wrong passphrase', ['vip.p12', ...WRONG], TLS('vip.p12: wrong passphrase')],
    ['a changed keystore', ['changed.p12', ...RIGHT], TLS('changed.p12: wrong passphrase')],
    ['half a keystore', ['cut.p12', ...RIGHT], TLS('cut.p12: neither PEM nor DER nor PKCS#12')],
    [
      'a keystore of old Java',
      ['old.jks', ...RIGHT],
      TLS(
        'old.jks: a Java keystore (JKS); keytool -importkeystore -deststoretype PKCS12 makes PKCS#12 of it',
      ),
    ],
    [
      'a keystore of old Mirth',
      ['mirth.jceks', ...RIGHT],
      TLS(
        'mirth.jceks: a Java keystore (JCEKS); keytool -importkeystore -deststoretype PKCS12 makes PKCS#12 of it',
      ),
    ],
    [
      'a certificate where a key belongs',
      ['vip.crt.pem', '--key', 'vip.crt.pem'],
      TLS('vip.crt.pem: no private key in it'),
    ],
    ['a missing passphrase file', ['vip.p12', '--passphrase-file', 'gone'], FILE('gone: no such file')],
    ['an empty passphrase file', ['vip.p12', '--passphrase-file', 'empty'], FILE('empty: empty')],
    [
      'a passphrase of two lines',
      ['vip.p12', '--passphrase-file', 'two-lines'],
      FILE('two-lines: it must hold a passphrase, in one line'),
    ],
  ])('%s', async (_, args, line) => {
    expect(await folder.certs('inspect', ...args)).toEqual({ code: 2, out: [], err: [line] });
  });

  test('a good file before a bad one is still shown', async () => {
    const { code, out, err } = await folder.certs('inspect', 'vip.crt.pem', 'cut-second.pem');
    expect({ code, first: out[0] }).toEqual({ code: 2, first: 'vip.crt.pem (PEM)' });
    expect(err).toEqual([TLS('cut-second.pem: the CERTIFICATE block in line 12 has no end')]);
  });
});

describe('the other commands', () => {
  test.each<[string, string[], string]>([
    [
      'verify without a trusted one',
      ['verify', 'vip.crt.pem'],
      'the command was called wrongly: verify needs --ca FILE: whom the other side trusts [GW_ERR_USAGE]',
    ],
    [
      'verify with a missing CA',
      ['verify', 'vip.crt.pem', '--ca', 'gone.pem'],
      TLS('gone.pem: no such file'),
    ],
    [
      'verify with a key as CA',
      ['verify', 'vip.crt.pem', '--ca', 'vip.key.pem'],
      TLS('vip.key.pem: no certificate in it'),
    ],
    [
      'verify with no list',
      ['verify', 'vip.crt.pem', ...CA, '--crl', 'ca.crt.pem'],
      TLS('ca.crt.pem: no revocation list in it'),
    ],
    ['verify of a key', ['verify', 'vip.key.pem', ...CA], TLS('vip.key.pem: no certificate in it')],
    [
      'verify of nothing',
      ['verify'],
      'the command was called wrongly: verify takes either a file or --connect HOST:PORT [GW_ERR_USAGE]',
    ],
    [
      'verify of a peer without a port',
      ['verify', '--connect', 'vip.test'],
      'the command was called wrongly: --connect takes HOST:PORT, not "vip.test" [GW_ERR_USAGE]',
    ],
    [
      'a client certificate with another’s key',
      ['verify', '--connect', '127.0.0.1:1', '--cert', 'vip.crt.pem', '--key', 'other.key.pem'],
      TLS('vip.crt.pem, other.key.pem: the key does not belong to the certificate'),
    ],
    ['import of PEM', ['import', 'vip.crt.pem', ...RIGHT], TLS('vip.crt.pem: it is not PKCS#12')],
    [
      'import without a passphrase',
      ['import', 'vip.p12'],
      TLS('vip.p12: PKCS#12, and no passphrase was given'),
    ],
    [
      'import of an entry that is not there',
      ['import', 'vip.p12', ...RIGHT, '--alias', 'x'],
      'the command was called wrongly: vip.p12 has no entry "x"; it has "vip" [GW_ERR_USAGE]',
    ],
    [
      'export without a passphrase',
      ['export', 'vip.crt.pem'],
      'the command was called wrongly: a keystore needs a passphrase: --passphrase-file or --passphrase-env [GW_ERR_USAGE]',
    ],
    [
      'export with another’s key',
      ['export', 'vip.crt.pem', '--key', 'other.key.pem', ...RIGHT, '--out', 'new.p12'],
      TLS('vip.crt.pem, other.key.pem: the key does not belong to the certificate'),
    ],
    [
      'export over a file',
      ['export', 'vip.crt.pem', ...RIGHT],
      'the command was called wrongly: vip.p12 is there already; --force replaces it [GW_ERR_USAGE]',
    ],
    [
      'export into a folder that is a file',
      ['export', 'vip.crt.pem', ...RIGHT, '--out', 'text/vip.p12'],
      TLS('text: a file, not a directory'),
    ],
    [
      'issue from no request',
      ['issue', 'x', '--csr', 'vip.crt.pem', '--dir', '.'],
      TLS('vip.crt.pem: no certificate request in it'),
    ],
  ])('%s', async (_, args, line) => {
    expect(await folder.certs(...args)).toEqual({ code: 2, out: [], err: [line] });
  });

  test('a passphrase file that everybody can read is warned about', async () => {
    const open = new CertsFolder();
    try {
      open.write('vip.p12', folder.bytes('vip.p12'));
      open.write('pass', 'right');
      chmodSync(open.at('pass'), 0o644);
      const { code, err } = await open.certs('import', 'vip.p12', '--passphrase-file', 'pass', '--out', '.');
      expect({ code, err }).toEqual({
        code: 0,
        err: ['warning: pass: every user of this machine can read it'],
      });
    } finally {
      open.remove();
    }
  });
});
