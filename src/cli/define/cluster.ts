// The arguments of `keepalived` and `transparent`: what the gateway has to say to the system that it runs on.
import { type Command, Option } from 'commander';
import type { Perform, Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { collected } from './arguments.ts';
import { withHelp } from './help.ts';

export function defineCluster(program: Command, terminal: Terminal, perform: Perform): void {
  const keepalived = program
    .command('keepalived')
    .description('print keepalived.conf for this member of the cluster, or compare it with a file')
    .requiredOption('-c, --config <file>', 'the config')
    .option('--check <file>', 'compare with this file, and say what is different')
    .addOption(
      new Option(
        '--layer4 <how>',
        'hand connections to nodes in the kernel, past the gateway: direct routing (dr) or nat',
      ).choices(['dr', 'nat']),
    )
    .option('--listener <name>', 'with --layer4: this one alone (more than once: each)', collected, [])
    .action(({ config, check, layer4: forwarding, listener: listeners }) => {
      if (forwarding === undefined && listeners.length > 0) throw usage('--listener is for --layer4');
      const layer4 = forwarding === undefined ? undefined : { forwarding, listeners };
      return perform(async () =>
        (await import('../cluster/keepalived.ts')).keepalived(config, { check, layer4 }, terminal),
      );
    });
  withHelp(keepalived, {
    exit: {
      0: 'printed; with --check: the file is as the config wants it',
      1: 'with --check: the file is different',
      2: 'called wrongly, the config is bad or has no cluster, a file cannot be read, or a listener needs the gateway',
    },
    examples: [
      'keepalived -c gateway.yaml',
      'keepalived -c gateway.yaml --check /etc/keepalived/keepalived.conf',
      'keepalived -c gateway.yaml --layer4 dr --listener dicom',
    ],
  });

  const transparent = program
    .command('transparent')
    .description('print the nft and ip rules for pools with source: client, or say which are missing')
    .requiredOption('-c, --config <file>', 'the config')
    .option('--check', 'say which of them this machine does not have (needs root)')
    .option('--mark <number>', "of packets; 1, if not given, where nobody else's rules use that")
    .option('--table <number>', 'the routing table; 100, if not given')
    .action((options) =>
      perform(async () =>
        (await import('../transparent/transparent.ts')).transparent(
          options.config,
          { check: options.check === true, mark: options.mark, table: options.table },
          terminal,
        ),
      ),
    );
  withHelp(transparent, {
    exit: {
      0: 'printed; with --check: all rules are there',
      1: 'with --check: some are missing',
      2: 'called wrongly, the config is bad or has no such pool, or nft or ip cannot be run',
    },
    examples: [
      'transparent -c gateway.yaml',
      'transparent -c gateway.yaml --check',
      'transparent -c gateway.yaml --mark 0x40 --table 140',
    ],
  });
}
