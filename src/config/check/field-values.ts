// Conditions and tables that compare a field with less, or with more, than a message has there (F114).
// Promises warnings only, for values that a sender's next component or subcomponent makes another, or that cannot be at all.
import type { FieldPath } from '../../hl7/field-path.ts';
import type { Condition, GatewayConfig, ValueTest } from '../config.ts';
import type { Section } from '../read/section.ts';
import { printable } from '../source/problem.ts';
import { entryIn, type ReadContext, type Tree } from '../source/value.ts';

export function checkFieldValues(
  top: Section,
  { routes, listeners }: GatewayConfig,
  reading: ReadContext,
): void {
  const { problems } = reading;
  const warn = (tree: Tree | undefined, key: string, path: FieldPath, values: readonly string[]): void => {
    const trouble = valueTrouble(path, values);
    const entry = entryIn(tree, path.text);
    if (entry !== undefined && trouble !== undefined)
      problems.warn(entry.place, `${key}.${path.text}`, trouble);
  };
  const conditions = (tree: Tree | undefined, key: string, all: readonly Condition[]): void => {
    for (const { subject, test } of all)
      if (subject.kind === 'field') warn(tree, key, subject.path, valuesOf(test));
  };
  for (const [index, { when, validate }] of routes.entries()) {
    const route = itemOf(top.tree('routes'), index);
    conditions(entryIn(route, 'when')?.value, `routes[${index}].when`, when);
    const tables = entryIn(entryIn(route, 'validate')?.value, 'tables')?.value;
    for (const { path, values } of validate?.rules.tables ?? [])
      warn(tables, `routes[${index}].validate.tables`, path, values);
  }
  for (const [index, { key, value }] of top.entries('listeners').entries()) {
    const allow = entryIn(value, 'allow')?.value;
    for (const [n, rule] of (listeners[index]?.allow ?? []).entries())
      conditions(itemOf(allow, n), `listeners.${key}.allow[${n}]`, rule);
  }
}

function itemOf(tree: Tree | undefined, index: number): Tree | undefined {
  return tree?.kind === 'list' ? tree.items[index] : undefined;
}

/** What a value is compared with as a whole. A regex says where it ends: only one that is a plain value counts. */
function valuesOf(test: ValueTest): readonly string[] {
  if (test.kind === 'equals') return [test.value];
  if (test.kind === 'not') return valuesOf(test.test);
  if (test.kind === 'any') return test.tests.flatMap(valuesOf);
  if (test.kind !== 'regex') return [];
  const [, plain] = /^\^((?:[A-Za-z0-9_]|\\\^)+)\$$/.exec(test.source) ?? [];
  return plain === undefined ? [] : [plain.replaceAll('\\^', '^')];
}

function valueTrouble(path: FieldPath, values: readonly string[]): string | undefined {
  const { text, segment, field, component, subcomponent } = path;
  // The delimiters themselves.
  if (segment === 'MSH' && field <= 2) return undefined;
  if (subcomponent !== undefined) return noSuchPart(values, '&', `a subcomponent holds no "&" and no "^"`);
  if (component !== undefined) {
    const two = values.map((value) => value.split('&')).find((parts) => parts.length === 2);
    if (two === undefined) return noSuchPart(values, '^', 'a component holds no "^"');
    return (
      noSuchPart(values, '^', 'a component holds no "^"') ??
      `is compared with the whole component, and a third subcomponent makes it another; ${text}.1: ${quote(two[0])} is the first alone`
    );
  }
  if (segment !== 'MSH' || field !== 9) return undefined;
  const two = values.map((value) => value.split('^')).find((parts) => parts.length === 2);
  if (two === undefined) return undefined;
  const [type, event] = two.map(quote);
  return `is compared with the whole field, and most senders put the structure behind it (${quote(two.join('^'))}^…); write ${text}.1: ${type} and ${text}.2: ${event}`;
}

function noSuchPart(values: readonly string[], mark: '^' | '&', why: string): string | undefined {
  const is = values.some((value) => value.includes('^') || (mark === '&' && value.includes('&')));
  return is ? `${why}, unless the sender escapes it` : undefined;
}

function quote(value: string | undefined): string {
  return printable(value ?? '');
}
