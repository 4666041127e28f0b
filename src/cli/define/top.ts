// `top`: its arguments.
import type { Command } from 'commander';
import type { Screen } from '../admin/full-screen.ts';
import type { Perform, Terminal } from '../terminal.ts';
import { reachedSoon, reachingAdmin } from './admin.ts';
import { withHelp } from './help.ts';

export function defineTop(program: Command, terminal: Terminal, perform: Perform): void {
  const top = reachingAdmin(
    program
      .command('top')
      .description('the overview of a running gateway, drawn anew each second; q ends it'),
  )
    .option('--once', 'one picture, for scripts', false)
    .action(({ once, ...given }) =>
      perform(async () => {
        const { top: show } = await import('../admin/top.ts');
        const { fullScreen } = await import('../admin/full-screen.ts');
        const { interrupted } = await import('../run/until-signal.ts');
        return show({ ...reachedSoon(given), json: given.json, once }, terminal, () =>
          once || given.json
            ? linesOn(terminal, once ? new AbortController().signal : interrupted())
            : fullScreen(process.stdout, process.stdin, interrupted()),
        );
      }),
    );
  withHelp(top, {
    exit: {
      0: 'it was ended, with --once it answered',
      1: 'the gateway did not answer, or said no',
      2: 'called wrongly, or the config or a file cannot be read',
    },
    examples: [
      'top -c gateway.yaml',
      'top -c gateway.yaml --once',
      'top --admin https://gateway:9600 --ca ca.pem --token-file admin.token --json',
    ],
  });
}

/** Not the whole terminal: what it prints stays. */
function linesOn({ out, columns = 100 }: Terminal, ended: AbortSignal): Screen {
  const draw = (lines: readonly string[]): void => out(lines.join('\n'));
  return { columns, rows: undefined, ended, draw, onResize: () => {}, close: () => {} };
}
