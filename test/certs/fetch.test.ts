// F98: `certs fetch` prints what a peer shows, and that trusts Mirth's first certificate, whose authority was thrown away.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, createAuthority, type Issued } from '../../certs/authority.ts';
import { CertsFolder } from './certs-command.ts';
import { made } from './made.ts';

const folder = new CertsFolder();
let authority: Authority;
/** As Mirth makes it when it is installed. */
let mirth: Issued;

beforeAll(() => {
  const thrownAway = made({ cn: 'Mirth Connect Certificate Authority', ca: true });
  mirth = made({ cn: 'mirth-connect' }, thrownAway);
  authority = createAuthority({ commonName: 'Hospital CA', days: 400, key: 'ec-p256' });
});
afterAll(() => folder.remove());

async function listen(server: net.Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

async function peer({ certPem, keyPem }: Issued, more: tls.TlsOptions = {}) {
  let received = 0;
  const server = tls.createServer({ cert: certPem, key: keyPem, ...more }, (socket) => {
    socket
      .on('error', () => undefined)
      .on('data', ({ length }) => {
        received += length;
      });
  });
  return { target: await listen(server), received: () => received };
}

const pin = ({ certPem }: Issued): string => new X509Certificate(certPem).fingerprint256;

/** Each command is a process of its own, which on a busy machine takes seconds to begin. */
describe('F98', { timeout: 180_000 }, () => {
  test('what Mirth shows: PEM, its pin, and a hint; the file trusts it', async () => {
    const { target, received } = await peer(mirth);
    const { code, out, err } = await folder.certs('fetch', target);
    expect(code).toBe(0);
    expect(out.slice(0, 6)).toEqual([
      '# for a node, or its health check, with this in peer.pem:',
      '#   tls: { ca: peer.pem, servername: mirth-connect }',
      '# or, without the file:',
      `#   tls: { insecure: true, pin: "${pin(mirth)}" }`,
      expect.stringMatching(
        /^# CN=mirth-connect, by CN=Mirth Connect Certificate Authority, until \d{4}-\d\d-\d\d$/,
      ),
      `# SHA-256 ${pin(mirth)}`,
    ]);
    expect(out.slice(6).join('\n')).toBe(mirth.certPem.trimEnd());
    expect(err).toEqual([
      'compare the SHA-256 with what that machine itself says: nothing here shows whose these are',
    ]);
    expect(received()).toBe(0);
    folder.write('peer.pem', `${out.join('\n')}\n`);
    const verified = ['verify', '--connect', target, '--ca', 'peer.pem'];
    expect((await folder.certs(...verified, '--servername', 'mirth-connect')).code).toBe(0);
    expect(await folder.json(...verified)).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  test('one whose names fit, with its chain', async () => {
    const vip = authority.issue({
      ...{ commonName: 'vip', dns: ['vip.test'], ip: ['127.0.0.1'], usage: 'server', key: 'ec-p256' },
    });
    const { target } = await peer({ ...vip, certPem: vip.certPem + authority.certPem });
    const { out } = await folder.certs('fetch', `mllps://${target}`);
    expect(out[1]).toBe('#   tls: { ca: peer.pem }');
    const pems = out.filter((line) => !line.startsWith('#')).join('\n');
    expect(pems).toBe(`${vip.certPem}${authority.certPem}`.trimEnd());
    const report = await folder.json('fetch', target);
    expect(report).toMatchObject({
      peer: target,
      servername: null,
      certificates: [{ subject: 'CN=vip', sha256: pin(vip) }, { subject: 'CN=Hospital CA' }],
    });
  });

  test('one with other names: the first of them; one with none that is a host: its pin alone', async () => {
    const other = await peer(made({ cn: 'x', dns: ['a.test', 'b.test'] }));
    expect((await folder.certs('fetch', other.target)).out[1]).toBe(
      '#   tls: { ca: peer.pem, servername: a.test }',
    );
    const nameless = made({ cn: 'A Server With Blanks' });
    const { target } = await peer(nameless);
    expect((await folder.certs('fetch', target)).out.slice(0, 2)).toEqual([
      '# for a node, or its health check:',
      `#   tls: { insecure: true, pin: "${pin(nameless)}" }`,
    ]);
  });

  test('a peer that wants a client certificate shows its own all the same', async () => {
    const { target } = await peer(mirth, { requestCert: true, ca: authority.certPem });
    expect((await folder.certs('fetch', target)).code).toBe(0);
  });

  test.each<[string, () => Promise<string>, string]>([
    [
      'plaintext',
      () => listen(net.createServer((socket) => void socket.on('error', () => {}).end('hello there\r\n'))),
      'what the peer sends is not TLS: a plaintext listener',
    ],
    [
      'silence',
      () => listen(net.createServer((socket) => void socket.on('error', () => {}).resume())),
      'no answer to the handshake in time; a plaintext listener waits for the client to speak',
    ],
    ['nobody', async () => '127.0.0.1:1', 'nothing listens there'],
  ])('%s is exit code 2 and one line', async (_, target, why) => {
    const { code, out, err } = await folder.certs('fetch', await target(), '--timeout', '300ms');
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join('\n')).toContain(why);
  });

  test('what is no address is exit code 2', async () => {
    const { code, err } = await folder.certs('fetch', 'here');
    expect(code).toBe(2);
    expect(err[0]).toContain('fetch takes HOST:PORT');
  });
});
