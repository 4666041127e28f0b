// The arguments of `replay`. What it does stands in replay-live.ts and replay-diff.ts.
import type { Command } from 'commander';
import { GatewayError } from '../errors.ts';
import { untilSignal } from './admin.ts';
import { collected, count, deadline, rate } from './arguments.ts';
import { CONTENT_TYPE } from './message-target.ts';
import { progressOf, replay, withScenarioOptions } from './replay.ts';
import { replayDiff } from './replay-diff.ts';
import { replayLiveCommand } from './replay-live.ts';
import { progressOn, type Terminal } from './terminal.ts';

type Finish = (work: number | Promise<number>) => Promise<void>;

export function defineReplay(program: Command, terminal: Terminal, finish: Finish): void {
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
    .option('--source <address>', "with --diff of configs: the sender's address", '127.0.0.1')
    .option('--timeout <duration>', 'for connecting, and for each answer', deadline, 30_000)
    .option('--ca <file>', 'trust these certificates (PEM) instead of the system’s')
    .option('--cert <file>', 'client certificate (PEM)')
    .option('--key <file>', 'its key (PEM)')
    .option('--servername <name>', 'the name that the certificate must have, instead of HOST')
    .option('--insecure', 'do not check the certificate', false)
    .option('--content-type <type>', `over HTTP; the charset of MSH-18 is added (default: ${CONTENT_TYPE})`)
    .option('--user <name>', 'over HTTP: for Basic authentication')
    .option('--password-file <file>', 'its password')
    .option('--json', 'JSON lines', false)
    .action((places, { timeout, ramp, duration: forMs, ...options }) => {
      const given = { ...options, timeoutMs: timeout, rampMs: ramp, durationMs: forMs };
      const isLive = options.diff !== undefined || options.to.length > 0;
      if (!isLive) return finish(replay(places, options, terminal, progressOf()));
      if (options.config !== undefined)
        throw new GatewayError('GW_ERR_USAGE', {
          detail: '--config plays in this process; with --to or --diff leave it out',
        });
      const until = untilSignal();
      if (options.diff !== undefined) return finish(replayDiff(places, given, terminal, until));
      return finish(
        replayLiveCommand(places, given, terminal, { until, progress: progressOn(process.stderr) }),
      );
    });
}
