// Clients of other makes reach a TLS listener, and a message of each is answered; skipped where a tool is not there.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from '../certs/certs-command.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { runTool, sClient } from '../helpers/openssl.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';

const curl = spawnSync('curl', ['--version'], { encoding: 'utf8' });
const hasCurl = curl.status === 0 && /\bgophers\b/.test(curl.stdout) && /OpenSSL/i.test(curl.stdout);

let folder: TlsFolder;
let node: FaultyNode;
beforeAll(async () => {
  folder = createTlsFolder();
  node = await startFaultyNode();
});
afterAll(async () => {
  await node.close();
  folder[Symbol.dispose]();
});

/** Two names on one port, client certificates asked for; idle connections end: curl writes late, and reads to the end. */
async function listening(more: object = {}): Promise<TestGateway> {
  const other = folder.writePair('other', folder.issue({ commonName: 'other', dns: ['other.test'] }));
  const { cert, key } = folder.files.good;
  const tls = { cert: [cert, other.cert], key: [key, other.key], clientCa: folder.caFile, ...more };
  return startGateway({ nodes: [node.url], listener: { tls, limits: { idleTimeout: '1s' } } });
}

describe.skipIf(!hasOpenssl)('openssl s_client (skipped without openssl)', () => {
  test.each(['-tls1_2', '-tls1_3'])('%s: verified, and a message is answered', async (version) => {
    await using gw = await listening();
    const { text } = await sClient(
      gw.port(),
      [version, '-CAfile', folder.caFile, '-verify_return_error', '-verify_ip', '127.0.0.1', '-no_ign_eof'],
      { input: frame(message({ controlId: 'S1' })), until: /MSA\|AA\|S1/ },
    );
    expect(text).toContain('Verification: OK');
    expect(text).toContain('MSA|AA|S1');
    expect(node.controlIds.at(-1)).toBe('S1');
  });

  test('a client certificate, the name of another certificate', async () => {
    await using gw = await listening({ requireClientCert: true });
    const { client } = folder.files;
    const { text } = await sClient(
      gw.port(),
      ['-CAfile', folder.caFile, '-servername', 'other.test', '-cert', client.cert, '-key', client.key],
      { input: frame(message({ controlId: 'S2' })), until: /MSA\|AA\|S2/ },
    );
    expect(text).toMatch(/subject=CN ?= ?other/);
    expect(text).toContain('MSA|AA|S2');
  });

  test.each([
    'AES256-SHA',
    'ECDHE-RSA-AES128-SHA256',
    'ECDHE-ECDSA-AES256-CCM8',
    'DHE-RSA-AES256-GCM-SHA384',
  ])('the cipher %s is not to be had', async (cipher) => {
    await using gw = await listening();
    const { code, text } = await sClient(gw.port(), ['-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`]);
    expect(code).toBe(1);
    expect(text).toMatch(/handshake failure/);
    expect((await gw.logged('GW_ERR_SENDER_TLS')).detail).toBe('ERR_SSL_NO_SHARED_CIPHER');
  });
});

describe.skipIf(!hasCurl)('curl (skipped where it has no gophers or another TLS than OpenSSL)', () => {
  /** Gopher sends what stands behind `/_` as it is, and CRLF; then it reads to the end. */
  const url = (gw: TestGateway, controlId: string, host = '127.0.0.1'): string =>
    `gophers://${host}:${gw.port()}/_${encodeURIComponent(frame(message({ controlId })).toString('latin1'))}`;

  test('verified, and a message is answered', async () => {
    await using gw = await listening();
    const { code, text } = await runTool('curl', ['-sS', '--cacert', folder.caFile, url(gw, 'C1')]);
    expect(text).toContain('MSA|AA|C1');
    expect(code).toBe(0);
  });

  test('a client certificate, the name of another certificate', async () => {
    await using gw = await listening({ requireClientCert: true });
    const { client } = folder.files;
    const { text } = await runTool('curl', [
      ...['-sS', '--cacert', folder.caFile, '--cert', client.cert, '--key', client.key],
      ...['--resolve', `other.test:${gw.port()}:127.0.0.1`, url(gw, 'C2', 'other.test')],
    ]);
    expect(text).toContain('MSA|AA|C2');
  });

  test('a name that no certificate has: curl turns away, and nothing is sent', async () => {
    await using gw = await listening();
    const before = node.messages.length;
    const resolve = `third.test:${gw.port()}:127.0.0.1`;
    const args = ['-sS', '--cacert', folder.caFile, '--resolve', resolve, url(gw, 'C3', 'third.test')];
    const { code, text } = await runTool('curl', args);
    // CURLE_PEER_FAILED_VERIFICATION
    expect(code).toBe(60);
    expect(text).toMatch(/subject name|subjectAltName/);
    expect(node.messages.length).toBe(before);
  });
});

test('node:tls with its defaults', async () => {
  await using gw = await listening();
  await using sender = await connectSender(gw.port(), { tls: { ca: folder.caPem, servername: 'localhost' } });
  expect(said(await sender.exchange(message({ controlId: 'N1' })))).toBe('AA N1');
  const socket = sender.socket as import('node:tls').TLSSocket;
  expect(socket.authorized).toBe(true);
  expect(socket.getProtocol()).toBe('TLSv1.3');
  expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(
    new X509Certificate(folder.pems.good.certPem).fingerprint256,
  );
});
