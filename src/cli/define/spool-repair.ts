// `spool repair`: its arguments. What it does stands in ../spool/repair-spool.ts.
import type { Command } from 'commander';
import type { Perform, Terminal } from '../terminal.ts';
import { withHelp } from './help.ts';

interface RepairGiven {
  readonly into: string;
  readonly key?: string | undefined;
  readonly json: boolean;
}

export function defineRepair(spool: Command, terminal: Terminal, perform: Perform): void {
  const repair = spool
    .command('repair')
    .description(
      'read what can be read of a damaged store into a new one, and say what cannot; no gateway may have it open',
    )
    .argument('<folder>', 'store.path of the spool; it stays as it is')
    .requiredOption('--into <folder>', 'where the new one is made')
    .option('--key <file>', 'store.key.file, where it is encrypted')
    .option('--json', 'a JSON object', false)
    .action((folder: string, { into, key, json }: RepairGiven) =>
      perform(async () => {
        const { repairSpool } = await import('../spool/repair-spool.ts');
        return repairSpool({ folder, into, key, json }, terminal);
      }),
    );
  withHelp(repair, {
    exit: {
      0: 'the new store has all that was stored',
      1: 'the new store has what could be read; what is lost was printed',
      2: 'called wrongly, or nothing can be read',
    },
    examples: [
      'spool repair /var/lib/hl7-gateway/spool --into /var/lib/hl7-gateway/spool-repaired --key spool.key',
    ],
  });
}
