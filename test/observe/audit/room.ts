// A gateway as `run` has it, with an audit trail to a file: its listeners, its admin API, its control, and what it recorded.
// Promises that all of it is gone when the test is over.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { AdminServer } from '../../../src/admin/admin-server.ts';
import { GatewayControl } from '../../../src/admin/gateway-control.ts';
import { createAuditTrail } from '../../../src/cli/run/run-audit.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Gateway } from '../../../src/gateway.ts';
import { AuditObserver } from '../../../src/observe/audit/audit-observer.ts';
import { createLog } from '../../../src/observe/log/log.ts';
import type { FaultyNode } from '../../helpers/faulty-node.ts';
import { type AuditRecord, auditRecord } from '../../helpers/syslog-receiver.ts';
import type { TlsFolder } from '../../helpers/tls-folder.ts';
import { until } from '../../helpers/until.ts';

export const TOKEN = 'a-token-of-this-test-only';

/** What all rooms of a test file have in common. */
export interface House {
  readonly folder: TlsFolder;
  readonly node: FaultyNode;
  /** Every line that a room's own file had in the end. */
  readonly lines: string[];
}

export interface Room {
  readonly gateway: Gateway;
  readonly control: GatewayControl;
  readonly admin: string;
  readonly configFile: string;
  readonly log: Record<string, unknown>[];
  port(listener: string): number;
  raw(): string;
  records(): AuditRecord[];
  /** The config file says something else from now on, of this section. */
  edit(section: string, value: unknown): void;
  /** The one record with this type's code, once there is one. */
  one(type: string, count?: number): Promise<AuditRecord>;
  stop(): Promise<void>;
}

/** As `run` has it. */
export async function startRoom(
  { folder, node, lines }: House,
  audit: object | undefined = {},
  more: object = {},
): Promise<Room> {
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
  const trail = createAuditTrail(config.audit, logger);
  const auditor = new AuditObserver(trail, () => gateway.identifiers);
  const control = new GatewayControl(() => gateway, text, logger);
  const gateway: Gateway = new Gateway(config, logger, {
    observers: [...control.observers, auditor],
    parts: [['audit', { prepare: (wanted) => trail.prepare(wanted.audit) }]],
  });
  gateway.metrics.audit = trail;
  const server = new AdminServer({ host: '127.0.0.1', port: 0, token: TOKEN, tls: undefined }, control, {
    onRefused: (by) => gateway.observers.onOperator(by, { kind: 'wrong token' }),
    onOperator: (by, action) => gateway.observers.onOperator(by, action),
    onFailed: () => {},
  });
  await gateway.start();
  auditor.started();
  await server.start();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await server.stop();
      await gateway.stop();
      auditor.stopped();
      await trail.close();
    })();
    return stopped;
  };
  onTestFinished(async () => {
    await stop();
    lines.push(...raw().split('\n').slice(0, -1));
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
    admin: `http://127.0.0.1:${server.port}`,
    configFile,
    log,
    port: (name) => gateway.listeners.find((one) => one.name === name)?.port ?? 0,
    raw,
    records,
    edit: (section, value) => {
      const config = JSON.parse(readFileSync(configFile, 'utf8')) as Record<string, unknown>;
      writeFileSync(configFile, JSON.stringify({ ...config, [section]: value }));
    },
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
