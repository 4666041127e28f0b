// From what convict holds of a section to its values, by the names that `Values` gives them. Promises that a refused value has a
// stand-in, so that what is checked afterwards does not trip over it.
import { formatOf } from '../keys/formats.ts';
import { type ConfigKey, isKey, type KeyTable, valueName } from '../keys/key.ts';

export type Given = Record<string, unknown>;

export function valuesOf(table: KeyTable, given: Given): Given {
  const values: Given = {};
  for (const [name, part] of Object.entries(table)) {
    if (!isKey(part)) {
      values[name] = valuesOf(part, (given[name] ?? {}) as Given);
      continue;
    }
    const { parse, late, refused } = formatOf(part.format);
    if (parse === undefined) continue;
    const value = given[name];
    const parsed = late === true && typeof value === 'string' ? parse(value) : value;
    values[valueName(name, part)] = good(parsed, refused) ?? standIn(part, refused);
  }
  return values;
}

/** Text that convict could not make a number or a flag of was refused. */
function good(value: unknown, refused: unknown): unknown {
  const isGood =
    refused === 'auto' ? value === 'auto' || typeof value === 'number' : typeof value === typeof refused;
  return isGood ? value : undefined;
}

function standIn(key: ConfigKey, refused: unknown): unknown {
  return key.default === undefined ? undefined : refused;
}
