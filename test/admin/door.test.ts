// The admin API moves with the config (F74): the new place is open before the old one closes, who asked for it is
// answered, and what fails changes nothing.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { openRoom, TOKEN, tell } from './door-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());
afterEach(() => void vi.useRealTimers());

const ANY = { bind: '127.0.0.1:0', token: TOKEN };
const at = (port: number, more: object = {}) => ({ bind: `127.0.0.1:${port}`, token: TOKEN, ...more });
const REFUSED = { code: 'ECONNREFUSED' };

/** That nobody has; somebody may take it meanwhile, which is why it is asked for at the last moment. */
async function freePort(): Promise<number> {
  const { port, close } = await takenPort();
  await close();
  return port;
}

async function takenPort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.close();
    await once(server, 'close');
  };
  onTestFinished(() => void server.close());
  return { port: (server.address() as net.AddressInfo).port, close };
}

const reloadOver = (port: number, more: object = {}) => tell(port, '/reload', { method: 'POST', ...more });

function tlsOf(name: 'good' | 'selfSigned' = 'good') {
  return { cert: folder.files[name].cert, key: folder.files[name].key };
}

function changedIn({ body }: { readonly body: string }): unknown {
  return (JSON.parse(body) as { changed: unknown }).changed;
}

describe('another address', () => {
  test('is open when the reload that was asked for at the old one is answered there', async () => {
    const room = await openRoom({ admin: ANY });
    const before = room.port();
    const next = await freePort();
    room.write({ admin: at(next) });
    // A client that keeps its connection: it must not keep the old place open.
    const agent = new http.Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const answer = await reloadOver(before, { agent });
    expect([answer.status, changedIn(answer)]).toEqual([200, ['admin: changed']]);
    expect((await tell(next, '/nodes')).status).toBe(200);
    await expect(tell(before, '/livez')).rejects.toMatchObject(REFUSED);
    await until(() => room.log.some(({ msg }) => msg === 'admin API closed'));
    expect(room.port()).toBe(next);
  });

  test('on the same port is taken over from the old one', async () => {
    const room = await openRoom({ admin: ANY });
    const port = room.port();
    room.write({ admin: { bind: `[::ffff:127.0.0.1]:${port}`, token: TOKEN } });
    expect((await reloadOver(port)).status).toBe(200);
    expect(room.door.address).toBe(`[::ffff:127.0.0.1]:${port}`);
    expect((await tell(port, '/nodes')).status).toBe(200);
  });

  test('that is taken changes nothing, neither of it nor of the rest', async () => {
    const room = await openRoom({ admin: ANY });
    const { port } = await takenPort();
    room.write({ admin: at(port), routes: [{ name: 'other', to: 'pool' }] });
    const answer = await reloadOver(room.port());
    expect([answer.status, answer.body]).toEqual([422, expect.stringContaining('GW_ERR_LISTEN')]);
    expect(room.gateway.config.routes.map(({ name }) => name)).toEqual(['route 1']);
    expect(room.control.status().reloadError).toContain(`admin on 127.0.0.1:${port}`);
    expect((await tell(room.port(), '/nodes')).status).toBe(200);
  });

  test('is closed again if the rest of the config cannot be taken up', async () => {
    const room = await openRoom({ admin: ANY });
    const before = room.port();
    const { port } = await takenPort();
    const next = await freePort();
    room.write({
      admin: at(next, { token: 'another-token-than-that' }),
      listeners: { in: { bind: `127.0.0.1:${port}` } },
    });
    expect((await reloadOver(before)).status).toBe(422);
    await expect(tell(next, '/livez')).rejects.toMatchObject(REFUSED);
    expect((await tell(before, '/nodes')).status).toBe(200);
    expect(room.door.address).toBe(`127.0.0.1:${before}`);
  });
});

