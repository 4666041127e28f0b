// A real Prometheus for a test: on a free port of 127.0.0.1, its data in a temporary folder. Promises that nothing of it is
// left once it is disposed of, and that it takes neither more memory nor more of the disk than a test needs.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { within } from './until.ts';

/** One package has both. */
export const hasPrometheus = ['prometheus', 'promtool'].every(
  (name) => spawnSync(name, ['--version']).status === 0,
);

/** It is there after 50 ms; a machine that is busy with other tests takes a hundred times that at most. */
const START_MS = 15_000;
/** For each request; the longest of them take milliseconds. */
const ANSWER_MS = 10_000;

/** What its API answers with (Prometheus' documentation, HTTP API, format overview). */
type Answer<T> =
  | { readonly status: 'success'; readonly data: T; readonly warnings?: readonly string[] }
  | { readonly status: 'error'; readonly errorType: string; readonly error: string };

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value as text. */
  readonly value: readonly [at: number, value: string];
}

export class Prometheus implements AsyncDisposable {
  readonly url: string;
  /** Its log, from debug up. */
  readonly log: readonly Record<string, unknown>[];
  readonly #end: () => Promise<void>;

  constructor(url: string, log: readonly Record<string, unknown>[], end: () => Promise<void>) {
    this.url = url;
    this.log = log;
    this.#end = end;
  }

  /** The data of an answer of `/api/v1/{path}`; throws what it says where it is an error or has a warning. */
  async ask<T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const query = new URLSearchParams(parameters);
    const text = await this.text(`/api/v1/${path}?${query}`);
    const answer: Answer<T> = JSON.parse(text);
    if (answer.status === 'error') throw new Error(`${answer.errorType}: ${answer.error} (${query})`);
    if (answer.warnings !== undefined) throw new Error(`${answer.warnings.join()} (${query})`);
    return answer.data;
  }

  /** An instant query. */
  async query(expression: string, at: number): Promise<readonly Series[]> {
    const data = await this.ask<{ resultType: string; result: readonly Series[] }>('query', {
      query: expression,
      time: String(at / 1000),
    });
    if (data.resultType !== 'vector') throw new Error(`${data.resultType}: ${expression}`);
    return data.result;
  }

  async text(path: string): Promise<string> {
    const answer = await fetch(this.url + path, { signal: AbortSignal.timeout(ANSWER_MS) });
    return answer.text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

/** `config`: of prometheus.yml. JSON is YAML. */
export async function startPrometheus(config: object): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, JSON.stringify(config));
  const flags = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--storage.tsdb.retention.size=64MB',
    '--storage.tsdb.wal-segment-size=10MB',
    '--web.listen-address=127.0.0.1:0',
    '--web.max-connections=16',
    '--query.timeout=10s',
    '--enable-feature=exemplar-storage',
    '--log.level=debug',
    '--log.format=json',
  ];
  const child = spawn('prometheus', flags, {
    cwd: folder,
    env: { ...process.env, GOMAXPROCS: '1', GOMEMLIMIT: '256MiB' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const log: Record<string, unknown>[] = [];
  const ready = Promise.withResolvers<string>();
  let address: string | undefined;
  let isReady = false;
  createInterface({ input: child.stderr }).on('line', (line) => {
    const said: Record<string, unknown> = JSON.parse(line);
    log.push(said);
    // In either order.
    if (said.msg === 'Listening on') address = String(said.address);
    if (said.msg === 'Server is ready to receive web requests.') isReady = true;
    if (isReady && address !== undefined) ready.resolve(address);
  });
  void ended.then(() => ready.reject(new Error('it ended')));
  try {
    const at = await within(ready.promise, START_MS, () => 'Prometheus is ready');
    return new Prometheus(`http://${at}`, log, end);
  } catch (cause) {
    await end();
    throw new Error(`it printed\n${log.map((line) => JSON.stringify(line)).join('\n')}`, { cause });
  }
}
