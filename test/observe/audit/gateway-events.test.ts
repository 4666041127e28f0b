// What of a running gateway goes into its audit trail: each event of docs/audit.md brought about for real, and nothing of a
// patient in any of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { said } from '../../helpers/expect-relay.ts';
import { startFaultyNode } from '../../helpers/faulty-node.ts';
import { message } from '../../helpers/mllp.ts';
import { connectSender } from '../../helpers/sender.ts';
import { createTlsFolder } from '../../helpers/tls-folder.ts';
import { until } from '../../helpers/until.ts';
import { Scrape } from '../metrics/gateway/scrape.ts';
import { type House, type Room, startRoom, TOKEN } from './room.ts';
import { hasXmllint, invalid, type Schema, xmlOf } from './xmllint.ts';

let house: House;
beforeAll(async () => {
  house = { folder: createTlsFolder(), node: await startFaultyNode(), lines: [] };
});
afterAll(async () => {
  await house.node.close();
  house.folder[Symbol.dispose]();
});

const start = (audit: object = {}, more: object = {}): Promise<Room> => startRoom(house, audit, more);

test('its start and its end', async () => {
  const room = await start();
  expect(await room.one('110120')).toMatchObject({
    event: '110100',
    outcome: '0',
    pri: 85,
    source: 'gw',
    site: 'NORTH',
  });
  await room.stop();
  expect(room.records().map(({ type }) => type)).toEqual(['110120', '110121']);
});

describe('who is not let in', () => {
  const wrong = { event: '110113', outcome: '4', pri: 84 };

  test('a sender without a good certificate', async () => {
    const room = await start();
    const { certPem: cert, keyPem: key } = house.folder.pems.strangeClient;
    const sender = await connectSender(room.port('tls'), {
      tls: { ca: house.folder.caPem, servername: '', cert, key },
    });
    await sender.closed;
    const record = await room.one('110126');
    expect(record).toMatchObject({
      ...wrong,
      object: 'listeners.tls',
      addresses: [expect.any(String), '127.0.0.1'],
    });
    expect(record.description).toMatch(/^GW_ERR_SENDER_TLS: [A-Z_]+$/);
  });

  test('a message that no allow rule permits', async () => {
    const room = await start();
    await using sender = await connectSender(room.port('in'));
    expect(said(await sender.exchange(message({ controlId: 'C-1', app: 'STRANGER' })))).toBe('AR C-1');
    expect(await room.one('110126')).toMatchObject({
      ...wrong,
      object: 'listeners.in',
      description: 'GW_ERR_SENDER_NOT_ALLOWED',
      details: { 'MSH-10': 'C-1' },
    });
  });

  test.each([
    ['a request', { method: 'GET' }],
    [
      'a message over HTTP',
      { method: 'POST', headers: { 'content-type': 'x-application/hl7-v2+er7' }, body: message() },
    ],
  ])('%s that no allow rule permits', async (_, request) => {
    const room = await start();
    const body = 'body' in request ? { body: new Uint8Array(request.body as Buffer) } : {};
    await fetch(`http://127.0.0.1:${room.port('web')}/`, { ...request, ...body });
    expect(await room.one('110126')).toMatchObject({
      ...wrong,
      object: 'listeners.web',
      description: 'GW_ERR_SENDER_NOT_ALLOWED',
    });
  });

  test('an operator with a wrong token', async () => {
    const room = await start();
    const headers = { authorization: 'Bearer not-this-one-at-all' };
    expect((await fetch(`${room.admin}/status`, { headers })).status).toBe(401);
    expect(await room.one('110126')).toMatchObject({
      ...wrong,
      object: 'admin',
      users: [String(process.pid), '127.0.0.1'],
    });
    expect(room.raw()).not.toContain('not-this-one');
  });

  test('who logs in, who may not, who acts and why, who logs out', async () => {
    const room = await start();
    const post = (body: object) =>
      fetch(`${room.admin}/session`, { method: 'POST', body: JSON.stringify(body) });
    expect((await post({ user: 'nobody', password: 'planted-password' })).status).toBe(401);
    expect(await room.one('110122')).toMatchObject({
      event: '110114',
      outcome: '4',
      users: [expect.anything(), '127.0.0.1'],
    });
    const told = await post({ token: TOKEN });
    const cookie = told.headers.get('set-cookie')?.split(';')[0] ?? '';
    const { csrfToken } = (await told.json()) as { csrfToken: string };
    const headers = { cookie, 'x-csrf-token': csrfToken };
    const ask = (method: string, path: string, own: Record<string, string> = headers) =>
      fetch(`${room.admin}${path}`, { method, headers: own }).then(({ status }) => status);
    expect(await ask('POST', '/rotate', { cookie })).toBe(403);
    expect(await room.one('110147')).toMatchObject({ description: 'GW_ERR_ADMIN_FORBIDDEN: POST /rotate' });
    expect(await ask('POST', '/rotate?reason=logs%20are%20%C3%B6d')).toBe(200);
    expect(await room.one('110132')).toMatchObject({
      users: [expect.anything(), 'token'],
      description: 'files opened again: logs are öd',
    });
    expect(await ask('DELETE', '/session')).toBe(200);
    expect(await room.one('110123')).toMatchObject({ outcome: '0', users: [expect.anything(), 'token'] });
    expect(room.raw()).not.toMatch(/planted-password|hl7-gateway-\d+=/);
    expect(room.raw()).not.toContain(csrfToken);
  });

  test('a node whose certificate is not trusted', async () => {
    await using strange = await startFaultyNode(undefined, {
      tls: { cert: house.folder.pems.untrusted.certPem, key: house.folder.pems.untrusted.keyPem },
    });
    const tls = { ca: house.folder.caFile };
    const pools = {
      pool: {
        nodes: { s: { url: strange.url, tls } },
        health: { type: 'none' },
        queue: { timeout: '1ms' },
        retry: { budget: '0' },
      },
    };
    const room = await start({}, { pools });
    await using sender = await connectSender(room.port('in'));
    await sender.send(message());
    await sender.closed;
    await until(() => room.records().some(({ type }) => type === '110126'));
    expect(room.records().find(({ type }) => type === '110126')).toMatchObject({
      ...wrong,
      object: 'pools.pool.nodes.s',
    });
  });
});

