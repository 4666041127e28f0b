// A command line within the test's own process: what `src/main.ts` runs, without the CPU time that the start of a process takes.
// Promises the lines and the exit code of a process of its own (in-process.test.ts holds that for each command), and that signals
// are the test's own again afterwards.
import { runCommandLine } from '../../src/cli/command-line.ts';

export interface CommandResult {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export async function runInProcess(args: readonly string[]): Promise<CommandResult> {
  const lines = { out: [] as string[], err: [] as string[] };
  const terminal = {
    out: (line: string): void => void lines.out.push(...linesOf(`${line}\n`)),
    err: (line: string): void => void lines.err.push(...linesOf(`${line}\n`)),
  };
  const before = SIGNALS.map((signal) => process.listeners(signal));
  try {
    const code = await runCommandLine(args, terminal);
    return { code, ...lines };
  } finally {
    for (const [i, signal] of SIGNALS.entries())
      for (const listener of process.listeners(signal))
        if (before[i]?.includes(listener) !== true) process.off(signal, listener);
  }
}

/** Without the empty one after the last line end. */
export function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
