// F47, the nodes' rows of the matrix: {TLS, mutual TLS} × {good, expired, not yet valid, wrong host, wrong authority,
// self-signed, revoked, no certificate, TLS 1.1}. TLS where there is none, and the reverse: tls-node.test.ts.
// Each bad one has a name, the message goes to the next node, and no byte of it to this one.
import type tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from '../certs/certs-command.ts';
import { expectNothingHeld, over, said, ways } from '../helpers/expect-relay.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { sServer } from '../helpers/openssl.ts';
import { connectSender } from '../helpers/sender.ts';
import { type CertificateName, createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

function serve(name: CertificateName, more: tls.TlsOptions = {}): { tls: tls.TlsOptions } {
  const { certPem, keyPem } = folder.pems[name];
  return { tls: { cert: certPem, key: keyPem, ...more } };
}

const MESSAGE = message({ controlId: 'X1', size: 2_000 });

/** Sends one message to the node, and to a backup if that one cannot take it; returns the failed attempt's error. */
async function sendTo(url: string, tlsConfig: object, settle = '20ms') {
  await using b = await startFaultyNode();
  const backup = { url: b.url, backup: true };
  await using gw = await startGateway({
    nodes: [{ url, tls: { ca: folder.caFile, ...tlsConfig } } as { url: string }, backup],
    pool: { connections: { settle } },
  });
  await using sender = await connectSender(gw.port());
  expect(said(await sender.exchange(MESSAGE))).toBe('AA X1');
  const exchange = await over(gw, 'X1');
  await expectNothingHeld(gw);
  const [attempt] = exchange.attempts;
  return { ways: ways(exchange), detail: attempt?.error?.detail, writtenAt: attempt?.writtenAt };
}

function expectNoByte(node: FaultyNode): void {
  expect(node.bytes.length).toBe(0);
  expect(node.messages).toEqual([]);
}

describe.each(VERSIONS)('TLS: the node’s certificate, %s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  test('F47 good: the message arrives whole', async () => {
    await using node = await startFaultyNode(answers.aa(), serve('good', only));
    expect(await sendTo(node.url, { crl: folder.crlFile })).toMatchObject({ ways: ['a ok'] });
    expect(node.bytes).toEqual(frame(MESSAGE));
  });

  test.each([
    { name: 'expired', detail: 'CERT_HAS_EXPIRED' },
    { name: 'early', detail: 'CERT_NOT_YET_VALID' },
    { name: 'wrongHost', detail: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    { name: 'untrusted', detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
    { name: 'selfSigned', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    { name: 'revoked', detail: 'CERT_REVOKED' },
    // A client's certificate.
    { name: 'client', detail: 'INVALID_PURPOSE' },
  ] as const)('F47 $name: named, no byte', async ({ name, detail }) => {
    await using node = await startFaultyNode(answers.aa(), serve(name, only));
    const lists = name === 'revoked' ? { crl: folder.crlFile } : {};
    expect(await sendTo(node.url, lists)).toEqual({ ways: ['a GW_ERR_NODE_TLS', 'b ok'], detail });
    expectNoByte(node);
  });
});

test('F47 a node that has TLS 1.1 alone: named, no byte', async () => {
  // OpenSSL takes TLS 1.1 only below its default level of security.
  const old = {
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
  } as const;
  await using node = await startFaultyNode(answers.aa(), serve('good', old));
  expect(await sendTo(node.url, {})).toEqual({
    ways: ['a GW_ERR_NODE_TLS', 'b ok'],
    detail: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  });
  expectNoByte(node);
  // The node could: it is the gateway that would not.
  await using sender = await connectSender(node.port, { tls: { ca: folder.caPem, servername: '', ...old } });
  expect(said(await sender.exchange(MESSAGE))).toBe('AA X1');
});

const SHOWN: readonly { what: string; own: CertificateName | undefined; alert: RegExp }[] = [
  { what: 'none', own: undefined, alert: /ALERT_(HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED)$/ },
  { what: 'expired', own: 'oldClient', alert: /ALERT_CERTIFICATE_EXPIRED$/ },
  { what: 'not yet valid', own: 'earlyClient', alert: /ALERT_BAD_CERTIFICATE$/ },
  { what: 'wrong authority', own: 'strangeClient', alert: /ALERT_UNKNOWN_CA$/ },
  { what: 'self-signed', own: 'selfSignedClient', alert: /ALERT_UNKNOWN_CA$/ },
  { what: 'revoked', own: 'revokedClient', alert: /ALERT_CERTIFICATE_REVOKED$/ },
  { what: 'a server’s', own: 'good', alert: /ALERT_(UNSUPPORTED_CERTIFICATE|BAD_CERTIFICATE)$/ },
];

describe.each(VERSIONS)('mutual TLS: the gateway’s certificate, %s', (version) => {
  const asking = (): { tls: tls.TlsOptions } =>
    serve('good', {
      ca: folder.caPem,
      crl: folder.crlPem,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: version,
      maxVersion: version,
    });

  test('F47 good: the message arrives whole', async () => {
    await using node = await startFaultyNode(answers.aa(), asking());
    expect(await sendTo(node.url, folder.files.client)).toMatchObject({ ways: ['a ok'] });
    expect(node.bytes).toEqual(frame(MESSAGE));
  });

  // A Node.js server refuses a certificate after the handshake and without an alert, as a full node looks.
  test.each(SHOWN.filter(({ own }) => own !== undefined))(
    'F47 $what, and the node closes without a word: no byte',
    async ({ own = 'client' }) => {
      await using node = await startFaultyNode(answers.aa(), asking());
      expect(await sendTo(node.url, folder.files[own], '1s')).toMatchObject({
        ways: [expect.stringMatching(/^a GW_ERR_NODE_(FULL|TLS)$/), 'b ok'],
        writtenAt: undefined,
      });
      expect(node.tlsErrors).toHaveLength(1);
      expectNoByte(node);
    },
  );

  describe.skipIf(!hasOpenssl)('a node that says why (skipped without openssl)', () => {
    test.each(SHOWN)('F47 $what: named, no byte', async ({ own, alert }) => {
      const trust = folder.write('trust.pem', folder.caPem + folder.crlPem);
      const node = await sServer([
        ...['-cert', folder.files.good.cert, '-key', folder.files.good.key, '-CAfile', trust],
        ...['-Verify', '3', '-verify_return_error', version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3'],
        ...(own === 'revokedClient' ? ['-crl_check'] : []),
      ]);
      const shown = own === undefined ? {} : folder.files[own];
      // A TLS 1.3 node refuses after the gateway's side of the handshake is done; a busy machine needs longer than 20 ms.
      const result = await sendTo(`mllps://127.0.0.1:${node.port}`, shown, '1s');
      expect(result).toEqual({
        ways: ['a GW_ERR_NODE_TLS', 'b ok'],
        detail: expect.stringMatching(alert),
        writtenAt: undefined,
      });
      expect(node.text).toContain('ERROR');
      expect(node.text).not.toContain('MSH');
    });
  });
});
