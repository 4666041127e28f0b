// Audit records on their way: to a real TLS repository and to a file, in order, again after a break, bounded, and at the end.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { trusting } from '../../../certs/node-tls.ts';
import type { AuditConfig, NodeTlsConfig } from '../../../src/config/config.ts';
import type { AuditEvent } from '../../../src/observe/audit/audit-message.ts';
import type { QueueTimes } from '../../../src/observe/audit/audit-queue.ts';
import { AuditTrail } from '../../../src/observe/audit/audit-trail.ts';
import { auditRecord, type SyslogReceiver, startSyslogReceiver } from '../../helpers/syslog-receiver.ts';
import { createTlsFolder, type TlsFolder } from '../../helpers/tls-folder.ts';
import { turns, until } from '../../helpers/until.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

interface Line {
  readonly trail: AuditTrail;
  /** `down`, `up` and `dropped N`, as they were told of. */
  readonly told: string[];
}

/** A repository is asked at once whether it has a record, and tried again at once. */
const QUICK: QueueTimes = { confirmMs: 1, firstPauseMs: 20 };

function start(config: Partial<AuditConfig>, times = QUICK): Line {
  const told: string[] = [];
  const whole = {
    file: undefined,
    syslog: undefined,
    spool: undefined,
    queue: 100,
    sourceId: 'gw',
    siteId: undefined,
    refusedMessages: true,
  };
  const trail = new AuditTrail(
    { ...whole, ...config },
    {
      onSink: (_, error) =>
        told.push(error === undefined ? 'up' : `down ${error.code} ${error.detail ?? ''}`),
      onSpool: () => {},
      onKept: () => {},
      onDropped: (_, count) => told.push(`dropped ${count}`),
    },
    times,
  );
  onTestFinished(() => trail.close());
  return { trail, told };
}

function event(description: string): AuditEvent {
  return {
    kind: 'node state',
    at: new Date(),
    outcome: 'success',
    who: { id: '10.0.0.9' },
    subject: 'pools.p.nodes.a',
    description,
  };
}

function said(lines: readonly string[]): string[] {
  return lines.map((line) => auditRecord(line).description);
}

async function repository(tls: object = {}): Promise<SyslogReceiver> {
  const { certPem, keyPem } = folder.pems.good;
  return startSyslogReceiver({ cert: certPem, key: keyPem, ...tls });
}

function to({ port }: SyslogReceiver, tls: Partial<NodeTlsConfig> = {}): AuditConfig['syslog'] {
  return { host: '127.0.0.1', port, tls: { ...trusting(folder.caFile), ...tls } };
}

test('a repository gets them in order, few connections for many, with the gateway showing its certificate', async () => {
  await using receiver = await repository({ ca: folder.caPem, requestCert: true, rejectUnauthorized: true });
  const { cert, key } = folder.files.client;
  const keyPair = { kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined } as const;
  const { trail } = start({ syslog: to(receiver, { keyPair }), queue: 1000 }, { ...QUICK, confirmMs: 500 });
  const all = Array.from({ length: 350 }, (_, i) => `event ${i}`);
  for (const one of all.slice(0, 340)) trail.record(event(one));
  await until(() => receiver.messages.length === 340);
  for (const one of all.slice(340)) trail.record(event(one));
  await until(() => receiver.messages.length === 350);
  expect(said(receiver.messages)).toEqual(all);
  await until(() => trail.written === 350);
  // Of those that were written together the repository is asked once.
  expect(receiver.clients.length).toBeLessThan(10);
  expect(receiver.clients[0]).toContain('CN=');
  expect([trail.dropped, trail.queued]).toEqual([0, 0]);
});

test('a repository that goes and comes back gets what came meanwhile; what does not fit is dropped and counted', async () => {
  await using receiver = await repository();
  const { trail, told } = start({ syslog: to(receiver), queue: 3 });
  trail.record(event('before'));
  await until(() => trail.written === 1);
  await receiver.leave();
  trail.record(event('meanwhile'));
  await until(() => told.length > 0);
  expect(told[0]).toMatch(/^down GW_ERR_NODE_/);
  await until(() => {
    trail.record(event('meanwhile'));
    return trail.dropped >= 5;
  });
  expect(trail.queued).toBe(3);
  const drops = told.filter((one) => one.startsWith('dropped'));
  // At most once a minute.
  expect(drops).toEqual(['dropped 1']);
  await receiver.listen();
  await until(() => trail.queued === 0);
  expect(said(receiver.messages)).toEqual(['before', 'meanwhile', 'meanwhile', 'meanwhile']);
  expect(told.at(-1)).toBe('up');
  trail.record(event('after'));
  await until(() => said(receiver.messages).at(-1) === 'after');
});

