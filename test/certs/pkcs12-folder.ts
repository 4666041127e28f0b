// What the tests of PKCS#12 share: a folder with an authority, and a server certificate of each kind of key.
import { createAuthority } from '../../certs/authority.ts';
import { CertsFolder } from './certs-command.ts';

export const PASS = ['--passphrase-file', 'pass'];

export class Pkcs12Folder extends CertsFolder {
  /** Call once, before the tests. */
  fill(): void {
    this.write('pass', 'changeit\n');
    const authority = createAuthority({ commonName: 'Hospital CA', days: 400, key: 'ec-p256' });
    this.write('ca.pem', authority.certPem);
    for (const kind of ['rsa-2048', 'ec-p256', 'ec-p384'] as const) {
      const issued = authority.issue({ commonName: kind, dns: ['vip.test'], usage: 'server', key: kind });
      this.write(`${kind}.crt.pem`, issued.certPem);
      this.write(`${kind}.key.pem`, issued.keyPem);
    }
  }

  /** Keystores of each kind, as the tool writes them. */
  async exportAll(): Promise<void> {
    for (const [kind, ...flags] of [
      ['rsa-2048'],
      ['rsa-2048', '--legacy'],
      ['ec-p256'],
      ['ec-p384', '--legacy'],
    ] as const)
      await this.good(
        'export',
        `${kind}.crt.pem`,
        '--chain',
        'ca.pem',
        '--out',
        `${kind}${flags.length}.p12`,
        ...flags,
        ...PASS,
      );
  }

  /** What a peer prints; throws with it if it fails. */
  run(name: 'openssl' | 'keytool', ...args: string[]): string {
    const { status, output } = this.tool(name, ...args);
    if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${output}`);
    return output;
  }
}
