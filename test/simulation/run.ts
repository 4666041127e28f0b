// The command: `npm run simulate -- --seeds 1000`, `--minutes 2`, `--seed 7 --trace`. Prints seeds that went wrong, each made smaller, and
// what was lived. Exit 1 where one did. Promises: the same seed is the same day.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { RULES } from '../campaign/checks/violation.ts';
import { Coverage } from './coverage.ts';
import { type Day, dayOf, PROFILE_NAMES } from './day.ts';
import { catchMutants, type FirstWrong } from './mutant-run.ts';
import { digestOf, type Outcome, runDay } from './run-day.ts';
import { scenarioFileOf } from './scenario-file.ts';
import { shrink } from './shrink.ts';
import { storyOf } from './story.ts';

/** Of each rule: enough to see a pattern. */
const SHOWN = 3;
const TOLD_EVERY_MS = 30_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string' },
    minutes: { type: 'string' },
    profile: { type: 'string' },
    trace: { type: 'boolean', default: false },
    scenario: { type: 'string' },
    'until-first': { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

function count(name: 'seed' | 'seeds' | 'from' | 'minutes'): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`--${name} takes a whole number`);
  return Number(text);
}

if (values.profile !== undefined && !PROFILE_NAMES.some((name) => name === values.profile))
  throw new Error(`no profile ${values.profile}; there are ${PROFILE_NAMES.join(', ')}`);

const one = count('seed');
if (values.mutants) process.exitCode = (await catchMutants(values.only, count('seeds'))) ? 0 : 1;
else if (one === undefined) await runMany();
else await runOne(one);

async function runOne(seed: number): Promise<void> {
  const day = dayOf(seed, values.profile);
  const outcome = await runDay(day);
  if (values.trace) for (const line of storyOf(day, outcome)) console.log(line);
  tellScenario(day, outcome);
  console.log(
    `seed ${seed}, ${day.profile}: ${outcome.messages} messages, ${day.events.length} events, ${(outcome.virtualMs / 1_000).toFixed(1)} s of the world, digest ${digestOf(outcome)}`,
  );
  if (outcome.violations.length > 0) await report(day, outcome);
}

async function runMany(): Promise<void> {
  const minutes = count('minutes');
  // A new day each time, and its seed is printed.
  const from = count('from') ?? (minutes === undefined ? 0 : Math.floor(Math.random() * 1e9));
  const seeds = count('seeds') ?? (minutes === undefined ? 100 : Number.POSITIVE_INFINITY);
  const untilMs = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000;
  const coverage = new Coverage();
  const sum = { days: 0, messages: 0, events: 0, wrong: 0, steps: 0, virtualMs: 0 };
  const cpuBefore = process.cpuUsage();
  let toldAt = performance.now();
  console.log(`from seed ${from}`);
  for (let seed = from; seed < from + seeds && performance.now() < untilMs; seed++) {
    const day = dayOf(seed, values.profile);
    const outcome = await runDay(day);
    sum.days++;
    sum.messages += outcome.messages;
    sum.events += day.events.length;
    sum.steps += outcome.steps;
    sum.virtualMs += outcome.virtualMs;
    coverage.add(outcome.lines);
    if (outcome.violations.length > 0) {
      sum.wrong++;
      if (values.json) tell(day, outcome, sum.days);
      else await report(day, outcome);
      if (values['until-first']) break;
    }
    if (performance.now() - toldAt < TOLD_EVERY_MS) continue;
    toldAt = performance.now();
    console.log(`${sum.days} days, ${sum.messages} messages, ${sum.wrong} wrong`);
  }
  const cpu = process.cpuUsage(cpuBefore);
  const cpuS = (cpu.user + cpu.system) / 1e6;
  for (const [what, times] of coverage.reached) console.log(`  ${String(times).padStart(8)} ${what}`);
  console.log(`not reached: ${coverage.missed.join(', ')}`);
  console.log(
    `${sum.days} days from seed ${from}: ${sum.messages} messages, ${sum.events} events, ${Math.round(sum.virtualMs / 1_000)} s of the world in ${cpuS.toFixed(1)} s of CPU: ${Math.round((sum.days / cpuS) * 60)} days a minute, ${Math.round(sum.messages / cpuS)} messages a second`,
  );
  console.log(`${sum.wrong} days went wrong`);
}

/** For programs: see `FirstWrong`. */
function tell({ seed, profile }: Day, { violations }: Outcome, days: number): void {
  process.exitCode = 1;
  const rules = [...new Set(violations.map(({ rule }) => rule))];
  console.log(JSON.stringify({ seed, profile, days, rules } satisfies FirstWrong));
}

async function report(day: Day, { violations }: Outcome): Promise<void> {
  process.exitCode = 1;
  console.log(`seed ${day.seed}, ${day.profile}: ${violations.length} violations`);
  for (const [rule, ones] of Map.groupBy(violations, (violation) => violation.rule)) {
    console.log(`  ${rule} (${RULES[rule]}): ${ones.length}`);
    for (const { text } of ones.slice(0, SHOWN)) console.log(`    ${text}`);
  }
  const [first] = violations;
  if (values['no-shrink'] || first === undefined) return;
  const { day: least, tried } = await shrink(day, first.rule);
  console.log(
    `  made smaller in ${tried} days: ${least.senders.length} senders, ${least.events.length} events, ${Math.round(least.durationMs)} ms`,
  );
  for (const { kind, target, atMs, lastsMs } of least.events)
    console.log(`    at ${atMs} ms: ${kind} ${target} for ${lastsMs} ms`);
  if (!values.trace && values.scenario === undefined) return;
  const again = await runDay(least);
  if (values.trace) for (const line of storyOf(least, again)) console.log(line);
  tellScenario(least, again);
}

/** With `--scenario` it goes into that file; of a day that was made smaller, in place of the whole day. */
function tellScenario(day: Day, outcome: Outcome): void {
  if (!values.trace && values.scenario === undefined) return;
  const { text, left, answers } = scenarioFileOf(day, outcome);
  if (values.scenario === undefined) {
    console.log(text);
    return;
  }
  writeFileSync(values.scenario, text);
  console.log(
    `${values.scenario}: a scenario of it, which expects ${answers} answers; ${left.length} things are not in it, or not quite, and stand in its first lines`,
  );
}
