// `groups`: which key exchanges a listener makes, in its own order, under every name, over MLLP and HTTP, and after its files
// were read anew. Without it they are OpenSSL's.
import { once } from 'node:events';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** The group of a handshake in which the client offers these, in this order; or the alert that refuses it. */
async function agreed(gw: TestGateway, offered: string, more: tls.ConnectionOptions = {}): Promise<unknown> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: gw.port(),
    ca: folder.caPem,
    servername: 'localhost',
    ecdhCurve: offered,
    ...more,
  });
  try {
    await once(socket, 'secureConnect');
    const info = socket.getEphemeralKeyInfo();
    return info !== null && 'name' in info ? info.name : info;
  } catch (thrown) {
    return /alert (.+):/.exec(String(thrown))?.[1]?.split(':')[0];
  } finally {
    socket.destroy();
  }
}

function open(keys: object, more: object = {}): Promise<TestGateway> {
  const listener = { tls: { ...folder.files.good, ...keys }, ...more };
  return startGateway({ nodes: ['mllp://127.0.0.1:1'], listener });
}

const REFUSED = 'handshake failure';
const groups = ['X25519', 'P-256'];

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  test('a sender that has only others is refused, the rest agree on the first that both have', async () => {
    await using gw = await open({ groups });
    // In TLS 1.2 a client has to take the curve of the listener's certificate, too (RFC 8422 5.1.1).
    expect(await agreed(gw, 'P-521', only)).toBe(REFUSED);
    expect(await agreed(gw, 'P-521:P-384', only)).toBe(REFUSED);
    expect(await agreed(gw, 'P-521:P-384:P-256', only)).toBe('prime256v1');
    // For TLS 1.3: with a key share for both, so that neither costs another round trip (RFC 8446 2.1).
    expect(await agreed(gw, version === 'TLSv1.3' ? '*P-256:*X25519' : 'P-256:X25519', only)).toBe('X25519');
    expect(gw.codes).toEqual(['GW_ERR_SENDER_TLS', 'GW_ERR_SENDER_TLS']);
  });

  test('without it, and with it, P-521', async () => {
    await using all = await open({});
    await using some = await open({ groups: ['P-521'] });
    // In TLS 1.2 P-256 is there for the certificate.
    const offered = version === 'TLSv1.3' ? 'P-521' : 'P-521:P-256';
    expect(await agreed(some, offered, only)).toBe('secp521r1');
    expect(await agreed(some, 'P-256', only)).toBe(REFUSED);
    expect(await agreed(all, offered, only)).toBe(version === 'TLSv1.3' ? 'secp521r1' : 'prime256v1');
  });
});

test('under the name of a second certificate, too', async () => {
  const { good } = folder.files;
  const other = folder.writePair('other', folder.issue({ dns: ['other.test'] }));
  await using gw = await open({ cert: [good.cert, other.cert], key: [good.key, other.key], groups });
  for (const servername of ['localhost', 'other.test']) {
    expect(await agreed(gw, 'P-521', { servername })).toBe(REFUSED);
    expect(await agreed(gw, 'P-521:X25519', { servername })).toBe('X25519');
  }
});

test('after files were read anew', async () => {
  await using gw = await open({ groups });
  gw.gateway.reloadCertificates();
  expect(await agreed(gw, 'P-521')).toBe(REFUSED);
  expect(await agreed(gw, 'P-521:X25519')).toBe('X25519');
});

test.each([true, false])('over HTTP, HTTP/2 %j', async (v2) => {
  const node = 'http://127.0.0.1:1';
  await using gw = await startGateway({
    nodes: [node],
    listener: { protocol: 'http', http: { http2: v2 }, tls: { ...folder.files.good, groups } },
  });
  expect(await agreed(gw, 'P-521', { ALPNProtocols: ['h2', 'http/1.1'] })).toBe(REFUSED);
  expect(await agreed(gw, 'P-521:X25519', { ALPNProtocols: ['h2', 'http/1.1'] })).toBe('X25519');
});

test('in TLS 1.2 the curve of a client’s certificate has to be one of them', async () => {
  const { certPem, keyPem } = folder.authority.issue({ commonName: 'lab', usage: 'client', key: 'ec-p384' });
  const own = { cert: certPem, key: keyPem, maxVersion: 'TLSv1.2' } as const;
  for (const [list, code] of [
    [groups, ['GW_ERR_SENDER_TLS']],
    [[...groups, 'P-384'], []],
  ] as const) {
    await using gw = await open({ groups: list, clientCa: folder.caFile, requireClientCert: true });
    expect(await agreed(gw, 'X25519:P-256:P-384', own)).toBe(
      code.length === 0 ? 'X25519' : 'illegal parameter',
    );
    expect(gw.codes).toEqual(code);
  }
});

test('a hybrid with ML-KEM, and a sender that does not know it', async () => {
  await using gw = await open({ groups: ['X25519MLKEM768', 'X25519'] });
  const hybrid = await agreed(gw, '*X25519:*X25519MLKEM768');
  expect([REFUSED, 'X25519']).not.toContain(hybrid);
  expect(await agreed(gw, 'X25519')).toBe('X25519');
});
