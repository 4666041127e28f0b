// What the tests of `certs inspect` share: a folder with files of every form, and the report on one.
import { createAuthority, type Issued } from '../../certs/authority.ts';
import { CertsFolder } from './certs-command.ts';
import { made } from './made.ts';

export interface Report {
  readonly format: string;
  readonly certificates: readonly (Record<string, unknown> & { readonly warnings: readonly string[] })[];
  readonly requests: readonly Record<string, unknown>[];
  readonly keys: readonly Record<string, unknown>[];
  readonly crls: readonly Record<string, unknown>[];
  readonly signedByNext?: readonly boolean[];
  readonly keyMatches?: boolean;
  readonly warnings: readonly string[];
}

export class InspectFolder extends CertsFolder {
  readonly #authority = createAuthority({ commonName: 'Hospital CA', days: 400, key: 'ec-p384' });
  readonly vip: Issued = this.#authority.issue({
    commonName: 'vip',
    dns: ['vip.test'],
    ip: ['10.0.0.1', '2001:db8::1'],
    usage: 'both',
  });

  /** Call once, before the tests. */
  fill(): void {
    const { certPem, keyPem } = this.#authority;
    const { vip } = this;
    this.write('ca.pem', certPem);
    this.write('vip.crt.pem', vip.certPem);
    this.write('vip.key.pem', vip.keyPem);
    this.write('ca.crt.pem', certPem);
    this.write('ca.key.pem', keyPem);
    this.write('chain.pem', vip.certPem + certPem);
    this.write('reversed.pem', vip.certPem + made({ cn: 'Other CA', ca: true }).certPem);
    this.write('both.pem', vip.keyPem + vip.certPem);
  }

  inspect(...args: string[]): Promise<Report> {
    return this.json<Report>('inspect', ...args);
  }
}
