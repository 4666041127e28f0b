// The command line as a user has it: what it prints and how it ends, as a child process or within this one.
// Promises: a child that a test leaves behind is ended with the test; every wait has a deadline and says what it awaited; an
// error that nobody caught in a child fails its test.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { COMMAND } from '../helpers/product-command.ts';
import { uncaughtIn } from '../helpers/uncaught.ts';
import { Waits, within } from '../helpers/until.ts';
import { linesOf, runInProcess } from './in-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** A cold start of the whole program takes a fraction of a second; on cores that ten others want as well, half a minute. */
const START_MS = 45_000;
/** For a command that is told to end. */
const END_MS = 30_000;

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Lines, without the empty one after the last line end. */
  readonly out: readonly string[];
  readonly err: readonly string[];
}

export class RunningCommand {
  readonly child: ChildProcess;
  /** The test is about an error that nobody catches. */
  mayBeUncaught = false;
  readonly #ended: Promise<Ended>;
  readonly #what: string;
  readonly #waits = new Waits();
  #out = '';
  #err = '';
  #over = false;

  /** `stdout`: a descriptor instead of the pipe that is read here, or none at all. */
  constructor(
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
    stdout: number | 'pipe' | 'closed' = 'pipe',
  ) {
    this.#what = `hl7-gateway ${args.join(' ')}`;
    // No colours and no warnings of this process's own options in what is compared.
    const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', ...more };
    const options = { cwd: ROOT, env };
    this.child =
      stdout === 'closed'
        ? spawn('sh', ['-c', 'exec "$0" "$@" >&-', process.execPath, COMMAND, ...args], {
            ...options,
            stdio: ['ignore', 'ignore', 'pipe'],
          })
        : spawn(process.execPath, [COMMAND, ...args], {
            ...options,
            stdio: ['ignore', stdout, 'pipe'],
          });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#out += text;
      this.#waits.changed();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text;
    });
    this.#ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.#over = true;
        resolve({ code, signal, out: linesOf(this.#out), err: linesOf(this.#err) });
        this.#waits.changed();
      });
    });
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.#ended;
      const uncaught = this.mayBeUncaught ? undefined : uncaughtIn(this.#out, this.#err);
      if (uncaught !== undefined) throw new Error(`${this.#what}: an error that nobody caught\n${uncaught}`);
    });
  }

  get out(): readonly string[] {
    return linesOf(this.#out);
  }

  /** The first line of stdout that matches, once there is one; rejects at once if the command ends without it. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const find = (): RegExpExecArray | undefined => {
      for (const line of this.out) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      return undefined;
    };
    await this.#waits.when(
      () => find() !== undefined,
      START_MS,
      () => `${this.#what}: no line like ${pattern}; it printed\n${this.#out}${this.#err}`,
      () => (this.#over ? 'it has ended' : undefined),
    );
    return find() as RegExpExecArray;
  }

  ended(limitMs = END_MS): Promise<Ended> {
    return within(
      this.#ended,
      limitMs,
      () => `${this.#what} does not end; it printed\n${this.#out}${this.#err}`,
    );
  }

  /** Sends a signal, and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return this.ended();
  }
}

/** Starts a command that stays up. */
export function start(...args: readonly string[]): RunningCommand {
  return new RunningCommand(args);
}

/** These stay up, or have the process to themselves. */
const OF_A_PROCESS = new Set(['run', 'demo', 'node', 'record', 'password']);

/** Runs a command to its end, in this process where it can be. */
export async function command(...args: readonly string[]): Promise<Ended> {
  if (OF_A_PROCESS.has(args[0] ?? '')) return spawned(...args);
  return { ...(await runInProcess(args)), signal: null };
}

/** Runs a command to its end in a process of its own. */
export function spawned(...args: readonly string[]): Promise<Ended> {
  return new RunningCommand(args).ended(START_MS);
}

/** Starts `node …` on a free port, and waits until it listens. */
export async function startNode(...args: readonly string[]): Promise<{ node: RunningCommand; url: string }> {
  const node = start('node', '--listen', 'mllp://127.0.0.1:0', ...args);
  const [, url = ''] = await node.line(/(mllp:\/\/127\.0\.0\.1:[1-9]\d*)/);
  return { node, url };
}
