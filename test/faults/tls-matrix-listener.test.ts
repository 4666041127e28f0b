// F47, the listener's rows of the matrix: {plain, TLS, mutual TLS} × {good, expired, not yet valid, wrong host, wrong
// authority, self-signed, revoked, no certificate, TLS 1.1}. TLS where there is none, and the reverse: tls-listener.test.ts.
// A client has no host to be wrong about; in that place stands a certificate that is for servers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from '../certs/certs-command.ts';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { message } from '../helpers/mllp.ts';
import { sClient } from '../helpers/openssl.ts';
import { connectSender } from '../helpers/sender.ts';
import { type CertificateName, createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { expectStillServesTls, startRoom, trusting, vip } from './tls-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
/** OpenSSL offers TLS 1.1 only below its default level of security. */
const OLD = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;

function mutual(more: Record<string, unknown> = { crl: folder.crlFile }): Record<string, unknown> {
  return vip(folder, { clientCa: folder.caFile, requireClientCert: true, ...more });
}

test('F47 plain, good: forwarded', async () => {
  await using room = await startRoom({});
  await using sender = await connectSender(room.gw.port());
  expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
  expect(room.node.controlIds).toEqual(['X1']);
});

describe.each(VERSIONS)('TLS: the listener’s certificate, %s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  test('F47 good: forwarded', async () => {
    await using room = await startRoom(vip(folder));
    await expectStillServesTls(room.gw, trusting(folder, { ...only, crl: folder.crlPem }));
    expect(room.node.controlIds).toEqual(['AFTER']);
    expect(room.gw.codes).toEqual([]);
  });

  test.each([
    { name: 'expired', code: 'CERT_HAS_EXPIRED' },
    { name: 'early', code: 'CERT_NOT_YET_VALID' },
    { name: 'wrongHost', code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    { name: 'untrusted', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
    { name: 'selfSigned', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    { name: 'revoked', code: 'CERT_REVOKED' },
  ] as const)(
    'F47 $name: the sender turns away, nothing is forwarded, and the listener goes on',
    async ({ name, code }) => {
      await using room = await startRoom(vip(folder, {}, name));
      // With lists OpenSSL finds of a self-signed one first that there is none of its own.
      const crl = name === 'selfSigned' ? {} : { crl: folder.crlPem };
      await expect(
        connectSender(room.gw.port(), trusting(folder, { ...only, ...crl })),
      ).rejects.toMatchObject({ code });
      await expectStillServesTls(room.gw, trusting(folder, { ...only, rejectUnauthorized: false }));
      expect(room.node.controlIds).toEqual(['AFTER']);
    },
  );
});

describe.skipIf(!hasOpenssl)(
  'what a sender that turns away says is in the log (skipped without openssl)',
  () => {
    test.each([
      { name: 'expired', detail: /ALERT_CERTIFICATE_EXPIRED$/ },
      { name: 'early', detail: /ALERT_BAD_CERTIFICATE$/ },
      { name: 'untrusted', detail: /ALERT_UNKNOWN_CA$/ },
      { name: 'selfSigned', detail: /ALERT_UNKNOWN_CA$/ },
      { name: 'wrongHost', detail: /ALERT_BAD_CERTIFICATE$/ },
    ] as const)('F47 $name', async ({ name, detail }) => {
      await using room = await startRoom(vip(folder, {}, name));
      const checks = ['-CAfile', folder.caFile, '-verify_return_error', '-verify_ip', '127.0.0.1'];
      expect((await sClient(room.gw.port(), checks)).code).not.toBe(0);
      expect((await room.gw.logged('GW_ERR_SENDER_TLS')).detail).toMatch(detail);
      expect(room.node.accepted).toBe(0);
    });
  },
);

describe('the version', () => {
  test.each([
    { what: 'TLS', listener: () => vip(folder), own: undefined },
    { what: 'mutual TLS', listener: () => mutual(), own: 'client' },
  ] as const)('F47 $what, TLS 1.1: refused and named', async ({ listener, own }) => {
    await using room = await startRoom(listener());
    await expect(connectSender(room.gw.port(), trusting(folder, OLD, own))).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    expect((await room.gw.logged('GW_ERR_SENDER_TLS')).detail).toBe('ERR_SSL_UNSUPPORTED_PROTOCOL');
    expect(room.node.accepted).toBe(0);
    await expectStillServesTls(room.gw, trusting(folder, {}, own));
  });

  test('F47 minVersion TLSv1.3 refuses TLS 1.2', async () => {
    await using room = await startRoom(vip(folder, { minVersion: 'TLSv1.3' }));
    const old = trusting(folder, { maxVersion: 'TLSv1.2' });
    await expect(connectSender(room.gw.port(), old)).rejects.toThrow();
    expect((await room.gw.logged('GW_ERR_SENDER_TLS')).detail).toBe('ERR_SSL_UNSUPPORTED_PROTOCOL');
    await expectStillServesTls(room.gw, trusting(folder, { minVersion: 'TLSv1.3' }));
  });
});

const REFUSED: readonly { what: string; own: CertificateName | undefined; detail: string }[] = [
  { what: 'no certificate', own: undefined, detail: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' },
  { what: 'expired', own: 'oldClient', detail: 'CERT_HAS_EXPIRED' },
  { what: 'not yet valid', own: 'earlyClient', detail: 'CERT_NOT_YET_VALID' },
  { what: 'wrong authority', own: 'strangeClient', detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
  { what: 'self-signed', own: 'selfSignedClient', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  { what: 'revoked', own: 'revokedClient', detail: 'CERT_REVOKED' },
  { what: 'a server’s certificate', own: 'good', detail: 'INVALID_PURPOSE' },
];

describe.each(VERSIONS)('mutual TLS: the sender’s certificate, %s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  test('F47 good: forwarded', async () => {
    await using room = await startRoom(mutual());
    await expectStillServesTls(room.gw, trusting(folder, only, 'client'));
    expect(room.node.controlIds).toEqual(['AFTER']);
    expect(room.gw.codes).toEqual([]);
  });

  test.each(REFUSED)('F47 $what: refused and named, nothing forwarded', async ({ own, detail }) => {
    // With lists OpenSSL finds of a self-signed one first that there is none of its own.
    await using room = await startRoom(mutual(own === 'selfSignedClient' ? {} : undefined));
    const { node, gw } = room;
    // With TLS 1.3 the sender learns of it only after it believes to be connected, and may have sent by then.
    const sender = await connectSender(gw.port(), trusting(folder, only, own)).catch(() => undefined);
    if (sender !== undefined) {
      void sender.send(message({ controlId: 'X1' }));
      await sender.closed;
      expect(sender.received.length).toBe(0);
    }
    expect(await gw.logged('GW_ERR_SENDER_TLS')).toMatchObject({
      level: 'warn',
      listener: 'in',
      source: '127.0.0.1',
      detail,
    });
    expect(gw.codes).toEqual(['GW_ERR_SENDER_TLS']);
    expect(node.accepted).toBe(0);
    await expectStillServesTls(gw, trusting(folder, only, 'client'));
    expect(node.controlIds).toEqual(['AFTER']);
    await expectNothingHeld(gw);
  });
});
