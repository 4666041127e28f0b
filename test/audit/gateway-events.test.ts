// What of a running gateway goes into its audit trail: each event of docs/audit.md brought about for real, and nothing of a
// patient in any of it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { WatchedControl } from '../../src/admin/watched-control.ts';
import { type Observers, observe } from '../../src/commands/run-observed.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { type AuditRecord, auditRecord } from '../helpers/syslog-receiver.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { Scrape } from '../metrics/scrape.ts';
import { hasXmllint, invalid, type Schema, xmlOf } from './xmllint.ts';

const TOKEN = 'a-token-of-this-test-only';

let folder: TlsFolder;
let node: FaultyNode;
beforeAll(async () => {
  folder = createTlsFolder();
  node = await startFaultyNode();
});
afterAll(async () => {
  await node.close();
  folder[Symbol.dispose]();
});

/** Of all gateways of these tests. */
const allLines: string[] = [];

interface Room {
  readonly gateway: Gateway;
  readonly control: WatchedControl;
  readonly observers: Observers;
  readonly admin: string;
  readonly configFile: string;
  readonly log: Record<string, unknown>[];
  port(listener: string): number;
  raw(): string;
  records(): AuditRecord[];
  /** The one record with this type's code, once there is one. */
  one(type: string, count?: number): Promise<AuditRecord>;
  stop(): Promise<void>;
}

/** As `run` has it. */
async function start(audit: object = {}, more: object = {}): Promise<Room> {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  const configFile = join(path, 'gateway.yaml');
  const file = join(path, 'audit.log');
  const text = JSON.stringify({
    listeners: {
      in: { bind: '127.0.0.1:0', allow: [{ source: '127.0.0.1', 'MSH-3': { not: 'STRANGER' } }] },
      tls: {
        bind: '127.0.0.1:0',
        tls: { ...folder.files.good, clientCa: folder.caFile, requireClientCert: true },
      },
      web: { bind: '127.0.0.1:0', protocol: 'http', allow: [{ source: '10.0.0.0/8' }] },
    },
    pools: { pool: { nodes: { a: { url: node.url }, b: { url: node.url } }, health: { interval: '1h' } } },
    routes: [
      { name: 'no labs', when: { 'MSH-9.1': 'ORU' }, reject: { code: 'AR', text: 'no labs here' } },
      { name: 'all', when: { listener: ['in', 'tls'] }, to: 'pool' },
    ],
    admin: { bind: '127.0.0.1:0', token: TOKEN, tap: true },
    audit: { file: 'audit.log', sourceId: 'gw', siteId: 'NORTH', ...audit },
    ...more,
  });
  writeFileSync(configFile, text);
  const { config } = loadConfig(configFile, { env: {} });
  const log: Record<string, unknown>[] = [];
  const logger = createLog(
    { level: 'debug', format: 'json' },
    { write: (line) => void log.push(JSON.parse(line)) },
  );
  const observers = observe(config, () => gateway, logger);
  const direct = new GatewayControl(() => gateway, text, logger);
  const control = new WatchedControl(direct, observers);
  const gateway: Gateway = new Gateway(config, logger, {
    onExchange: observers.onExchange,
    onFault: observers.onFault,
  });
  const server = new AdminServer({ host: '127.0.0.1', port: 0, token: TOKEN, tls: undefined }, control, {
    onRefused: (by) => observers.onAdminRefused(by),
    onFailed: () => {},
  });
  await gateway.start();
  observers.started();
  await server.start();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await server.stop();
      await gateway.stop();
      await observers.stopped();
    })();
    return stopped;
  };
  onTestFinished(async () => {
    await stop();
    allLines.push(...raw().split('\n').slice(0, -1));
    rmSync(path, { recursive: true, force: true });
  });
  const raw = (): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  const records = (): AuditRecord[] => raw().split('\n').slice(0, -1).map(auditRecord);
  return {
    gateway,
    control,
    observers,
    admin: `http://127.0.0.1:${server.port}`,
    configFile,
    log,
    port: (name) => gateway.listeners.find((one) => one.name === name)?.port ?? 0,
    raw,
    records,
    one: async (type, count = 1) => {
      const found = await until(() => {
        const all = records().filter((record) => record.type === type);
        return all.length >= count && all;
      });
      expect(found).toHaveLength(count);
      return found.at(-1) as AuditRecord;
    },
    stop,
  };
}

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
    const { certPem: cert, keyPem: key } = folder.pems.strangeClient;
    const sender = await connectSender(room.port('tls'), {
      tls: { ca: folder.caPem, servername: '', cert, key },
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

  test('a node whose certificate is not trusted', async () => {
    await using strange = await startFaultyNode(undefined, {
      tls: { cert: folder.pems.untrusted.certPem, key: folder.pems.untrusted.keyPem },
    });
    const tls = { ca: folder.caFile };
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
    expect(await by(room, 'PUT', '/nodes/pool/c', { url: node.url })).toBe(201);
    expect(await by(room, 'DELETE', '/nodes/pool/c')).toBe(200);
    // What is refused has changed nothing.
    expect(await by(room, 'DELETE', '/nodes/pool/c')).toBe(404);
    expect(await by(room, 'PUT', '/nodes/pool/a', { url: node.url })).toBe(409);
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

  test('a change of the section itself takes effect later, which the log says', async () => {
    const room = await start();
    const text = readFileSync(room.configFile, 'utf8');
    writeFileSync(room.configFile, text.replace('"siteId":"NORTH"', '"siteId":"SOUTH"'));
    await room.control.reload('SIGHUP');
    expect(room.log.find(({ msg }) => msg === 'takes effect at the next start')).toMatchObject({
      atNextStart: ['audit'],
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
    expect(allLines.length).toBeGreaterThan(0);
    expect(await invalid(allLines.map(xmlOf), schema)).toEqual([]);
  },
);
