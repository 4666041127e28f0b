// A process of the benchmark's own that is given orders and answers each.
// Promises: one answer for each order, in order; it ends when its channel does.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cpuMs } from './proxies.ts';

export class Child {
  readonly process: ChildProcess;

  constructor(
    file: string,
    environment: Readonly<Record<string, string>> = {},
    args: readonly string[] = [],
  ) {
    const env = { ...process.env, ...environment };
    this.process = fork(fileURLToPath(new URL(file, import.meta.url)), args, { env });
  }

  get cpuMs(): number {
    return cpuMs(this.process.pid ?? 0);
  }

  async answer<T>(order?: object): Promise<T> {
    const answer = once(this.process, 'message');
    if (order !== undefined) this.process.send(order);
    const [value] = (await answer) as [T];
    return value;
  }

  async stop(): Promise<void> {
    const gone = once(this.process, 'exit');
    this.process.disconnect();
    await gone;
  }
}
