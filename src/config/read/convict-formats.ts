// Makes convict know the formats, and makes its schemas from tables of keys. Promises one line for each value that is refused,
// and that convict prints no value.
import convict from 'convict';
import { FORMATS, type FormatName, formatOf } from '../keys/formats.ts';
import { type ConfigKey, isKey, type KeyTable } from '../keys/key.ts';

for (const name of Object.keys(FORMATS) as FormatName[]) {
  const { refusal, parse, late } = formatOf(name);
  convict.addFormat({
    name,
    validate(value: unknown, key: unknown) {
      if (value === null) throw new Error('is required');
      const must = refusal(value, key as ConfigKey);
      if (must !== undefined) throw new Error(`must be ${must}`);
    },
    // What does not parse stays text: an error thrown here would end the pass, and the rest of the problems be lost.
    ...(parse === undefined || late === true ? {} : { coerce: (value: string) => parse(value) ?? value }),
  });
}

/** Convict appends values to its error texts unless the key is sensitive: here all are, and the reader appends what may be shown. */
export function convictSchema(table: KeyTable): convict.Schema<Record<string, unknown>> {
  const parts = Object.entries(table).map(([name, part]) => {
    return [name, isKey(part) ? { ...part, sensitive: true } : convictSchema(part)];
  });
  return Object.fromEntries(parts);
}