describe('TLS', () => {
  test('from plain and back on the same port; the answer to the reload comes as it was asked for', async () => {
    const room = await openRoom({ admin: ANY });
    const port = room.port();
    const ca = folder.caPem;
    room.write({ admin: at(port, { tls: tlsOf() }) });
    expect(changedIn(await reloadOver(port))).toEqual(['admin: changed']);
    const certs = await tell(port, '/certs', { ca });
    expect(certs.fingerprint).toBe(new X509Certificate(folder.pems.good.certPem).fingerprint256);
    expect(JSON.parse(certs.body)).toMatchObject([{ where: 'admin', file: folder.files.good.cert }]);
    room.write({ admin: at(port) });
    expect((await reloadOver(port, { ca })).status).toBe(200);
    expect(JSON.parse((await tell(port, '/certs')).body)).toEqual([]);
  });

  test('a certificate that is none changes nothing', async () => {
    const room = await openRoom({ admin: ANY });
    const port = room.port();
    const cert = folder.write('none.pem', 'hello');
    room.write({ admin: at(port, { tls: { cert, key: cert } }) });
    expect((await reloadOver(port)).body).toContain('GW_ERR_TLS_FILE');
    expect((await tell(port, '/nodes')).status).toBe(200);
  });

  test('on the same port, with a listener that cannot be opened: the old place is open again', async () => {
    const room = await openRoom({ admin: ANY });
    const port = room.port();
    const { port: taken } = await takenPort();
    room.write({ admin: at(port, { tls: tlsOf() }), listeners: { in: { bind: `127.0.0.1:${taken}` } } });
    expect((await reloadOver(port)).status).toBe(422);
    expect((await tell(port, '/nodes')).status).toBe(200);
    expect(room.gateway.certificates).toEqual([]);
  });

  test('its certificate is in GET /certs, and a new file is taken up by the watch', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const first = folder.issue({ commonName: 'first' });
    const files = folder.writePair('watched', first);
    const tls = { cert: files.cert, key: files.key };
    const room = await openRoom({ admin: { ...ANY, tls }, certificates: { watch: true } });
    const ca = folder.caPem;
    const before = await tell(room.port(), '/certs', { ca });
    expect(before.fingerprint).toBe(new X509Certificate(first.certPem).fingerprint256);
    expect(JSON.parse(before.body)).toMatchObject([{ where: 'admin', subject: 'CN=first' }]);
    const second = folder.issue({ commonName: 'second' });
    folder.writePair('watched', second);
    // Seen, and left alone for an interval.
    vi.advanceTimersByTime(4_000);
    const after = await tell(room.port(), '/certs', { ca });
    expect(after.fingerprint).toBe(new X509Certificate(second.certPem).fingerprint256);
    expect(JSON.parse(after.body)).toMatchObject([{ where: 'admin', subject: 'CN=second' }]);
  });

  test('that a reload brings is watched too, and no more when the watch is switched off', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const room = await openRoom({ admin: ANY, certificates: { watch: true } });
    const port = room.port();
    const files = folder.writePair('brought', folder.issue({ commonName: 'first' }));
    const tls = { cert: files.cert, key: files.key };
    room.write({ admin: at(port, { tls }), certificates: { watch: true } });
    await reloadOver(port);
    const subject = (): string | undefined => room.control.certificates()[0]?.subject;
    vi.advanceTimersByTime(10_000);
    folder.writePair('brought', folder.issue({ commonName: 'second' }));
    vi.advanceTimersByTime(4_000);
    expect(subject()).toBe('CN=second');
    room.write({ admin: at(port, { tls }) });
    const changed = changedIn(await reloadOver(port, { ca: folder.caPem }));
    expect(changed).toEqual(['certificates.watch: changed']);
    folder.writePair('brought', folder.issue({ commonName: 'third' }));
    vi.advanceTimersByTime(10_000);
    expect(subject()).toBe('CN=second');
  });
});

describe('the token', () => {
  test('counts from the next request on, at the same place and on the same connection', async () => {
    const room = await openRoom({ admin: ANY });
    const port = room.port();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const token = 'another-token-than-that';
    room.write({ admin: at(0, { token }) });
    expect((await reloadOver(port, { agent })).status).toBe(200);
    expect((await tell(port, '/nodes', { agent })).status).toBe(401);
    expect((await tell(port, '/nodes', { agent, token })).status).toBe(200);
    expect(room.log.filter(({ msg }) => msg === 'admin API listening')).toHaveLength(1);
  });
});

describe('the whole section', () => {
  test('is gone: who asked for it is answered, and nobody after that', async () => {
    const room = await openRoom({ admin: ANY });
    const port = room.port();
    room.write({});
    expect(changedIn(await reloadOver(port))).toEqual(['admin: gone']);
    await expect(tell(port, '/livez')).rejects.toMatchObject(REFUSED);
    // SIGHUP brings it back.
    room.write({ admin: ANY });
    expect(await room.control.reload('SIGHUP')).toMatchObject({ changed: ['admin: new'] });
    expect((await tell(room.port(), '/nodes')).status).toBe(200);
  });
});

describe('what a reload does not do', () => {
  test('what takes effect at the next start is named until then, in the answer and in the log', async () => {
    const room = await openRoom({ admin: ANY });
    const telemetry = { log: { format: 'pretty' } };
    room.write({ admin: ANY, telemetry, shutdown: { timeout: '9s' } });
    const answers = [await reloadOver(room.port()), await reloadOver(room.port())];
    expect(answers.map(({ body }) => JSON.parse(body))).toEqual([
      { changed: ['shutdown.timeout: changed'], atNextStart: ['telemetry.log.format'], warnings: [] },
      { changed: [], atNextStart: ['telemetry.log.format'], warnings: [] },
    ]);
    const said = room.log.filter(({ msg }) => msg === 'takes effect at the next start');
    expect(said.map(({ atNextStart }) => atNextStart)).toEqual([
      ['telemetry.log.format'],
      ['telemetry.log.format'],
    ]);
    room.write({ admin: ANY });
    expect(JSON.parse((await reloadOver(room.port())).body)).toMatchObject({ atNextStart: [] });
  });

  test('two at once: one after the other, and the later one counts', async () => {
    const room = await openRoom({ admin: ANY });
    const [first, second] = [await freePort(), await freePort()];
    room.write({ admin: at(first) });
    const one = room.control.reload('SIGHUP');
    room.write({ admin: at(second) });
    await Promise.all([one, room.control.reload('SIGHUP')]);
    await until(() => room.log.filter(({ msg }) => msg === 'admin API closed').length >= 1);
    expect(room.port()).toBe(second);
    await expect(tell(first, '/livez')).rejects.toMatchObject(REFUSED);
  });

  test('nothing is opened while the gateway ends', async () => {
    const room = await openRoom({ admin: ANY });
    const next = await freePort();
    room.write({ admin: at(next) });
    const stopping = room.gateway.stop();
    await expect(room.control.reload('SIGHUP')).rejects.toMatchObject({ code: 'GW_ERR_ADMIN_CONFLICT' });
    await stopping;
    await room.door.stop();
    await expect(tell(next, '/livez')).rejects.toMatchObject(REFUSED);
  });
});
