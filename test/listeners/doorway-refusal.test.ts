// Whom a doorway does not let through: those who are nobody's proxy, who bring no header, too little of it or too late,
// and who are too many. Nothing of what they send reaches the protocol's server.
import type net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binaryHeader, lineHeader } from '../helpers/proxy-header.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import type { Wire } from './cut-wire.ts';
import {
  answerTo,
  ask,
  connect,
  HANDSHAKE,
  isSecure,
  KINDS,
  openRoom,
  protocolOver,
  type Room,
} from './doorway-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const header = lineHeader({ source: '10.1.2.3', port: 1 });
const BODY = Buffer.from('MSH|^~\\&|');
const own = (wire: Wire) => ({ address: '127.0.0.1', port: wire.port });

/** Closed without a byte, and with one fault of this detail that names who connected. */
async function expectRefused(room: Room, wire: Wire, detail: string): Promise<void> {
  const peer = own(wire);
  wire.on('data', () => expect.unreachable('an answer'));
  await wire.gone;
  expect(room.faults).toEqual([{ code: 'GW_ERR_SENDER_PROXY', detail, peer }]);
  expect(room.inside.size).toBe(0);
}

async function expectServes(room: Room): Promise<void> {
  const wire = await connect(room, header);
  expect(await ask(room, wire, BODY)).toEqual(answerTo(BODY, { address: '10.1.2.3', port: 1 }));
}

const SHORTLY = { headersTimeoutMs: 80 };
/** Where others are served meanwhile: they need some of it on a busy machine. */
const SOON = { headersTimeoutMs: 2_000 };

describe.each(KINDS)('%s', (kind) => {
  test('an untrusted peer is closed at once, whatever it says', async () => {
    await using room = await openRoom(kind, folder, { listener: { trustedProxies: ['10.0.0.0/8', '::1'] } });
    const wire = await connect(room);
    wire.raw.write(header);
    await expectRefused(room, wire, 'not a trusted proxy');
  });

  test('silence', async () => {
    await using room = await openRoom(kind, folder, SOON);
    await expectRefused(room, await connect(room), 'no header in time');
    await expectServes(room);
  });

  test.each([
    ['half a line', header.subarray(0, 20)],
    ['half a binary header', binaryHeader({ length: 200 })],
  ])('%s, then silence', async (_, part) => {
    await using room = await openRoom(kind, folder, SHORTLY);
    const wire = await connect(room);
    wire.raw.write(part);
    await expectRefused(room, wire, 'no header in time');
  });

  test('the deadline is for all of the header, however it trickles', async () => {
    await using room = await openRoom(kind, folder, SHORTLY);
    const wire = await connect(room);
    wire.raw.write(binaryHeader({ length: 4_000 }));
    let gone = false;
    void wire.gone.then(() => {
      gone = true;
    });
    for (let sent = 0; !gone && sent < 3_999; sent++) {
      wire.raw.write('x');
      await turns(20);
    }
    expect(gone).toBe(true);
    await expectRefused(room, wire, 'no header in time');
  });

  test.each([
    ['an MLLP frame', '\x0bMSH|^~\\&|A\x1c\r', 'it looks like binary data'],
    ['HL7', 'MSH|^~\\&|A', 'it looks like HL7 without MLLP framing'],
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'it looks like an HTTP request'],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'it looks like a TLS ClientHello'],
    ['a broken line', 'PROXY TCP4 10.1.2.3 ::1 1 2\r\n', 'a line with no two addresses of its family'],
    [
      'a header that is too long',
      binaryHeader({ length: 9_000 }).toString('latin1'),
      'a header of more than 4096 bytes',
    ],
  ])('%s instead', async (_, bytes, detail) => {
    await using room = await openRoom(kind, folder);
    const wire = await connect(room);
    wire.raw.write(Buffer.from(bytes, 'latin1'));
    await expectRefused(room, wire, detail);
  });

  test('the end inside the header', async () => {
    await using room = await openRoom(kind, folder);
    const wire = await connect(room);
    wire.raw.end(header.subarray(0, 20));
    await expectRefused(room, wire, 'the connection ended inside the header');
  });

  test('F27 a balancer’s probe: silent, however it ends, with a header or without', async () => {
    await using room = await openRoom(kind, folder);
    for (const first of [undefined, header, binaryHeader({ command: 0x20, family: 0 })]) {
      for (const end of [
        (raw: net.Socket) => raw.end(),
        (raw: net.Socket) => raw.destroy(),
        (raw: net.Socket) => raw.resetAndDestroy(),
      ]) {
        const wire = await connect(room);
        if (first !== undefined) await new Promise((resolve) => wire.raw.write(first, resolve));
        end(wire.raw);
        wire.resume();
        await wire.gone;
      }
    }
    await until(() => room.inside.size === 0);
    await expectServes(room);
    expect(room.faults).toEqual([]);
  });

  test('F28 maxConnections holds for those who wait and those inside together, and gives places back', async () => {
    const limits = { maxConnections: 3 };
    await using room = await openRoom(kind, folder, { listener: { limits } });
    const waiting = [await connect(room), await connect(room)];
    const inside = await connect(room);
    inside.raw.write(isSecure(kind) ? Buffer.concat([header, HANDSHAKE]) : header);
    await until(() => room.inside.size === 1);
    for (let i = 1; i <= 3; i++) {
      const refused = await connect(room);
      refused.raw.write(header);
      await refused.gone;
      await until(() => room.faults.length === i);
      expect(room.faults.at(-1)).toMatchObject({
        code: 'GW_ERR_SENDER_LIMIT',
        peer: { address: '127.0.0.1' },
      });
    }
    expect(waiting.some(({ raw }) => raw.destroyed)).toBe(false);
    waiting[0]?.raw.resetAndDestroy();
    await until(() => expectServes(room).then(() => true));
    // The one that has gone through has given its place back as well.
    await until(() => expectServes(room).then(() => true));
  });

  test('destroyPending ends those who wait and those in a handshake, and nobody else', async () => {
    await using room = await openRoom(kind, folder);
    const established = await connect(room, isSecure(kind) ? header : undefined);
    if (isSecure(kind)) protocolOver(kind, established);
    else established.raw.write(header);
    await until(() => room.served.size === 1);
    const pending = [await connect(room)];
    if (isSecure(kind)) {
      const [silent, shaking] = [await connect(room), await connect(room)];
      silent.raw.write(header);
      shaking.raw.write(Buffer.concat([header, HANDSHAKE]));
      await until(() => room.inside.size === 2);
      pending.push(silent, shaking);
    }
    room.doorway.destroyPending();
    for (const wire of pending) await wire.gone;
    await turns();
    expect([room.inside.size, room.served.size, established.raw.destroyed]).toEqual([1, 1, false]);
  });

  test('the port: listened on once, and closed', async () => {
    await using room = await openRoom(kind, folder);
    const { port, address } = room.doorway;
    expect(address).toBe(`127.0.0.1:${port}`);
    const bind = `127.0.0.1:${port}`;
    await expect(openRoom(kind, folder, { listener: { bind } })).rejects.toMatchObject({
      code: 'GW_ERR_LISTEN',
    });
    room.doorway.close();
    await expect(connect(room)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
