// `openssl s_client` and `s_server` as peers that share no code with node:tls.
// Promises: a process that a test leaves behind is ended with it; every wait has a deadline and says what came instead.
import { type ChildProcess, spawn } from 'node:child_process';
import type net from 'node:net';
import { onTestFinished } from 'vitest';
import { until, within } from './until.ts';

const DEADLINE_MS = 10_000;

export interface Said {
  readonly code: number | null;
  /** stdout and stderr. */
  readonly text: string;
}

class Tool {
  readonly child: ChildProcess;
  readonly ended: Promise<Said>;
  text = '';

  constructor(command: string, args: readonly string[]) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('latin1').on('data', (text: string) => {
        this.text += text;
      });
    }
    // It may be gone before it has read.
    child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, text: this.text }));
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Resolves when it has printed this. */
  async says(pattern: RegExp): Promise<void> {
    await until(() => pattern.test(this.text), { deadlineMs: DEADLINE_MS, what: `${pattern}` }).catch(
      (cause: unknown) => {
        throw new Error(`it printed\n${this.text}`, { cause });
      },
    );
  }
}

/** Connects, sends `input`, and ends when `until` has been printed, or by itself. */
export async function sClient(
  port: number,
  args: readonly string[],
  { input, until: wanted }: { input?: string | Buffer; until?: RegExp } = {},
): Promise<Said> {
  const tool = new Tool('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args]);
  if (input !== undefined) tool.child.stdin?.write(input);
  if (wanted === undefined) tool.child.stdin?.end();
  else await Promise.race([tool.says(wanted), tool.ended]);
  tool.child.stdin?.end();
  return within(tool.ended, DEADLINE_MS, () => `s_client does not end; it printed\n${tool.text}`);
}

/** Any other client, run to its end. */
export function runTool(command: string, args: readonly string[]): Promise<Said> {
  const tool = new Tool(command, args);
  tool.child.stdin?.end();
  return within(tool.ended, DEADLINE_MS, () => `${command} does not end; it printed\n${tool.text}`);
}

export interface SServer {
  readonly port: number;
  /** What it has printed so far, which is all that it has received, and more. */
  readonly text: string;
}

/** Listens; prints what it receives and answers nothing. */
export async function sServer(args: readonly string[]): Promise<SServer> {
  // s_server takes port 0, but in OpenSSL 3.0 it prints the port that it got only with -naccept; `ACCEPT` alone else.
  const tool = new Tool('openssl', ['s_server', '-accept', '127.0.0.1:0', '-naccept', '100', ...args]);
  await tool.says(/ACCEPT .*:\d+/);
  const port = Number(/ACCEPT .*:(\d+)/.exec(tool.text)?.[1]);
  return {
    port,
    get text() {
      return tool.text;
    },
  };
}

export const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;
