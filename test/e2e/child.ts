// The product as a process of its own: started as a user starts it, its JSON lines kept, ended whatever happens.
// A node writes its line before its answer, and on Linux a pipe is written synchronously: what is answered is on record
// here, even if the process is killed the moment after.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { COMMAND } from '../helpers/product-command.ts';
import { uncaughtIn } from '../helpers/uncaught.ts';
import { Waits } from '../helpers/until.ts';

/** A cold start takes a second, on a machine that others use as well many. */
const START_MS = 60_000;

export type Line = Readonly<Record<string, unknown>>;

function startHere(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly lines: Line[] = [];
  stderr = '';
  /** Resolves when it is gone and all that it wrote is in `lines`. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #waits = new Waits();
  #gone = false;

  /** `start`: with pipes for what it prints. */
  constructor(
    args: readonly string[],
    main = COMMAND,
    start: (command: string, args: readonly string[]) => ChildProcess = startHere,
  ) {
    const child = start(process.execPath, [main, ...args]);
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('it was started without pipes');
    this.process = child;
    createInterface({ input: stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line);
      this.#waits.changed();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#gone = true;
        resolve({ code, signal });
        this.#waits.changed();
      });
    });
  }

  /** The first line of which this holds. */
  async line(matches: (line: Line) => boolean, what: string): Promise<Line> {
    await this.#waits.when(
      () => this.lines.some(matches),
      START_MS,
      () => `no line with ${what}; ${this.lines.length} lines`,
      () => (this.#gone ? `the process has ended: ${this.stderr}` : undefined),
    );
    return this.lines.find(matches) as Line;
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#gone) this.kill('SIGKILL');
    await this.exited;
    const uncaught = uncaughtIn(this.lines.map((line) => JSON.stringify(line)).join('\n'), this.stderr);
    if (uncaught !== undefined) throw new Error(`an error that nobody caught\n${uncaught}`);
  }
}

export interface NodeChild extends Child {
  readonly url: string;
  /** MSH-10 of the messages that it has answered or was about to. */
  readonly controlIds: () => string[];
}

export async function startNode(...args: readonly string[]): Promise<NodeChild> {
  const child = new Child(['node', '--listen', 'mllp://127.0.0.1:0', '--json', ...args]);
  const { listening } = await child.line(({ listening }) => listening !== undefined, 'its address');
  const controlIds = (): string[] =>
    child.lines.flatMap(({ controlId }) => (typeof controlId === 'string' ? [controlId] : []));
  return Object.assign(child, { url: String(listening), controlIds });
}

export interface GatewayChild extends Child {
  readonly port: number;
  readonly configFile: string;
}

export async function startGatewayProcess(
  config: object,
  args: readonly string[] = [],
  main?: string,
): Promise<GatewayChild> {
  const file = join(mkdtempSync(join(tmpdir(), 'hl7-gateway-')), 'gateway.yaml');
  writeFileSync(file, JSON.stringify(config));
  const child = new Child(['run', '-c', file, ...args], main);
  void child.exited.then(() => rmSync(dirname(file), { recursive: true, force: true }));
  const { address } = await child.line(({ msg }) => msg === 'listening', 'its address');
  return Object.assign(child, { port: Number(String(address).split(':').at(-1)), configFile: file });
}
