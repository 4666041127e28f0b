// Starts the campaign's processes. Promises: each is a process of its own with an IPC channel, killed with the runner at the
// latest; one that ends by itself with an error says so to whoever waits for it.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { NodeStart, SenderStart, WebClientStart } from './orders.ts';

/** A dozen processes start at once, beside those of other campaigns and whatever else a busy machine has to do. */
const START_MS = 120_000;
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

export function startNode(start: NodeStart): Promise<NodeChild> {
  return startPeerNode('node.ts', start.name, start);
}

/** A node that fails by itself prints why on this process's stderr. */
export async function startPeerNode(file: string, name: string, start: object): Promise<NodeChild> {
  const child = startPeer(file, start);
  const reply = await child.reply(`node ${name}`);
  const port: unknown = typeof reply === 'object' && reply !== null ? Reflect.get(reply, 'port') : undefined;
  if (typeof port !== 'number') throw new Error(`node ${name} told no port`);
  return Object.assign(child, { port });
}

export function startSender(start: SenderStart): Child {
  return startPeer('sender.ts', start);
}

export function startWebClient(start: WebClientStart): Child {
  return startPeer('web-client.ts', start);
}

function startPeer(file: string, start: object): Child {
  return new Child(
    fork(fileOf(file), [JSON.stringify(start)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  );
}

export interface GatewayChild extends Child {
  /** Empty where nobody can read what it says. */
  readonly log: string;
  readonly stderr: string;
}

/** Where the gateway's log goes: a file; a disk that is full; a reader that reads nothing. */
export type Output = 'file' | 'full' | 'unread';

export interface GatewayOptions {
  readonly root: string;
  readonly config: string;
  /** Where its two logs go. */
  readonly base: string;
  readonly output: Output;
  /** Open files that it may have; undefined: as many as this process. */
  readonly maxDescriptors: number | undefined;
  /** Is it ready to work? Asked where there is no log to say so. */
  readonly isReady: () => Promise<boolean>;
  readonly more?: readonly string[];
}

/** The gateway as a user starts it, from the product (or a mutant of it) in `root`, with its log in a file. */
export function startGateway(root: string, config: string, base: string): Promise<GatewayChild> {
  const isReady = (): Promise<boolean> => Promise.resolve(false);
  return startGatewayWith({ root, config, base, output: 'file', maxDescriptors: undefined, isReady });
}

export async function startGatewayWith(options: GatewayOptions): Promise<GatewayChild> {
  const { root, config, base, output, maxDescriptors, more = [] } = options;
  const log = `${base}.jsonl`;
  const stderr = `${base}.stderr`;
  const main = join(root, 'src/main.ts');
  const args = ['--expose-gc', '--import', fileOf('probe.ts'), main, 'run', '-c', config, ...more];
  const stdout = output === 'unread' ? 'pipe' : openSync(output === 'full' ? '/dev/full' : log, 'a');
  closeSync(openSync(log, 'a'));
  const errors = openSync(stderr, 'a');
  const limited = ['-c', `ulimit -n ${maxDescriptors}; exec "$@"`, 'sh', process.execPath, ...args];
  const [command, commandArgs] = maxDescriptors === undefined ? [process.execPath, args] : ['sh', limited];
  const child = new Child(spawn(command, commandArgs, { stdio: ['ignore', stdout, errors, 'ipc'] }));
  for (const fd of [stdout, errors]) if (typeof fd === 'number') closeSync(fd);
  const started = Object.assign(child, { log, stderr });
  const deadline = performance.now() + START_MS;
  for (;;) {
    const isReady =
      output === 'file' ? readFileSync(log, 'utf8').includes('"listening"') : await options.isReady();
    if (isReady) return started;
    if (child.gone || performance.now() > deadline)
      throw new Error(`the gateway does not listen: ${readFileSync(stderr, 'utf8')}`);
    await pause(POLL_MS);
  }
}
