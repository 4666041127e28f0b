#!/usr/bin/env node
// The command line: each command's arguments, and what an error means for the exit code.
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { defineAdmin } from './commands/admin.ts';
import {
  apiChannel,
  apiStatus,
  count,
  deadline,
  duration,
  port,
  processId,
  showDefaultsAsTaken,
} from './commands/arguments.ts';
import { defineCerts } from './commands/certs.ts';
import { check } from './commands/check.ts';
import { demo } from './commands/demo.ts';
import { CONTENT_TYPE } from './commands/message-target.ts';
import { node } from './commands/node.ts';
import { password } from './commands/password.ts';
import { defineRecord } from './commands/record-arguments.ts';
import { defineReplay } from './commands/replay-arguments.ts';
import { route } from './commands/route.ts';
import { run } from './commands/run.ts';
import { send } from './commands/send.ts';
import { show } from './commands/show.ts';
import { EXIT, type Terminal } from './commands/terminal.ts';
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
  .option('--traces <url>', 'send traces to the collector or Jaeger there, such as http://127.0.0.1:4318')
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
  .option('--http-error-acks', 'over HTTP: answer AE with status 500, as Mirth does by default')
  .option('--status-500', 'over HTTP: answer messages with status 500 and a page, no acknowledgement')
  .option('--close-after-answer', 'close behind each answer: Keep Connection Open = No')
  .option('--late-full <duration>', 'over MLLP: close connections above the limit so late: 90ms', duration)
  .option(
    '--process-batch',
    'over MLLP: answer each message of a frame in a frame of its own, and swallow the next frame right behind',
  )
  .option('--cert <file>', 'certificate (PEM) for mllps and https (default: a throw-away one)')
  .option('--key <file>', 'its key (PEM)')
  .option('--api <url>', "Mirth's REST API too, on https://HOST:PORT (or http://, as no Mirth does)")
  .option('--api-status <list>', 'what it says: 2@2s,3@2s,0 is 2 for 2 s, 3 for 2 s, then 0', apiStatus)
  .option('--api-channel <name=state>', 'a channel, again for more; the port is the first', apiChannel)
  .option('--api-user <name>', 'who may ask for channels (default: admin, password admin)')
  .option('--api-password-file <file>', 'its password')
  .option('--api-cert <file>', 'certificate (PEM) of the API (default: a throw-away one)')
  .option('--api-key <file>', 'its key (PEM)')
  .option('--api-delay <duration>', 'how long it takes for each answer, as that of a busy server', duration)
  .option('--login-cost <duration>', 'what a login takes besides, one after the other: 700ms', duration)
  .option('--keep-open', 'keep the port open whatever the API says')
  .option('--quiet', 'print no line for each message', false)
  .option('--json', 'JSON lines', false)
  .action((options) =>
    finish(
      node(
        { ...options, delayMs: options.delay, idleMs: options.idle, lateFullMs: options.lateFull },
        terminal,
      ),
    ),
  );

program
  .command('password')
  .description('make of a password the line that listeners.NAME.http.users takes; asks, or reads stdin')
  .action(() => {
    const prompt = (text: string): void => void process.stderr.write(text);
    return finish(password({ input: process.stdin, prompt }, terminal));
  });

defineAdmin(program, terminal, finish);

defineReplay(program, terminal, finish);

defineRecord(program, terminal, finish);

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

showDefaultsAsTaken(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? EXIT.good : EXIT.usage;
  else exitCode = report(error);
}
process.exitCode = exitCode;
