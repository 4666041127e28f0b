// `certs verify --connect`: handshakes with live peers, good and bad, over real sockets; and that nothing else is sent.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, createAuthority, type Issued } from '../../certs/authority.ts';
import { CertsFolder } from './certs-command.ts';
import { made } from './made.ts';

const folder = new CertsFolder();
let authority: Authority;
let vip: Issued;

beforeAll(() => {
  authority = createAuthority({ commonName: 'Hospital CA', days: 400, key: 'ec-p256' });
  const other = createAuthority({ commonName: 'Other CA', days: 400, key: 'ec-p256' });
  vip = authority.issue({
    commonName: 'vip',
    dns: ['vip.test'],
    ip: ['127.0.0.1'],
    usage: 'server',
    key: 'ec-p256',
  });
  folder.write('ca.pem', authority.certPem);
  folder.write('other.pem', other.certPem);
  for (const [name, from] of [
    ['sender', authority],
    ['stranger', other],
  ] as const) {
    const issued = from.issue({ commonName: name, usage: 'client', key: 'ec-p256' });
    folder.write(`${name}.crt.pem`, issued.certPem);
    folder.write(`${name}.key.pem`, issued.keyPem);
  }
});
afterAll(() => folder.remove());

interface Peer {
  readonly target: string;
  /** What came within TLS. */
  readonly received: () => number;
}

async function listen(server: net.Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

async function tlsPeer(options: tls.TlsOptions = {}): Promise<Peer> {
  let received = 0;
  const server = tls.createServer({ cert: vip.certPem, key: vip.keyPem, ...options }, (socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        received += chunk.length;
      });
  });
  return { target: await listen(server), received: () => received };
}

const connect = (target: string, ...args: string[]): Promise<Record<string, unknown>> =>
  folder.json('verify', '--connect', target, ...args);
const CA = ['--ca', 'ca.pem'];

test('a good peer: protocol, cipher and chain, and not a byte is sent', async () => {
  const { target, received } = await tlsPeer();
  const { code, out, err } = await folder.certs('verify', '--connect', target, ...CA);
  expect({ code, err, head: out.slice(0, 2) }).toEqual({
    code: 0,
    err: [],
    head: [`${target}: the handshake succeeds`, '  TLSv1.3, TLS_AES_256_GCM_SHA384'],
  });
  expect(out[2]).toMatch(
    /^ {2}0 {2}CN=vip \(DNS:vip\.test, IP:127\.0\.0\.1\) {2}by CN=Hospital CA {2}396 days left {2}EC P-256$/,
  );
  expect(received()).toBe(0);
});

describe('the peer is not as it should be', () => {
  test.each<[string, () => Issued, string]>([
    [
      'expired',
      () => made({ cn: 'x', dns: ['vip.test'], fromDays: -9, toDays: -1 }, root()),
      'CERT_HAS_EXPIRED',
    ],
    ['not valid yet', () => made({ cn: 'x', dns: ['vip.test'], fromDays: 1 }, root()), 'CERT_NOT_YET_VALID'],
    ['self-signed', () => made({ cn: 'x', dns: ['vip.test'] }), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['another host', () => made({ cn: 'x', dns: ['other.test'] }, root()), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    [
      'a client’s certificate',
      () => ({ certPem: folder.text('sender.crt.pem'), keyPem: folder.text('sender.key.pem') }),
      'INVALID_PURPOSE',
    ],
  ])('%s', async (_, shown, code) => {
    const { certPem, keyPem } = shown();
    const { target, received } = await tlsPeer({ cert: certPem, key: keyPem });
    const report = await connect(target, ...CA, '--servername', 'vip.test');
    expect(report).toMatchObject({ good: false, code, protocol: 'TLSv1.3' });
    expect(report.chain).not.toHaveLength(0);
    expect(received()).toBe(0);
  });

  const root = (): Issued => ({ certPem: authority.certPem, keyPem: authority.keyPem });

  test('another authority, and none given: exit code 1', async () => {
    const { target } = await tlsPeer();
    expect(await connect(target, '--ca', 'other.pem')).toMatchObject({
      good: false,
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    expect((await folder.certs('verify', '--connect', target)).code).toBe(1);
  });

  test('it knows TLS 1.1 only', async () => {
    const { target } = await tlsPeer({
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    });
    expect(await connect(target, ...CA)).toMatchObject({
      good: false,
      reason: 'the peer refused: no TLS version in common',
    });
  });
});

describe('a peer that wants a client certificate', () => {
  const mutual = (maxVersion: tls.SecureVersion): tls.TlsOptions => ({
    ca: authority.certPem,
    requestCert: true,
    rejectUnauthorized: true,
    maxVersion,
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: gets a good one', async (version) => {
    const { target } = await tlsPeer(mutual(version));
    expect(await connect(target, ...CA, '--cert', 'sender.crt.pem')).toMatchObject({
      good: true,
      protocol: version,
    });
  });

  test('TLS 1.2: gets none, and refuses', async () => {
    const { target } = await tlsPeer(mutual('TLSv1.2'));
    expect(await connect(target, ...CA)).toMatchObject({
      good: false,
      reason: 'the peer refused: no cipher in common, or it wants a client certificate (--cert, --key)',
    });
  });

  test('TLS 1.3: gets none, and refuses after the handshake', async () => {
    const { target } = await tlsPeer(mutual('TLSv1.3'));
    expect(await connect(target, ...CA)).toMatchObject({
      good: false,
      protocol: 'TLSv1.3',
      reason: 'the peer refused: it wants a client certificate (--cert, --key)',
    });
  });

  test('TLS 1.3: one of an authority that it does not know; Node.js closes without a word', async () => {
    const { target } = await tlsPeer(mutual('TLSv1.3'));
    expect(await connect(target, ...CA, '--cert', 'stranger.crt.pem')).toMatchObject({
      good: false,
      code: expect.stringMatching(/^(CLOSED_AFTER_HANDSHAKE|ECONNRESET)$/),
    });
  });
});

describe('there is no TLS', () => {
  const plain = async (answer: (socket: net.Socket) => void): Promise<string> => {
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      socket.once('data', () => answer(socket));
    });
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    return listen(server);
  };

  test.each<[string, (socket: net.Socket) => void, string[], string]>([
    [
      'an MLLP listener that answers',
      (socket) => socket.write('\x0bMSH|^~\\&|\x1c\r'),
      [],
      'what the peer sends is not TLS: a plaintext listener',
    ],
    [
      'one that closes',
      (socket) => socket.end(),
      [],
      'the peer closed during the handshake: it does not speak TLS there, or does not want this client',
    ],
    [
      'one that waits',
      () => undefined,
      ['--timeout', '300ms'],
      'no answer to the handshake in time; a plaintext listener waits for the client to speak',
    ],
  ])('%s', async (_, answer, args, reason) => {
    const target = await plain(answer);
    const { code, out } = await folder.certs('verify', '--connect', target, ...CA, ...args);
    expect(code).toBe(1);
    expect(out[0]).toContain(`${target}: the handshake fails: ${reason} [`);
  });

  test('nobody', async () => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    expect(await connect(`127.0.0.1:${port}`, ...CA)).toMatchObject({
      good: false,
      reason: 'nothing listens there',
    });
  });
});
