// The arguments of `node`. What it does stands in ../node.ts.
import { type Command, InvalidArgumentError } from 'commander';
import { MIRTH_DEFAULTS, MIRTH_HTTP_DEFAULTS } from '../../tools/simulation/mirth-defaults.ts';
import type { Perform, Terminal } from '../terminal.ts';
import { apiChannel, apiStatus, count, deadline, duration } from './arguments.ts';
import { CALLED_WRONGLY, withHelp } from './help.ts';

const ACKS = ['AA', 'AE', 'AR', 'CA', 'CE', 'CR'] as const;

function ackCode(text: string): (typeof ACKS)[number] {
  const code = ACKS.find((one) => one === text);
  if (code === undefined) throw new InvalidArgumentError(`It takes one of ${ACKS.join(', ')}.`);
  return code;
}

export function defineNode(program: Command, terminal: Terminal, perform: Perform): void {
  const node = program
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
      perform(async () => {
        const command = await import('../node/node.ts');
        const { delay: delayMs, idle: idleMs, lateFull: lateFullMs } = options;
        return command.node({ ...options, delayMs, idleMs, lateFullMs }, terminal);
      }),
    );
  withHelp(node, {
    exit: { 0: 'a signal ended it', 1: 'it could not listen', 2: CALLED_WRONGLY },
    examples: [
      'node --listen mllp://127.0.0.1:6661',
      'node --listen mllp://127.0.0.1:0 --ack AE --delay 20ms --max-connections 10',
      'node --listen https://127.0.0.1:8443 --cert node.crt.pem --key node.key.pem',
      'node --listen mllp://127.0.0.1:6661 --api https://127.0.0.1:8443 --api-status 2@2s,3@2s,0',
    ],
  });
}
