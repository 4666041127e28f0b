// The arguments of `run`, `demo` and `check`.
import type { Command } from 'commander';
import type { Perform, Terminal } from '../terminal.ts';
import { port, processId } from './arguments.ts';
import { withHelp } from './help.ts';

export function defineGateway(program: Command, terminal: Terminal, perform: Perform): void {
  const run = program
    .command('run')
    .description('run the gateway until SIGTERM or Ctrl-C, then drain at a message boundary')
    .option('-c, --config <file>', 'the config', 'gateway.yaml')
    .option(
      '--replace <pid>',
      'take over from the gateway with this process id (needs hotRestart: true)',
      processId,
    )
    .action((options) =>
      perform(async () => {
        const command = await import('../run/run.ts');
        return command.run(options.config, { replace: options.replace }, terminal);
      }),
    );
  withHelp(run, {
    exit: {
      0: 'a signal ended it, and it has drained',
      1: 'it could not listen, or it failed',
      2: 'called wrongly, or the config is bad',
    },
    examples: ['run -c gateway.yaml', 'run -c gateway.yaml --replace 4711'],
  });

  const worker = program
    .command('worker', { hidden: true })
    .description('a process that carries messages; run starts it, where the config has several (workers)')
    .action(() => perform(async () => (await import('../run/run-worker.ts')).runWorker()));
  withHelp(worker, {
    exit: {
      0: 'the process that started it ended it, and it has drained',
      1: 'it failed, or had to cut something off',
      2: 'nobody started it who speaks to it',
    },
    examples: ['worker'],
  });

  const demo = program
    .command('demo')
    .description('two simulated Mirth nodes, the gateway, and the bundled fixtures through it')
    .option('--once', 'exit when the fixtures are through', false)
    .option('--port <port>', 'of the MLLP listener; 0 takes a free one', port, 2575)
    .option('--traces <url>', 'send traces to the collector or Jaeger there, such as http://127.0.0.1:4318')
    .option('--json', 'a JSON line for each message', false)
    .action((options) => perform(async () => (await import('../demo/demo.ts')).demo(options, terminal)));
  withHelp(demo, {
    exit: {
      0: 'every message went where it should',
      1: 'one did not, or no port could be had',
      2: 'called wrongly',
    },
    examples: ['demo', 'demo --once --port 0 --json', 'demo --traces http://127.0.0.1:4318'],
  });

  const check = program
    .command('check')
    .description('validate a config: file, line, column and key of everything that is wrong')
    .requiredOption('-c, --config <file>', 'the config')
    .option('--json', 'a JSON line for each problem, or with --resolved the config as JSON', false)
    .option(
      '--no-files',
      'look at nothing of this machine that the config names: certificates, keys, interfaces',
    )
    .option(
      '--resolved',
      'print the config as it is with includes, defaults, variables and ranges; secrets are masked',
      false,
    )
    .action(({ config, json, files, resolved }) =>
      perform(async () =>
        (await import('../run/check.ts')).check(config, { json, files, resolved }, terminal),
      ),
    );
  withHelp(check, {
    exit: { 0: 'it is good, whatever it is warned of', 2: 'it has errors, or cannot be read' },
    examples: [
      'check -c gateway.yaml',
      'check -c gateway.yaml --no-files --json',
      'check -c gateway.yaml --resolved',
    ],
  });
}
