// Which certificate a sender gets: by the name that it asks for, from PEM and PKCS#12, RSA and EC, locked or not.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type tls from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAuthority, type Issued, type IssueOptions } from '../../certs/authority.ts';
import { writePkcs12 } from '../../certs/pkcs12/write.ts';
import { keyPemOf } from '../../certs/x509/keys.ts';
import { made } from '../certs/made.ts';
import { said } from '../helpers/expect-relay.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';

const ANY = 'mllp://127.0.0.1:1';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

async function withListener(tlsConfig: object, work: (gw: TestGateway) => Promise<void>): Promise<void> {
  await using gw = await startGateway({ nodes: [ANY], listener: { tls: tlsConfig } });
  await work(gw);
}

/** The chain that a sender is shown who asks for this name; '' asks for none. */
async function shown(gw: TestGateway, servername: string, more: tls.ConnectionOptions = {}) {
  const options = { ca: folder.caPem, servername, checkServerIdentity: () => undefined, ...more };
  await using sender = await connectSender(gw.port(), { tls: options });
  const chain: string[] = [];
  let issuer = (sender.socket as tls.TLSSocket).getPeerX509Certificate();
  const leaf = issuer;
  while (issuer !== undefined) {
    chain.push(issuer.subject);
    issuer = issuer.issuerCertificate;
  }
  return { cn: leaf?.subject, key: leaf?.publicKey.asymmetricKeyType, chain };
}

describe('by the name that a sender asks for', () => {
  let config: { cert: string[]; key: string[] };
  beforeEach(() => {
    const names: [string, string[]][] = [
      ['first', ['first.test']],
      ['wild', ['*.wild.test', 'also.test']],
      // Behind the wildcard that has its name as well.
      ['exact', ['exact.wild.test']],
    ];
    const files = names.map(([cn, dns]) => folder.writePair(cn, folder.issue({ commonName: cn, dns })));
    config = { cert: files.map(({ cert }) => cert), key: files.map(({ key }) => key) };
  });

  test.each([
    ['first.test', 'first'],
    ['also.test', 'wild'],
    ['ALSO.test', 'wild'],
    ['a.wild.test', 'wild'],
    ['exact.wild.test', 'exact'],
    // A wildcard stands for one label.
    ['a.b.wild.test', 'first'],
    ['wild.test', 'first'],
    ['unknown.test', 'first'],
    // The common name is no name of a host (RFC 9525 6.3).
    ['exact', 'first'],
    ['', 'first'],
  ])('%s: %s', async (servername, cn) => {
    await withListener(config, async (gw) => {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const only = { minVersion: version, maxVersion: version };
        expect(await shown(gw, servername, only)).toMatchObject({ cn: `CN=${cn}` });
      }
    });
  });

  test('client certificates are asked for and checked under every name', async () => {
    await withListener({ ...config, clientCa: folder.caFile, requireClientCert: true }, async (gw) => {
      const { client, strangeClient } = folder.pems;
      for (const [servername, cn] of [
        ['', 'first'],
        ['also.test', 'wild'],
        ['exact.wild.test', 'exact'],
      ] as const) {
        const own = { cert: client.certPem, key: client.keyPem, maxVersion: 'TLSv1.2' } as const;
        expect(await shown(gw, servername, own)).toMatchObject({ cn: `CN=${cn}` });
        const strange = { ...own, cert: strangeClient.certPem, key: strangeClient.keyPem };
        const faults = gw.codes.length;
        await shown(gw, servername, strange).catch(() => undefined);
        await expect.poll(() => gw.codes.slice(faults)).toEqual(['GW_ERR_SENDER_TLS']);
      }
    });
  });
});

