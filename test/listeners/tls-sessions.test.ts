// TLS sessions of a listener: resumed, over a reload too, but never past a change of whom to trust; no renegotiation.
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { hasOpenssl } from '../certs/certs-command.ts';
import { said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { sClient } from '../helpers/openssl.ts';
import { revocationList } from '../helpers/revocation.ts';
import { connectSender } from '../helpers/sender.ts';
import { type CertificateName, createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

let folder: TlsFolder;
beforeEach(() => {
  folder = createTlsFolder();
});
afterEach(() => folder[Symbol.dispose]());

interface Met {
  readonly resumed: boolean;
  /** What can be resumed later. */
  readonly session: Buffer;
  readonly answer: string;
}

/** Sends one message over a connection that offers a session; the answer comes after the session that it is given. */
async function meet(
  gw: TestGateway,
  options: tls.ConnectionOptions,
  session?: Buffer,
  own?: CertificateName,
): Promise<Met> {
  const shown = own === undefined ? {} : { cert: folder.pems[own].certPem, key: folder.pems[own].keyPem };
  const offered = session === undefined ? {} : { session };
  const check = { ca: folder.caPem, servername: '', checkServerIdentity: () => undefined };
  await using sender = await connectSender(gw.port(), {
    tls: { ...check, ...shown, ...options, ...offered },
  });
  const socket = sender.socket as tls.TLSSocket;
  const answer = said(await sender.exchange(message({ controlId: 'X1' })));
  return { resumed: socket.isSessionReused(), session: socket.getSession() ?? Buffer.alloc(0), answer };
}

const AR = {
  routes: [
    { name: 'known', when: { 'tls.subject': 'CN=sender' }, reject: { code: 'AR' } },
    { name: 'unknown', reject: { code: 'AR' } },
  ],
};

async function listening(tlsConfig: object): Promise<TestGateway> {
  const listener = { tls: { ...folder.files.good, ...tlsConfig } };
  return startGateway({ nodes: ['mllp://127.0.0.1:1'], listener, ...AR });
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('resumption, %s', (version) => {
  const only = { minVersion: version, maxVersion: version };
  const mutual = () => ({ clientCa: folder.caFile, requireClientCert: true });

  test.each(['', 'other.test'])(
    'works for the name "%s", and over a reload with a new certificate',
    async (servername) => {
      const other = folder.writePair('other', folder.issue({ dns: ['other.test'] }));
      const good = folder.files.good;
      await using gw = await listening({ cert: [good.cert, other.cert], key: [good.key, other.key] });
      const options = { ...only, servername };
      const first = await meet(gw, options);
      const second = await meet(gw, options, first.session);
      folder.writePair('good', folder.issue({}));
      folder.writePair('other', folder.issue({ dns: ['other.test'] }));
      expect(gw.gateway.reloadCertificates()).toBe(true);
      const third = await meet(gw, options, second.session);
      expect([first, second, third].map(({ resumed }) => resumed)).toEqual([false, true, true]);
    },
  );

  test('keeps the sender’s identity', async () => {
    await using gw = await listening(mutual());
    const first = await meet(gw, only, undefined, 'client');
    const second = await meet(gw, only, first.session, 'client');
    expect([first, second]).toMatchObject([
      { resumed: false, answer: 'AR X1' },
      { resumed: true, answer: 'AR X1' },
    ]);
    expect(gw.messages.map(({ route }) => route?.name)).toEqual(['known', 'known']);
  });

  test('a sender that is revoked meanwhile is refused, whatever session it offers', async () => {
    const crl = folder.write('live.crl.pem', revocationList(folder.authority, []));
    await using gw = await listening({ ...mutual(), crl });
    const { session } = await meet(gw, only, undefined, 'client');
    expect((await meet(gw, only, session, 'client')).resumed).toBe(true);
    writeFileSync(crl, revocationList(folder.authority, [folder.pems.client]));
    expect(gw.gateway.reloadCertificates()).toBe(true);
    await expect(meet(gw, only, session, 'client')).rejects.toThrow();
    expect((await gw.logged('GW_ERR_SENDER_TLS')).detail).toBe('CERT_REVOKED');
    expect(gw.messages).toHaveLength(2);
  });

  test('an authority that is trusted no more: likewise, under another name too', async () => {
    const other = folder.writePair('other', folder.issue({ dns: ['other.test'] }));
    const good = folder.files.good;
    const clientCa = folder.write('client-ca.pem', folder.caPem);
    await using gw = await listening({
      ...{ cert: [good.cert, other.cert], key: [good.key, other.key] },
      ...{ clientCa, requireClientCert: true },
    });
    const options = { ...only, servername: 'other.test' };
    const { session } = await meet(gw, options, undefined, 'client');
    writeFileSync(clientCa, folder.pems.selfSigned.certPem);
    expect(gw.gateway.reloadCertificates()).toBe(true);
    await expect(meet(gw, options, session, 'client')).rejects.toThrow();
    expect((await gw.logged('GW_ERR_SENDER_TLS')).detail).toBe('SELF_SIGNED_CERT_IN_CHAIN');
  });

  test.each([true, false])(
    'does not outlive the certificate; requireClientCert %s',
    async (requireClientCert) => {
      await using gw = await listening({ clientCa: folder.caFile, requireClientCert });
      const { session } = await meet(gw, only, undefined, 'client');
      const end = new X509Certificate(folder.pems.client.certPem).validToDate.getTime();
      // OpenSSL goes by its own clock, and resumes.
      vi.useFakeTimers({ toFake: ['Date'], now: end + 1_000 });
      onTestFinished(() => void vi.useRealTimers());
      if (requireClientCert) {
        await expect(meet(gw, only, session, 'client')).rejects.toThrow();
        expect(await gw.logged('GW_ERR_SENDER_TLS')).toMatchObject({
          detail: 'CERT_HAS_EXPIRED',
          source: '127.0.0.1',
        });
        expect(gw.messages).toHaveLength(1);
      } else {
        expect((await meet(gw, only, session, 'client')).resumed).toBe(true);
        expect(gw.messages.map(({ origin }) => origin.peer.tls?.subject)).toEqual(['CN=sender', undefined]);
      }
      vi.setSystemTime(end - 1_000);
      expect((await meet(gw, only, session, 'client')).resumed).toBe(true);
      expect(gw.messages.at(-1)?.origin.peer.tls?.subject).toBe('CN=sender');
    },
  );

  test('a session of a sender that was refused is worth nothing', async () => {
    await using gw = await listening(mutual());
    const { certPem, keyPem } = folder.pems.strangeClient;
    const attempt = (session?: Buffer): Promise<Buffer | undefined> =>
      new Promise((resolve) => {
        let given: Buffer | undefined;
        const socket = tls.connect({
          ...{ port: gw.port(), host: '127.0.0.1', ...only, cert: certPem, key: keyPem },
          ...{ rejectUnauthorized: false, servername: '', ...(session === undefined ? {} : { session }) },
        });
        socket.on('session', (one: Buffer) => {
          given = one;
        });
        socket.on('secureConnect', () => void socket.write(frame(message({ controlId: 'BAD' }))));
        socket.on('error', () => undefined).on('close', () => resolve(given));
        socket.resume();
      });
    const session = await attempt();
    await until(() => gw.codes.length === 1);
    await attempt(session);
    await until(() => gw.codes.length === 2);
    expect(gw.codes).toEqual(['GW_ERR_SENDER_TLS', 'GW_ERR_SENDER_TLS']);
    expect(gw.messages).toEqual([]);
  });
});

describe('renegotiation is refused, and the listener goes on', () => {
  test('asked for by node:tls', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({ nodes: [node.url], listener: { tls: folder.files.good } });
    const options = { ca: folder.caPem, servername: '', maxVersion: 'TLSv1.2' } as const;
    await using sender = await connectSender(gw.port(), { tls: options });
    const socket = sender.socket as tls.TLSSocket;
    const refused = new Promise((resolve) => socket.once('error', resolve));
    socket.renegotiate({}, () => undefined);
    expect(await refused).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' });
    await using other = await connectSender(gw.port(), { tls: options });
    expect(said(await other.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
  });

  test.skipIf(!hasOpenssl)('asked for by openssl s_client (skipped without openssl)', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({ nodes: [node.url], listener: { tls: folder.files.good } });
    const { text } = await sClient(gw.port(), ['-tls1_2', '-CAfile', folder.caFile], {
      input: 'R\n',
      until: /RENEGOTIATING[\s\S]*error/i,
    });
    expect(text).toMatch(/RENEGOTIATING/);
    expect(text).toMatch(/no.renegotiation/i);
    expect(node.messages).toEqual([]);
  });
});
