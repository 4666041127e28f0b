// Health checks of type mirth, against the simulated node's REST API over HTTPS.
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Check } from '../../../src/upstream/checks/check.ts';
import { type MirthApi, startMirthApi } from '../../helpers/mirth-api.ts';
import { createTlsFolder, type TlsFolder } from '../../helpers/tls-folder.ts';
import { until } from '../../helpers/until.ts';
import { asked, checkOf } from './check-parts.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

function start(name: 'good' | 'selfSigned' = 'good'): Promise<MirthApi> {
  const { certPem, keyPem } = folder.pems[name];
  return startMirthApi({ cert: certPem, key: keyPem });
}

function checkFor(api: MirthApi, more: object = {}): Check {
  return checkOf({
    type: 'mirth',
    url: `https://{host}:${api.port}`,
    tls: { ca: folder.caFile },
    timeout: '5s',
    ...more,
  });
}

const CHANNEL = { user: 'health', password: 'right', channel: 'ADT' };

describe('the server', () => {
  test.each([
    [0, 'passed'],
    [1, 'status 1, unavailable'],
    [2, 'status 2, the engine is starting'],
    [3, 'status 3, the channels are being deployed'],
    [7, 'status 7'],
  ])('status %i, in JSON and in XML, both with HTTP 200: %s', async (status, expected) => {
    await using api = await start();
    const check = checkFor(api);
    api.status = status;
    expect(await asked(check)).toBe(expected);
    api.xml = true;
    expect(await asked(check)).toBe(expected);
    expect(api.requests.map((request) => request.status)).toEqual([200, 200]);
    expect(api.requests[0]).toMatchObject({
      path: '/api/server/status',
      headers: { 'x-requested-with': 'hl7-gateway', accept: 'application/json' },
    });
    expect(api.requests[0]?.headers.authorization).toBeUndefined();
  });

  test.each([
    ['<html>0</html>', 'the answer is no server status'],
    ['{"int":"0"}', 'the answer is no server status'],
    ['<int>0</int><int>1</int>', 'the answer is no server status'],
    ['', 'the answer is no server status'],
    ['0'.repeat(5000), 'the answer is too long'],
  ])('a body that is none: %#', async (body, expected) => {
    await using api = await start();
    api.override = (response) => void response.end(body);
    expect(await asked(checkFor(api))).toBe(expected);
  });

  test('an error of the web server, silence, and nobody there', async () => {
    await using api = await start();
    api.override = (response) => void response.writeHead(503).end('<int>0</int>');
    expect(await asked(checkFor(api))).toBe('HTTP 503');
    const check = checkFor(api, { timeout: '100ms' });
    api.override = () => {};
    expect(await asked(check)).toBe('no answer in time');
    api.override = (response) => void response.write('<int>');
    expect(await asked(check)).toBe('no answer in time');
    const { port } = api;
    await api[Symbol.asyncDispose]().catch(() => {});
    expect(await asked(checkOf({ type: 'mirth', url: `https://{host}:${port}` }))).toBe('ECONNREFUSED');
  });

  test('one connection for each question, and none is left open', async () => {
    await using api = await start();
    const check = checkFor(api, { ...CHANNEL, timeout: '1h' });
    for (let i = 0; i < 3; i++) expect(await asked(check)).toBe('passed');
    await until(() => api.connections === 0);
    api.override = () => {};
    const stop = new AbortController();
    const ended = check.ask(stop.signal);
    await until(() => api.connections === 1);
    stop.abort();
    await ended;
    check.close?.();
    await until(() => api.connections === 0);
  });

  test('below a path of its own', async () => {
    await using api = await start();
    await asked(checkFor(api, { url: `https://{host}:${api.port}/mirth/` }));
    expect(api.requests[0]?.path).toBe('/mirth/api/server/status');
  });
});

