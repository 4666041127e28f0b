// An admin API on a free port before a fake gateway, and requests to it: as most tests of it need them.
// Promises that the server and its connections are gone after the test.
import { onTestFinished } from 'vitest';
import type { ServerTls } from '../../certs/server-tls.ts';
import { AdminServer, type AdminServerOptions, type AdminTimes } from '../../src/admin/admin-server.ts';
import { ConsoleFiles } from '../../src/admin/console/console-files.ts';
import type { GatewayError } from '../../src/errors.ts';
import type { OperatorAction } from '../../src/observe/observer.ts';
import { FakeControl } from './fake-control.ts';

export const TOKEN = 'a-token-of-this-test-only';
export const BEARER = { authorization: `Bearer ${TOKEN}` };

export interface AdminRoom {
  readonly server: AdminServer;
  readonly control: FakeControl;
  readonly port: number;
  readonly url: string;
  /** Addresses that came with a wrong token. */
  readonly refused: string[];
  /** Who logged in, out, or tried what it may not. */
  readonly acts: [by: string, action: OperatorAction][];
  readonly failed: GatewayError[];
}

export interface RoomOptions extends Pick<AdminServerOptions, 'users' | 'sessions' | 'hosts' | 'console'> {
  readonly token?: string | undefined;
  readonly tls?: ServerTls;
  readonly host?: string;
  readonly times?: Partial<AdminTimes>;
}

const PATIENT: AdminTimes = { headersMs: 5_000, requestMs: 10_000, silenceMs: 60_000, keepAliveMs: 5_000 };

export async function openAdmin(options: RoomOptions = {}): Promise<AdminRoom> {
  const { tls, host = '127.0.0.1', times: given, token: _, ...more } = options;
  const token = 'token' in options ? options.token : TOKEN;
  const control = new FakeControl();
  const refused: string[] = [];
  const failed: GatewayError[] = [];
  const acts: AdminRoom['acts'] = [];
  const times = { ...PATIENT, ...given };
  // Whoever has built it in this checkout gets the same answers.
  const unbuilt = new ConsoleFiles('/nothing/here');
  const server = new AdminServer({ console: unbuilt, ...more, host, port: 0, token, tls, times }, control, {
    onRefused: (by) => refused.push(by),
    onOperator: (...act) => acts.push(act),
    onFailed: (error) => failed.push(error),
  });
  await server.start();
  onTestFinished(() => server.stop());
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.port}`;
  return { server, control, port: server.port, url, refused, acts, failed };
}

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined where the body is no JSON. */
  readonly body: unknown;
}

/** With the token, unless `headers` are given. */
export async function ask(
  { url }: Pick<AdminRoom, 'url'>,
  method: string,
  path: string,
  {
    body,
    headers = BEARER,
  }: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
): Promise<Told> {
  const response = await fetch(`${url}${path}`, { method, headers, body: body ?? null });
  const text = await response.text();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: response.status, headers: response.headers, text, body: parsed };
}
