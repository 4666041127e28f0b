// A certificate for localhost, made for one run. Promises: it is gone with the run's folder.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../../../certs/authority.ts';

export function makeCertificate(folder: string): { cert: string; key: string; ca: string } {
  const authority = createAuthority({ commonName: 'trusted by the fuzzer', days: 2, key: 'ec-p256' });
  const { certPem, keyPem } = authority.issue({
    commonName: 'gateway',
    dns: ['localhost'],
    ip: ['127.0.0.1'],
    usage: 'server',
    key: 'ec-p256',
  });
  const files = { cert: join(folder, 'gateway.crt.pem'), key: join(folder, 'gateway.key.pem') };
  writeFileSync(files.cert, certPem, { mode: 0o600 });
  writeFileSync(files.key, keyPem, { mode: 0o600 });
  return { ...files, ca: authority.certPem };
}
