// `hl7-gateway certs …` as a user types it, in a folder of its own, and what tools of others say.
// Promises paths in the output as they were typed, because the command runs in that folder; and that this process is back in its
// own folder afterwards.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chdir, cwd } from 'node:process';
import { type CommandResult, linesOf, runInProcess } from '../cli/in-process.ts';
import { COMMAND } from '../helpers/product-command.ts';

/** A process has one current folder: one command at a time. */
let lastInFolder: Promise<unknown> = Promise.resolve();

function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const done = lastInFolder.then(async () => {
    const before = cwd();
    chdir(folder);
    try {
      return await work();
    } finally {
      chdir(before);
    }
  });
  lastInFolder = done.catch(() => {});
  return done;
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

  certs(...args: readonly string[]): Promise<CommandResult> {
    return inFolder(this.path, () => runInProcess(['certs', ...args]));
  }

  /** In a process of its own. */
  spawned(...args: readonly string[]): Promise<CommandResult> {
    const { promise, resolve } = Promise.withResolvers<CommandResult>();
    const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
    execFile(process.execPath, [COMMAND, 'certs', ...args], { cwd: this.path, env }, (error, out, err) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        out: linesOf(out),
        err: linesOf(err),
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
    // Java compiles for a long run, and starts as many threads for garbage as there are cores; a keytool's is short.
    const brief = name === 'keytool' ? ['-J-XX:TieredStopAtLevel=1', '-J-XX:+UseSerialGC'] : [];
    const { status, stdout, stderr } = spawnSync(name, [...brief, ...args], {
      cwd: this.path,
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  }
}

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
