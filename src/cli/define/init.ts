// The arguments of `init`. What it does stands in the folder ../init.
import { type Command, Option } from 'commander';
import type { TlsWay } from '../init/wishes.ts';
import type { Perform, Terminal } from '../terminal.ts';
import { collected, deadline, port } from './arguments.ts';
import { withHelp } from './help.ts';

export function defineInit(program: Command, terminal: Terminal, perform: Perform): void {
  const init = program
    .command('init')
    .description(
      'write a commented gateway.yaml, with certificates if wanted; asks on a terminal, takes flags elsewhere',
    )
    .option(
      '--listener <address>',
      'where senders connect: [NAME=]ADDRESS (more than once: each) (default: :2575)',
      collected,
      [],
    )
    .option(
      '--mirth <address>',
      'HOST:PORT or mllps://HOST:PORT of a Mirth (more than once: each)',
      collected,
      [],
    )
    .addOption(
      new Option(
        '--tls <how>',
        'for senders: none (the default), an authority of your own, or files that you have',
      ).choices(['none', 'own-ca', 'files'] satisfies TlsWay[]),
    )
    .option('--cert <file>', 'with --tls files: the certificate with its chain (PEM)')
    .option('--key <file>', 'with --tls files: its key (PEM)')
    .option(
      '--name <name>',
      'with --tls own-ca: a name or address by which senders know the gateway (more than once: each)',
      collected,
      [],
    )
    .option('--state <folder>', 'for what survives a restart, or none (default: state beside the config)')
    .option('--console-user <name>', 'who may log in to the console')
    .option('--password-file <file>', 'the password of that user')
    .option('--out <file>', 'the config', 'gateway.yaml')
    .option('--no-probe', 'do not look whether the Mirths are there')
    .option('--api-port <port>', 'where the Mirths have their REST API', port, 8443)
    .option('--timeout <duration>', 'for each look at a Mirth', deadline, 3_000)
    .option('--yes', 'ask nothing: defaults for what no flag says', false)
    .action(({ yes, timeout: timeoutMs, ...options }) =>
      perform(async () => {
        const command = await import('../init/init.ts');
        const prompt = (text: string): void => void process.stderr.write(text);
        const asked = yes || process.stdin.isTTY !== true ? undefined : { input: process.stdin, prompt };
        return command.writeFirstConfig({ ...options, timeoutMs }, asked, terminal);
      }),
    );
  withHelp(init, {
    exit: {
      0: 'it was written, and check takes it',
      1: 'it was interrupted, and nothing was written',
      2: 'called wrongly, a file is there already, or check refuses what would be written',
    },
    examples: [
      'init',
      'init --mirth 10.0.0.11:6661 --mirth 10.0.0.12:6661 --yes',
      'init --listener adt=:2575 --mirth 10.0.0.11:6661 --tls own-ca --name gw.hospital.example',
    ],
  });
}
