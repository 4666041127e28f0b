// rsyslog as the repository: a receiver that was not written here takes every record whole and reads it as RFC 5424 has it,
// and what it did not take when it died comes when it is back.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { trusting } from '../../../certs/node-tls.ts';
import type { AuditConfig, KeyPairFiles } from '../../../src/config/config.ts';
import { type AuditEvent, type AuditKind, KINDS } from '../../../src/observe/audit/audit-message.ts';
import { AuditTrail } from '../../../src/observe/audit/audit-trail.ts';
import { startGatewayProcess } from '../../e2e/child.ts';
import { hasRsyslog, type Parsed, type Rsyslog, startRsyslog } from '../../helpers/rsyslog.ts';
import { auditRecord } from '../../helpers/syslog-receiver.ts';
import { createTlsFolder, type TlsFolder } from '../../helpers/tls-folder.ts';
import { until } from '../../helpers/until.ts';
import { xmlOf } from './xmllint.ts';

/** On a machine that others use as well. */
const PATIENCE = { deadlineMs: 15_000 };

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

function client(): KeyPairFiles {
  const { cert: certFile, key: keyFile } = folder.files.client;
  return { kind: 'pem', certFile, keyFile, passphrase: undefined };
}

interface Line {
  readonly trail: AuditTrail;
  readonly told: string[];
  /** Each record as it was made, by the file that all of them go to as well. */
  lines(): string[];
}

function start(
  { port }: Rsyslog,
  keyPair: KeyPairFiles | undefined,
  config: Partial<AuditConfig> = {},
): Line {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  const file = join(path, 'audit.log');
  const told: string[] = [];
  const trail = new AuditTrail(
    {
      file,
      syslog: { host: '127.0.0.1', port, tls: { ...trusting(folder.caFile), keyPair } },
      spool: undefined,
      queue: 1000,
      sourceId: 'gw',
      siteId: 'Zürich <Süd>',
      refusedMessages: true,
      ...config,
    },
    {
      onSink: (_, error) => told.push(error === undefined ? 'up' : error.code),
      onSpool: () => {},
      onKept: () => {},
      onDropped: (_, count) => told.push(`dropped ${count}`),
    },
    { confirmMs: 100, firstPauseMs: 20 },
  );
  onTestFinished(async () => {
    await trail.close();
    rmSync(path, { recursive: true, force: true });
  });
  return { trail, told, lines: () => readFileSync(file, 'utf8').split('\n').slice(0, -1) };
}

const EVENT: AuditEvent = {
  kind: 'node state',
  at: new Date('2026-03-01T08:00:00.123Z'),
  outcome: 'success',
  who: { id: '10.0.0.9', address: '10.0.0.9' },
  subject: 'pools.p.nodes.a',
  description: '',
};

/** Each kind, with names that are none of the usual ones, and one as long as they get. */
function everyKind(): AuditEvent[] {
  const texts = ['drain', 'Müller & Söhne "<b>"', '東京 🏥', 'a\u0000\t\r\n%s\\n', 'x'.repeat(20_000)];
  return (Object.keys(KINDS) as AuditKind[]).flatMap((kind) =>
    texts.map((text, i) => ({
      ...EVENT,
      kind,
      outcome: i % 2 === 0 ? ('success' as const) : ('minor' as const),
      who: { id: `CN=${text}`, address: '2001:db8::1' },
      description: text,
      controlId: text,
    })),
  );
}

const descriptions = (records: readonly Parsed[]): string[] =>
  records.map(({ raw }) => auditRecord(raw).description);

