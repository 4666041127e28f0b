// Certificates of the authority as OpenSSL's own commands judge them; skipped by name where there is no openssl.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../../certs/authority.ts';

const authority = createAuthority({ commonName: 'Test Authority', days: 500 });
const other = createAuthority({ commonName: 'Test Authority', days: 500 });
const server = authority.issue({
  commonName: 'vip',
  dns: ['vip.test', '*.pool.test'],
  ip: ['127.0.0.1', '::1'],
  usage: 'server',
});

const openssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!openssl)('as openssl sees it (skipped where there is no openssl)', () => {
  let folder = '';
  const file = (name: string, content: string): string => {
    const at = path.join(folder, name);
    writeFileSync(at, content);
    return at;
  };
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'authority-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (...args: string[]): { status: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };

  test('verify -x509_strict takes it for its purpose, and for no other', () => {
    const ca = file('ca.crt', authority.certPem);
    const crt = file('vip.crt', server.certPem);
    expect(run('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, crt)).toMatchObject({
      status: 0,
    });
    expect(run('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', ca, crt).status).not.toBe(0);
    expect(run('verify', '-CAfile', file('other.crt', other.certPem), crt).status).not.toBe(0);
  });

  test('x509 -checkhost and -checkip', () => {
    const crt = file('vip.crt', server.certPem);
    const says = (...args: string[]): string => run('x509', '-noout', '-in', crt, ...args).output;
    expect(says('-checkhost', 'vip.test')).toContain('does match');
    expect(says('-checkhost', 'b.pool.test')).toContain('does match');
    expect(says('-checkhost', 'other.test')).toContain('does NOT match');
    expect(says('-checkip', '127.0.0.1')).toContain('does match');
    expect(says('-checkip', '127.0.0.2')).toContain('does NOT match');
  });

  test('version, algorithm, key size and extensions', () => {
    const text = execFileSync('openssl', ['x509', '-noout', '-text'], {
      input: server.certPem,
      encoding: 'utf8',
    });
    const root = execFileSync('openssl', ['x509', '-noout', '-text'], {
      input: authority.certPem,
      encoding: 'utf8',
    });
    for (const part of [
      /Version: 3/,
      /sha256WithRSAEncryption/,
      /2048 bit/,
      /CA:FALSE/,
      /Digital Signature, Key Encipherment/,
    ]) {
      expect(text).toMatch(part);
    }
    expect(root).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(root).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    const keyId = /Subject Key Identifier:\s+([0-9A-F:]+)/.exec(root)?.[1];
    expect(keyId).toHaveLength(59);
    expect(/Authority Key Identifier:\s+(?:keyid:)?([0-9A-F:]+)/.exec(text)?.[1]).toBe(keyId);
  });

  test('the key belongs to the certificate', () => {
    const ofCert = execFileSync('openssl', ['x509', '-noout', '-pubkey'], {
      input: server.certPem,
      encoding: 'utf8',
    });
    const ofKey = execFileSync('openssl', ['pkey', '-pubout'], { input: server.keyPem, encoding: 'utf8' });
    expect(ofKey).toBe(ofCert);
  });
});
