// The audit trail of a config that is taken up while the gateway runs (F74): what has changed is recorded in the old places and
// in the new, what waits is not lost with its place, and what is wrong leaves the old places as they are.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startGatewayProcess } from '../../e2e/child.ts';
import { startFaultyNode } from '../../helpers/faulty-node.ts';
import { message } from '../../helpers/mllp.ts';
import { connectSender } from '../../helpers/sender.ts';
import { auditRecord, type SyslogReceiver, startSyslogReceiver } from '../../helpers/syslog-receiver.ts';
import { createTlsFolder } from '../../helpers/tls-folder.ts';
import { until } from '../../helpers/until.ts';
import { Scrape } from '../metrics/gateway/scrape.ts';
import { type House, type Room, startRoom } from './room.ts';
import { hasXmllint, invalid, xmlOf } from './xmllint.ts';

let house: House;
beforeAll(async () => {
  house = { folder: createTlsFolder(), node: await startFaultyNode(), lines: [] };
});
afterAll(async () => {
  await house.node.close();
  house.folder[Symbol.dispose]();
});

async function repository(): Promise<SyslogReceiver> {
  const { certPem: cert, keyPem: key } = house.folder.pems.good;
  return startSyslogReceiver({ cert, key });
}

function at({ port }: SyslogReceiver): object {
  return { syslog: { address: `127.0.0.1:${port}`, tls: { ca: house.folder.caFile } } };
}

function emptyFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

/** Of each record its type's code and what it says. */
function told(lines: readonly string[]): string[] {
  return lines.map((line) => {
    const { type, description } = auditRecord(line);
    return `${type} ${description}`;
  });
}

const START = '110120 the gateway has started';
const STOP = '110121 the gateway stops';
const CHANGED = '110131 reload: audit: changed';
const from = (name: string): string => `110133 records go to ${name} no longer`;
const to = (name: string): string => `110134 records go to ${name}`;

async function counts(room: Room): Promise<{ written: number; dropped: number }> {
  const scraped = new Scrape((await room.control.metrics('prometheus')) ?? '');
  const of = (result: string): number => Number(scraped.value('hl7_gateway_audit_events_total', { result }));
  return { written: of('written'), dropped: of('dropped') };
}

test('another file: the change is in both, what comes after it in the new one alone', async () => {
  const room = await startRoom(house);
  await room.one('110120');
  const old = join(room.configFile, '..', 'audit.log');
  const file = join(emptyFolder(), 'next.log');
  room.edit('audit', { file, sourceId: 'gw', siteId: 'NORTH' });
  expect(await room.control.reload('SIGHUP')).toEqual({
    changed: ['audit: changed'],
    atNextStart: [],
    // Both of its nodes are one.
    warnings: [expect.stringContaining('has the address of another node of this pool')],
  });
  const change = [CHANGED, from(old), to(file)];
  await until(() => linesOf(old).length === 4 && linesOf(file).length === 3);
  room.control.drain('pool', 'a', '10.0.0.9');
  await room.stop();
  expect(told(linesOf(old))).toEqual([START, ...change]);
  expect(told(linesOf(file))).toEqual([...change, '110132 drain', STOP]);
  expect(auditRecord(linesOf(file)[2] ?? '')).toMatchObject({
    event: '110113',
    outcome: '0',
    users: [String(process.pid), 'SIGHUP'],
    object: 'audit.file',
  });
  if (hasXmllint) expect(await invalid(linesOf(file).map(xmlOf), 'gateway-event')).toEqual([]);
});

test('another repository: the file beside it goes on, and the counts do too', async () => {
  await using first = await repository();
  await using second = await repository();
  const room = await startRoom(house, at(first));
  const file = join(room.configFile, '..', 'audit.log');
  await until(async () => (await counts(room)).written === 2);
  room.edit('audit', { file: 'audit.log', ...at(second) });
  await room.control.reload('10.0.0.9 (CN=ops)');
  const change = [CHANGED, from(`127.0.0.1:${first.port}`), to(`127.0.0.1:${second.port}`)];
  await until(() => first.messages.length === 4 && second.messages.length === 3);
  room.control.drain('pool', 'a', '10.0.0.9');
  await until(() => second.messages.length === 4);
  // Two of each of five records, but that the first has not the last and the second not the first.
  await until(async () => (await counts(room)).written === 1 + 1 + 3 * 3 + 2);
  await room.stop();
  expect(told(first.messages)).toEqual([START, ...change]);
  expect(told(second.messages)).toEqual([...change, '110132 drain', STOP]);
  expect(told(linesOf(file))).toEqual([START, ...change, '110132 drain', STOP]);
  expect(auditRecord(second.messages[0] ?? '').users[1]).toBe('CN=ops');
});

test('a trail that ends, and one that begins', async () => {
  const room = await startRoom(house);
  await room.one('110120');
  const file = join(room.configFile, '..', 'audit.log');
  room.edit('audit', undefined);
  expect(await room.control.reload('SIGHUP')).toMatchObject({ changed: ['audit: gone'] });
  room.control.drain('pool', 'a', '10.0.0.9');
  room.edit('audit', { file });
  // The old one may still be writing its last.
  expect(await room.control.reload('SIGHUP')).toMatchObject({ changed: ['audit: new'] });
  await room.stop();
  const all = told(linesOf(file));
  expect(all.toSorted()).toEqual(
    [START, '110131 reload: audit: gone', from(file), '110131 reload: audit: new', to(file), STOP].toSorted(),
  );
  expect(all.indexOf(to(file))).toBeLessThan(all.indexOf(STOP));
  expect(await counts(room)).toEqual({ written: 6, dropped: 0 });
});

