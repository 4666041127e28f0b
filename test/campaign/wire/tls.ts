// A certificate for the campaign's listeners and nodes, made by openssl for one run. Promises: nothing of the product makes it,
// and it goes with the campaign's folder.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export const SERVER_NAME = 'campaign.example';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** Signed by itself, so it is its own CA. */
export function makeTlsFiles(folder: string): TlsFiles {
  const [cert, key] = [join(folder, 'campaign.crt.pem'), join(folder, 'campaign.key.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${SERVER_NAME}`, '-addext', `subjectAltName=DNS:${SERVER_NAME}`],
      ...['-keyout', key, '-out', cert],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  return { cert, key };
}
