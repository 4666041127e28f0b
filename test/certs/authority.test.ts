// Certificates of the authority, as Node.js's TLS judges them: each handshake is a real one.
import { X509Certificate } from 'node:crypto';
import type tls from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { Authority, createAuthority, type Issued, type IssueOptions } from '../../certs/authority.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const SERVER: IssueOptions = {
  commonName: 'vip',
  dns: ['vip.test', '*.pool.test'],
  ip: ['127.0.0.1', '::1'],
  usage: 'server',
};

let authority: Authority;
let other: Authority;
let server: Issued;

beforeAll(() => {
  authority = createAuthority({ commonName: 'Test Authority', days: 500 });
  other = createAuthority({ commonName: 'Test Authority', days: 500 });
  server = authority.issue(SERVER);
});

/** MSA-1 of the answer over TLS, or the code of the error on the side that refused. */
async function handshake(
  serverOptions: tls.TlsOptions,
  clientOptions: tls.ConnectionOptions,
): Promise<string | undefined> {
  await using node = await startFaultyNode(undefined, { tls: serverOptions });
  const outcome = await connectSender(node.port, { tls: { ca: authority.certPem, ...clientOptions } }).then(
    async (sender) => {
      await using connected = sender;
      // In TLS 1.3 a client is connected before the server has judged its certificate (RFC 8446 2).
      return await connected.exchange(message()).then(
        (ack) => msaOf(ack)?.code,
        () => until(() => node.tlsErrors[0]),
      );
    },
    (error: NodeJS.ErrnoException) => error.code,
  );
  // The message's arrival is the proof of a handshake, and its absence that of a refusal.
  expect(node.messages).toHaveLength(outcome === 'AA' ? 1 : 0);
  return outcome;
}

const keyAndCert = ({ certPem, keyPem }: Issued): tls.SecureContextOptions => ({
  cert: certPem,
  key: keyPem,
});

