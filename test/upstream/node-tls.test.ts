// TLS to a node: whom the gateway believes, by which name, and what it shows of itself; on real sockets.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anchorsOf } from '../../certs/anchors.ts';
import type { Issued } from '../../certs/authority.ts';
import { writePkcs12 } from '../../certs/pkcs12/write.ts';
import { keyPemOf } from '../../certs/x509/keys.ts';
import { made } from '../certs/made.ts';
import { over, said, ways } from '../helpers/expect-relay.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { startMirthApi } from '../helpers/mirth-api.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { asked, checkOf } from './checks/check-parts.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

interface Asked {
  /** How the attempt ended: `ok`, or the error's code and detail. */
  readonly outcome: string;
  readonly node: FaultyNode;
  readonly gw: TestGateway;
}

/** Sends one message to a node with this certificate, by a gateway with these settings. */
async function ask(
  issued: Issued,
  settings: object,
  { host = '127.0.0.1', serve = {} }: { host?: string; serve?: tls.TlsOptions } = {},
): Promise<Asked> {
  await using node = await startFaultyNode(answers.aa(), {
    tls: { cert: issued.certPem, key: issued.keyPem, ...serve },
  });
  await using b = await startFaultyNode();
  await using gw = await startGateway({
    nodes: [
      { url: `mllps://${host}:${node.port}`, tls: settings } as { url: string },
      { url: b.url, backup: true } as { url: string },
    ],
  });
  await using sender = await connectSender(gw.port());
  expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
  const exchange = await over(gw, 'X1');
  const { detail } = exchange.attempts[0]?.error ?? {};
  const [way = ''] = ways(exchange);
  const outcome = [way.replace(/^a /, ''), ...(detail === undefined ? [] : [detail])].join(' ');
  if (outcome !== 'ok') {
    expect(node.bytes.length).toBe(0);
    expect(exchange.attempts[0]?.writtenAt).toBeUndefined();
  }
  return { outcome, node, gw };
}

/** The node's end of its first connection. */
const socketOf = (node: FaultyNode): unknown => node.connections.all[0]?.socket;

const fingerprint = ({ certPem }: Issued): string => new X509Certificate(certPem).fingerprint256;

describe('the name', () => {
  const WRONG = 'GW_ERR_NODE_TLS ERR_TLS_CERT_ALTNAME_INVALID';

  test.each<
    [what: string, names: { dns?: string[]; ip?: string[] }, host: string, more: object, expected: string]
  >([
    ['a host name that is there', { dns: ['localhost'], ip: [] }, 'localhost', {}, 'ok'],
    ['a host name that is not', { dns: ['other.test'], ip: ['127.0.0.1'] }, 'localhost', {}, WRONG],
    ['an address that is there', { dns: ['x.test'], ip: ['127.0.0.1'] }, '127.0.0.1', {}, 'ok'],
    ['an address that is not', { dns: ['localhost'], ip: ['10.0.0.1'] }, '127.0.0.1', {}, WRONG],
    ['servername that is there', { dns: ['a.test'], ip: [] }, '127.0.0.1', { servername: 'a.test' }, 'ok'],
    [
      'servername by a wildcard',
      { dns: ['*.node.test'], ip: [] },
      '127.0.0.1',
      { servername: 'a.node.test' },
      'ok',
    ],
    [
      'servername stands in for the host',
      { dns: ['localhost'] },
      'localhost',
      { servername: 'a.test' },
      WRONG,
    ],
    [
      'servername is an address',
      { dns: [], ip: ['10.0.0.1'] },
      '127.0.0.1',
      { servername: '10.0.0.1' },
      'ok',
    ],
    ['another address', { dns: [], ip: ['10.0.0.1'] }, '127.0.0.1', { servername: '10.0.0.2' }, WRONG],
  ])('%s', async (_, names, host, more, expected) => {
    const asked = await ask(folder.issue(names), { ca: folder.caFile, ...more }, { host });
    expect(asked.outcome).toBe(expected);
  });

  test.each([
    ['localhost', {}, 'localhost'],
    ['127.0.0.1', {}, false],
    ['127.0.0.1', { servername: 'vip.test' }, 'vip.test'],
    ['localhost', { servername: '127.0.0.1' }, false],
  ])('%s %j asks the node for %s', async (host, more, expected) => {
    const issued = folder.issue({ dns: ['localhost', 'vip.test'] });
    const { node } = await ask(issued, { ca: folder.caFile, ...more }, { host });
    expect(socketOf(node)).toMatchObject({ servername: expected });
  });
});

