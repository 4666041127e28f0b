// An admin API on a free port before a fake gateway, and requests to it: as most tests of it need them.
// Promises that the server and its connections are gone after the test.
import { onTestFinished } from 'vitest';
import type { ServerTls } from '../../certs/server-tls.ts';
import { AdminServer, type AdminTimes } from '../../src/admin/admin-server.ts';
import type { GatewayError } from '../../src/errors.ts';
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
  readonly failed: GatewayError[];
}

export interface RoomOptions {
  readonly token?: string | undefined;
  readonly tls?: ServerTls;
  readonly host?: string;
  readonly times?: Partial<AdminTimes>;
}

const PATIENT: AdminTimes = { headersMs: 5_000, requestMs: 10_000, silenceMs: 60_000, keepAliveMs: 5_000 };

export async function openAdmin(options: RoomOptions = {}): Promise<AdminRoom> {
  const { tls, host = '127.0.0.1' } = options;
  const token = 'token' in options ? options.token : TOKEN;
  const control = new FakeControl();
  const refused: string[] = [];
  const failed: GatewayError[] = [];
  const times = { ...PATIENT, ...options.times };
  const server = new AdminServer({ host, port: 0, token, tls, times }, control, {
    onRefused: (by) => refused.push(by),
    onFailed: (error) => failed.push(error),
  });
  await server.start();
  onTestFinished(() => server.stop());
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.port}`;
  return { server, control, port: server.port, url, refused, failed };
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
