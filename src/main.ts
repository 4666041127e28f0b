#!/usr/bin/env node
// The command line: each command's arguments, and what an error means for the exit code.
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { defineAdmin, untilSignal } from './commands/admin.ts';
import { collected, count, deadline, duration, port, processId, rate, size } from './commands/arguments.ts';
import { defineCerts } from './commands/certs.ts';
import { check } from './commands/check.ts';
import { demo } from './commands/demo.ts';
import { CONTENT_TYPE } from './commands/message-target.ts';
import { node } from './commands/node.ts';
import { password } from './commands/password.ts';
import { recordCapture } from './commands/record.ts';
import { recordTap } from './commands/record-tap.ts';
import { replayDiff } from './commands/replay-diff.ts';
import { replayLiveCommand } from './commands/replay-live.ts';
import { route } from './commands/route.ts';
import { run } from './commands/run.ts';
import { send } from './commands/send.ts';
import { show } from './commands/show.ts';
import { EXIT, progressOn, type Terminal } from './commands/terminal.ts';
import { ConfigError, formatProblem } from './config/load.ts';
import { GatewayError } from './errors.ts';
import { MIRTH_HTTP_DEFAULTS } from './simulation/simulated-http-node.ts';
import { MIRTH_DEFAULTS } from './simulation/simulated-node.ts';
import { version } from './version.ts';

/** `… | head -1` closes the pipe: whoever reads has read enough. The rest of the work is not done, so it is no success. */
function onOutputClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.failed);
}

const terminal: Terminal = {
  out: (line) => {
    // Not before there is a line: touching stdout makes a pipe non-blocking, and `run` has its log write there itself.
    if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', onOutputClosed);
    process.stdout.write(`${line}\n`);
  },
  err: (line) => void process.stderr.write(`${line}\n`),
};

const ACKS = ['AA', 'AE', 'AR', 'CA', 'CE', 'CR'] as const;

function ackCode(text: string): (typeof ACKS)[number] {
  const code = ACKS.find((one) => one === text);
  if (code === undefined) throw new InvalidArgumentError(`It takes one of ${ACKS.join(', ')}.`);
  return code;
}

/** Set by the command that ran; commander's own errors are usage errors. */
let exitCode: number = EXIT.usage;

async function finish(work: number | Promise<number>): Promise<void> {
  exitCode = await work;
}

const program = new Command('hl7-gateway')
  .description('A Layer 7 gateway that understands HL7 v2, in front of Mirth Connect nodes')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(--help shows what there is)');

program
  .command('run')
  .description('run the gateway until SIGTERM or Ctrl-C, then drain at a message boundary')
  .option('-c, --config <file>', 'the config', 'gateway.yaml')
  .option(
    '--replace <pid>',
    'take over from the gateway with this process id (needs hotRestart: true)',
    processId,
  )
  .action((options) => finish(run(options.config, { replace: options.replace }, terminal)));

program
  .command('demo')
  .description('two simulated Mirth nodes, the gateway, and the bundled fixtures through it')
  .option('--once', 'exit when the fixtures are through', false)
  .option('--port <port>', 'of the MLLP listener; 0 takes a free one', port, 2575)
  .option('--json', 'a JSON line for each message', false)
  .action((options) => finish(demo(options, terminal)));

program
  .command('check')
  .description('validate a config: file, line, column and key of everything that is wrong')
  .requiredOption('-c, --config <file>', 'the config')
  .option('--json', 'a JSON line for each problem', false)
  .action((options) => finish(check(options.config, { json: options.json }, terminal)));

program
  .command('route')
  .description('say where messages would go and why, without sending')
  .argument('<message...>', 'files with HL7 messages')
  .requiredOption('-c, --config <file>', 'the config')
  .option('--listener <name>', 'as if they had come by this listener only')
  .option('--source <address>', "the sender's address", '127.0.0.1')
  .option('--path <path>', 'over HTTP: where it is posted', '/')
  .option('--host <name>', 'over HTTP: the host that is asked for', 'localhost')
  .option('--json', 'a JSON line for each message and listener', false)
  .action((files, options) => finish(route(options.config, files, options, terminal)));

program
  .command('send')
  .description('send messages and print each answer; exit 1 unless all are AA or CA')
  .argument('<message...>', 'files with HL7 messages')
  .requiredOption('--to <url>', 'mllp://HOST:PORT, mllps://HOST:PORT, http://HOST[:PORT]/PATH or https://…')
  .option('--timeout <duration>', 'for connecting, and for each answer', deadline, 30_000)
  .option('--ca <file>', 'trust these certificates (PEM) instead of the system’s')
  .option('--cert <file>', 'client certificate (PEM)')
  .option('--key <file>', 'its key (PEM)')
  .option('--servername <name>', 'the name that the certificate must have, instead of HOST')
  .option('--insecure', 'do not check the certificate', false)
  .option('--content-type <type>', `over HTTP; the charset of MSH-18 is added (default: ${CONTENT_TYPE})`)
  .option('--user <name>', 'over HTTP: for Basic authentication')
  .option('--password-file <file>', 'its password')
  .option('--json', 'a JSON line for each message', false)
  .action((files, options) => finish(send(files, { ...options, timeoutMs: options.timeout }, terminal)));

