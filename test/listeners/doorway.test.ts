// The doorway in front of each kind of server: PROXY headers are taken off, nothing of what follows is lost or moved,
// and everybody is told whose the connection is.
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { addressBlock, binaryHeader, lineHeader, tlv } from '../helpers/proxy-header.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import {
  answerTo,
  ask,
  connect,
  HANDSHAKE,
  isSecure,
  KINDS,
  openRoom,
  protocolOver,
} from './doorway-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const SMALL = Buffer.from('MSH|^~\\&|', 'latin1');
/** Several reads of a socket, and more than a stream holds of them. */
const LARGE = Buffer.from(Array.from({ length: 400_000 }, (_, at) => (at * 7) % 251));

const line = {
  header: lineHeader({ source: '10.1.2.3', port: 56_324 }),
  peer: { address: '10.1.2.3', port: 56_324 },
};
const block = addressBlock([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 443);
const binary = {
  header: binaryHeader({ family: 0x21, block, tlvs: tlv(0x02, Buffer.from('a.example')) }),
  peer: { address: '2001:db8::1', port: 443 },
};

describe.each(KINDS)('%s', (kind) => {
  describe.each([
    ['version 1', line],
    ['version 2', binary],
  ])('%s', (_, { header, peer }) => {
    test('header and first bytes in one packet', async () => {
      await using room = await openRoom(kind, folder);
      const wire = await connect(room, header);
      expect(await ask(room, wire, SMALL)).toEqual(answerTo(SMALL, peer));
      expect(room.faults).toEqual([]);
    });

    test('byte by byte', async () => {
      await using room = await openRoom(kind, folder);
      const wire = await connect(room, header, 'each byte');
      expect(await ask(room, wire, SMALL)).toEqual(answerTo(SMALL, peer));
      expect(room.faults).toEqual([]);
    });

    test('much behind the header', async () => {
      await using room = await openRoom(kind, folder);
      const wire = await connect(room, header);
      expect(await ask(room, wire, LARGE)).toEqual(answerTo(LARGE, peer));
    });

    test('header alone, the rest later', async () => {
      await using room = await openRoom(kind, folder);
      const wire = await connect(room);
      wire.raw.write(header);
      // A handshake has to begin before TLS sees the connection (F119).
      if (!isSecure(kind)) await until(() => room.inside.size === 1);
      await turns(20);
      expect(await ask(room, wire, SMALL)).toEqual(answerTo(SMALL, peer));
    });
  });

  test('many at a time, each its own', async () => {
    await using room = await openRoom(kind, folder);
    const answers = Array.from({ length: 20 }, async (_, i) => {
      const wire = await connect(room, lineHeader({ source: `10.1.2.${i}`, port: i }));
      return ask(room, wire, SMALL);
    });
    const peers = (await Promise.all(answers)).map(({ peer }) => peer);
    expect(peers).toEqual(peers.map((_, port) => ({ address: `10.1.2.${port}`, port })));
  });

  test.each([
    ['LOCAL', binaryHeader({ command: 0x20, family: 0 })],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
  ])('%s: the balancer itself', async (_, header) => {
    await using room = await openRoom(kind, folder);
    const wire = await connect(room, header);
    const peer = { address: '127.0.0.1', port: wire.port };
    expect(await ask(room, wire, SMALL)).toEqual(answerTo(SMALL, peer));
  });

  test('without proxyProtocol: who the socket says', async () => {
    await using room = await openRoom(kind, folder, { proxyProtocol: false });
    const wire = await connect(room);
    const peer = { address: '127.0.0.1', port: wire.port };
    expect(await ask(room, wire, LARGE)).toEqual(answerTo(LARGE, peer));
  });

  test('sockets are as the server itself would have made them', async () => {
    const set = vi.spyOn(net.Socket.prototype, 'setKeepAlive');
    onTestFinished(() => set.mockRestore());
    const made: unknown[] = [];
    for (const proxyProtocol of [false, true]) {
      await using room = await openRoom(kind, folder, { proxyProtocol });
      const before = set.mock.calls.length;
      const wire = await connect(room);
      if (proxyProtocol) wire.raw.write(line.header);
      if (isSecure(kind)) wire.raw.write(HANDSHAKE);
      const [socket] = await until(() => room.inside.size === 1 && [...room.inside]);
      made.push({
        allowHalfOpen: socket?.allowHalfOpen,
        flowing: socket?.readableFlowing,
        keepAlive: set.mock.calls.slice(before),
        listeners: Object.fromEntries(
          ['data', 'readable', 'end', 'close', 'error'].map((name) => [name, socket?.listenerCount(name)]),
        ),
      });
      wire.destroy();
    }
    expect(made[0]).toMatchObject({ keepAlive: [[true, 30_000]] });
    expect(made[1]).toEqual(made[0]);
  });

  test.runIf(kind === 'net')('a socket that the protocol pauses at once stays paused', async () => {
    await using room = await openRoom(kind, folder);
    room.server.prependListener('connection', (socket) => socket.pause());
    const wire = await connect(room);
    wire.raw.write(Buffer.concat([line.header, SMALL]));
    await until(() => room.inside.size === 1);
    await turns(20);
    const [socket] = room.inside;
    expect([socket?.readableFlowing, socket?.readableLength]).toEqual([false, SMALL.length]);
  });

  test.runIf(isSecure(kind))('a client certificate, behind a header and without', async () => {
    const { certPem: cert, keyPem: key } = folder.pems.client;
    for (const proxyProtocol of [true, false]) {
      await using room = await openRoom(kind, folder, { proxyProtocol, tls: { clientCa: folder.caFile } });
      const wire = await connect(room, proxyProtocol ? line.header : undefined);
      const own = { address: '127.0.0.1', port: wire.port };
      const { peer } = await ask(room, wire, SMALL, { cert, key });
      expect(peer).toMatchObject({ ...(proxyProtocol ? line.peer : own), tls: { subject: 'CN=sender' } });
    }
  });

  test.runIf(isSecure(kind))(
    'a certificate that has expired since is refused before a byte is read',
    async () => {
      const { certPem: cert, keyPem: key } = folder.pems.client;
      const tls = { clientCa: folder.caFile, requireClientCert: true };
      await using room = await openRoom(kind, folder, { tls });
      // OpenSSL goes by its own clock, and takes it.
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 20 * 365 * 86_400_000 });
      onTestFinished(() => void vi.useRealTimers());
      await expect(ask(room, await connect(room, line.header), SMALL, { cert, key })).rejects.toThrow();
      expect(room.faults).toEqual([
        { code: 'GW_ERR_SENDER_TLS', detail: 'CERT_HAS_EXPIRED', peer: line.peer },
      ]);
      await until(() => room.inside.size === 0);
      vi.useRealTimers();
      const { peer } = await ask(room, await connect(room, line.header), SMALL, { cert, key });
      expect(peer.tls?.subject).toBe('CN=sender');
    },
  );

  test.runIf(kind === 'http' || kind === 'h1 of h2').each([true, false])(
    'closing it ends idle connections, too; proxyProtocol %s',
    async (proxyProtocol) => {
      await using room = await openRoom(kind, folder, { proxyProtocol });
      const wire = await connect(room, proxyProtocol ? line.header : undefined);
      const over = protocolOver(kind, wire);
      over.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      const [answer] = await once(over, 'data');
      expect(String(answer)).toMatch(/^HTTP\/1.1 200 /);
      room.doorway.close();
      over.resume();
      await wire.gone;
    },
  );

  test.runIf(kind === 'http' || kind === 'h1 of h2')(
    'F69 deadlines of HTTP run behind a header, too',
    async () => {
      await using room = await openRoom(kind, folder, { headersTimeoutMs: 100 });
      const wire = await connect(room, line.header);
      const over = protocolOver(kind, wire);
      over.write('POST / HTTP/1.1\r\nHost:');
      expect((await over.toArray()).join('')).toMatch(/^HTTP\/1.1 408 /);
    },
  );
});
