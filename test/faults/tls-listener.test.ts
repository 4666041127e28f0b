// F47 on the way in, before any certificate counts: plain text to a TLS listener and the reverse, silence, broken handshakes.
// Nothing of such a connection reaches a node, and the log says what was wrong.
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { expectStillServesTls, startRoom, trusting, vip } from './tls-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

describe('plain text to a TLS listener', () => {
  test.each([
    { what: 'an MLLP frame', bytes: frame(message({ controlId: 'X1' })) },
    { what: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n') },
    { what: 'noise', bytes: Buffer.alloc(2000, 0xa5) },
  ])('F47 $what: closed without an answer, named, nothing forwarded', async ({ bytes }) => {
    await using room = await startRoom(vip(folder));
    const { node, gw } = room;
    await using sender = await connectSender(gw.port());
    void sender.write(bytes);
    await sender.closed;
    expect(sender.acks).toEqual([]);
    expect(sender.received.includes('MSA')).toBe(false);
    expect((await gw.logged('GW_ERR_SENDER_TLS')).detail).toMatch(/^ERR_SSL_/);
    expect(node.accepted).toBe(0);
    await expectStillServesTls(gw, trusting(folder));
    expect(node.controlIds).toEqual(['AFTER']);
    await expectNothingHeld(gw);
  });

  test('F47 silence: the handshake has a deadline', async () => {
    await using room = await startRoom(vip(folder, { handshakeTimeout: '80ms' }));
    await using sender = await connectSender(room.gw.port());
    await sender.closed;
    expect(sender.received.length).toBe(0);
    expect((await room.gw.logged('GW_ERR_SENDER_TLS')).detail).toBe('ERR_TLS_HANDSHAKE_TIMEOUT');
    expect(room.node.accepted).toBe(0);
  });

  test('F47 a handshake that breaks off in the middle: nothing forwarded, and the listener goes on', async () => {
    await using room = await startRoom(vip(folder, { handshakeTimeout: '700ms' }));
    const raw = net.connect({ port: room.gw.port(), host: '127.0.0.1' });
    // The first bytes of a TLS record that announces more than comes.
    raw.end(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]));
    raw.resume().on('error', () => undefined);
    await new Promise((resolve) => raw.once('close', resolve));
    await expectStillServesTls(room.gw, trusting(folder));
  });
});

test('F47 TLS to a plaintext listener: the handshake fails, nothing forwarded, and the listener goes on', async () => {
  await using room = await startRoom({ limits: { frameTimeout: '80ms' } });
  const { node, gw } = room;
  await expect(connectSender(gw.port(), trusting(folder))).rejects.toThrow();
  await until(() => gw.codes.some((code) => code.startsWith('GW_ERR_FRAME_')));
  expect(node.accepted).toBe(0);
  await using sender = await connectSender(gw.port());
  expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
  expect(node.controlIds).toEqual(['X1']);
  await expectNothingHeld(gw);
});

test('F46 F47 a handshake that never begins does not keep the gateway from ending', async () => {
  await using room = await startRoom(vip(folder));
  await using sender = await connectSender(room.gw.port());
  expect(await room.gw.gateway.stop()).toBe(true);
  await sender.closed;
  expect(sender.received.length).toBe(0);
});

test('F28 F47 connections that never finish their handshake give their places back', async () => {
  await using room = await startRoom({
    ...vip(folder, { handshakeTimeout: '700ms' }),
    limits: { maxConnections: 2 },
  });
  const idle = [await connectSender(room.gw.port()), await connectSender(room.gw.port())];
  for (const one of idle) await one.closed;
  await expectStillServesTls(room.gw, trusting(folder));
});
