// A route's `validate`: rules for whole messages, as hl7/whole/validation.ts applies them.
// Promises that every path and name in them can exist, so that a rule with a slip in it does not let everything pass.
import { type FieldPath, parseFieldPath } from '../../hl7/field-path.ts';
import type { ValidationRules } from '../../hl7/whole/validation.ts';
import type { RouteConfig } from '../config.ts';
import { parseCount } from '../formats.ts';
import { VALIDATE_KEYS } from '../keys/route.ts';
import type { Section } from '../read/section.ts';
import { suggestion } from '../source/closest.ts';
import { printable } from '../source/problem.ts';
import {
  described,
  type Entry,
  type ReadContext,
  type Scalar,
  scalarOf,
  standsForScalar,
  type Tree,
} from '../source/value.ts';

/** HL7 v2.9 has no field of more; the longest that is sent is a document of some megabytes. */
const LONGEST = 1_000_000_000;

export function readValidate(route: Section, reading: ReadContext): RouteConfig['validate'] {
  const section = route.section('validate', VALIDATE_KEYS);
  if (section === undefined) return undefined;
  const { key } = section;
  const rules: ValidationRules = {
    segments: items(section, 'segments').flatMap((item, i) =>
      segmentName(item, `${key}.segments[${i}]`, reading),
    ),
    fields: items(section, 'fields').flatMap((item, i) => pathOf(item, `${key}.fields[${i}]`, reading)),
    tables: section.entries('tables').flatMap((entry) => readTable(entry, `${key}.tables`, reading)),
    lengths: section.entries('lengths').flatMap((entry) => readLength(entry, `${key}.lengths`, reading)),
  };
  if (route.has('reject')) route.error('validate', 'a route that rejects has nothing to validate');
  const given = ['segments', 'fields', 'tables', 'lengths'].some((one) => section.has(one));
  if (!given) route.warn('validate', 'has no rule, so every message passes');
  return { code: section.values.code, rules };
}

function items(section: Section, key: string): readonly Tree[] {
  const tree = section.tree(key);
  if (tree?.kind !== 'list') return [];
  if (tree.items.length === 0) section.error(key, 'an empty list asks for nothing; leave it out');
  return tree.items;
}

function segmentName(item: Tree, key: string, reading: ReadContext): string[] {
  const scalar = scalarOf(item, key, reading);
  if (scalar === undefined) return [];
  if (/^[A-Z][A-Z0-9]{2}$/.test(scalar.text)) return [scalar.text];
  const upper = scalar.text.toUpperCase();
  const hint =
    scalar.written === undefined && /^[A-Z][A-Z0-9]{2}$/.test(upper) ? `; did you mean "${upper}"?` : '';
  reading.problems.error(
    item.place,
    key,
    `must be the name of a segment such as PID, not ${described(scalar)}${hint}`,
  );
  return [];
}

function pathOf(item: Tree, key: string, reading: ReadContext): FieldPath[] {
  const scalar = scalarOf(item, key, reading);
  const path = scalar && parseFieldPath(scalar.text);
  if (scalar !== undefined && path === undefined)
    reading.problems.error(item.place, key, pathTrouble(scalar.text, described(scalar)));
  return path === undefined ? [] : [path];
}

function pathTrouble(text: string, shown: string): string {
  const upper = text.toUpperCase();
  const hint = parseFieldPath(upper) === undefined ? '' : `; did you mean "${printable(upper)}"?`;
  return `must be a field path such as PID-3.1 or OBX[2]-5, not ${shown}${hint}`;
}

/** The path on the left of a table or a length. */
function keyPath({ key: text, place }: Entry, key: string, { problems }: ReadContext): FieldPath | undefined {
  const path = parseFieldPath(text);
  if (path === undefined)
    problems.error(
      place,
      `${key}.${text}`,
      pathTrouble(text, described({ text, written: undefined, kind: 'scalar', place })),
    );
  return path;
}

function readTable(entry: Entry, inKey: string, reading: ReadContext): ValidationRules['tables'] {
  const path = keyPath(entry, inKey, reading);
  const key = `${inKey}.${entry.key}`;
  const { value } = entry;
  if (value.kind === 'list' && value.items.length === 0)
    reading.problems.error(value.place, key, 'an empty table takes no value at all');
  const list = value.kind === 'list' ? value.items : [value];
  const values = list.flatMap((item, i) => {
    const full = value.kind === 'list' ? `${key}[${i}]` : key;
    const scalar = scalarOf(item, full, reading);
    if (scalar?.text === '')
      reading.problems.error(item.place, full, 'a value that is empty is of every table');
    return scalar === undefined ? [] : [scalar.text];
  });
  return path === undefined ? [] : [{ path, values }];
}

function readLength(entry: Entry, inKey: string, reading: ReadContext): ValidationRules['lengths'] {
  const path = keyPath(entry, inKey, reading);
  const key = `${inKey}.${entry.key}`;
  const { value } = entry;
  if (value.kind !== 'map' || standsForScalar(value)) {
    const max = lengthOf(scalarOf(value, key, reading), value, key, reading);
    return path === undefined ? [] : [{ path, min: 0, max }];
  }
  const parts = new Map<string, number>();
  for (const part of value.entries) {
    const full = `${key}.${part.key}`;
    if (part.key === 'min' || part.key === 'max')
      parts.set(part.key, lengthOf(scalarOf(part.value, full, reading), part.value, full, reading));
    else reading.problems.error(part.place, full, `unknown key${suggestion(part.key, ['min', 'max'])}`);
  }
  const min = parts.get('min') ?? 0;
  const max = parts.get('max') ?? LONGEST;
  if (value.entries.length === 0)
    reading.problems.error(value.place, key, 'takes a length, or { min: …, max: … }');
  if (min > max)
    reading.problems.error(
      value.place,
      key,
      `min (${min}) is above max (${max}), so no value has such a length`,
    );
  return path === undefined ? [] : [{ path, min, max }];
}

/** NaN where it is none, which is neither below nor above anything. */
function lengthOf(scalar: Scalar | undefined, at: Tree, key: string, { problems }: ReadContext): number {
  if (scalar === undefined) return Number.NaN;
  const length = parseCount(scalar.text);
  if (length !== undefined && length <= LONGEST) return length;
  problems.error(
    at.place,
    key,
    `must be a number of characters from 0 to ${LONGEST}, not ${described(scalar)}`,
  );
  return Number.NaN;
}
