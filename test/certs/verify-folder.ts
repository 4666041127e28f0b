// What the tests of `certs verify` share: a folder with certificates good and bad, and the verdict on one.
import { type Authority, createAuthority, type Issued } from '../../certs/authority.ts';
import type { CertificateCheck } from '../../certs/verify/checks.ts';
import { CertsFolder } from './certs-command.ts';
import { made } from './made.ts';

export interface Verdict {
  readonly good: boolean;
  readonly protocol?: string;
  readonly checks: readonly CertificateCheck[];
}

export const CA = ['--ca', 'ca.pem'];

export class VerifyFolder extends CertsFolder {
  readonly authority: Authority = createAuthority({ commonName: 'Hospital CA', days: 400, key: 'ec-p256' });
  readonly root: Issued = { certPem: this.authority.certPem, keyPem: this.authority.keyPem };

  /** Call once, before the tests. */
  fill(): void {
    const { authority, root } = this;
    this.write('ca.pem', root.certPem);
    this.write(
      'namesake.pem',
      createAuthority({ commonName: 'Hospital CA', days: 9, key: 'ec-p256' }).certPem,
    );
    this.write('other.pem', createAuthority({ commonName: 'Other CA', days: 9, key: 'ec-p256' }).certPem);
    const server = { dns: ['vip.test'], ip: ['10.0.0.1'], key: 'ec-p256' } as const;
    this.pair('vip', authority.issue({ ...server, commonName: 'vip', usage: 'server' }));
    this.pair('rsa', authority.issue({ ...server, commonName: 'rsa', usage: 'both', key: 'rsa-2048' }));
    this.pair('sender', authority.issue({ commonName: 'sender', usage: 'client', key: 'ec-p256' }));
    this.pair('expired', made({ cn: 'expired', dns: ['vip.test'], fromDays: -9, toDays: -2 }, root));
    this.pair('early', made({ cn: 'early', dns: ['vip.test'], fromDays: 5 }, root));
    this.pair('alone', made({ cn: 'alone', dns: ['vip.test'] }));
    this.pair('common', made({ cn: 'vip.test' }, root));
    const notAnAuthority = made({ cn: 'no authority' }, root);
    this.pair('below', made({ cn: 'below', dns: ['vip.test'] }, notAnAuthority));
    this.write('below.crt.pem', this.text('below.crt.pem') + notAnAuthority.certPem);
    this.pair('mixed', { certPem: this.text('vip.crt.pem'), keyPem: this.text('sender.key.pem') });
    this.write('keyless.pem', this.text('vip.crt.pem'));
  }

  async verify(
    ...args: string[]
  ): Promise<{ code: number; good: boolean; bad: string[]; reason: string | undefined; verdict: Verdict }> {
    const { code, out } = await this.certs('verify', ...args, '--json');
    const verdict = JSON.parse(out[0] ?? '') as Verdict;
    const bad = verdict.checks.filter(({ good }) => good === false).map(({ name }) => name);
    const reason = verdict.checks.find(({ name }) => name === 'handshake')?.code;
    return { code, good: verdict.good, bad, reason, verdict };
  }

  pair(name: string, issued: Issued): void {
    this.write(`${name}.crt.pem`, issued.certPem);
    this.write(`${name}.key.pem`, issued.keyPem);
  }
}