describe('what an operator does', () => {
  const by = async ({ admin }: Room, method: string, path: string, body?: object): Promise<number> => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${admin}${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    return response.status;
  };

  test('nodes', async () => {
    const room = await start();
    for (const what of ['drain', 'maintenance', 'ready'])
      expect(await by(room, 'POST', `/nodes/pool/a/${what}`)).toBe(200);
    await room.one('110132', 3);
    expect(await by(room, 'PUT', '/nodes/pool/a/weight', { weight: 7 })).toBe(200);
    expect(await by(room, 'PUT', '/nodes/pool/c', { url: house.node.url })).toBe(201);
    expect(await by(room, 'DELETE', '/nodes/pool/c')).toBe(200);
    // What is refused has changed nothing.
    expect(await by(room, 'DELETE', '/nodes/pool/c')).toBe(404);
    expect(await by(room, 'PUT', '/nodes/pool/a', { url: house.node.url })).toBe(409);
    await room.one('110131', 3);
    expect(
      room
        .records()
        .slice(1)
        .map(({ type, object, description, users }) => [type, object, description, users[1]]),
    ).toEqual([
      ['110132', 'pools.pool.nodes.a', 'drain', '127.0.0.1'],
      ['110132', 'pools.pool.nodes.a', 'maintenance', '127.0.0.1'],
      ['110132', 'pools.pool.nodes.a', 'ready', '127.0.0.1'],
      ['110131', 'pools.pool.nodes.a', 'weight 7', '127.0.0.1'],
      ['110131', 'pools.pool.nodes.c', 'added', '127.0.0.1'],
      ['110131', 'pools.pool.nodes.c', 'removed', '127.0.0.1'],
    ]);
  });

  test('messages given out by the tap', async () => {
    const room = await start();
    expect(await by(room, 'POST', '/tap?listener=none')).toBe(404);
    expect(await by(room, 'POST', '/tap?for=1ms')).toBe(200);
    const { object, outcome, users } = await room.one('110132');
    expect([object, outcome, users[1]]).toEqual(['tap', '0', '127.0.0.1']);
  });

  test('reloads, good and bad, which the metrics count', async () => {
    const room = await start();
    const text = readFileSync(room.configFile, 'utf8');
    writeFileSync(room.configFile, text.replace('no labs here', 'no labs at all'));
    await room.control.reload('SIGHUP');
    expect(await room.one('110131')).toMatchObject({
      outcome: '0',
      users: [String(process.pid), 'SIGHUP'],
      description: 'reload: routes.no labs: changed',
    });
    writeFileSync(room.configFile, '{ "listeners": "secret-of-the-file" }');
    await room.control.reload('file watch').catch(() => {});
    expect(await room.one('110131', 2)).toMatchObject({ outcome: '4', description: 'reload: GW_ERR_CONFIG' });
    expect(room.raw()).not.toContain('secret-of-the-file');
    const scraped = new Scrape((await room.control.metrics('prometheus')) ?? '');
    expect(scraped.value('hl7_gateway_config_reloads_total', { result: 'ok' })).toBe(1);
    expect(scraped.value('hl7_gateway_config_reloads_total', { result: 'failed' })).toBe(1);
    expect(scraped.value('hl7_gateway_config_last_reload_successful')).toBe(0);
    // Counted once the disk has it.
    await until(async () => {
      const later = new Scrape((await room.control.metrics('prometheus')) ?? '');
      return later.value('hl7_gateway_audit_events_total', { result: 'written' }) === 3;
    });
  });
});

