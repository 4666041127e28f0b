// A gateway of several processes as a user has it: started from a config, asked by its admin API, its workers known by their numbers.
import { type Child, type GatewayChild, startGatewayProcess } from '../e2e/child.ts';

export const TOKEN = 'token-for-tests-of-several-processes';

export interface SeveralProcesses extends GatewayChild {
  readonly adminUrl: string;
  /** JSON, or text for `/metrics`. */
  ask(path: string, method?: string, body?: unknown): Promise<Response>;
  json<T>(path: string): Promise<T>;
  /** Samples of one metric, by their labels as they are written. */
  metric(name: string): Promise<Map<string, number>>;
  workers(): Promise<readonly { worker: number; pid: number; connections: number }[]>;
}

export async function startSeveral(config: object, args: readonly string[] = []): Promise<SeveralProcesses> {
  const child = await startGatewayProcess(
    { workers: 2, admin: { bind: '127.0.0.1:0', token: TOKEN }, shutdown: { timeout: '10s' }, ...config },
    args,
  );
  await isStarted(child);
  const { address } = await child.line(({ msg }) => msg === 'admin API listening', 'the address of its API');
  const adminUrl = `http://${address}`;
  const ask = (path: string, method = 'GET', body?: unknown): Promise<Response> =>
    fetch(`${adminUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const json = async <T>(path: string): Promise<T> => (await (await ask(path)).json()) as T;
  return Object.assign(child, {
    adminUrl,
    ask,
    json,
    metric: async (name: string) => samplesOf(await (await ask('/metrics')).text(), name),
    workers: async () =>
      (await json<{ workers: { worker: number; pid: number; connections: number }[] }>('/status')).workers,
  });
}

export function isStarted(child: Child): Promise<unknown> {
  return child.line(({ msg }) => msg === 'started', 'that it has started');
}

function samplesOf(text: string, name: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, labels = '', value = ''] = new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`).exec(line) ?? [];
    if (value !== '') samples.set(labels, Number(value));
  }
  return samples;
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
