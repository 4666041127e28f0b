// Which datatype a field has, by segment and number: the tables beside this file, read once.
// Promises `blank` for every field that no table names.
import { type Datatype, datatype } from './datatypes.ts';
import { ORDER_FIELDS } from './fields-orders.ts';
import { PATIENT_FIELDS } from './fields-patient.ts';

/** `any`: as OBX-2 says. */
export type FieldRule = Datatype | 'any';

const RULES: ReadonlyMap<string, ReadonlyMap<number, FieldRule>> = new Map(
  [PATIENT_FIELDS, ORDER_FIELDS].flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): [string, ReadonlyMap<number, FieldRule>] => [line.slice(0, 3), rulesIn(line.slice(4))]),
  ),
);

function rulesIn(text: string): ReadonlyMap<number, FieldRule> {
  const rules = new Map<number, FieldRule>();
  for (const entry of text.split(', ')) {
    const [, from = '', to = from, name = ''] = /^(\d+)(?:-(\d+))? (\w+)$/.exec(entry) ?? [];
    for (let n = Number(from); n <= Number(to); n++) rules.set(n, name === 'any' ? 'any' : datatype(name));
  }
  return rules;
}

const BLANK = datatype('blank');

export function fieldRule(segment: string, field: number): FieldRule {
  return RULES.get(segment)?.get(field) ?? BLANK;
}

export function knownSegments(): readonly string[] {
  return [...RULES.keys()];
}