describe('from what kind of file', () => {
  const issue = (options: Partial<IssueOptions>): Issued => folder.issue({ commonName: 'vip', ...options });
  const PASSPHRASE = 'correct horse, bättery';

  test.each([
    ['rsa-2048', 'rsa'],
    ['ec-p256', 'ec'],
    ['ec-p384', 'ec'],
  ] as const)('PEM with a key of kind %s', async (key, type) => {
    await withListener(folder.writePair(key, issue({ key })), async (gw) => {
      expect(await shown(gw, '')).toMatchObject({ cn: 'CN=vip', key: type });
    });
  });

  test('PEM with an encrypted key', async () => {
    const { certPem, keyPem } = issue({});
    const locked = keyPemOf(createPrivateKey(keyPem), PASSPHRASE);
    expect(locked).toContain('ENCRYPTED');
    const files = folder.writePair('locked', { certPem, keyPem: locked });
    await withListener(
      { ...files, passphrase: { file: folder.write('pass', `${PASSPHRASE}\n`) } },
      async (gw) => {
        expect(await shown(gw, '')).toMatchObject({ cn: 'CN=vip' });
      },
    );
  });

  test('PEM with the certificate and its key in one file', async () => {
    const { certPem, keyPem } = issue({});
    const file = folder.write('both.pem', keyPem + certPem);
    await withListener({ cert: file, key: file }, async (gw) => {
      expect(await shown(gw, '')).toMatchObject({ cn: 'CN=vip' });
    });
  });

  test('PKCS#12 beside PEM, each under its name', async () => {
    const { certPem, keyPem } = issue({ commonName: 'p12', dns: ['p12.test'], key: 'rsa-2048' });
    const content = {
      key: createPrivateKey(keyPem),
      chain: [new X509Certificate(certPem)],
      friendlyName: 'x',
    };
    const p12 = folder.write('vip.p12', writePkcs12(content, { passphrase: PASSPHRASE, legacy: false }));
    const { cert, key } = folder.writePair('pem', issue({ commonName: 'pem' }));
    await withListener({ cert: [cert, { p12, passphrase: PASSPHRASE }], key: [key] }, async (gw) => {
      expect(await shown(gw, '')).toMatchObject({ cn: 'CN=pem' });
      expect(await shown(gw, 'p12.test')).toMatchObject({ cn: 'CN=p12', key: 'rsa' });
    });
  });

  test('a keystore’s chain is sent in order, and what else it holds is not', async () => {
    const root = made({ cn: 'root', ca: true });
    const between = made({ cn: 'between', ca: true }, root);
    const { certPem, keyPem } = made({ cn: 'below', dns: ['x.test'] }, between);
    const other = createAuthority({ commonName: 'other', days: 2, key: 'ec-p256' });
    const chain = [other.certPem, root.certPem, between.certPem, certPem].map(
      (one) => new X509Certificate(one),
    );
    const content = { key: createPrivateKey(keyPem), chain, friendlyName: 'x' };
    const p12 = folder.write('chain.p12', writePkcs12(content, { passphrase: PASSPHRASE, legacy: false }));
    await withListener({ cert: { p12, passphrase: PASSPHRASE } }, async (gw) => {
      const { chain: seen } = await shown(gw, '', { ca: root.certPem });
      expect(seen).toEqual(['CN=below', 'CN=between', 'CN=root']);
      expect(gw.gateway.certificates.map(({ subject }) => subject)).toEqual([
        'CN=below',
        'CN=between',
        'CN=root',
      ]);
    });
  });

  test('a PEM chain is sent whole: a sender that knows the root alone is content', async () => {
    const root = made({ cn: 'root', ca: true });
    const between = made({ cn: 'between', ca: true }, root);
    const leaf = made({ cn: 'below', dns: ['x.test'] }, between);
    const pair = { certPem: leaf.certPem + between.certPem, keyPem: leaf.keyPem };
    await withListener(folder.writePair('chain', pair), async (gw) => {
      const { chain } = await shown(gw, 'x.test', { ca: root.certPem });
      expect(chain.slice(0, 2)).toEqual(['CN=below', 'CN=between']);
    });
  });
});

test('messages go through under any name', async () => {
  const { cert, key } = folder.files.good;
  await using gw = await startGateway({
    nodes: [ANY],
    listener: { tls: { cert, key } },
    routes: [{ reject: { code: 'AR', text: 'seen' } }],
  });
  for (const servername of ['', 'localhost', 'unknown.test']) {
    const options = { ca: folder.caPem, servername, checkServerIdentity: () => undefined };
    await using sender = await connectSender(gw.port(), { tls: options });
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AR X1');
  }
});