describe('TLS', () => {
  test.each<[what: string, tls: () => object, expected: string]>([
    ['nothing', () => ({}), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['insecure', () => ({ tls: { insecure: true } }), 'passed'],
    [
      'itself as its authority',
      () => ({ tls: { ca: folder.files.selfSigned.cert, servername: 'localhost' } }),
      'passed',
    ],
    [
      'insecure and its pin',
      () => ({
        tls: {
          insecure: true,
          pin: new X509Certificate(folder.pems.selfSigned.certPem).fingerprint256,
        },
      }),
      'passed',
    ],
    [
      'insecure and another pin',
      () => ({
        tls: { insecure: true, pin: new X509Certificate(folder.pems.good.certPem).fingerprint256 },
      }),
      'PIN_MISMATCH',
    ],
  ])('a self-signed certificate, as Mirth makes it, and %s', async (_, tls, expected) => {
    await using api = await start('selfSigned');
    const check = checkOf({ type: 'mirth', url: `https://{host}:${api.port}`, ...tls() });
    expect(await asked(check)).toBe(expected);
    expect(api.requests.length).toBe(expected === 'passed' ? 1 : 0);
  });

  test('the name that the certificate must hold is that of the URL', async () => {
    await using api = await start();
    const url = `https://localhost:${api.port}`;
    expect(await asked(checkFor(api, { url }))).toBe('passed');
    const named = { ca: folder.caFile, servername: 'other.test' };
    expect(await asked(checkFor(api, { url, tls: named }))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });
});

describe('a channel', () => {
  test.each([
    [{ ADT: 'STARTED' }, 'passed'],
    [{ ADT: 'STARTED', LAB: 'STOPPED' }, 'passed'],
    [{ LAB: 'STARTED', ADT: 'STOPPED' }, 'the channel is STOPPED'],
    [{ ADT: 'PAUSED' }, 'the channel is PAUSED'],
    [{ LAB: 'STARTED' }, 'the channel is not deployed'],
    [{ Source: 'STARTED' }, 'the channel is not deployed'],
    [{}, 'the channel is not deployed'],
  ])('%j: %s', async (channels, expected) => {
    await using api = await start();
    api.channels = channels as Record<string, string>;
    expect(await asked(checkFor(api, CHANNEL))).toBe(expected);
  });

  test('is not asked for while the server is not up', async () => {
    await using api = await start();
    api.status = 2;
    expect(await asked(checkFor(api, CHANNEL))).toBe('status 2, the engine is starting');
    expect(api.requests.length).toBe(1);
  });

  test('one login: the session is kept, and renewed when it is refused', async () => {
    await using api = await start();
    const check = checkFor(api, CHANNEL);
    for (let i = 0; i < 4; i++) expect(await asked(check)).toBe('passed');
    expect(api.logins).toBe(1);
    const questions = api.requests.filter(({ path }) => path === '/api/channels/statuses');
    const [first, ...later] = questions.map(({ headers }) => headers);
    expect([first?.authorization !== undefined, first?.cookie]).toEqual([true, undefined]);
    expect(later.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
    expect(later[0]?.cookie).toMatch(/^JSESSIONID=node0\w+$/);
    expect(new Set(later.map(({ cookie }) => cookie)).size).toBe(1);
    api.forgetSessions();
    expect(await asked(check)).toBe('passed');
    expect(await asked(check)).toBe('passed');
    expect(api.logins).toBe(2);
  });

  test('a password that is refused says nothing of the node, and is not tried again at once: Mirth locks users', async () => {
    await using api = await start();
    const check = checkFor(api, CHANNEL);
    api.password = 'changed';
    const refused = 'passed: the API refuses user and password';
    for (let i = 0; i < 5; i++) expect(await asked(check)).toBe(refused);
    const tries = () => api.requests.filter(({ path }) => path === '/api/channels/statuses').length;
    expect(tries()).toBe(1);
    // The server itself is looked at all the same.
    api.status = 1;
    expect(await asked(check)).toBe('status 1, unavailable');
    api.status = 0;
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
    api.password = 'right';
    expect(await asked(check)).toBe('passed');
    clock.mockRestore();
    expect(tries()).toBe(2);
  });

  test('a session that has ended is not shown again, also where no new one is to be had', async () => {
    await using api = await start();
    const check = checkFor(api, CHANNEL);
    expect(await asked(check)).toBe('passed');
    api.forgetSessions();
    api.password = 'changed';
    for (let i = 0; i < 3; i++) await asked(check);
    expect(api.requests.filter(({ headers }) => headers.cookie !== undefined).length).toBe(1);
  });

  test.each([
    [403, 'passed: the API does not show this user its channels'],
    [500, 'channels: HTTP 500'],
    [200, 'the answer is no list of channels'],
  ])('HTTP %i: %s', async (status, expected) => {
    await using api = await start();
    const check = checkFor(api, CHANNEL);
    api.override = (response) => {
      const first = api.requests.length % 2 === 1;
      response.writeHead(first ? 200 : status).end(first ? '{"int":0}' : '{"error":{}}');
    };
    expect(await asked(check)).toBe(expected);
  });
});
