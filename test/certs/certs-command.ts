// `hl7-gateway certs …` as a user types it: a child process in a folder of its own, and what tools of others say.
// Promises paths in the output as they were typed, because the child runs in that folder.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMMAND } from '../helpers/product-command.ts';

export interface Result {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

export class CertsFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'hl7-gateway-certs-'));

  remove(): void {
    rmSync(this.path, { recursive: true });
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** Readable by its owner alone, as a passphrase or a key has to be. */
  write(name: string, content: string | Buffer): string {
    writeFileSync(this.at(name), content, { mode: 0o600 });
    return name;
  }

  text(name: string): string {
    return readFileSync(this.at(name), 'utf8');
  }

  bytes(name: string): Buffer {
    return readFileSync(this.at(name));
  }

  mode(name: string): string {
    return (statSync(this.at(name)).mode & 0o777).toString(8);
  }

  certs(...args: readonly string[]): Promise<Result> {
    const { promise, resolve } = Promise.withResolvers<Result>();
    // Of a start's 400 ms of CPU, 300 go into compiling; after the first start they are spared.
    const env = {
      ...process.env,
      NODE_OPTIONS: '',
      NO_COLOR: '1',
    };
    execFile(process.execPath, [COMMAND, 'certs', ...args], { cwd: this.path, env }, (error, out, err) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        out: lines(out),
        err: lines(err),
      });
    });
    return promise;
  }

  /** @throws what it printed, unless it was good */
  async good(...args: readonly string[]): Promise<readonly string[]> {
    const { code, out, err } = await this.certs(...args);
    if (code !== 0) throw new Error(`certs ${args.join(' ')}: exit ${code}\n${[...out, ...err].join('\n')}`);
    return out;
  }

  async json<T = Record<string, unknown>>(...args: readonly string[]): Promise<T> {
    const [line = ''] = (await this.certs(...args, '--json')).out;
    return JSON.parse(line) as T;
  }

  tool(name: 'openssl' | 'keytool', ...args: readonly string[]): { status: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(name, args, { cwd: this.path, encoding: 'utf8' });
    return { status, output: stdout + stderr };
  }
}

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
export const hasKeytool = spawnSync('keytool', ['-help']).status === 0;

function lines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
