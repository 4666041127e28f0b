// A real gateway before a node, with its admin API: for tests of the tap. Promises that all of it is gone after the test.
import { onTestFinished } from 'vitest';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import type { FaultyNode } from '../helpers/faulty-node.ts';
import { TOKEN } from './admin-room.ts';

export interface TapRoom {
  readonly url: string;
  readonly gateway: Gateway;
  readonly log: readonly Record<string, unknown>[];
  port(listener: string): number;
}

export async function openTapRoom(
  node: Pick<FaultyNode, 'url'>,
  {
    tap = true,
    host = '127.0.0.1',
    routes,
  }: { tap?: boolean; host?: string; routes?: readonly object[] } = {},
): Promise<TapRoom> {
  const text = JSON.stringify({
    listeners: { in: { bind: '127.0.0.1:0' }, other: { bind: '127.0.0.1:0', batch: 'split' } },
    pools: { pool: { nodes: { a: { url: node.url } }, health: { type: 'none' } } },
    routes: routes ?? [
      { name: 'no', when: { 'MSH-9.1': 'BAR' }, reject: { code: 'AR' } },
      { name: 'all', to: 'pool' },
    ],
    admin: { bind: '127.0.0.1:0', token: TOKEN, tap },
    telemetry: { log: { level: 'debug' } },
  });
  const { config } = parseConfig(text, { env: {} });
  const lines: Record<string, unknown>[] = [];
  const log = createLog(
    { level: 'info', format: 'json' },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const control = new GatewayControl(() => gateway, text, log);
  const gateway: Gateway = new Gateway(config, log, { observers: control.observers });
  const quiet = { onRefused: () => {}, onFailed: () => {} };
  const server = new AdminServer({ host, port: 0, token: TOKEN, tls: undefined }, control, quiet);
  await gateway.start();
  await server.start();
  onTestFinished(async () => {
    await server.stop();
    await gateway.stop();
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    gateway,
    log: lines,
    port: (listener) => gateway.listeners.find(({ name }) => name === listener)?.port ?? 0,
  };
}
