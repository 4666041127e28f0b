// What stands behind a command's options in its help: the exit codes, and examples that can be pasted.
// Promises that every command has both; a test holds it and parses each example.
import type { Command } from 'commander';

export interface CommandHelp {
  /** What each exit code means; those that a command never has are left out. */
  readonly exit: Readonly<Partial<Record<0 | 1 | 2, string>>>;
  /** Without the program's name. */
  readonly examples: readonly string[];
}

export const CALLED_WRONGLY = 'called wrongly, or a file cannot be read';

export function withHelp(command: Command, { exit, examples }: CommandHelp): Command {
  const codes = Object.entries(exit).map(([code, meaning]) => `  ${code}  ${meaning}`);
  const lines = examples.map((example) => `  hl7-gateway ${example}`);
  return command.addHelpText('after', ['', 'Exit codes:', ...codes, '', 'Examples:', ...lines].join('\n'));
}
