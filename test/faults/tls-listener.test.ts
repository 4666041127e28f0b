// F47 on the way in: plain text to a TLS listener and the reverse, and senders' certificates that are not to be trusted.
// Nothing of such a connection reaches a node, and the log says what was wrong.
import net from 'node:net';
import type tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { type CertificateName, createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
}, 60_000);
afterAll(() => folder[Symbol.dispose]());

function vip(more: Record<string, unknown> = {}, name: CertificateName = 'good'): Record<string, unknown> {
  return { tls: { ...folder.files[name], ...more } };
}

interface Room extends AsyncDisposable {
  readonly node: FaultyNode;
  readonly gw: TestGateway;
}

async function start(listener: Record<string, unknown>): Promise<Room> {
  const node = await startFaultyNode();
  const gw = await startGateway({ nodes: [node.url], listener });
  return {
    node,
    gw,
    [Symbol.asyncDispose]: async () => {
      await gw[Symbol.asyncDispose]();
      await node.close();
    },
  };
}

function trusting(more: tls.ConnectionOptions = {}): { tls: tls.ConnectionOptions } {
  return { tls: { ca: folder.caPem, servername: '', ...more } };
}

async function expectStillServesTls(gw: TestGateway, more: tls.ConnectionOptions = {}): Promise<void> {
  await using sender = await connectSender(gw.port(), trusting(more));
  expect(said(await sender.exchange(message({ controlId: 'AFTER' })))).toBe('AA AFTER');
}

describe('plain text to a TLS listener', () => {
  test.each([
    { what: 'an MLLP frame', bytes: frame(message({ controlId: 'X1' })) },
    { what: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n') },
    { what: 'noise', bytes: Buffer.alloc(2000, 0xa5) },
  ])('F47 $what: closed without an answer, named, nothing forwarded', async ({ bytes }) => {
    await using room = await start(vip());
    const { node, gw } = room;
    await using sender = await connectSender(gw.port());
    void sender.write(bytes);
    await sender.closed;
    expect(sender.acks).toEqual([]);
    expect(sender.received.includes('MSA')).toBe(false);
    expect((await gw.logged('GW_ERR_SENDER_TLS')).detail).toMatch(/^ERR_SSL_/);
    expect(node.accepted).toBe(0);
    await expectStillServesTls(gw);
    expect(node.controlIds).toEqual(['AFTER']);
    await expectNothingHeld(gw);
  });

  test('F47 silence: the handshake has a deadline', async () => {
    await using room = await start(vip({ handshakeTimeout: '80ms' }));
    await using sender = await connectSender(room.gw.port());
    await sender.closed;
    expect(sender.received.length).toBe(0);
    expect((await room.gw.logged('GW_ERR_SENDER_TLS')).detail).toBe('ERR_TLS_HANDSHAKE_TIMEOUT');
    expect(room.node.accepted).toBe(0);
  });

  test('F47 a handshake that breaks off in the middle: nothing forwarded, and the listener goes on', async () => {
    await using room = await start(vip({ handshakeTimeout: '700ms' }));
    const raw = net.connect({ port: room.gw.port(), host: '127.0.0.1' });
    // The first bytes of a TLS record that announces more than comes.
    raw.end(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]));
    raw.resume().on('error', () => undefined);
    await new Promise((resolve) => raw.once('close', resolve));
    await expectStillServesTls(room.gw);
  });
});

test('F47 TLS to a plaintext listener: the handshake fails, nothing forwarded, and the listener goes on', async () => {
  await using room = await start({ limits: { frameTimeout: '80ms' } });
  const { node, gw } = room;
  await expect(connectSender(gw.port(), trusting())).rejects.toThrow();
  await until(() => gw.codes.some((code) => code.startsWith('GW_ERR_FRAME_')));
  expect(node.accepted).toBe(0);
  await using sender = await connectSender(gw.port());
  expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
  expect(node.controlIds).toEqual(['X1']);
  await expectNothingHeld(gw);
});

test('F46 F47 a handshake that never begins does not keep the gateway from ending', async () => {
  await using room = await start(vip());
  await using sender = await connectSender(room.gw.port());
  expect(await room.gw.gateway.stop()).toBe(true);
  await sender.closed;
  expect(sender.received.length).toBe(0);
});

test('F28 F47 connections that never finish their handshake give their places back', async () => {
  await using room = await start({ ...vip({ handshakeTimeout: '700ms' }), limits: { maxConnections: 2 } });
  const idle = [await connectSender(room.gw.port()), await connectSender(room.gw.port())];
  for (const one of idle) await one.closed;
  await expectStillServesTls(room.gw);
});

describe('the listener’s certificate, as a sender sees it', () => {
  test.each([
    { name: 'expired', code: 'CERT_HAS_EXPIRED' },
    { name: 'untrusted', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
    { name: 'wrongHost', code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  ] as const)(
    'F47 $name: the sender turns away, nothing is forwarded, and the listener goes on',
    async ({ name, code }) => {
      await using room = await start(vip({}, name));
      await expect(connectSender(room.gw.port(), trusting())).rejects.toMatchObject({ code });
      await expectStillServesTls(room.gw, { rejectUnauthorized: false });
      expect(room.node.controlIds).toEqual(['AFTER']);
    },
  );

  test('F47 below minVersion: refused and named', async () => {
    await using room = await start(vip({ minVersion: 'TLSv1.3' }));
    await expect(connectSender(room.gw.port(), trusting({ maxVersion: 'TLSv1.2' }))).rejects.toThrow();
    expect((await room.gw.logged('GW_ERR_SENDER_TLS')).detail).toBe('ERR_SSL_UNSUPPORTED_PROTOCOL');
  });
});

const REFUSED: readonly { name: CertificateName | undefined; detail: string }[] = [
  { name: undefined, detail: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' },
  { name: 'oldClient', detail: 'CERT_HAS_EXPIRED' },
  { name: 'strangeClient', detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
  { name: 'good', detail: 'INVALID_PURPOSE' },
];

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('senders’ certificates, %s', (version) => {
  test.each(REFUSED)(
    'F47 requireClientCert and $name: refused and named, nothing forwarded',
    async ({ name, detail }) => {
      await using room = await start(vip({ clientCa: folder.caFile, requireClientCert: true }));
      const { node, gw } = room;
      const own =
        name === undefined ? {} : { cert: folder.pems[name].certPem, key: folder.pems[name].keyPem };
      const options = trusting({ ...own, minVersion: version, maxVersion: version });
      // With TLS 1.3 the sender learns of it only after it believes to be connected, and may have sent by then.
      const sender = await connectSender(gw.port(), options).catch(() => undefined);
      if (sender !== undefined) {
        void sender.send(message({ controlId: 'X1' }));
        await sender.closed;
        expect(sender.received.length).toBe(0);
      }
      expect((await gw.logged('GW_ERR_SENDER_TLS')).detail).toBe(detail);
      expect(node.accepted).toBe(0);
      const client = { cert: folder.pems.client.certPem, key: folder.pems.client.keyPem };
      await expectStillServesTls(gw, { ...client, minVersion: version, maxVersion: version });
      expect(node.controlIds).toEqual(['AFTER']);
      await expectNothingHeld(gw);
    },
  );
});
