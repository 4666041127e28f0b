// A nats-server of its own: on a port that was free, with a store in a folder of its own, ended with the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const hasNats = spawnSync('nats-server', ['--version']).status === 0;

export class NatsServer implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-nats-'));
  port = 0;
  #process: ChildProcess | undefined;
  readonly #config: string;

  /** `config`: lines of its config beside the port and the store. */
  constructor(config = 'jetstream {}') {
    this.#config = config;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Resolves when it is ready. The second time at the same port. */
  async start(): Promise<this> {
    const file = join(this.folder, 'nats.conf');
    const store = JSON.stringify(join(this.folder, 'store'));
    const text = this.#config.replace('jetstream {}', `jetstream { store_dir: ${store} }`);
    writeFileSync(file, `host: 127.0.0.1\nport: ${this.port === 0 ? -1 : this.port}\n${text}\n`);
    const child = spawn('nats-server', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr as NonNullable<typeof child.stderr> }).on('line', (line) => {
        const port = /client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (port !== undefined) this.port = Number(port);
        if (line.includes('Server is ready')) resolve();
      });
      child.once('error', reject);
      child.once('close', () => reject(new Error('nats-server has ended')));
    });
    return this;
  }

  /** It answers nothing, and closes nothing. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  }

  /** All that it has stored is gone. */
  wipe(): void {
    rmSync(join(this.folder, 'store'), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