test('a repository that is not who it should be gets nothing', async () => {
  const { certPem, keyPem } = folder.pems.untrusted;
  await using receiver = await repository({ cert: certPem, key: keyPem });
  const { trail, told } = start({ syslog: to(receiver) });
  trail.record(event('secret'));
  await until(() => told.length > 0);
  expect(told[0]).toMatch(/^down GW_ERR_NODE_TLS .*(?:UNABLE|SELF_SIGNED)/);
  expect(receiver.messages).toEqual([]);
  expect(trail.queued).toBe(1);
});

test('whoever tells it something does not wait, and what waits at the end is written', async () => {
  await using receiver = await repository();
  const { trail } = start({ syslog: to(receiver) });
  trail.record(event('started'));
  trail.record(event('stopped'));
  await trail.close();
  await until(() => receiver.messages.length === 2);
  expect(said(receiver.messages)).toEqual(['started', 'stopped']);
});

test('at the end, a repository that is away costs one try; what is left counts as dropped', async () => {
  await using receiver = await repository();
  await receiver.leave();
  const { trail, told } = start({ syslog: to(receiver) });
  trail.record(event('nobody hears it'));
  await trail.close();
  expect([trail.dropped, trail.queued]).toEqual([1, 0]);
  expect(told.at(-1)).toBe('dropped 1');
});

function logFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

test('a file gets a line for each, for its owner alone, and a new one after it was renamed', async () => {
  const file = join(logFolder(), 'audit.log');
  const { trail } = start({ file });
  trail.record(event('one'));
  trail.record(event('two'));
  await until(() => trail.written === 2);
  expect(said(linesOf(file))).toEqual(['one', 'two']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  renameSync(file, `${file}.1`);
  trail.record(event('three'));
  await until(() => trail.written === 3);
  trail.reopen();
  trail.record(event('four'));
  await until(() => trail.written === 4);
  expect(said(linesOf(`${file}.1`))).toEqual(['one', 'two', 'three']);
  expect(said(linesOf(file))).toEqual(['four']);
});

test('a file that is opened anew while it is written to has each record once', async () => {
  const file = join(logFolder(), 'audit.log');
  const { trail, told } = start({ file, queue: 1000 });
  const all = Array.from({ length: 200 }, (_, i) => `event ${i}`);
  for (const one of all) {
    trail.record(event(one));
    trail.reopen();
    if (Number(one.slice(6)) % 10 === 0) await turns();
  }
  await until(() => trail.written === 200);
  expect(said(linesOf(file))).toEqual(all);
  expect(told).toEqual([]);
});

test('a file that cannot be written is tried again, and is appended to by the next process', async () => {
  const file = join(logFolder(), 'logs', 'audit.log');
  const { trail, told } = start({ file });
  trail.record(event('early'));
  await until(() => told.length > 0);
  expect(told[0]).toBe('down GW_ERR_FILE audit.file: ENOENT');
  mkdirSync(join(file, '..'));
  trail.reopen();
  await until(() => trail.written === 1);
  expect(told.at(-1)).toBe('up');
  await trail.close();
  const { trail: next } = start({ file });
  next.record(event('late'));
  await until(() => next.written === 1);
  expect(said(linesOf(file))).toEqual(['early', 'late']);
  chmodSync(file, 0o600);
});

test('both places get all, and one that is away does not hold up the other', async () => {
  await using receiver = await repository();
  await receiver.leave();
  const file = join(logFolder(), 'audit.log');
  const { trail, told } = start({ file, syslog: to(receiver) });
  for (const one of ['a', 'b', 'c']) trail.record(event(one));
  await until(() => trail.written === 3 && told.length > 0);
  expect(said(linesOf(file))).toEqual(['a', 'b', 'c']);
  expect([trail.queued, trail.dropped]).toEqual([3, 0]);
  await receiver.listen();
  trail.reopen();
  await until(() => receiver.messages.length === 3);
  expect(said(receiver.messages)).toEqual(['a', 'b', 'c']);
});
