// The arguments of `keepalived`.
import type { Command } from 'commander';
import type { Perform, Terminal } from '../terminal.ts';
import { withHelp } from './help.ts';

export function defineCluster(program: Command, terminal: Terminal, perform: Perform): void {
  const keepalived = program
    .command('keepalived')
    .description('print keepalived.conf for this member of the cluster, or compare it with a file')
    .requiredOption('-c, --config <file>', 'the config')
    .option('--check <file>', 'compare with this file, and say what is different')
    .action((options) =>
      perform(async () =>
        (await import('../cluster/keepalived.ts')).keepalived(
          options.config,
          { check: options.check },
          terminal,
        ),
      ),
    );
  withHelp(keepalived, {
    exit: {
      0: 'printed; with --check: the file is as the config wants it',
      1: 'with --check: the file is different',
      2: 'called wrongly, the config is bad or has no cluster, or a file cannot be read',
    },
    examples: [
      'keepalived -c gateway.yaml',
      'keepalived -c gateway.yaml --check /etc/keepalived/keepalived.conf',
    ],
  });
}
