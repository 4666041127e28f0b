// The arguments of `import`.
import { type Command, Option } from 'commander';
import type { Perform, Terminal } from '../terminal.ts';
import { withHelp } from './help.ts';

export function defineImport(program: Command, terminal: Terminal, perform: Perform): void {
  const command = program
    .command('import <file>')
    .description(
      'turn haproxy.cfg or nginx.conf into gateway.yaml, and say what of it could not be translated',
    )
    .addOption(
      new Option('--format <name>', 'what the file is; by its name, if not given').choices([
        'haproxy',
        'nginx',
      ]),
    )
    .option('-o, --output <file>', 'write there, and not on standard output; it must not be there yet')
    .option(
      '--mllp <names>',
      'sections (upstreams) whose connections carry HL7 over MLLP, with commas between them',
      (text: string) => text.split(',').map((name) => name.trim()),
      [],
    )
    .option('--tcp', 'pass all other TCP on unread, whatever its ports and names say', false)
    .action((file, { format, output, mllp, tcp }) =>
      perform(async () =>
        (await import('../import/import.ts')).importFile(file, { format, output, mllp, tcp }, terminal),
      ),
    );
  withHelp(command, {
    exit: {
      0: 'all of it is translated, or needs nothing here',
      1: 'some of it is not; each line is named with the reason',
      2: 'called wrongly, or a file cannot be read or written',
    },
    examples: ['import haproxy.cfg -o gateway.yaml', 'import haproxy.cfg --mllp adt,lab --tcp'],
  });
}
