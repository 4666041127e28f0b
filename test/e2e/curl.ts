// curl as a client that was not written here. Promises: every run has a deadline and ends with its test; what it says of
// the transfer comes from its own `--write-out`, heads are as it dumps them, the body is byte for byte.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Waits } from '../helpers/until.ts';
import { PATIENCE_MS } from './http-vips.ts';

export const hasCurl = spawnSync('curl', ['--version']).status === 0;

export interface Head {
  readonly status: number;
  /** Names in lower case, as often as they came. */
  readonly fields: readonly (readonly [string, string])[];
}

/** Of curl's `%{json}`. */
export interface TransferInfo {
  readonly http_version: string;
  readonly response_code: number;
  readonly url_effective: string;
  readonly num_redirects: number;
  readonly num_connects: number;
  readonly size_download: number;
}

export interface CurlRun {
  /** 0: all went well. */
  readonly code: number | null;
  readonly body: Buffer;
  /** Every response's, interim ones too. */
  readonly heads: readonly Head[];
  readonly trailers: Head['fields'];
  /** One for each URL. */
  readonly infos: readonly TransferInfo[];
  readonly info: TransferInfo;
  readonly stderr: string;
}

/** Starts it; for a transfer that ends when the test says so. */
export class Curl {
  readonly process: ChildProcess;
  readonly ended: Promise<CurlRun>;
  readonly #chunks: Buffer[] = [];
  readonly #waits = new Waits();

  constructor(args: readonly string[], input?: Buffer) {
    const folder = mkdtempSync(join(tmpdir(), 'curl-'));
    const heads = join(folder, 'heads');
    // curl makes none where nothing came.
    writeFileSync(heads, '');
    const common = ['-q', '-sS', '--max-time', '60', '-D', heads, '-w', '%{stderr}%{json}\n'];
    const child = spawn('curl', [...common, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process = child;
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.stdout.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#waits.changed();
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const closed = once(child, 'close');
    this.ended = closed.then(([code]) => {
      const infos = infosOf(stderr);
      return {
        code: code as number | null,
        body: this.body,
        ...readHeads(readFileSync(heads, 'latin1')),
        infos,
        info: infos.at(-1) as TransferInfo,
        stderr,
      };
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await closed;
      rmSync(folder, { recursive: true, force: true });
    });
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Resolves once this much has been written to stdout. */
  async wrote(bytes: number): Promise<void> {
    await this.#waits.when(
      () => this.body.length >= bytes,
      PATIENCE_MS,
      () => `curl wrote ${this.body.length} bytes of ${bytes}`,
    );
  }
}

/** @throws Error where curl did not end well */
export async function curl(args: readonly string[], input?: Buffer): Promise<CurlRun> {
  const run = await new Curl(args, input).ended;
  if (run.code !== 0) throw new Error(`curl ${args.join(' ')} ended with ${run.code}: ${run.stderr}`);
  return run;
}

export function valuesOf({ fields }: Pick<Head, 'fields'>, name: string): string[] {
  return fields.filter(([one]) => one === name).map(([, value]) => value);
}

export function lastHead({ heads }: CurlRun): Head {
  return heads.at(-1) ?? { status: 0, fields: [] };
}

function infosOf(stderr: string): TransferInfo[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{"'))
    .map((line) => JSON.parse(line) as TransferInfo);
}

/** Trailers come behind the last head, without a status line. */
function readHeads(text: string): Pick<CurlRun, 'heads' | 'trailers'> {
  const heads: Head[] = [];
  const trailers: (readonly [string, string])[] = [];
  for (const block of text.split(/\r?\n\r?\n/)) {
    const lines = block.split(/\r?\n/).filter((line) => line !== '');
    const [, status] = /^HTTP\/[\d.]+ (\d{3})/.exec(lines[0] ?? '') ?? [];
    const fields = lines.slice(status === undefined ? 0 : 1).map((line): [string, string] => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    });
    if (status === undefined) trailers.push(...fields);
    else heads.push({ status: Number(status), fields });
  }
  return { heads, trailers };
}
