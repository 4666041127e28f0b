// `npm run pair`: what happens to a pair, and how long its senders are without service. Prints the table of docs/high-availability.md.
// Promises: ends with 1 where a message was lost or came twice although it was answered.
import { parseArgs } from 'node:util';
import { table } from '../../../src/cli/terminal.ts';
import { currentBundle } from '../../helpers/bundle.ts';
import { whyNoNamespaces } from '../../helpers/namespaces.ts';
import { COMMAND_VARIABLE } from '../../helpers/product-command.ts';
import type { PairFigures } from './events.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    markdown: { type: 'boolean', default: false },
  },
});

if (whyNoNamespaces !== undefined) throw new Error(`there can be no pair here: ${whyNoNamespaces}`);
process.env[COMMAND_VARIABLE] ??= await currentBundle();
const { PAIR_EVENTS, runEvent } = await import('./events.ts');

const HEAD = [
  'what happens',
  'new connections',
  'open connection',
  'new, IPv6',
  'target',
  'sent again',
  'lost',
  'twice',
  'moved',
];
const rows: string[][] = [];
let isGood = true;
for (const event of PAIR_EVENTS.filter(({ name }) => name.includes(values.only))) {
  const rounds: PairFigures[] = [];
  for (let i = 0; i < Number(values.rounds); i++) rounds.push(await runEvent(event));
  const sum = (of: (figures: PairFigures) => readonly string[]): number =>
    rounds.reduce((total, figures) => total + of(figures).length, 0);
  const bad = sum(({ account }) => [...account.lost, ...account.twice, ...account.moved]);
  if (bad > 0) isGood = false;
  const { target } = event;
  rows.push([
    event.name,
    range(rounds.map(({ new4 }) => new4)),
    range(rounds.map(({ open4 }) => open4)),
    range(rounds.flatMap(({ new6 }) => new6 ?? [])),
    target === undefined
      ? ''
      : target
          .filter(Number.isFinite)
          .map((s) => `${s} s`)
          .join(' / '),
    String(sum(({ account }) => account.ambiguous)),
    String(sum(({ account }) => account.lost)),
    String(sum(({ account }) => account.twice)),
    String(sum(({ account }) => account.moved)),
  ]);
  process.stderr.write(`${rows.at(-1)?.join('  ')}\n`);
}
const lines = values.markdown
  ? [HEAD, HEAD.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  : table([HEAD, ...rows]);
for (const line of lines) console.log(line);
process.exitCode = isGood ? 0 : 1;

/** The least and the most of the rounds. */
function range(seconds: readonly number[]): string {
  if (seconds.length === 0) return '-';
  const [least, most] = [Math.min(...seconds), Math.max(...seconds)].map((one) => one.toFixed(2));
  return least === most ? `${least} s` : `${least}–${most} s`;
}