program
  .command('replay')
  .description('messages against live targets, with rates and latencies; or what differs between two of them')
  .argument('<message...>', 'files with HL7 messages, or folders of *.hl7')
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
    const until = untilSignal();
    if (options.diff !== undefined) return finish(replayDiff(places, given, terminal, until));
    if (options.to.length === 0)
      throw new GatewayError('GW_ERR_USAGE', { detail: 'replay wants --to or --diff' });
    return finish(
      replayLiveCommand(places, given, terminal, { until, progress: progressOn(process.stderr) }),
    );
  });

program
  .command('record')
  .description('record a line for replay, de-identified: from a capture file, or from a running gateway')
  .option('--pcap <file>', 'a capture (pcap, pcapng) with plain MLLP in it')
  .option('--admin <url>', 'a running gateway with admin.tap: true; https://, or http:// on this machine')
  .requiredOption('-o, --output <folder>', 'a new folder')
  .option('--port <port>', 'with --pcap: only connections of this port', port)
  .option('--chunks', 'with --pcap: also write in which pieces each message came', false)
  .option(
    '--pseudonym-key <file>',
    'the same key gives the same pseudonyms (default: a new one, which is not kept)',
  )
  .option('--keep-segment <names...>', 'Z segments that stay; all others are left out')
  .option('--same-length', 'keep the length of what is blanked', false)
  .option('--raw', 'write patient data as it was on the wire', false)
  .option('--json', 'the report as JSON', false)
  .option('--listener <name>', 'with --admin: messages of this listener only')
  .option('--count <n>', 'with --admin: so many messages', count, 1000)
  .option('--for <duration>', 'with --admin: so long, 1h at most', deadline, 60_000)
  .option('--max-bytes <size>', 'with --admin: so much, as it is sent', size, 64 * 1024 * 1024)
  .option('--token-file <file>', 'with --admin: the token (default: HL7_GATEWAY_TOKEN)')
  .option('--ca <file>', 'over https: trust these certificates (PEM) instead of the system’s')
  .option('--cert <file>', 'client certificate (PEM)')
  .option('--key <file>', 'its key (PEM)')
  .option('--servername <name>', 'the name that the certificate must have, instead of the host')
  .option('--insecure', 'do not check the certificate', false)
  .option('--timeout <duration>', 'for connecting', deadline, 30_000)
  .action(({ timeout, for: forMs, ...options }) => {
    const { pcap, admin } = options;
    if ((pcap === undefined) === (admin === undefined))
      throw new GatewayError('GW_ERR_USAGE', { detail: 'record wants one of --pcap and --admin' });
    if (pcap !== undefined) return finish(recordCapture(options, terminal));
    return finish(recordTap({ ...options, timeoutMs: timeout, forMs }, terminal, untilSignal()));
  });

program
  .command('show')
  .description('print messages segment by segment, with the names of their fields; patient data too')
  .argument('<message...>', 'files with HL7 messages')
  .option('--json', 'a JSON line for each message', false)
  .action((files, options) => finish(show(files, { json: options.json }, terminal)));

program
  .command('node')
  .description('a simulated Mirth node')
  .requiredOption(
    '--listen <url>',
    'mllp://, mllps://, http:// or https://HOST:PORT; port 0 takes a free one',
  )
  .option('--ack <code>', 'how it answers', ackCode, MIRTH_DEFAULTS.ack)
  .option('--delay <duration>', 'how long a message takes', duration, MIRTH_DEFAULTS.delayMs)
  .option('--fail-every <n>', 'answer every nth message AE', count, MIRTH_DEFAULTS.failEvery)
  .option('--close-after <n>', 'close at every nth message, unanswered', count, MIRTH_DEFAULTS.closeAfter)
  .option(
    '--max-connections <n>',
    `accept and close those above (default: ${MIRTH_DEFAULTS.maxConnections}, over HTTP ${MIRTH_HTTP_DEFAULTS.maxConnections})`,
    count,
  )
  .option('--name <name>', 'over HTTP: what its page and its responses say')
  .option('--idle <duration>', 'over HTTP: close idle connections after it (default: 30s)', deadline)
  .option('--no-binary-types', 'over HTTP: take HL7 of application/… types too, which Mirth garbles')
  .option('--cert <file>', 'certificate (PEM) for mllps and https (default: a throw-away one)')
  .option('--key <file>', 'its key (PEM)')
  .option('--quiet', 'print no line for each message', false)
  .option('--json', 'JSON lines', false)
  .action((options) => finish(node({ ...options, delayMs: options.delay, idleMs: options.idle }, terminal)));

program
  .command('password')
  .description('make of a password the line that listeners.NAME.http.users takes; asks, or reads stdin')
  .action(() => {
    const prompt = (text: string): void => void process.stderr.write(text);
    return finish(password({ input: process.stdin, prompt }, terminal));
  });

defineAdmin(program, terminal, finish);

defineCerts(program.command('certs'), terminal, finish);

/** One line for what went wrong; a config's problems have a line each. */
function report(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) terminal.err(formatProblem(problem));
    return EXIT.usage;
  }
  if (error instanceof GatewayError && error.code !== 'GW_ERR_INTERNAL') {
    terminal.err(`${error.message} [${error.code}]`);
    // The command was right, and could not do its work.
    const failed = error.code === 'GW_ERR_LISTEN' || error.code.startsWith('GW_ERR_ADMIN_');
    return failed ? EXIT.failed : EXIT.usage;
  }
  throw error;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? EXIT.good : EXIT.usage;
  else exitCode = report(error);
}
process.exitCode = exitCode;
