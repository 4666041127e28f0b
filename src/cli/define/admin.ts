// The commands that talk to a running gateway: their arguments. What they do stands in the folder above.
import { type Command, Option } from 'commander';
import type { AdminOptions } from '../admin/admin-target.ts';
import type { ChangeOptions, NodeChange } from '../admin/node-state.ts';
import { DEFAULT_ADMIN, TOKEN_VARIABLE } from '../defaults.ts';
import type { Perform, Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { collected, deadline, weight } from './arguments.ts';
import { type CommandHelp, withHelp } from './help.ts';

/** What tells a command where the gateway is. */
export interface AdminGiven extends Omit<AdminOptions, 'timeoutMs'> {
  /** Undefined: as long as the command waits by itself. */
  readonly timeout?: number | undefined;
  readonly json: boolean;
}

const EXIT_CODES: CommandHelp['exit'] = {
  0: 'done',
  1: 'not done: the gateway did not answer, or said no',
  2: 'called wrongly, or the config or a file cannot be read',
};

const TIMEOUT_MS = 30_000;
const MEMBER_TIMEOUT_MS = 5_000;

/** Long enough to read a line, short enough for "now". */
const WATCH = '2s';

const STATES = {
  drain: 'let a node keep the senders that are bound to it, and give it no new ones',
  maintenance: 'give a node nothing more; its senders move now, at a message boundary',
  ready: 'end draining or maintenance of a node',
} as const;

const CHANGE_CODES: CommandHelp['exit'] = {
  ...EXIT_CODES,
  0: 'done, with --all on all members',
  1: 'not done, or not on all members: a gateway did not answer, or said no',
};

const ALL = ['--all', 'on all members of the cluster in the config', false] as const;

const NODE = ['<node>', 'POOL/NODE, or NODE where one pool alone has it'] as const;

export function defineAdmin(program: Command, terminal: Terminal, perform: Perform): void {
  const status = reachingAdmin(
    program
      .command('status')
      .description('what a running gateway does: listeners, pools, nodes, certificates'),
  )
    .addOption(
      new Option('--watch [interval]', 'again and again, until Ctrl-C').argParser(deadline).preset(WATCH),
    )
    .addOption(
      new Option('-o, --output <form>', 'wide: the whole table, however narrow the terminal; json').choices([
        'wide',
        'json',
      ]),
    )
    .option('--check', 'one line and an exit code: 0 all well, 1 degraded, 2 nothing works', false)
    .option('--cluster', 'all members of the cluster in the config, and who has the VIPs', false)
    .action(({ watch, check, cluster, output, ...given }) => {
      const options = { ...given, json: given.json || output === 'json' };
      if (check && watch !== undefined) throw usage('--check looks once: leave out --watch');
      return perform(async () => {
        const target = cluster ? reachedSoon(options) : reachedAdmin(options);
        const command = cluster ? await clusterCommand() : await statusCommand();
        if (check) return command.check(target, terminal);
        const { interrupted } = await import('../run/until-signal.ts');
        const until = watch === undefined ? new AbortController().signal : interrupted();
        const clear = process.stdout.isTTY === true;
        return command.show({ ...target, watchMs: watch, wide: output === 'wide' }, terminal, {
          until,
          clear,
        });
      });
    });
  withHelp(status, {
    exit: {
      0: 'it answered, with --cluster all members did; with --check: all is well',
      1: 'it did not answer, with --cluster one did not; with --check: it is degraded',
      2: 'called wrongly, or a file cannot be read; with --check: nothing works, or no answer; with --cluster: a VIP is nowhere, or on several',
    },
    examples: [
      'status -c gateway.yaml',
      'status -c gateway.yaml --watch 10s',
      'status --admin https://gateway:9600 --ca ca.pem --token-file admin.token --json',
      'status -c gateway.yaml -o wide',
      'status -c gateway.yaml --check',
      'status -c gateway.yaml --cluster',
    ],
  });

  for (const kind of ['drain', 'maintenance'] as const) {
    const command = reachingAdmin(
      program
        .command(kind)
        .description(STATES[kind])
        .argument(...NODE),
    )
      .option(...ALL)
      .action((node, options) => perform(() => changed(node, { kind }, options, terminal)));
    withHelp(command, {
      exit: CHANGE_CODES,
      examples: [
        `${kind} mirth-adt/a -c gateway.yaml`,
        `${kind} a --admin http://127.0.0.1:9600`,
        `${kind} mirth-adt/a -c gateway.yaml --all`,
      ],
    });
  }

  const ready = reachingAdmin(
    program
      .command('ready')
      .description(
        `with a node: ${STATES.ready}; without: is the gateway ready for messages? exit code 0 or 1`,
      )
      .argument('[node]', NODE[1])
      .option('--pool <name>', 'this pool must have an available node (more than once: each)', collected, [])
      .option('--quiet', 'the exit code alone', false)
      .option(...ALL),
  ).action((node: string | undefined, { pool: pools, quiet, ...options }) => {
    if (node !== undefined && (pools.length > 0 || quiet))
      throw usage('--pool and --quiet ask for readiness: leave out the node');
    if (node === undefined && options.all)
      throw usage('--all is for a node; status --cluster tells how the members are');
    return perform(async () => {
      if (node !== undefined) return changed(node, { kind: 'ready' }, options, terminal);
      const { readiness } = await import('../admin/readiness.ts');
      return readiness({ ...reachedAdmin(options), pools, quiet }, terminal);
    });
  });
  withHelp(ready, {
    exit: {
      ...CHANGE_CODES,
      0: 'done, with --all on all members; without a node: it is ready',
      1: 'not done, or not on all members; without a node: it is not ready',
    },
    examples: [
      'ready mirth-adt/a -c gateway.yaml',
      'ready -c gateway.yaml',
      'ready --pool mirth-adt --quiet -c gateway.yaml',
    ],
  });

  const weigh = reachingAdmin(
    program
      .command('weight')
      .description("set a node's share beside the others; 0: nothing but what is bound to it")
      .argument(...NODE)
      .argument('<n>', '0 to 256', weight),
  )
    .option(...ALL)
    .action((node, n, options) =>
      perform(() => changed(node, { kind: 'weight', weight: n }, options, terminal)),
    );
  withHelp(weigh, {
    exit: CHANGE_CODES,
    examples: ['weight mirth-adt/b 3 -c gateway.yaml', 'weight mirth-adt/b 0 -c gateway.yaml'],
  });

  const reload = reachingAdmin(
    program
      .command('reload')
      .description('have a running gateway read its config anew; a bad one changes nothing'),
  ).action((options) =>
    perform(async () => (await import('../admin/node-state.ts')).reload(reachedAdmin(options), terminal)),
  );
  withHelp(reload, { exit: EXIT_CODES, examples: ['reload -c gateway.yaml'] });

  const rotate = reachingAdmin(
    program
      .command('rotate')
      .description('have a running gateway open its files again, after a rotation of logs; nothing else'),
  ).action((options) =>
    perform(async () => (await import('../admin/node-state.ts')).rotate(reachedAdmin(options), terminal)),
  );
  withHelp(rotate, { exit: EXIT_CODES, examples: ['rotate -c gateway.yaml'] });
}

export function reachedAdmin({ timeout = TIMEOUT_MS, ...options }: AdminGiven): ChangeOptions {
  return { ...options, timeoutMs: timeout };
}

/** A member that is off or hangs is to be seen while somebody waits. */
export function reachedSoon(given: AdminGiven): ChangeOptions {
  return reachedAdmin({ ...given, timeout: given.timeout ?? MEMBER_TIMEOUT_MS });
}

async function changed(
  node: string,
  change: NodeChange,
  { all, ...options }: AdminGiven & { readonly all: boolean },
  terminal: Terminal,
): Promise<number> {
  if (!all)
    return (await import('../admin/node-state.ts')).changeNode(node, change, reachedAdmin(options), terminal);
  const { changeNodeOnAll } = await import('../admin/node-state-all.ts');
  return changeNodeOnAll(node, change, reachedSoon(options), terminal);
}

async function statusCommand() {
  const { checkStatus: check, status: show } = await import('../admin/status.ts');
  return { check, show };
}

async function clusterCommand() {
  const { checkClusterStatus: check, clusterStatus: show } = await import('../admin/cluster-status.ts');
  return { check, show };
}

export function reachingAdmin(command: Command): Command {
  return command
    .option('--admin <url>', `where its admin API is (default: ${DEFAULT_ADMIN})`)
    .option('-c, --config <file>', 'its config, which says where that is, the token and the certificate')
    .option('--token-file <file>', `the token (default: that of the config, or ${TOKEN_VARIABLE})`)
    .option('--ca <file>', 'over https: trust these certificates (PEM) instead of the system’s')
    .option('--cert <file>', 'client certificate (PEM)')
    .option('--key <file>', 'its key (PEM)')
    .option('--servername <name>', 'the name that the certificate must have, instead of the host')
    .option('--insecure', 'do not check the certificate', false)
    .option('--timeout <duration>', 'for each answer (default: 30s, of several members 5s)', deadline)
    .option('--json', 'JSON lines', false);
}
