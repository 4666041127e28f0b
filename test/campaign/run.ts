// The long form: `node test/campaign/run.ts --seed 1 --events 1000`, or `--profile all --seeds 10`. Prints each seed and what
// happened; exit 1 on a violation, whose logs are then kept. Promises: the same seed plans the same events.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CampaignResult, runCampaign } from './campaign.ts';
import { RULES, type Violation } from './checks/violation.ts';
import { MUTANTS, runMutant } from './mutants.ts';
import { PROFILE_NAMES, profileFor } from './profiles.ts';

/** Of each rule: enough to see a pattern. */
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    events: { type: 'string' },
    duration: { type: 'string' },
    profile: { type: 'string' },
    only: { type: 'string' },
    keep: { type: 'string' },
    'shared-ids': { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
  },
});

// A dozen processes would each compile every module anew, and each new one of the gateway again.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('../../node_modules/.cache/compiled', import.meta.url),
);

function count(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} takes a whole number`);
  return Number(text);
}

const seed = count('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000)));
const seeds = count('seeds', values.seeds);
const durationMs =
  values.duration === undefined ? undefined : count('duration', values.duration.replace(/s$/, '')) * 1_000;
if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });
const startedAt = performance.now();
const passed = (): string => `${Math.round((performance.now() - startedAt) / 1_000)} s`;

if (values.mutants) await runMutants();
else if (values.profile === 'all') await runAll(PROFILE_NAMES);
else if (seeds > 1) await runAll([values.profile]);
else report(await runOne(seed, values.profile, count('events', values.events ?? '1000')), SHOWN);

/** One campaign of each profile and seed, one after the other, and what they were together. */
async function runAll(profiles: readonly (string | undefined)[]): Promise<void> {
  const events = count('events', values.events ?? '50');
  const sum = { campaigns: 0, events: 0, messages: 0, requests: 0, violations: 0 };
  for (let one = seed; one < seed + seeds; one++) {
    for (const profile of profiles) {
      const result = await runOne(one, profile, events);
      const { figures, violations } = result;
      sum.campaigns++;
      sum.events += Object.values(figures.events).reduce((all, number) => all + number, 0);
      sum.messages += figures.messages;
      sum.requests += figures.web.request ?? 0;
      sum.violations += violations.length;
      const { name } = result.profile;
      console.log(
        `${passed()}: seed ${one}, ${name}: ${figures.messages} messages, ${violations.length} violations`,
      );
      if (violations.length > 0) report(result, 5);
    }
  }
  console.log(
    `together: ${Object.entries(sum)
      .map(([name, number]) => `${number} ${name}`)
      .join(', ')}`,
  );
}

async function runOne(one: number, profile: string | undefined, events: number): Promise<CampaignResult> {
  console.log(`seed ${one}, profile ${profileFor(one, profile).name}, ${events} events`);
  return await runCampaign({
    ...{ seed: one, events, profile, keep: values.keep, sharedIds: values['shared-ids'] },
    ...(durationMs === undefined ? {} : { durationMs }),
    kinds: values.only?.split(','),
    onEvent: ({ number, kind }, of) => {
      if (!values.quiet && (process.stdout.isTTY || number % 100 === 0))
        console.log(`${passed()}: ${number}/${of} ${kind.kind}`);
    },
  });
}

function report({ profile, figures, violations, logs }: CampaignResult, shown: number): void {
  console.log(`profile ${profile.name}, ${passed()}`);
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name}: ${told(value)}`);
  print(violations, shown);
  if (logs !== undefined) console.log(`logs in ${logs}`);
  if (violations.length > 0) process.exitCode = 1;
}

function told(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, one]) => `${name} ${one}`)
    .join(', ');
}

/** Each mutant, or those of one profile, must be caught, and as what it is. */
async function runMutants(): Promise<void> {
  const { profile = 'all' } = values;
  for (const mutant of MUTANTS.filter((one) => profile === 'all' || one.profile === profile)) {
    const { violations } = await runMutant(mutant, seed);
    const caught = violations.some(({ rule }) => mutant.caughtBy.includes(rule));
    console.log(`${passed()}: ${mutant.name}: ${caught ? 'caught' : 'NOT CAUGHT'}`);
    print(violations, 1);
    if (!caught) process.exitCode = 1;
  }
}

function print(found: readonly Violation[], shown: number): void {
  console.log(`${found.length} violations`);
  for (const [rule, ones] of Map.groupBy(found, (one) => one.rule)) {
    console.log(`${rule} (${RULES[rule]}): ${ones.length}`);
    for (const { text } of ones.slice(0, shown)) console.log(`  ${text}`);
  }
}
