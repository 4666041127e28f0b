// The arguments of the commands that take messages: `route`, `send` and `show`.
import type { Command } from 'commander';
import type { Perform, Terminal } from '../terminal.ts';
import { withTargetOptions } from './arguments.ts';
import { CALLED_WRONGLY, withHelp } from './help.ts';

const FILES = ['<message...>', 'files with HL7 messages; - is standard input'] as const;

export function defineMessages(program: Command, terminal: Terminal, perform: Perform): void {
  const route = program
    .command('route')
    .description('say where messages would go and why, without sending')
    .argument(...FILES)
    .requiredOption('-c, --config <file>', 'the config')
    .option('--listener <name>', 'as if they had come by this listener only')
    .option('--source <address>', "the sender's address", '127.0.0.1')
    .option('--path <path>', 'over HTTP: where it is posted', '/')
    .option('--host <name>', 'over HTTP: the host that is asked for', 'localhost')
    .option('--json', 'a JSON line for each message and listener', false)
    .action((files, options) =>
      perform(async () => {
        const command = await import('../messages/route.ts');
        const input = await standardInput(files);
        return command.route(options.config, files, { ...options, input }, terminal);
      }),
    );
  withHelp(route, {
    exit: {
      0: 'every message has a route that takes it',
      1: 'one has none, or is rejected',
      2: `${CALLED_WRONGLY}, or the config is bad`,
    },
    examples: [
      'route -c gateway.yaml message.hl7',
      'route -c gateway.yaml --listener adt --source 10.1.2.3 message.hl7',
      'route -c gateway.yaml --json - < message.hl7',
    ],
  });

  const send = withTargetOptions(
    program
      .command('send')
      .description('send messages and print each answer; exit 1 unless all are AA or CA')
      .argument(...FILES)
      .requiredOption(
        '--to <url>',
        'mllp://HOST:PORT, mllps://HOST:PORT, http://HOST[:PORT]/PATH or https://…',
      ),
  )
    .option('--json', 'a JSON line for each message', false)
    .action((files, options) =>
      perform(async () => {
        const command = await import('../messages/send.ts');
        const input = await standardInput(files);
        return command.send(files, { ...options, timeoutMs: options.timeout, input }, terminal);
      }),
    );
  withHelp(send, {
    exit: {
      0: 'every message was answered AA or CA',
      1: 'one was not, or had no answer',
      2: `${CALLED_WRONGLY}; nothing was sent`,
    },
    examples: [
      'send message.hl7 --to mllp://127.0.0.1:2575',
      'send *.hl7 --to mllps://vip.hospital.example:2576 --ca ca.pem',
      'send message.hl7 --to https://vip.hospital.example/hl7 --user lab --password-file lab.pass',
      'send - --to mllp://127.0.0.1:2575 < message.hl7',
    ],
  });

  const show = program
    .command('show')
    .description('print messages segment by segment, with the names of their fields; patient data too')
    .argument(...FILES)
    .option('--json', 'a JSON line for each message', false)
    .action((files, options) =>
      perform(async () => {
        const command = await import('../messages/show.ts');
        const input = await standardInput(files);
        return command.show(files, { json: options.json, input }, terminal);
      }),
    );
  withHelp(show, {
    exit: { 0: 'everything was shown', 2: `${CALLED_WRONGLY}, or something is no HL7; the rest was shown` },
    examples: ['show message.hl7', 'show --json *.hl7', 'show - < message.hl7'],
  });
}

async function standardInput(files: readonly string[]): Promise<Buffer | undefined> {
  const { readStandardInput } = await import('../standard-input.ts');
  return readStandardInput(files, process.stdin);
}
