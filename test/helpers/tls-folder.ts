// Certificates for a test, good and bad ones, made anew in a temporary folder that is removed again.
// Promises: an authority `trusted` and an `unknown` one; each certificate under its name with its key beside it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, createAuthority, type Issued, type IssueOptions } from '../../certs/authority.ts';
import { made } from '../certs/made.ts';
import { revocationList } from './revocation.ts';

const HOUR_MS = 3_600_000;
/** An RSA key takes a tenth of a second on a good day; where the kind is the point, a test asks for it. */
const EC = { key: 'ec-p256' } as const;

export interface TlsFolder extends Disposable {
  readonly path: string;
  /** `good` and the rest but for `untrusted`, `strangeClient` and the self-signed ones are of this authority. */
  readonly authority: Authority;
  /** Of the trusted authority. */
  readonly caFile: string;
  readonly caPem: string;
  /** Of the trusted authority: `revoked` and `revokedClient` are on it. */
  readonly crlFile: string;
  readonly crlPem: string;
  readonly files: Record<CertificateName, KeyPairFiles>;
  readonly pems: Record<CertificateName, Issued>;
  /** Readable by its owner alone; returns its path. */
  write(name: string, content: string | Buffer): string;
  /** Writes both; `name` is a new one, or that of files to replace. */
  writePair(name: string, issued: Issued): KeyPairFiles;
  /** A certificate of the trusted authority with these names. */
  issue(options: Partial<IssueOptions>): Issued;
}

export interface KeyPairFiles {
  readonly cert: string;
  readonly key: string;
}

export type CertificateName =
  | 'good'
  | 'expired'
  | 'early'
  | 'wrongHost'
  | 'untrusted'
  | 'selfSigned'
  | 'revoked'
  | 'client'
  | 'oldClient'
  | 'earlyClient'
  | 'strangeClient'
  | 'selfSignedClient'
  | 'revokedClient';

export function createTlsFolder(): TlsFolder {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  const trusted = createAuthority({ commonName: 'trusted by the test', days: 2, ...EC });
  const unknown = createAuthority({ commonName: 'unknown to the test', days: 2, ...EC });
  const server: IssueOptions = {
    commonName: 'node',
    dns: ['localhost'],
    ip: ['127.0.0.1'],
    usage: 'server',
    ...EC,
  };
  const client: IssueOptions = { commonName: 'sender', usage: 'client', ...EC };
  const past = { notBefore: new Date(Date.now() - 2 * HOUR_MS), notAfter: new Date(Date.now() - HOUR_MS) };
  const future = { notBefore: new Date(Date.now() + HOUR_MS) };
  const pems: Record<CertificateName, Issued> = {
    good: trusted.issue(server),
    expired: trusted.issue({ ...server, ...past }),
    early: trusted.issue({ ...server, ...future }),
    wrongHost: trusted.issue({ ...server, dns: ['other.test'], ip: ['192.0.2.1'] }),
    untrusted: unknown.issue(server),
    selfSigned: made({ cn: 'node', dns: ['localhost'] }),
    revoked: trusted.issue(server),
    client: trusted.issue(client),
    oldClient: trusted.issue({ ...client, ...past }),
    earlyClient: trusted.issue({ ...client, ...future }),
    strangeClient: unknown.issue(client),
    selfSignedClient: made({ cn: 'sender' }),
    revokedClient: trusted.issue(client),
  };
  const write = (name: string, content: string | Buffer): string => {
    const file = join(path, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const writePair = (name: string, { certPem, keyPem }: Issued): KeyPairFiles => ({
    cert: write(`${name}.crt.pem`, certPem),
    key: write(`${name}.key.pem`, keyPem),
  });
  const crlPem = revocationList(trusted, [pems.revoked, pems.revokedClient]);
  return {
    path,
    authority: trusted,
    caFile: write('ca.crt.pem', trusted.certPem),
    caPem: trusted.certPem,
    crlFile: write('ca.crl.pem', crlPem),
    crlPem,
    files: Object.fromEntries(
      Object.entries(pems).map(([name, issued]) => [name, writePair(name, issued)]),
    ) as TlsFolder['files'],
    pems,
    write,
    writePair,
    issue: (options) => trusted.issue({ ...server, ...options }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
