// Runs the world with a mutant of the product in a process of its own, until a day goes wrong. Promises: the copy is gone afterwards; a
// mutant counts as caught only by a rule that its fault breaks.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Rule } from '../campaign/checks/violation.ts';
import { makeMutant, type Patch } from '../campaign/mutants.ts';
import { SIMULATION_MUTANTS, type SimulationMutant } from './mutants.ts';

/** What the world's command says with `--json` of the first day that went wrong. */
export interface FirstWrong {
  readonly seed: number;
  readonly profile: string;
  /** Days lived, this one included. */
  readonly days: number;
  readonly rules: readonly Rule[];
}

export type Caught =
  | ({ readonly kind: 'caught' | 'by another rule' } & FirstWrong)
  | { readonly kind: 'missed' | 'broken'; readonly why: string };

export const MAX_SEEDS = 2_000;
const WORLD = ['test/campaign', 'test/simulation', 'test/helpers'];
/** A fault that is to come about now and then does so in the same places of a day, whichever days were before it. */
const COUNTS_ANEW: Patch = {
  file: 'src/platform/current.ts',
  find: '  platform = other ?? nodePlatform;\n',
  put: '  platform = other ?? nodePlatform;\n  Reflect.set(globalThis, "mutant", 0);\n',
};

export function makeSimulationMutant({ name, patches }: SimulationMutant): ReturnType<typeof makeMutant> {
  return makeMutant({ name, patches: [COUNTS_ANEW, ...patches] }, WORLD);
}

export async function catchMutant(mutant: SimulationMutant, seeds = MAX_SEEDS): Promise<Caught> {
  using made = makeSimulationMutant(mutant);
  const { profile } = mutant;
  const args = ['--seeds', String(seeds), '--until-first', '--no-shrink', '--json'];
  const output = await outputOf(made.root, [
    ...args,
    ...(profile === undefined ? [] : ['--profile', profile]),
  ]);
  const line = output.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined)
    return output.includes('0 days went wrong')
      ? { kind: 'missed', why: `not in ${seeds} days` }
      : { kind: 'broken', why: output.slice(-600) };
  const found = JSON.parse(line) as FirstWrong;
  const isItsOwn = found.rules.some((rule) => mutant.caughtBy.includes(rule));
  return { kind: isItsOwn ? 'caught' : 'by another rule', ...found };
}

/** Also of a process that fails: what it has said by then. */
function outputOf(root: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd: root, maxBuffer: 64 * 1024 * 1024 };
    execFile(
      process.execPath,
      [join(root, 'test/simulation/run.ts'), ...args],
      options,
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
  });
}

/** The command: `only` is a part of a name. True: all were caught. */
export async function catchMutants(only = '', seeds = MAX_SEEDS): Promise<boolean> {
  const chosen = SIMULATION_MUTANTS.filter(({ name }) => name.includes(only));
  if (chosen.length === 0) throw new Error(`no mutant is named ${only}`);
  let missed = 0;
  for (const mutant of chosen) {
    const caught = await catchMutant(mutant, seeds);
    if (caught.kind !== 'caught') missed++;
    console.log(`${mutant.name}: ${told(caught)}`);
  }
  console.log(`${chosen.length - missed} of ${chosen.length} mutants were caught`);
  return missed === 0;
}

function told(caught: Caught): string {
  if (!('seed' in caught)) return `${caught.kind.toUpperCase()}, ${caught.why}`;
  const { kind, seed, profile, days, rules } = caught;
  const how = kind === 'caught' ? kind : kind.toUpperCase();
  return `${how} on day ${days}, seed ${seed}, ${profile}: ${rules.join(', ')}`;
}
