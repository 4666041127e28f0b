// A trail whose records wait on the disk: over the end of the process, a kill of it, and a reload.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type GatewayChild, startGatewayProcess } from '../../../e2e/child.ts';
import { type FaultyNode, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { auditRecord, type SyslogReceiver, startSyslogReceiver } from '../../../helpers/syslog-receiver.ts';
import { createTlsFolder, type TlsFolder } from '../../../helpers/tls-folder.ts';
import { until } from '../../../helpers/until.ts';
import { Scrape } from '../../metrics/gateway/scrape.ts';
import { type Room, startRoom } from '../room.ts';

const PATIENCE = { deadlineMs: 15_000 };

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

/** It is away, and has a port. */
async function repository(): Promise<SyslogReceiver> {
  const { certPem: cert, keyPem: key } = folder.pems.good;
  const receiver = await startSyslogReceiver({ cert, key });
  await receiver.leave();
  return receiver;
}

function spoolFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return join(path, 'spool');
}

function audit({ port }: SyslogReceiver, spool: string): object {
  return {
    syslog: { address: `127.0.0.1:${port}`, tls: { ca: folder.caFile } },
    spool: { folder: spool },
    file: undefined,
  };
}

function linesIn(spool: string): string[] {
  if (!existsSync(spool)) return [];
  const text = readdirSync(spool)
    .toSorted()
    .map((name) => readFileSync(join(spool, name), 'utf8'))
    .join('');
  return text.split('\n').slice(0, -1);
}

const said = ({ messages }: SyslogReceiver): string[] =>
  messages.map((line) => {
    const { description, details } = auditRecord(line);
    return details['MSH-10'] ?? description;
  });

async function count(room: Room, result: string): Promise<number> {
  const scraped = new Scrape((await room.control.metrics('prometheus')) ?? '');
  return Number(scraped.value('hl7_gateway_audit_events_total', { result }));
}

test('what a repository has not taken at the end waits for the next start, and goes before what is new', async () => {
  await using receiver = await repository();
  const spool = spoolFolder();
  const house = { folder, node, lines: [] };
  const first = await startRoom(house, audit(receiver, spool));
  first.control.drain('pool', 'a', '10.0.0.9');
  await first.stop();
  expect(await count(first, 'dropped')).toBe(0);
  expect(first.log.find(({ msg }) => msg === 'audit: events wait in the spool')).toMatchObject({ count: 3 });
  await receiver.listen();
  const second = await startRoom(house, audit(receiver, spool));
  await until(() => receiver.messages.length >= 4, PATIENCE);
  await second.stop();
  const once = ['the gateway has started', 'drain', 'the gateway stops', 'the gateway has started'];
  expect(said(receiver)).toEqual([...once, 'the gateway stops']);
  expect(await count(second, 'written')).toBe(5);
  expect(readdirSync(spool)).toEqual([]);
});

test('a repository that is there leaves nothing on the disk', async () => {
  await using receiver = await repository();
  await receiver.listen();
  const spool = spoolFolder();
  const room = await startRoom({ folder, node, lines: [] }, audit(receiver, spool));
  for (let i = 0; i < 30; i++) room.control.drain('pool', 'a', '10.0.0.9');
  await until(async () => (await count(room, 'written')) === 31, PATIENCE);
  expect(readdirSync(spool)).toEqual([]);
  expect(receiver.messages).toHaveLength(31);
  // For as many it was asked few times.
  expect(receiver.clients.length).toBeLessThan(5);
});

test('another address for the same folder: what waited goes there', async () => {
  await using away = await repository();
  await using there = await repository();
  await there.listen();
  const spool = spoolFolder();
  const room = await startRoom({ folder, node, lines: [] }, audit(away, spool));
  for (const name of ['a', 'b']) room.control.drain('pool', name, '10.0.0.9');
  await until(() => linesIn(spool).length === 3, PATIENCE);
  room.edit('audit', audit(there, spool));
  await room.control.reload('SIGHUP');
  await until(() => said(there).includes('the gateway has started'), PATIENCE);
  await room.stop();
  const old = ['the gateway has started', 'drain', 'drain'];
  expect(said(there).filter((one) => old.includes(one))).toEqual(old);
  expect(await count(room, 'dropped')).toBe(0);
  await until(() => readdirSync(spool).length === 0, PATIENCE);
});

test('a folder that cannot be had fails a reload', async () => {
  await using receiver = await repository();
  const spool = spoolFolder();
  const room = await startRoom({ folder, node, lines: [] }, {});
  writeFileSync(spool, '');
  room.edit('audit', audit(receiver, spool));
  await expect(room.control.reload('SIGHUP')).rejects.toMatchObject({
    code: 'GW_ERR_FILE',
    detail: 'audit.spool: EEXIST',
  });
  expect(room.gateway.config.audit?.spool).toBeUndefined();
});

async function startProcess(config: object): Promise<GatewayChild> {
  return startGatewayProcess({
    listeners: { in: { bind: '127.0.0.1:0' } },
    routes: [{ reject: { code: 'AR' } }],
    telemetry: { log: { messages: false } },
    audit: config,
  });
}

/** Each of them is refused, which is an event. */
async function send(port: number, ids: readonly string[]): Promise<void> {
  await using sender = await connectSender(port);
  for (const controlId of ids) await sender.exchange(message({ controlId }));
}

const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `M-${from + i}`);

test('killed with kill -9 while the repository is away, and started again: all events come, in order', async () => {
  await using receiver = await repository();
  const spool = spoolFolder();
  const config = audit(receiver, spool);
  await using first = await startProcess(config);
  await send(first.port, ids(300));
  await until(() => linesIn(spool).length === 301, PATIENCE);
  first.kill('SIGKILL');
  await first.exited;
  await using second = await startProcess(config);
  await send(second.port, ids(100, 300));
  await until(() => linesIn(spool).length === 402, PATIENCE);
  await receiver.listen();
  await until(() => receiver.messages.length >= 402, PATIENCE);
  second.kill('SIGTERM');
  await second.exited;
  expect([...new Set(said(receiver))]).toEqual(['the gateway has started', ...ids(400), 'the gateway stops']);
  expect(readdirSync(spool)).toEqual([]);
});

test('killed with kill -9 while the repository takes them: each comes at least once, and first in its place', async () => {
  await using receiver = await repository();
  const spool = spoolFolder();
  const config = audit(receiver, spool);
  await using first = await startProcess(config);
  await send(first.port, ids(1500));
  await until(() => linesIn(spool).length === 1501, PATIENCE);
  await receiver.listen();
  await until(() => receiver.messages.length >= 200, PATIENCE);
  first.kill('SIGKILL');
  await first.exited;
  const before = receiver.messages.length;
  await using second = await startProcess(config);
  await until(() => said(receiver).includes('M-1499') && readdirSync(spool).length === 0, PATIENCE);
  second.kill('SIGTERM');
  await second.exited;
  expect([...new Set(said(receiver))]).toEqual([
    'the gateway has started',
    ...ids(1500),
    'the gateway stops',
  ]);
  // Of those that had come before some came again, and no others.
  expect(receiver.messages.length).toBeLessThanOrEqual(1501 + before + 2);
});
