// The arguments of `replay`. What it does stands in ../replay.ts, ../replay-live.ts and ../replay-diff.ts.
import { type Command, InvalidArgumentError } from 'commander';
import { DEFAULT_JOBS } from '../../tools/replay/default-jobs.ts';
import { type Perform, progressOn, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { collected, count, deadline, rate, withTargetOptions } from './arguments.ts';
import { CALLED_WRONGLY, withHelp } from './help.ts';

export function defineReplay(program: Command, terminal: Terminal, perform: Perform): void {
  const command = withTargetOptions(
    withScenarioOptions(program.command('replay'))
      .description(
        'play scenarios and messages against a config and simulated nodes, or messages against live targets (--to); or tell what differs between two (--diff)',
      )
      .argument('<path...>', 'folders, scenarios (*.yaml), files with HL7 messages (*.hl7)')
      .option('--to <url>', 'as for send; may be given several times', collected, [])
      .option('--diff <targets...>', 'two URLs, or two config files: what changes for each message')
      .option(
        '--rate <n/s>',
        'messages a second, whatever the answers take (default: as fast as they are answered)',
        rate,
      )
      .option('--ramp <duration>', 'until that rate is reached', deadline)
      .option('--connections <n>', 'at most so many; a sender (MSH-3, MSH-4) stays on one', count, 8)
      .option('--pipelining <n>', 'messages that may wait for their answers on one connection', count, 1)
      .option('--duration <duration>', 'again and again from the first message, for so long', deadline)
      .option('--new-ids', 'a new MSH-10 and MSH-7 for each copy', false)
      .option(
        '--ignore <fields...>',
        'with --diff: fields of the answers that may differ, or none (default: MSH-7 MSH-10)',
      )
      .option('--source <address>', "with --diff of configs: the sender's address", '127.0.0.1'),
  )
    .option('--json', 'JSON lines', false)
    .action((places, { timeout, ramp, duration: forMs, ...options }) => {
      const given = { ...options, timeoutMs: timeout, rampMs: ramp, durationMs: forMs };
      const isLive = options.diff !== undefined || options.to.length > 0;
      if (!isLive)
        return perform(async () => {
          const { progressOf, replay } = await import('../replay/replay.ts');
          return replay(places, options, terminal, progressOf());
        });
      if (options.config !== undefined)
        throw usage('--config plays in this process; with --to or --diff leave it out');
      return perform(async () => {
        const { interrupted } = await import('../run/until-signal.ts');
        const until = interrupted();
        if (options.diff !== undefined)
          return (await import('../replay/replay-diff.ts')).replayDiff(places, given, terminal, until);
        const { replayLiveCommand } = await import('../replay/replay-live.ts');
        return replayLiveCommand(places, given, terminal, { until, progress: progressOn(process.stderr) });
      });
    });
  withHelp(command, {
    exit: {
      0: 'everything came out as expected, was accepted, or is the same',
      1: 'something did not, was not, or is not',
      2: CALLED_WRONGLY,
    },
    examples: [
      'replay fixtures/scenarios',
      'replay messages/ scenarios/ --config gateway.yaml --junit replay.xml',
      'replay messages/ --to mllp://vip:2575 --rate 200/s --connections 8',
      'replay messages/ --diff gateway.yaml new.yaml',
    ],
  });
}

function speed(text: string): number {
  const times = count(text);
  if (times < 1 || times > 1000) throw new InvalidArgumentError('It takes a number from 1 to 1000.');
  return times;
}

function jobs(text: string): number {
  const number = count(text);
  if (number < 1 || number > 64) throw new InvalidArgumentError('It takes a number from 1 to 64.');
  return number;
}

function fieldName(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^[A-Z][A-Z0-9]{2}-\d{1,2}$/.test(text))
    throw new InvalidArgumentError('It takes a field such as MSH-7.');
  return [...before, text];
}

/** What belongs to scenarios; the command and its `--json` are defined where all ways to replay are. */
function withScenarioOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the config, for what brings none of its own')
    .option('--listener <name>', 'where message files without a scenario are sent to (default: the first)')
    .option(
      '--speed <times>',
      'in real time, so many times faster (default: as the scenario says, else 10)',
      speed,
    )
    .option('--real-time', 'on real connections and the real clock; also what has TLS is', false)
    .option('--jobs <n>', 'in real time: scenarios at the same time', jobs, DEFAULT_JOBS)
    .option(
      '--compare <field>',
      'compare this field of answers too: MSH-7, MSH-10; may be repeated',
      fieldName,
    )
    .option('--update', 'accept what came out as the new expectation', false)
    .option('--junit <file>', 'write a JUnit report as well');
}
