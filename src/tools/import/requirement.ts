// What a request or connection must be for a rule, as any of several sets of conditions: what `when` of that many routes says.
// Promises bounds: a rule that would need more routes than a person can read is not translated.
import type { DraftMap, DraftValue } from './draft.ts';

/** The right-hand side of a condition. */
export type DraftTest =
  | string
  | { readonly not: DraftTest }
  | { readonly exists: boolean }
  | readonly DraftTest[];

export interface DraftCondition {
  readonly subject: string;
  readonly test: DraftTest;
}

/** All of them hold. */
export type Conjunction = readonly DraftCondition[];
/** One of these holds. */
export type Requirement = readonly Conjunction[];

export const ALWAYS: Requirement = [[]];
export const NEVER: Requirement = [];

/** Routes that one rule may need, and conditions in each. */
const MOST_ROUTES = 32;
const MOST_CONDITIONS = 32;

export class TooManyRoutes extends Error {}

export function oneCondition(subject: string, test: DraftTest): Requirement {
  return [[{ subject, test }]];
}

/** @throws TooManyRoutes */
export function anyOf(...parts: readonly Requirement[]): Requirement {
  const all = parts.flat();
  if (all.some(({ length }) => length === 0)) return ALWAYS;
  // Alternatives of one subject fit in one condition.
  const merged: DraftCondition[] = [];
  const others: Conjunction[] = [];
  for (const conjunction of all) {
    const [only, ...more] = conjunction;
    if (only === undefined || more.length > 0 || isNegative(only.test)) {
      others.push(conjunction);
      continue;
    }
    const at = merged.findIndex(({ subject }) => subject === only.subject);
    const before = merged[at];
    if (before === undefined) merged.push(only);
    else merged[at] = { subject: only.subject, test: [...listOf(before.test), ...listOf(only.test)] };
  }
  return bounded([...merged.map((one) => [one]), ...others]);
}

/** @throws TooManyRoutes */
export function allOf(...parts: readonly Requirement[]): Requirement {
  let product: Requirement = ALWAYS;
  for (const part of parts)
    product = bounded(product.flatMap((one) => part.map((other) => [...one, ...other])));
  return product;
}

/** @throws TooManyRoutes */
export function negated(requirement: Requirement): Requirement {
  return allOf(
    ...requirement.map((conjunction) =>
      conjunction.length === 0
        ? NEVER
        : conjunction.map(({ subject, test }) => [{ subject, test: negatedTest(test) }]),
    ),
  );
}

/** `when` of the route. */
export function whenOf(conjunction: Conjunction): DraftMap {
  const when: DraftMap = {};
  for (const subject of new Set(conjunction.map((one) => one.subject))) {
    const tests = conjunction.filter((one) => one.subject === subject).map(({ test }) => test);
    const [first, ...more] = tests;
    // A map has each subject once; all of several tests hold where none of their opposites does.
    const test = more.length === 0 ? first : { not: tests.flatMap((one) => listOf(negatedTest(one))) };
    if (test !== undefined) when[subject] = test as DraftValue;
  }
  return when;
}

function bounded(requirement: Requirement): Requirement {
  if (requirement.length > MOST_ROUTES || requirement.some(({ length }) => length > MOST_CONDITIONS))
    throw new TooManyRoutes();
  return requirement;
}

function isNegative(test: DraftTest): test is { readonly not: DraftTest } {
  return typeof test === 'object' && 'not' in test;
}

function negatedTest(test: DraftTest): DraftTest {
  return isNegative(test) ? test.not : { not: test };
}

function listOf(test: DraftTest): readonly DraftTest[] {
  return Array.isArray(test) ? (test as readonly DraftTest[]) : [test];
}
