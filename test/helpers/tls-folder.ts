// Certificates for a test, good and bad ones, made anew in a temporary folder that is removed again.
// Promises: an authority `trusted` and an `unknown` one; each certificate under its name with its key beside it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, type Issued, type IssueOptions } from '../../certs/authority.ts';

const HOUR_MS = 3_600_000;

export interface TlsFolder extends Disposable {
  /** Of the trusted authority. */
  readonly caFile: string;
  readonly caPem: string;
  readonly files: Record<CertificateName, { cert: string; key: string }>;
  readonly pems: Record<CertificateName, Issued>;
}

export type CertificateName =
  | 'good'
  | 'expired'
  | 'early'
  | 'wrongHost'
  | 'untrusted'
  | 'client'
  | 'oldClient'
  | 'strangeClient';

export function createTlsFolder(): TlsFolder {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  const trusted = createAuthority({ commonName: 'trusted by the test', days: 2 });
  const unknown = createAuthority({ commonName: 'unknown to the test', days: 2 });
  const server: IssueOptions = { commonName: 'node', dns: ['localhost'], ip: ['127.0.0.1'], usage: 'server' };
  const client: IssueOptions = { commonName: 'sender', usage: 'client' };
  const past = { notBefore: new Date(Date.now() - 2 * HOUR_MS), notAfter: new Date(Date.now() - HOUR_MS) };
  const pems: Record<CertificateName, Issued> = {
    good: trusted.issue(server),
    expired: trusted.issue({ ...server, ...past }),
    early: trusted.issue({ ...server, notBefore: new Date(Date.now() + HOUR_MS) }),
    wrongHost: trusted.issue({ ...server, dns: ['other.test'], ip: ['192.0.2.1'] }),
    untrusted: unknown.issue(server),
    client: trusted.issue(client),
    oldClient: trusted.issue({ ...client, ...past }),
    strangeClient: unknown.issue(client),
  };
  const write = (name: string, pem: string): string => {
    const file = join(folder, name);
    writeFileSync(file, pem, { mode: 0o600 });
    return file;
  };
  const files = Object.fromEntries(
    Object.entries(pems).map(([name, { certPem, keyPem }]) => [
      name,
      { cert: write(`${name}.crt.pem`, certPem), key: write(`${name}.key.pem`, keyPem) },
    ]),
  ) as TlsFolder['files'];
  return {
    caFile: write('ca.crt.pem', trusted.certPem),
    caPem: trusted.certPem,
    files,
    pems,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