describe('TLS handshakes', () => {
  test.each(['vip.test', 'a.pool.test'])('a server is known as %s', async (servername) => {
    expect(await handshake(keyAndCert(server), { servername })).toBe('AA');
  });

  test('a server is known by its IP address', async () => {
    expect(await handshake(keyAndCert(server), { host: '127.0.0.1' })).toBe('AA');
  });

  test('another host name is refused, though it is the common name', async () => {
    expect(await handshake(keyAndCert(server), { servername: 'vip' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test('an authority of the same name with another key is refused', async () => {
    const code = await handshake(keyAndCert(server), { servername: 'vip.test', ca: other.certPem });
    expect(code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  test.each([
    ['expired', -10, -1, 'CERT_HAS_EXPIRED'],
    ['not yet valid', 1, 10, 'CERT_NOT_YET_VALID'],
  ])('%s is refused', async (_, from, to, code) => {
    const now = Date.now();
    const dates = { notBefore: new Date(now + from * DAY_MS), notAfter: new Date(now + to * DAY_MS) };
    const issued = authority.issue({ ...SERVER, ...dates });
    expect(await handshake(keyAndCert(issued), { servername: 'vip.test' })).toBe(code);
  });

  test.each([
    ['client', 'AA'],
    ['both', 'AA'],
    ['server', 'INVALID_PURPOSE'],
  ] as const)('to a server that asks for one, a certificate for usage %s: %s', async (usage, expected) => {
    const client = authority.issue({
      commonName: 'sender',
      usage,
      ...(usage !== 'client' && { dns: ['sender.test'] }),
    });
    const mutual = {
      ...keyAndCert(server),
      ca: authority.certPem,
      requestCert: true,
      rejectUnauthorized: true,
    };
    expect(await handshake(mutual, { servername: 'vip.test', ...keyAndCert(client) })).toBe(expected);
  });

  test('a client certificate is refused as a server’s', async () => {
    const client = authority.issue({ commonName: 'x', dns: ['vip.test'], usage: 'client' });
    expect(await handshake(keyAndCert(client), { servername: 'vip.test' })).toBe('INVALID_PURPOSE');
  });
});

describe('what is in a certificate', () => {
  const read = (pem: string): X509Certificate => new X509Certificate(pem);

  test('names, usages and signer', () => {
    const cert = read(server.certPem);
    expect(cert.subject).toBe('CN=vip');
    expect(cert.subjectAltName).toBe(
      'DNS:vip.test, DNS:*.pool.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(cert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(cert.ca).toBe(false);
    expect(cert.checkIssued(read(authority.certPem))).toBe(true);
    expect(cert.verify(read(authority.certPem).publicKey)).toBe(true);
    expect(cert.checkIssued(read(other.certPem))).toBe(false);
  });

  test('the authority is one, by its own signature, for the days asked for', () => {
    const root = read(authority.certPem);
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(root.validToDate.getTime() - Date.now()).toBeGreaterThan(499.9 * DAY_MS);
    expect(root.validToDate.getTime() - Date.now()).toBeLessThan(500.1 * DAY_MS);
  });

  test('dates begin five minutes ago, for slow clocks', () => {
    for (const pem of [authority.certPem, server.certPem]) {
      const agoMs = Date.now() - read(pem).validFromDate.getTime();
      expect(agoMs).toBeGreaterThan(4 * MINUTE_MS);
      expect(agoMs).toBeLessThan(10 * MINUTE_MS);
    }
  });

  test('without dates a certificate ends after 397 days, or with its authority', () => {
    const days = (pem: string): number => Math.round((read(pem).validToDate.getTime() - Date.now()) / DAY_MS);
    expect(days(server.certPem)).toBe(397);
    const brief = createAuthority({ commonName: 'brief', days: 2 });
    expect(days(brief.issue(SERVER).certPem)).toBe(2);
  });

  test('keys and serial numbers are new each time; serials are positive and 16 bytes long', () => {
    const certs = Array.from({ length: 5 }, () =>
      read(authority.issue({ commonName: 'c', usage: 'client' }).certPem),
    );
    expect(new Set(certs.map((cert) => cert.serialNumber)).size).toBe(5);
    expect(new Set(certs.map((cert) => cert.publicKey.export({ type: 'spki', format: 'pem' }))).size).toBe(5);
    for (const cert of certs) expect(cert.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test('a common name may hold any letters', () => {
    const cert = read(authority.issue({ commonName: 'Überweisung 检验', usage: 'client' }).certPem);
    expect(cert.toLegacyObject().subject.CN).toBe('Überweisung 检验');
  });

  test('an authority made again from its PEM issues certificates that the first one’s trust holds for', () => {
    const again = new Authority({ certPem: authority.certPem, keyPem: authority.keyPem });
    expect(read(again.issue(SERVER).certPem).verify(read(authority.certPem).publicKey)).toBe(true);
  });

  test('the key is not among what a logged authority shows', () => {
    expect(JSON.stringify(authority)).not.toContain('PRIVATE');
  });
});

describe('what is refused', () => {
  test.each<[string, Partial<IssueOptions>]>([
    ['a server certificate needs', { dns: [], ip: [] }],
    ['is no host name', { dns: ['münchen.test'] }],
    ['is no host name', { dns: ['127.0.0.1'] }],
    ['is no host name', { dns: [''] }],
    ['is no IP address', { ip: ['vip.test'] }],
    ['1 to 64 characters', { commonName: '' }],
    ['1 to 64 characters', { commonName: 'x'.repeat(65) }],
    ['end after it begins', { notAfter: new Date(0) }],
    ['not outlive', { notAfter: new Date('2999-01-01') }],
  ])('%s', (text, over) => {
    expect(() => authority.issue({ ...SERVER, ...over })).toThrow(text);
  });

  test('an authority for no time', () => {
    expect(() => createAuthority({ commonName: 'x', days: 0 })).toThrow('more than 0 days');
  });
});
