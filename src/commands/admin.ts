// The commands that talk to a running gateway: their arguments. What they do stands in the files beside this one.
import { type Command, Option } from 'commander';
import { type AdminOptions, DEFAULT_ADMIN, TOKEN_VARIABLE } from './admin-target.ts';
import { deadline, weight } from './arguments.ts';
import { usage } from './certs-folder.ts';
import { type ChangeOptions, changeNode, reload, rotate } from './node-state.ts';
import { readiness } from './readiness.ts';
import { checkStatus, status } from './status.ts';
import type { Terminal } from './terminal.ts';

interface Given extends Omit<AdminOptions, 'timeoutMs'> {
  readonly timeout: number;
  readonly json: boolean;
}

type Finish = (work: number | Promise<number>) => Promise<void>;

/** Long enough to read a line, short enough for "now". */
const WATCH = '2s';

const STATES = {
  drain: 'let a node keep the senders that are bound to it, and give it no new ones',
  maintenance: 'give a node nothing more; its senders move now, at a message boundary',
  ready: 'end draining or maintenance of a node',
} as const;

const NODE = ['<node>', 'POOL/NODE, or NODE where one pool alone has it'] as const;

export function defineAdmin(program: Command, terminal: Terminal, finish: Finish): void {
  reaching(
    program
      .command('status')
      .description('what a running gateway does: listeners, pools, nodes, certificates'),
  )
    .addOption(
      new Option('--watch [interval]', 'again and again, until Ctrl-C').argParser(deadline).preset(WATCH),
    )
    .option('--check', 'one line and an exit code: 0 all well, 1 degraded, 2 nothing works', false)
    .action(({ watch, check, ...options }) => {
      if (check) {
        if (watch !== undefined) throw usage('--check looks once: leave out --watch');
        return finish(checkStatus(reached(options), terminal));
      }
      const until = watch === undefined ? new AbortController().signal : untilSignal();
      const clear = process.stdout.isTTY === true;
      return finish(status({ ...reached(options), watchMs: watch }, terminal, { until, clear }));
    });

  for (const kind of ['drain', 'maintenance'] as const) {
    reaching(
      program
        .command(kind)
        .description(STATES[kind])
        .argument(...NODE),
    ).action((node, options) => finish(changeNode(node, { kind }, reached(options), terminal)));
  }

  reaching(
    program
      .command('ready')
      .description(
        `with a node: ${STATES.ready}; without: is the gateway ready for messages? exit code 0 or 1`,
      )
      .argument('[node]', NODE[1])
      .option('--pool <name>', 'this pool must have an available node (more than once: each)', collect, [])
      .option('--quiet', 'the exit code alone', false),
  ).action((node: string | undefined, { pool: pools, quiet, ...options }) => {
    if (node === undefined) return finish(readiness({ ...reached(options), pools, quiet }, terminal));
    if (pools.length > 0 || quiet) throw usage('--pool and --quiet ask for readiness: leave out the node');
    return finish(changeNode(node, { kind: 'ready' }, reached(options), terminal));
  });

  reaching(
    program
      .command('weight')
      .description("set a node's share beside the others; 0: nothing but what is bound to it")
      .argument(...NODE)
      .argument('<n>', '0 to 256', weight),
  ).action((node, n, options) =>
    finish(changeNode(node, { kind: 'weight', weight: n }, reached(options), terminal)),
  );

  reaching(
    program
      .command('reload')
      .description('have a running gateway read its config anew; a bad one changes nothing'),
  ).action((options) => finish(reload(reached(options), terminal)));

  reaching(
    program
      .command('rotate')
      .description('have a running gateway open its files again, after a rotation of logs; nothing else'),
  ).action((options) => finish(rotate(reached(options), terminal)));
}

function collect(name: string, names: readonly string[]): readonly string[] {
  return [...names, name];
}

function reached({ timeout, ...options }: Given): ChangeOptions {
  return { ...options, timeoutMs: timeout };
}

/** Until Ctrl-C; a second one ends the process. */
export function untilSignal(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  return ending.signal;
}

function reaching(command: Command): Command {
  return command
    .option('--admin <url>', `where its admin API is (default: ${DEFAULT_ADMIN})`)
    .option('-c, --config <file>', 'its config, which says where that is, the token and the certificate')
    .option('--token-file <file>', `the token (default: that of the config, or ${TOKEN_VARIABLE})`)
    .option('--ca <file>', 'over https: trust these certificates (PEM) instead of the system’s')
    .option('--cert <file>', 'client certificate (PEM)')
    .option('--key <file>', 'its key (PEM)')
    .option('--servername <name>', 'the name that the certificate must have, instead of the host')
    .option('--insecure', 'do not check the certificate', false)
    .option('--timeout <duration>', 'for each answer', deadline, 30_000)
    .option('--json', 'JSON lines', false);
}