describe('a message that is refused', () => {
  const refused = message({ controlId: 'LAB-1', type: 'ORU^R01' });

  test('by a route', async () => {
    const room = await start();
    await using sender = await connectSender(room.port('in'));
    await sender.exchange(refused);
    expect(await room.one('110147')).toMatchObject({
      event: '110113',
      outcome: '4',
      object: 'listeners.in',
      description: 'GW_ERR_ROUTE_REJECTED, route no labs',
      details: { 'MSH-10': 'LAB-1' },
    });
  });

  test('is not recorded where the config says so; one that is accepted never is', async () => {
    const room = await start({ refusedMessages: false });
    await using sender = await connectSender(room.port('in'));
    await sender.exchange(refused);
    await sender.exchange(message());
    await room.stop();
    expect(room.records().map(({ type }) => type)).toEqual(['110120', '110121']);
  });
});

test('nothing of a patient is in it', async () => {
  const room = await start();
  const planted = 'PLANTEDNAME';
  const body = `PID|1||${planted}^^^X||${planted}^${planted}||19700101|F\rNTE|1||${planted}\r`;
  await using sender = await connectSender(room.port('in'));
  for (const [type, app] of [
    ['ORU^R01', 'LAB'],
    ['ADT^A01', 'STRANGER'],
    ['ADT^A01', 'GOOD'],
  ])
    await sender.exchange(Buffer.from(`MSH|^~\\&|${app}|F|R|F|20260101||${type}|ID|P|2.5\r${body}`));
  await fetch(`http://127.0.0.1:${room.port('web')}/${planted}?name=${planted}`, {
    headers: { 'x-name': planted },
  });
  await using stranger = await connectSender(room.port('in'));
  await stranger.send(Buffer.from(body));
  await stranger.closed;
  await room.stop();
  const kinds = room.records().map(({ type }) => type);
  expect(kinds.filter((type) => type === '110147')).toHaveLength(2);
  expect(kinds.filter((type) => type === '110126')).toHaveLength(2);
  const decoded = room.records().map(({ details }) => JSON.stringify(details));
  expect([room.raw(), ...decoded].join()).not.toContain(planted);
});

const SCHEMAS: readonly Schema[] = ['audit-message', 'gateway-event'];

test.skipIf(!hasXmllint).each(SCHEMAS)(
  'every record of all that keeps %s, as xmllint reads it',
  async (schema) => {
    expect(house.lines.length).toBeGreaterThan(0);
    expect(await invalid(house.lines.map(xmlOf), schema)).toEqual([]);
  },
);
