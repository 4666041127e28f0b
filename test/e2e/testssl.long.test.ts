// What scanners of others find at a listener with the defaults, whose certificates `certs` made: testssl.sh's findings
// and sslscan's list of what is offered. docs/tls.md shows both in full.
import { execFile, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertsFolder } from '../certs/certs-command.ts';
import { type GatewayChild, startGatewayProcess } from './child.ts';

/** Debian installs it without the suffix. */
const TESTSSL = ['testssl', 'testssl.sh'].find((name) => spawnSync(name, ['--version']).status === 0);
const hasSslscan = spawnSync('sslscan', ['--version']).status === 0;

/** Half a minute on two cores, much of it in waiting; four busy processes beside it made that more than twice as much. */
const SCAN_MS = 600_000;

const KINDS = ['rsa-2048', 'ec-p256'] as const;

/** RFC 9325 4.2 and 4.2.1, and the suites of TLS 1.3 (RFC 8446 B.4) but the two with CCM, which OpenSSL leaves off. */
const GOOD_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305',
];

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

const folder = new CertsFolder();
let gateway: GatewayChild | undefined;
const ports = new Map<string, number>();

beforeAll(async () => {
  if (TESTSSL === undefined && !hasSslscan) return;
  for (const kind of KINDS) {
    await folder.good('init', '--out', kind, '--key', kind);
    await folder.good(
      'issue',
      'vip',
      '--dir',
      kind,
      '--key',
      kind,
      '--dns',
      'localhost',
      '--ip',
      '127.0.0.1',
      // Otherwise one finding above LOW stays: a certificate that does not say where to ask whether it is revoked.
      '--crl-url',
      'http://pki.hospital.example/ca.crl',
    );
  }
  const listeners = KINDS.map((kind) => {
    const tls = { cert: folder.at(`${kind}/vip.crt.pem`), key: folder.at(`${kind}/vip.key.pem`) };
    return [kind, { bind: '127.0.0.1:0', tls }];
  });
  const child = await startGatewayProcess({
    listeners: Object.fromEntries(listeners),
    routes: [{ reject: { code: 'AR' } }],
  });
  gateway = child;
  for (const kind of KINDS) {
    const { address } = await child.line(
      ({ msg, listener }) => msg === 'listening' && listener === kind,
      kind,
    );
    ports.set(kind, Number(String(address).split(':').at(-1)));
  }
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  folder.remove();
});

/** Resolves to what it printed. testssl.sh's exit code counts what it could not find out, so it tells nothing here. */
function scan(command: string, ...args: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // Otherwise it waits five seconds for the headers of an HTTP server that is not there, several times.
  const env = { ...process.env, HEADER_MAXSLEEP: '1' };
  const child = execFile(command, args, { env, timeout: SCAN_MS, cwd: folder.path }, (error, out) => {
    if (error?.killed === true || error?.code === 'ENOENT') reject(error);
    else resolve(out);
  });
  // It reads from its terminal, if it has one.
  child.stdin?.end();
  return promise;
}

async function testssl(kind: string, ...checks: readonly string[]): Promise<readonly Finding[]> {
  const report = `${kind}.json`;
  const quiet = ['--quiet', '--color', '0', '--warnings', 'batch', '--nodns', 'none'];
  await scan(
    TESTSSL ?? '',
    ...quiet,
    ...checks,
    ...['--add-ca', folder.at(`${kind}/ca.crt.pem`), '--jsonfile', folder.at(report)],
    `127.0.0.1:${ports.get(kind)}`,
  );
  return JSON.parse(folder.text(report)) as readonly Finding[];
}

function aboveLow(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ severity }) => ['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'].includes(severity))
    .map(({ id }) => id);
}

/** A scan that could not connect would find nothing above LOW either. */
function expectSeen(findings: readonly Finding[], seen: Readonly<Record<string, unknown>>): void {
  const found = Object.fromEntries(
    findings.map(({ id, severity, finding }) => [id, `${severity} ${finding}`]),
  );
  expect(found).toMatchObject(seen);
}

const PROTOCOLS = {
  SSLv2: 'OK not offered',
  SSLv3: 'OK not offered',
  TLS1: 'INFO not offered',
  TLS1_1: 'INFO not offered',
  TLS1_2: 'OK offered',
  TLS1_3: 'OK offered with final',
  cipher_order: 'OK server',
};

describe.skipIf(TESTSSL === undefined)('testssl.sh (skipped where it is not installed)', () => {
  test('finds nothing above LOW with an RSA certificate', {
    timeout: SCAN_MS,
  }, async () => {
    // Protocols, the server's preference and defaults, vulnerabilities.
    const findings = await testssl('rsa-2048', '-p', '-P', '-S', '-U');
    expect(aboveLow(findings)).toEqual([]);
    expectSeen(findings, {
      ...PROTOCOLS,
      cert_chain_of_trust: 'OK passed.',
      cert_trust: 'OK Ok via SAN',
      secure_renego: 'OK supported',
      // On a busy machine it says that it is likely, as it has waited for nothing.
      secure_client_renego: expect.stringMatching(/^OK (likely )?not vulnerable/),
      heartbleed: 'OK not vulnerable, no heartbeat extension',
      LUCKY13: 'OK not vulnerable',
    });
  });

  test('finds nothing above LOW with an EC certificate', {
    timeout: SCAN_MS,
  }, async () => {
    // Cipher categories in place of vulnerabilities, which are those of the same listener code.
    const findings = await testssl('ec-p256', '-p', '-s', '-P', '-S');
    expect(aboveLow(findings)).toEqual([]);
    expectSeen(findings, {
      ...PROTOCOLS,
      cipherlist_NULL: 'OK not offered',
      cipherlist_AVERAGE: 'INFO not offered',
      cipherlist_STRONG: 'OK offered',
      cert_keySize: 'OK EC 256 bits',
      cert_chain_of_trust: 'OK passed.',
      cert_trust: 'OK Ok via SAN',
    });
  });
});

describe.skipIf(!hasSslscan)('sslscan (skipped where it is not installed)', () => {
  test.for(KINDS)('finds no protocol and no cipher below RFC 9325 with %s', async (kind) => {
    const xml = await scan('sslscan', '--xml=-', `127.0.0.1:${ports.get(kind)}`);
    const all = (pattern: RegExp): string[] => [...xml.matchAll(pattern)].map(([, one = '']) => one);
    expect(all(/<protocol type="tls" version="([\d.]+)" enabled="1"/g)).toEqual(['1.2', '1.3']);
    expect(all(/<protocol type="ssl" version="(\d)" enabled="1"/g)).toEqual([]);
    const ciphers = all(/<cipher [^>]*cipher="([^"]+)"/g);
    // Three of TLS 1.3, and three of TLS 1.2 for this kind of key.
    expect(ciphers).toHaveLength(6);
    expect(ciphers.filter((name) => !GOOD_CIPHERS.includes(name))).toEqual([]);
    expect(xml).toContain('<renegotiation supported="0"');
  });
});
