// A gateway with its admin API as `run` puts them together, on a config file that a test rewrites.
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { AdminListener } from '../../src/admin/admin-listener.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { folderWith } from '../config/config-folder.ts';

export const TOKEN = 'a-token-for-this-test';

export type Settings = Readonly<Record<string, unknown>>;

export interface DoorRoom {
  readonly gateway: Gateway;
  readonly control: GatewayControl;
  readonly door: AdminListener;
  readonly log: readonly Record<string, unknown>[];
  /** Where the admin API is now. */
  readonly port: () => number;
  /** Rewrites the file; what is not given is as in the beginning. */
  write(settings: Settings): void;
}

function textOf(settings: Settings): string {
  return JSON.stringify({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: { pool: { nodes: { a: { url: 'mllp://127.0.0.1:1' } }, health: { type: 'none' } } },
    routes: [{ to: 'pool' }],
    certificates: { watch: false },
    ...settings,
  });
}

export async function openRoom(settings: Settings): Promise<DoorRoom> {
  const file = join(folderWith({}), 'gateway.yaml');
  const write = (changed: Settings): void => writeFileSync(file, textOf(changed));
  write(settings);
  const log: Record<string, unknown>[] = [];
  const logger = createLog(
    { level: 'debug', format: 'json' },
    { write: (line) => void log.push(JSON.parse(line)) },
  );
  const { config } = parseConfig(textOf(settings), { env: {}, file });
  const control = new GatewayControl(() => gateway, textOf(settings), logger);
  const gateway: Gateway = new Gateway(config, logger, {
    parts: [['admin', { prepare: ({ admin }) => door.prepare(admin) }]],
  });
  const door: AdminListener = new AdminListener(config.admin, {
    control,
    log: logger,
    secure: (tls) => gateway.secure('admin', tls),
  });
  await gateway.start();
  await door.start({ waitForPort: false });
  onTestFinished(async () => {
    await gateway.stop();
    await door.stop();
  });
  const port = (): number => Number(door.address?.split(':').at(-1));
  return { gateway, control, door, log, port, write };
}

export interface Told {
  readonly status: number | undefined;
  readonly body: string;
  /** Of the server's certificate. */
  readonly fingerprint: string | undefined;
}

interface Asking {
  readonly token?: string;
  readonly method?: string;
  /** Over TLS, and whom to trust. */
  readonly ca?: string;
  readonly agent?: http.Agent;
}

/** Rejects where nobody answers. */
export function tell(port: number, path: string, asking: Asking = {}): Promise<Told> {
  const { token = TOKEN, method = 'GET', ca, agent = false } = asking;
  const options = {
    ...{ host: '127.0.0.1', port, path, method, agent },
    headers: { authorization: `Bearer ${token}` },
  };
  return new Promise((resolve, reject) => {
    const onAnswer = (answer: http.IncomingMessage): void => {
      const { socket } = answer;
      const fingerprint =
        'getPeerX509Certificate' in socket && typeof socket.getPeerX509Certificate === 'function'
          ? String(socket.getPeerX509Certificate()?.fingerprint256)
          : undefined;
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, body, fingerprint }));
    };
    const request =
      ca === undefined ? http.request(options, onAnswer) : https.request({ ...options, ca }, onAnswer);
    request.on('error', reject).end();
  });
}
