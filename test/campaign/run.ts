// The long form: `node test/campaign/run.ts --seed 1 --events 1000 --duration 400s`. Prints the seed and what happened; exit 1 on a
// violation, whose logs are then kept. Promises: the same seed plans the same events.
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';
import { RULES, type Violation } from './checks/violation.ts';
import { MUTANTS, runMutant } from './mutants.ts';

/** Of each rule: enough to see a pattern. */
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    events: { type: 'string', default: '1000' },
    duration: { type: 'string' },
    profile: { type: 'string' },
    only: { type: 'string' },
    keep: { type: 'string' },
    'shared-ids': { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
  },
});

function count(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} takes a whole number`);
  return Number(text);
}

const seed = count('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000)));
const events = count('events', values.events);
/** By default what keeps one or two of three nodes disturbed at any time. */
const seconds =
  values.duration === undefined ? events * 0.4 : count('duration', values.duration.replace(/s$/, ''));
if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });
const startedAt = performance.now();
const passed = (): string => `${Math.round((performance.now() - startedAt) / 1_000)} s`;

if (values.mutants) await runMutants();
else await runOne();

async function runOne(): Promise<void> {
  console.log(`seed ${seed}, ${events} events over ${seconds} s`);
  const { profile, violations, figures, logs } = await runCampaign({
    seed,
    events,
    durationMs: seconds * 1_000,
    profile: values.profile,
    kinds: values.only?.split(','),
    keep: values.keep,
    sharedIds: values['shared-ids'],
    onEvent: ({ number, kind }, of) => {
      if (!values.quiet && (process.stdout.isTTY || number % 100 === 0))
        console.log(`${passed()}: ${number}/${of} ${kind.kind}`);
    },
  });
  console.log(`profile ${profile.name}, ${passed()}`);
  for (const [name, value] of Object.entries(figures))
    console.log(
      `  ${name}: ${
        typeof value === 'object'
          ? Object.entries(value)
              .map(([k, v]) => `${k} ${v}`)
              .join(', ')
          : value
      }`,
    );
  print(violations);
  if (logs !== undefined) console.log(`logs in ${logs}`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}

/** Each mutant must be caught, and as what it is. */
async function runMutants(): Promise<void> {
  for (const mutant of MUTANTS) {
    const { violations } = await runMutant(mutant, seed);
    const caught = violations.some(({ rule }) => mutant.caughtBy.includes(rule));
    console.log(`${passed()}: ${mutant.name}: ${caught ? 'caught' : 'NOT CAUGHT'}`);
    print(violations, 1);
    if (!caught) process.exitCode = 1;
  }
}

function print(found: readonly Violation[], shown = SHOWN): void {
  console.log(`${found.length} violations`);
  for (const [rule, ones] of Map.groupBy(found, (one) => one.rule)) {
    console.log(`${rule} (${RULES[rule]}): ${ones.length}`);
    for (const { text } of ones.slice(0, shown)) console.log(`  ${text}`);
  }
}
