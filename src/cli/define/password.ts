// The arguments of `password`: none. What it does stands in ../password.ts.
import type { Command } from 'commander';
import type { Perform, Terminal } from '../terminal.ts';
import { withHelp } from './help.ts';

export function definePassword(program: Command, terminal: Terminal, perform: Perform): void {
  const password = program
    .command('password')
    .description('make of a password the line that listeners.NAME.http.users takes; asks, or reads stdin')
    .action(() =>
      perform(async () => {
        const command = await import('../password.ts');
        const prompt = (text: string): void => void process.stderr.write(text);
        return command.password({ input: process.stdin, prompt }, terminal);
      }),
    );
  withHelp(password, {
    exit: { 0: 'the line was printed', 1: 'it was interrupted', 2: 'called wrongly, or it is no password' },
    examples: ['password', 'password < lab.pass'],
  });
}
