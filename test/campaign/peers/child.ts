// Starts the campaign's processes. Promises: each is a process of its own with an IPC channel, killed with the runner at the
// latest; one that ends by itself with an error says so to whoever waits for it.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { NodeStart, SenderStart } from './orders.ts';

/** Twelve processes start at once, on a machine that may be busy. */
const START_MS = 30_000;
const POLL_MS = 20;

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #gone = false;

  constructor(child: ChildProcess) {
    this.process = child;
    running.add(child);
    // To a process that has just been killed.
    child.on('error', () => {});
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        running.delete(child);
        this.#gone = true;
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error('the process did not start');
    return this.process.pid;
  }

  get gone(): boolean {
    return this.#gone;
  }

  send(order: object | string): void {
    if (this.process.connected) this.process.send(order, () => {});
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** The next message from it. */
  reply(what: string): Promise<unknown> {
    return within(
      new Promise((resolve, reject) => {
        this.process.once('message', resolve);
        void this.exited.then(({ code, signal }) =>
          reject(new Error(`${what}: the process has ended (${code ?? signal})`)),
        );
      }),
      START_MS,
      what,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#gone) this.signal('SIGKILL');
    await this.exited;
  }
}

export async function within<T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface NodeChild extends Child {
  readonly port: number;
}

/** A node that fails by itself prints why on this process's stderr. */
export async function startNode(start: NodeStart): Promise<NodeChild> {
  const child = new Child(
    fork(fileOf('node.ts'), [JSON.stringify(start)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  );
  const reply = await child.reply(`node ${start.name}`);
  const port: unknown = typeof reply === 'object' && reply !== null ? Reflect.get(reply, 'port') : undefined;
  if (typeof port !== 'number') throw new Error(`node ${start.name} told no port`);
  return Object.assign(child, { port });
}

export function startSender(start: SenderStart): Child {
  return new Child(
    fork(fileOf('sender.ts'), [JSON.stringify(start)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  );
}

export interface GatewayChild extends Child {
  readonly log: string;
  readonly stderr: string;
}

/** The gateway as a user starts it, from the product (or a mutant of it) in `root`. `base`: where its two logs go. */
export async function startGateway(
  root: string,
  config: string,
  base: string,
  more: readonly string[] = [],
): Promise<GatewayChild> {
  const log = `${base}.jsonl`;
  const stderr = `${base}.stderr`;
  const args = [
    '--expose-gc',
    '--import',
    fileOf('probe.ts'),
    join(root, 'src/main.ts'),
    'run',
    '-c',
    config,
    ...more,
  ];
  const outputs = [openSync(log, 'a'), openSync(stderr, 'a')];
  const child = new Child(spawn(process.execPath, args, { stdio: ['ignore', ...outputs, 'ipc'] }));
  for (const fd of outputs) closeSync(fd);
  const deadline = performance.now() + START_MS;
  for (;;) {
    if (readFileSync(log, 'utf8').includes('"listening"')) return Object.assign(child, { log, stderr });
    if (child.gone || performance.now() > deadline)
      throw new Error(`the gateway does not listen: ${readFileSync(stderr, 'utf8')}`);
    await pause(POLL_MS);
  }
}