test('other settings of the same places: nothing is opened anew, the next record goes by them', async () => {
  await using receiver = await repository();
  const room = await startRoom(house, at(receiver));
  await room.one('110120');
  const settings = { file: 'audit.log', ...at(receiver), sourceId: 'other', siteId: 'SOUTH', queue: 5 };
  room.edit('audit', { ...settings, refusedMessages: false });
  await room.control.reload('SIGHUP');
  await using sender = await connectSender(room.port('in'));
  await sender.exchange(message({ type: 'ORU^R01' }));
  await room.stop();
  expect(told(linesOf(join(room.configFile, '..', 'audit.log')))).toEqual([START, CHANGED, STOP]);
  expect(told(receiver.messages)).toEqual([START, CHANGED, STOP]);
  expect(room.records().map(({ source, site }) => [source, site])).toEqual([
    ['gw', 'NORTH'],
    ['other', 'SOUTH'],
    ['other', 'SOUTH'],
  ]);
});

describe('a place that is away', () => {
  test('leaves what waited to the one that follows it, once', async () => {
    await using away = await repository();
    await away.leave();
    await using there = await repository();
    const room = await startRoom(house, { ...at(away), file: undefined });
    for (const node of ['a', 'b']) room.control.drain('pool', node, '10.0.0.9');
    room.edit('audit', at(there));
    await room.control.reload('SIGHUP');
    await until(() => there.messages.length >= 6);
    room.control.ready('pool', 'a', '10.0.0.9');
    await room.stop();
    const got = told(there.messages);
    const waited = [START, '110132 drain', '110132 drain'];
    expect(got.filter((one) => waited.includes(one))).toEqual(waited);
    const rest = [
      CHANGED,
      from(`127.0.0.1:${away.port}`),
      to(`127.0.0.1:${there.port}`),
      '110132 ready',
      STOP,
    ];
    expect(got.filter((one) => !waited.includes(one))).toEqual(rest);
    expect(await counts(room)).toEqual({ written: 8, dropped: 0 });
  });

  test('drops it where none follows, which is counted', async () => {
    await using away = await repository();
    await away.leave();
    const room = await startRoom(house, at(away));
    room.edit('audit', { file: 'audit.log' });
    await room.control.reload('SIGHUP');
    // Its start; what it has in common with the file is not lost.
    await until(async () => (await counts(room)).dropped === 1);
    expect(room.log.find(({ msg }) => msg === 'audit: events were dropped')).toMatchObject({ count: 1 });
  });
});

describe('what is wrong leaves the old place as it is', () => {
  const wrong: readonly [string, string, (folder: string) => object][] = [
    ['a folder that is not there', 'GW_ERR_FILE', (folder) => ({ file: join(folder, 'none', 'a.log') })],
    ['a folder for a file', 'GW_ERR_FILE', (folder) => ({ file: folder })],
    [
      'an authority that is none',
      'GW_ERR_TLS_FILE',
      (folder) => {
        const ca = join(folder, 'ca.pem');
        writeFileSync(ca, 'no certificate');
        return { file: join(folder, 'next.log'), syslog: { address: 'localhost:6514', tls: { ca } } };
      },
    ],
    ['no place at all', 'GW_ERR_CONFIG', () => ({ siteId: 'SOUTH' })],
  ];

  test.each(wrong)('%s', async (_, code, audit) => {
    const room = await startRoom(house);
    const next = emptyFolder();
    room.edit('audit', audit(next));
    await expect(room.control.reload('SIGHUP')).rejects.toMatchObject({ code });
    room.control.drain('pool', 'a', '10.0.0.9');
    await room.stop();
    expect(told(linesOf(join(room.configFile, '..', 'audit.log')))).toEqual([
      START,
      `110131 reload: ${code}`,
      '110132 drain',
      STOP,
    ]);
    expect(room.records()[1]?.outcome).toBe('4');
    expect(linesOf(join(next, 'next.log'))).toEqual([]);
    expect(room.gateway.config.audit?.siteId).toBe('NORTH');
  });

  test('something else in the same config', async () => {
    const room = await startRoom(house);
    const file = join(emptyFolder(), 'next.log');
    room.edit('audit', { file });
    const taken = `127.0.0.1:${house.node.url.split(':').at(-1)}`;
    room.edit('listeners', { in: { bind: taken } });
    room.edit('routes', [{ to: 'pool' }]);
    await expect(room.control.reload('SIGHUP')).rejects.toMatchObject({ code: 'GW_ERR_LISTEN' });
    await room.stop();
    expect(told(linesOf(join(room.configFile, '..', 'audit.log')))).toEqual([
      START,
      '110131 reload: GW_ERR_LISTEN',
      STOP,
    ]);
    expect(linesOf(file)).toEqual([]);
  });
});

test('the process itself, by SIGHUP', async () => {
  const path = emptyFolder();
  const [first, second] = [join(path, 'first.log'), join(path, 'second.log')];
  const config = (audit: object): object => ({
    listeners: { in: { bind: '127.0.0.1:0' } },
    routes: [{ reject: { code: 'AR' } }],
    audit,
  });
  await using gateway = await startGatewayProcess(config({ file: first }));
  writeFileSync(gateway.configFile, JSON.stringify(config({ file: second })));
  await until(() => linesOf(first).length === 1);
  gateway.kill('SIGHUP');
  await gateway.line(({ msg }) => msg === 'config loaded', 'the reload');
  await until(() => linesOf(second).length === 3, { deadlineMs: 15_000 });
  gateway.kill('SIGTERM');
  expect(await gateway.exited).toMatchObject({ code: 0 });
  expect(told(linesOf(first))).toEqual([START, CHANGED, from(first), to(second)]);
  expect(told(linesOf(second))).toEqual([CHANGED, from(first), to(second), STOP]);
  expect(auditRecord(linesOf(second)[0] ?? '').host).toBe(hostname());
});