describe.skipIf(!hasRsyslog)('rsyslog', () => {
  test.each([
    ['that demands a certificate', true],
    ['that asks for none', false],
  ])('%s takes each kind of event whole, and reads it as it was meant', async (_, demands) => {
    const rsyslog = await startRsyslog({ tls: folder, demands: demands ? 'sender' : undefined });
    const { trail, lines } = start(rsyslog, demands ? client() : undefined);
    const events = everyKind();
    for (const event of events) trail.record(event);
    await until(() => rsyslog.records.length >= events.length, PATIENCE);
    await until(() => trail.written === 2 * events.length, PATIENCE);
    const { records } = rsyslog;
    expect(records.map(({ raw }) => raw)).toEqual(lines());
    expect(records).toEqual(
      events.map((event, i) => ({
        pri: event.outcome === 'success' ? '85' : '84',
        version: '1',
        timestamp: '2026-03-01T08:00:00.123Z',
        hostname: hostname(),
        appName: 'hl7-gateway',
        procId: String(process.pid),
        msgId: 'IHE+RFC-3881',
        structuredData: '-',
        // From its first character, which is no byte order mark.
        message: xmlOf(lines()[i] ?? ''),
        raw: lines()[i],
      })),
    );
    expect(rsyslog.said).toBe('');
  });

  test.each([
    ['without a certificate', undefined],
    ['with one that another authority has made', 'strangeClient'],
    ['with one that is not on its list', 'good'],
  ] as const)('a gateway %s is refused: nothing counts as written', async (_, name) => {
    const rsyslog = await startRsyslog({ tls: folder, demands: 'sender' });
    const files = name && folder.files[name];
    const keyPair = files && ({ ...client(), certFile: files.cert, keyFile: files.key } as const);
    const { trail, told } = start(rsyslog, keyPair, { file: undefined });
    trail.record(EVENT);
    await until(() => told.length > 0, PATIENCE);
    expect(told[0]).toMatch(/^GW_ERR_NODE_/);
    // It says so in words of its own, if it was not quicker with the end of the connection.
    await until(() => /not permitted|not valid|certificate/i.test(rsyslog.said), PATIENCE);
    expect([trail.written, trail.queued, rsyslog.records]).toEqual([0, 1, []]);
  });

  test('killed and started again it gets what waited, in order; what did not fit was counted', async () => {
    const rsyslog = await startRsyslog({ tls: folder, demands: undefined });
    const { trail, told } = start(rsyslog, undefined, { file: undefined, queue: 5 });
    trail.record({ ...EVENT, description: 'before' });
    await until(() => trail.written === 1, PATIENCE);
    await rsyslog.kill();
    for (let i = 0; i < 8; i++) trail.record({ ...EVENT, description: `event ${i}` });
    await until(() => told.some((one) => one.startsWith('GW_ERR')), PATIENCE);
    expect([trail.dropped, trail.queued]).toEqual([3, 5]);
    await rsyslog.start();
    await until(() => trail.queued === 0, PATIENCE);
    await until(() => rsyslog.records.length >= 6, PATIENCE);
    expect(descriptions(rsyslog.records)).toEqual(['before', ...[0, 1, 2, 3, 4].map((i) => `event ${i}`)]);
    expect([trail.written, trail.dropped]).toEqual([6, 3]);
    expect(told).toEqual(['dropped 1', expect.stringMatching(/^GW_ERR_NODE_/), 'up']);
  });

  test('killed before it had read what was sent, it gets that again', async () => {
    const rsyslog = await startRsyslog({ tls: folder, demands: undefined });
    const { trail, told } = start(rsyslog, undefined, { file: undefined });
    trail.record({ ...EVENT, description: 'before' });
    // It has it, and the connection is there still.
    await until(() => rsyslog.records.length === 1, PATIENCE);
    rsyslog.freeze();
    for (let i = 0; i < 50; i++) trail.record({ ...EVENT, description: `event ${i}` });
    await until(() => trail.queued >= 50, PATIENCE);
    await rsyslog.kill();
    await rsyslog.start();
    await until(() => trail.queued === 0, PATIENCE);
    await until(() => descriptions(rsyslog.records).at(-1) === 'event 49', PATIENCE);
    const got = descriptions(rsyslog.records);
    const all = ['before', ...Array.from({ length: 50 }, (_, i) => `event ${i}`)];
    // At least once, and each of them first in its place.
    expect([...new Set(got)]).toEqual(all);
    expect(told.at(-1)).toBe('up');
  });

  test('a gateway from its start to its end, with an operator who has the wrong token between', async () => {
    const rsyslog = await startRsyslog({ tls: folder, demands: 'sender' });
    await using gateway = await startGatewayProcess({
      listeners: { in: { bind: '127.0.0.1:0' } },
      routes: [{ reject: { code: 'AR' } }],
      admin: { bind: '127.0.0.1:0', token: 'a-token-of-this-test-only' },
      audit: {
        syslog: { address: `localhost:${rsyslog.port}`, tls: { ca: folder.caFile, ...folder.files.client } },
      },
    });
    const { address } = await gateway.line(({ msg }) => msg === 'admin API listening', 'the admin API');
    const headers = { authorization: 'Bearer another-token-altogether' };
    expect((await fetch(`http://${address}/status`, { headers })).status).toBe(401);
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toMatchObject({ code: 0 });
    await until(() => rsyslog.records.length >= 3, PATIENCE);
    expect(rsyslog.records.map(({ raw }) => auditRecord(raw).type)).toEqual(['110120', '110126', '110121']);
  });
});
