// What is typed wrongly at `certs`: exit code 2 and a line that says what, and nothing is written.
import { existsSync, mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertsFolder } from './certs-command.ts';

const folder = new CertsFolder();

beforeAll(async () => {
  folder.write('pass', 'correct horse\n');
  await folder.good('init', '--out', 'ca', '--key', 'ec-p256');
});
afterAll(() => folder.remove());

describe('what is typed wrongly is exit code 2 and a line that says what', () => {
  const USAGE = 'the command was called wrongly: ';
  test.each<[string[], string]>([
    [
      ['issue', '../x'],
      `${USAGE}NAME takes letters, digits, ".", "_" and "-", not "../x"; --cn takes any name [GW_ERR_USAGE]`,
    ],
    [['issue', 'ca'], `${USAGE}"ca" is the authority’s own name; take another [GW_ERR_USAGE]`],
    [['issue', 'x', '--dns', 'a b'], `${USAGE}"a b" is no host name [GW_ERR_USAGE]`],
    [['issue', 'x', '--dns', 'http://x'], `${USAGE}"http://x" is no host name [GW_ERR_USAGE]`],
    [['issue', 'x', '--dns', '10.0.0.1'], `${USAGE}"10.0.0.1" is no host name [GW_ERR_USAGE]`],
    [['issue', 'x', '--ip', '10.0.0.256'], `${USAGE}"10.0.0.256" is no IP address [GW_ERR_USAGE]`],
    [['issue', 'x', '--cn', ''], `${USAGE}a common name must have 1 to 64 characters [GW_ERR_USAGE]`],
    [['issue', 'x', '--cn', 'a\nb'], `${USAGE}a common name must not hold control characters [GW_ERR_USAGE]`],
    [['issue', 'x', '--days', '9999'], `${USAGE}a certificate must not outlive its authority [GW_ERR_USAGE]`],
    [['issue', 'x', '--trust-csr-names'], `${USAGE}--trust-csr-names needs --csr [GW_ERR_USAGE]`],
    [
      ['issue', 'x', '--passphrase-env', 'NOT_THERE_AT_ALL'],
      `${USAGE}the environment has no NOT_THERE_AT_ALL [GW_ERR_USAGE]`,
    ],
    [
      ['issue', 'x', '--passphrase-file', 'pass', '--passphrase-env', 'HOME'],
      `${USAGE}a passphrase comes from a file or from the environment, not from both [GW_ERR_USAGE]`,
    ],
    [
      ['renew', 'nobody'],
      'a certificate or key file is not usable: ca/nobody.crt.pem: no such file [GW_ERR_TLS_FILE]',
    ],
  ])('%s', async (args, line) => {
    expect(await folder.certs(...args, '--dir', 'ca')).toEqual({ code: 2, out: [], err: [line] });
    expect(existsSync(folder.at('ca/x.key.pem'))).toBe(false);
  });

  test.each<[string[], string]>([
    [
      ['issue', 'x', '--client', '--server'],
      "error: option '--server' cannot be used with option '--client'",
    ],
    [
      ['issue', 'x', '--days', '0'],
      "error: option '--days <n>' argument '0' is invalid. It takes a number of days, 1 to 36500.",
    ],
    [
      ['init', '--key', 'rsa-1024'],
      "error: option '--key <kind>' argument 'rsa-1024' is invalid. Allowed choices are rsa-2048, rsa-3072, ec-p256, ec-p384.",
    ],
    [['issue', 'x', '--passphrase', 'secret'], "error: unknown option '--passphrase'"],
    [
      ['verify', 'x', '--at', '2027-02-30'],
      "error: option '--at <date>' argument '2027-02-30' is invalid. It takes a date such as 2027-01-31 or 2027-01-31T12:00Z.",
    ],
  ])('%s', async (args, line) => {
    const { code, out, err } = await folder.certs(...args);
    expect({ code, out, line: err[0] }).toEqual({ code: 2, out: [], line });
  });

  test('no authority: the line says how to make one', async () => {
    expect((await folder.certs('issue', 'x', '--dir', 'nowhere')).err).toEqual([
      'a certificate or key file is not usable: nowhere/ca.crt.pem: no such file; certs init makes an authority [GW_ERR_TLS_FILE]',
    ]);
  });

  test('a key of another authority is refused before it signs anything', async () => {
    mkdirSync(folder.at('mixed'));
    await folder.good('init', '--out', 'another', '--key', 'ec-p256');
    folder.write('mixed/ca.crt.pem', folder.text('ca/ca.crt.pem'));
    folder.write('mixed/ca.key.pem', folder.text('another/ca.key.pem'));
    expect((await folder.certs('issue', 'x', '--dir', 'mixed')).err).toEqual([
      'a certificate or key file is not usable: mixed/ca.crt.pem, mixed/ca.key.pem: the key does not belong to the certificate [GW_ERR_TLS_FILE]',
    ]);
  });
});
