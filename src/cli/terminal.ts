// What a command prints on, so that tests can read it; and a plain text table.
import type { GatewayError } from '../errors.ts';
import type { Paint } from './colors.ts';

export interface Terminal {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** Of what `out` prints on; undefined: no terminal, and lines are as long as they are. */
  readonly columns?: number | undefined;
  /** Of what `out` prints; undefined: without colours. */
  readonly paint?: Paint | undefined;
}

/** Does a command's work, and keeps its exit code. Given as a function, so that an example in a help can be parsed without it. */
export type Perform = (work: () => number | Promise<number>) => Promise<void>;

/** One line that is written again and again, where somebody looks at it; an empty text clears it. */
export function progressOn(stream: NodeJS.WriteStream): ((text: string) => void) | undefined {
  if (stream.isTTY !== true) return undefined;
  // Erased first (ECMA-48 EL); cut to the width, as a line that wraps cannot be written over.
  return (text) => void stream.write(`\r\x1b[2K${text.slice(0, Math.max(0, stream.columns - 1))}`);
}

/** Exit codes, product.md section 1. */
export const EXIT = { good: 0, failed: 1, usage: 2 } as const;

/** A line for each; returns whether there were any. */
export function sayFaults(faults: readonly GatewayError[], terminal: Terminal): boolean {
  for (const { message, code } of faults) terminal.err(`${message} [${code}]`);
  return faults.length > 0;
}

/**
 * Columns as wide as their widest cell, two spaces apart; the first row is the heading. `style` is given each cell with its
 * padding, as colours have no width.
 */
export function table(
  rows: readonly (readonly string[])[],
  style: (text: string, row: number, column: number) => string = (text) => text,
): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows.map((row, r) =>
    row
      .map((cell, i) => style(cell.padEnd(widths[i] ?? 0), r, i))
      .join('  ')
      .trimEnd(),
  );
}
