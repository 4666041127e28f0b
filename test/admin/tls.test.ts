// The admin API over TLS: with a listener's own means, and what a client certificate is worth there.
import https from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ServerTls } from '../../certs/server-tls.ts';
import type { ListenerTlsConfig } from '../../src/config/config.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { type AdminRoom, BEARER, openAdmin, TOKEN } from './admin-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

function openSecure(more: Partial<ListenerTlsConfig> = {}): Promise<AdminRoom> {
  const { cert, key } = folder.files.good;
  const tls = new ServerTls({
    keyPairs: [{ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined }],
    minVersion: 'TLSv1.2',
    groups: [],
    clientCaFiles: [],
    requireClientCert: false,
    crlFiles: [],
    handshakeTimeoutMs: 300,
    maxHandshakes: 200,
    ...more,
  });
  return openAdmin({ tls });
}

interface Client {
  readonly headers?: Record<string, string>;
  readonly cert?: 'client' | 'strangeClient';
}

function drain({ port }: AdminRoom, { headers = BEARER, cert }: Client = {}): Promise<number | undefined> {
  const own = cert && { cert: folder.pems[cert].certPem, key: folder.pems[cert].keyPem };
  const options = {
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/nodes/adt/a/drain',
    agent: false,
  } as const;
  return new Promise((resolve, reject) => {
    https
      .request({ ...options, ...own, headers, ca: folder.caPem, servername: '' }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      })
      .once('error', reject)
      .end();
  });
}

test('the cookie of a log-in is for TLS and this host alone; a browser may come by the names of its certificates', async () => {
  const pair = ({ cert, key }: { cert: string; key: string }) =>
    ({ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined }) as const;
  const room = await openSecure({ keyPairs: [pair(folder.files.good), pair(folder.files.wrongHost)] });
  const logIn = async (host: string) => {
    await using client = await connectClient(room.port, {
      tls: { ca: folder.caPem, servername: 'localhost' },
    });
    const body = JSON.stringify({ token: TOKEN });
    const told = await client.ask(
      `POST /session HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    return [told.status, value(told, 'set-cookie')] as const;
  };
  const [status, cookie = ''] = await logIn('localhost');
  expect([status, cookie]).toEqual([
    200,
    expect.stringMatching(
      new RegExp(`^__Host-hl7-gateway-${room.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Secure$`),
    ),
  ]);
  expect((await logIn('evil.example'))[0]).toBe(421);
  expect((await logIn('other.test'))[0]).toBe(200);
  // Without the prefix it may have been set by a page without TLS.
  const planted = cookie.split(';')[0]?.replace('__Host-', '') ?? '';
  expect(await drain(room, { headers: { cookie: planted } })).toBe(401);
});

test('it is the same over TLS', async () => {
  const room = await openSecure();
  expect(await drain(room)).toBe(200);
  expect(await drain(room, { headers: {} })).toBe(401);
  expect(room.control.changes).toEqual(['drain adt/a from 127.0.0.1']);
});

test('plain HTTP gets no answer there, and nothing is done', async () => {
  const room = await openSecure();
  await using client = await connectClient(room.port);
  void client.send('POST /reload HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.end();
  expect(client.text).not.toContain('HTTP/1.1 2');
  expect(room.control.changes).toEqual([]);
});

test('a handshake that does not begin ends', async () => {
  const room = await openSecure();
  await using client = await connectClient(room.port);
  await client.end();
  expect(client.text).toBe('');
});

test('F76 a client certificate says who it was, and is no token', async () => {
  const room = await openSecure({ clientCaFiles: [folder.caFile] });
  expect(await drain(room, { cert: 'client' })).toBe(200);
  expect(await drain(room)).toBe(200);
  // One of an unknown authority says nothing.
  expect(await drain(room, { cert: 'strangeClient' })).toBe(200);
  expect(await drain(room, { cert: 'client', headers: {} })).toBe(401);
  expect(room.control.changes).toEqual([
    'drain adt/a from 127.0.0.1 (CN=sender)',
    'drain adt/a from 127.0.0.1',
    'drain adt/a from 127.0.0.1',
  ]);
});

test('F76 where one is required, nobody comes in without', async () => {
  const room = await openSecure({ clientCaFiles: [folder.caFile], requireClientCert: true });
  await expect(drain(room)).rejects.toThrow();
  await expect(drain(room, { cert: 'strangeClient' })).rejects.toThrow();
  expect(await drain(room, { cert: 'client' })).toBe(200);
  expect(room.control.changes).toEqual(['drain adt/a from 127.0.0.1 (CN=sender)']);
});

test('F78 an address that is taken is one line that says what to do', async () => {
  const room = await openAdmin();
  const { AdminServer } = await import('../../src/admin/admin-server.ts');
  const { FakeControl } = await import('./fake-control.ts');
  const options = { host: '127.0.0.1', port: room.port, token: undefined, tls: undefined };
  const second = new AdminServer(options, new FakeControl(), { onRefused: () => {}, onFailed: () => {} });
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  // A gateway that takes over from another tries until that one has ended.
  for (let tries = 0; tries < 12; tries++)
    await expect(second.start()).rejects.toMatchObject({
      code: 'GW_ERR_LISTEN',
      detail: `admin on 127.0.0.1:${room.port}: the port is in use; stop what holds it or choose another`,
    });
  await room.server.stop();
  await second.start();
  expect(second.port).toBe(room.port);
  await second.stop();
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});
