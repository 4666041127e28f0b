// Throw-away certificates of the demo, in a folder of their own for as long as the process runs.
// Promises that no key is left behind, whichever signal ends the process, and when.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../../certs/authority.ts';

/** Paths of PEM files. */
export interface DemoCertificates {
  /** Of the authority, for those who shall trust the demo. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** From here on the caller ends the process itself when a signal comes. */
  signalsHeard(): void;
}

/** Longer than a demo stays up, and long enough that nothing warns of their end. */
const DAYS = 60;

/** Exit codes as a shell has them: 128 and the signal's number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export function makeCertificates(): DemoCertificates {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-demo-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  // Left to itself a signal ends the process without its `exit`.
  const exits = Object.entries(SIGNALS).map(([name, code]) => [name, () => process.exit(code)] as const);
  for (const [name, exit] of exits) process.on(name, exit);
  const write = (name: string, pem: string): string => {
    const file = join(folder, name);
    writeFileSync(file, pem, { mode: 0o600 });
    return file;
  };
  const authority = createAuthority({ commonName: 'hl7-gateway demo', days: DAYS, key: 'ec-p256' });
  const vip = authority.issue({
    commonName: 'localhost',
    dns: ['localhost'],
    ip: ['127.0.0.1'],
    usage: 'server',
    key: 'ec-p256',
  });
  return {
    ca: write('ca.crt.pem', authority.certPem),
    cert: write('vip.crt.pem', vip.certPem),
    key: write('vip.key.pem', vip.keyPem),
    signalsHeard: () => {
      for (const [name, exit] of exits) process.off(name, exit);
    },
  };
}
