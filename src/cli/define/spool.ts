// `spool`: its arguments. What it does stands in ../admin/spool.ts.
import { type Command, Option } from 'commander';
import type { StoredSelection } from '../admin/spool.ts';
import type { Perform, Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { type AdminGiven, reachedAdmin, reachingAdmin } from './admin.ts';
import { count, deadline } from './arguments.ts';
import { type CommandHelp, withHelp } from './help.ts';
import { defineRepair } from './spool-repair.ts';

interface Selecting extends AdminGiven {
  readonly state?: string | undefined;
  readonly controlId?: string | undefined;
  readonly within?: number | undefined;
  readonly limit: number;
}

const EXIT_CODES: CommandHelp['exit'] = {
  0: 'done',
  1: 'not done: the gateway did not answer, or said no',
  2: 'called wrongly, or the config or a file cannot be read',
};

const POOL = ['<pool>', 'a pool that has a spool'] as const;
const IDS = ['[id...]', 'numbers of messages, as list prints them', ids] as const;

export function defineSpool(program: Command, terminal: Terminal, perform: Perform): void {
  const spool = program
    .command('spool')
    .description('what pools of a running gateway have stored: look it up, deliver it again, discard it');
  withHelp(spool, {
    exit: EXIT_CODES,
    examples: ['spool list -c gateway.yaml', 'spool list mirth-adt --state dead -c gateway.yaml'],
  });

  const list = selecting(
    reachingAdmin(
      spool
        .command('list')
        .description('with a pool: its stored messages, oldest first; without: what all pools have stored')
        .argument('[pool]', POOL[1]),
    ),
    undefined,
  ).action((pool: string | undefined, options: Selecting) =>
    perform(async () =>
      (await work()).listSpool(pool, selectionOf(options), reachedAdmin(options), terminal),
    ),
  );
  withHelp(list, {
    exit: EXIT_CODES,
    examples: [
      'spool list -c gateway.yaml',
      'spool list mirth-adt --state dead -c gateway.yaml',
      'spool list mirth-adt --control-id MSG00001 --within 1d --json -c gateway.yaml',
    ],
  });

  const show = reachingAdmin(
    spool
      .command('show')
      .description('one stored message, as far as the log would show it')
      .argument(...POOL)
      .argument('<id>', 'its number, as list prints it', count),
  )
    .option('--content', 'the message itself too, patient and all; an event of the audit trail', false)
    .action((pool: string, id: number, options: AdminGiven & { readonly content: boolean }) =>
      perform(async () =>
        (await work()).showStored(pool, id, options.content, reachedAdmin(options), terminal),
      ),
    );
  withHelp(show, {
    exit: EXIT_CODES,
    examples: [
      'spool show mirth-adt 17 -c gateway.yaml',
      'spool show mirth-adt 17 --content -c gateway.yaml',
    ],
  });

  const retry = reachingAdmin(
    spool
      .command('retry')
      .description('deliver dead letters again, or what was delivered; a node may have it twice then')
      .argument(...POOL)
      .argument(...IDS),
  )
    .option('--all-dead', 'all dead letters of the pool', false)
    .option('--reason <text>', 'why, for the audit trail')
    .action(
      (
        pool: string,
        wanted: readonly number[] = [],
        options: AdminGiven & { allDead: boolean; reason?: string },
      ) => {
        if (options.allDead === wanted.length > 0)
          throw usage('say which: numbers of messages, or --all-dead');
        return perform(async () =>
          (await work()).retryStored(pool, wanted, options.reason, reachedAdmin(options), terminal),
        );
      },
    );
  withHelp(retry, {
    exit: EXIT_CODES,
    examples: [
      'spool retry mirth-adt 17 18 -c gateway.yaml',
      'spool retry mirth-adt --all-dead --reason "channel mended" -c gateway.yaml',
    ],
  });

  const discard = reachingAdmin(
    spool
      .command('discard')
      .description(
        'forget stored messages; their senders were told that they are stored, and will not send them again',
      )
      .argument(...POOL)
      .argument('<id...>', IDS[1], ids),
  )
    .requiredOption('--reason <text>', 'why, for the audit trail')
    .action((pool: string, wanted: readonly number[], options: AdminGiven & { readonly reason: string }) =>
      perform(async () =>
        (await work()).discardStored(pool, wanted, options.reason, reachedAdmin(options), terminal),
      ),
    );
  withHelp(discard, {
    exit: EXIT_CODES,
    examples: ['spool discard mirth-adt 17 --reason "entered by hand" -c gateway.yaml'],
  });

  const exporting = selecting(
    reachingAdmin(
      spool
        .command('export')
        .description(
          'write stored messages to files, one each, as send and replay read them; patients and all',
        )
        .argument(...POOL),
    ).requiredOption('--out <folder>', 'where to; made where it is not there'),
    'dead',
  ).action((pool: string, options: Selecting & { readonly out: string }) =>
    perform(async () =>
      (await work()).exportStored(pool, options.out, selectionOf(options), reachedAdmin(options), terminal),
    ),
  );
  withHelp(exporting, {
    exit: EXIT_CODES,
    examples: ['spool export mirth-adt --out dead-letters -c gateway.yaml'],
  });

  defineRepair(spool, terminal, perform);
}

function selecting(command: Command, state: string | undefined): Command {
  return command
    .addOption(
      new Option('--state <state>', 'those in this state')
        .choices(['waiting', 'dead', 'delivered'])
        .default(state),
    )
    .option('--control-id <id>', 'those with this MSH-10, as the log shows it')
    .option('--within <duration>', 'those received within so long', deadline)
    .option('--limit <n>', 'at most so many', count, 1000);
}

function selectionOf({ state, controlId, within, limit }: Selecting): StoredSelection {
  return { state, controlId, withinMs: within, limit };
}

function ids(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, count(text)];
}

function work(): Promise<typeof import('../admin/spool.ts')> {
  return import('../admin/spool.ts');
}