describe('whom to believe', () => {
  test.each<
    [
      what: string,
      name: 'good' | 'untrusted' | 'selfSigned' | 'wrongHost',
      settings: () => object,
      outcome: string,
    ]
  >([
    ['a pin that fits', 'good', () => ({ ca: folder.caFile, pin: fingerprint(folder.pems.good) }), 'ok'],
    [
      'another pin',
      'good',
      () => ({ ca: folder.caFile, pin: fingerprint(folder.pems.wrongHost) }),
      'GW_ERR_NODE_TLS PIN_MISMATCH',
    ],
    [
      'one of two pins',
      'good',
      () => ({ ca: folder.caFile, pin: [fingerprint(folder.pems.wrongHost), fingerprint(folder.pems.good)] }),
      'ok',
    ],
    [
      'a pin is no authority',
      'untrusted',
      () => ({ ca: folder.caFile, pin: fingerprint(folder.pems.untrusted) }),
      'GW_ERR_NODE_TLS UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [
      'a pin is no name',
      'wrongHost',
      () => ({ ca: folder.caFile, pin: fingerprint(folder.pems.wrongHost) }),
      'GW_ERR_NODE_TLS ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'insecure and a pin that fits',
      'untrusted',
      () => ({ insecure: true, pin: fingerprint(folder.pems.untrusted) }),
      'ok',
    ],
    [
      'insecure and another pin',
      'untrusted',
      () => ({ insecure: true, pin: fingerprint(folder.pems.good) }),
      'GW_ERR_NODE_TLS PIN_MISMATCH',
    ],
    ['insecure', 'wrongHost', () => ({ insecure: true }), 'ok'],
    [
      'a self-signed certificate as its own authority',
      'selfSigned',
      () => ({ ca: folder.files.selfSigned.cert, servername: 'localhost' }),
      'ok',
    ],
  ])('%s', async (_, name, settings, outcome) => {
    expect((await ask(folder.pems[name], settings())).outcome).toBe(outcome);
  });

  test.each([
    ['pin', () => ({ ca: folder.caFile, pin: fingerprint(folder.pems.client) }), 'PIN_MISMATCH'],
    ['crl', () => ({ ca: folder.caFile, crl: folder.crlFile }), 'CERT_REVOKED'],
    ['ca', () => ({ ca: folder.files.selfSigned.cert }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['servername', () => ({ ca: folder.caFile, servername: 'x.test' }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('a health check of type tls goes by the same settings: %s', async (_, settings, reason) => {
    const { certPem, keyPem } = folder.pems.revoked;
    await using node = await startFaultyNode(answers.aa(), { tls: { cert: certPem, key: keyPem } });
    await using gw = await startGateway({
      nodes: [{ url: node.url, tls: settings() } as { url: string }],
      pool: { health: { type: 'tls', interval: '15ms', fall: 1 } },
    });
    await expect
      .poll(() => gw.log.find(({ msg }) => msg === 'node down'), { timeout: 5000 })
      .toMatchObject({ reason: `check: ${reason}` });
  });

  test('insecure warns when the gateway is made, and says of which node', async () => {
    const { gw } = await ask(folder.pems.untrusted, { insecure: true });
    expect(gw.log[0]).toMatchObject({
      level: 'warn',
      pool: 'pool',
      node: 'a',
      msg: expect.stringMatching(/^insecure/),
    });
  });
});

describe('F98 a certificate that is trusted itself', () => {
  /** As Mirth has it at first: no alternative names, and an authority that was thrown away. */
  const mirth = made({ cn: 'mirth-connect' }, made({ cn: 'Mirth Connect Certificate Authority', ca: true }));

  const file = (): string => folder.write('mirth.pem', mirth.certPem);

  test.each<[string, () => object, string]>([
    ['by its own name', () => ({ ca: file(), servername: 'mirth-connect' }), 'ok'],
    [
      'among others',
      () => ({ ca: [folder.caFile, file()], servername: 'mirth-connect', pin: fingerprint(mirth) }),
      'ok',
    ],
    ['by the host', () => ({ ca: file() }), 'GW_ERR_NODE_TLS ERR_TLS_CERT_ALTNAME_INVALID'],
    [
      'and is another one of that name',
      () => ({
        ca: folder.write('other.pem', made({ cn: 'mirth-connect' }, made({ cn: 'x', ca: true })).certPem),
        servername: 'mirth-connect',
      }),
      'GW_ERR_NODE_TLS UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    ['nowhere', () => ({ servername: 'mirth-connect' }), 'GW_ERR_NODE_TLS UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('F98 %s', async (_, settings, outcome) => {
    expect((await ask(mirth, settings())).outcome).toBe(outcome);
  });

  test('F98 no other settings change: a root beside an authority below it has its revocations looked at', async () => {
    const root = made({ cn: 'root', ca: true });
    const below = made({ cn: 'below', ca: true }, root);
    const node = made({ cn: 'node', dns: ['localhost'] }, below);
    const settings = { ca: folder.write('both.pem', root.certPem + below.certPem), servername: 'localhost' };
    expect((await ask(node, settings)).outcome).toBe('ok');
    expect(anchorsOf([root, below].map(({ certPem }) => new X509Certificate(certPem)))).not.toHaveProperty(
      'allowPartialTrustChain',
    );
    const alone = { ca: folder.write('below.pem', below.certPem), servername: 'localhost' };
    expect((await ask(node, alone)).outcome).toBe('ok');
  });

  test('F98 but has expired', async () => {
    const old = made({ cn: 'mirth-connect', fromDays: -9, toDays: -1 }, made({ cn: 'x', ca: true }));
    const settings = { ca: folder.write('old.pem', old.certPem), servername: 'mirth-connect' };
    expect((await ask(old, settings)).outcome).toBe('GW_ERR_NODE_TLS CERT_HAS_EXPIRED');
  });

  test.each(['mirth', 'http', 'tls'])('F98 in checks of type %s', async (type) => {
    await using api = await startMirthApi({ cert: mirth.certPem, key: mirth.keyPem });
    const tls = { ca: file(), servername: 'mirth-connect' };
    const url = `https://{host}:${api.port}`;
    const own = type === 'tls' ? { port: api.port } : { url };
    const health = { type, tls, ...own, status: '200-499', timeout: '30s' };
    const { status: _, ...others } = health;
    expect(await asked(checkOf(type === 'http' ? health : others))).toBe('passed');
    const strict = { ...others, tls: { ...tls, servername: 'other.test' } };
    expect(await asked(checkOf(strict))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });
});

describe('what it shows of itself', () => {
  const serve = () => ({ ca: folder.caPem, requestCert: true, rejectUnauthorized: true });
  const PASSPHRASE = 'of the key';

  test.each<[what: string, settings: () => object]>([
    ['PEM', () => folder.files.client],
    [
      'PEM, encrypted',
      () => {
        const { certPem, keyPem } = folder.pems.client;
        const locked = keyPemOf(createPrivateKey(keyPem), PASSPHRASE);
        return { ...folder.writePair('locked', { certPem, keyPem: locked }), passphrase: PASSPHRASE };
      },
    ],
    [
      'PKCS#12',
      () => {
        const { certPem, keyPem } = folder.pems.client;
        const content = {
          key: createPrivateKey(keyPem),
          chain: [new X509Certificate(certPem)],
          friendlyName: 'x',
        };
        const bytes = writePkcs12(content, { passphrase: PASSPHRASE, legacy: false });
        return { cert: { p12: folder.write('client.p12', bytes), passphrase: PASSPHRASE } };
      },
    ],
  ])('%s', async (_, settings) => {
    const { outcome, node } = await ask(
      folder.pems.good,
      { ca: folder.caFile, ...settings() },
      { serve: serve() },
    );
    expect(outcome).toBe('ok');
    expect(socketOf(node)).toMatchObject({ authorized: true });
  });

  test('all of it is in the list of certificates', async () => {
    const { gw } = await ask(
      folder.pems.good,
      { ca: folder.caFile, ...folder.files.client },
      { serve: serve() },
    );
    expect(gw.gateway.certificates).toEqual([
      expect.objectContaining({ file: folder.caFile, subject: 'CN=trusted by the test' }),
      expect.objectContaining({
        file: folder.files.client.cert,
        fingerprint: fingerprint(folder.pems.client),
      }),
    ]);
  });
});
