// A command against the admin API of a fake gateway, within the test's own process, and what it printed.
import type { AdminOptions } from '../../src/cli/admin/admin-target.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { GatewayError } from '../../src/errors.ts';

export class Printed implements Terminal {
  readonly lines = { out: [] as string[], err: [] as string[] };
  readonly out = (line: string): void => void this.lines.out.push(line);
  readonly err = (line: string): void => void this.lines.err.push(line);
}

export const NOWHERE: AdminOptions = { timeoutMs: 5_000 };

/** Runs it; the line that main.ts prints of an error stands last on stderr. */
export async function printed(
  work: (terminal: Terminal) => Promise<number>,
): Promise<{ code: number | string; out: readonly string[]; err: readonly string[] }> {
  const terminal = new Printed();
  try {
    const code = await work(terminal);
    return { code, ...terminal.lines };
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return { code: thrown.code, out: terminal.lines.out, err: [...terminal.lines.err, thrown.message] };
  }
}
