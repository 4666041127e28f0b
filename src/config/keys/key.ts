// What a table of keys is made of. From one table come the convict schema, the type of what is read, the tables of
// docs/configuration.md and the JSON schema.
import type { Bounds } from './format.ts';
import type { FormatName, FormatValues } from './formats.ts';

/**
 * One key. `null` as the default: the key is required; undefined: it may be left out.
 */
export interface ConfigKey<
  Format extends FormatName = FormatName,
  Default = unknown,
  Word extends string = string,
> extends Bounds {
  readonly format: Format;
  readonly default: Default;
  readonly values?: readonly Word[];
  /** For people, in Markdown, without a full stop at its end. */
  readonly doc: string;
  /** Never printed. */
  readonly sensitive?: true;
  /** Protocols or types without which the key says nothing. */
  readonly only?: readonly string[];
  /** What stands in a map or list that has no table by its own key; for the JSON schema. */
  readonly of?: string;
}

/** Keys, and groups of keys that always exist. A key with `default` is a key: no key of a config has that name. */
export interface KeyTable {
  readonly [key: string]: ConfigKey | KeyTable;
}

export function isKey(part: ConfigKey | KeyTable): part is ConfigKey {
  return 'default' in part;
}

type Plain = keyof FormatValues;

/** Units stand in the names of what is read: `idle: 5m` is `idleMs`, `maxFrame: 16MiB` is `maxFrameBytes`. */
type ValueName<Name extends string, Part> =
  Part extends ConfigKey<infer Format>
    ? Format extends 'duration'
      ? `${Name}Ms`
      : Format extends 'size'
        ? Name extends `${infer Base}Size`
          ? `${Base}Bytes`
          : `${Name}Bytes`
        : Format extends Plain
          ? Name
          : never
    : Name;

export function valueName(name: string, { format }: ConfigKey): string {
  if (format === 'duration') return `${name}Ms`;
  return format === 'size' ? `${name.replace(/Size$/, '')}Bytes` : name;
}

export type ValueOf<Part> =
  Part extends ConfigKey<infer Format, infer Default, infer Word>
    ?
        | (Format extends 'one-of' ? Word : Format extends Plain ? FormatValues[Format] : never)
        | (undefined extends Default ? undefined : never)
    : Part extends KeyTable
      ? Values<Part>
      : never;

/** What is read by a table: of each key whose format has a value of its own, that value. */
export type Values<Table> = {
  readonly [Name in keyof Table & string as ValueName<Name, Table[Name]>]: ValueOf<Table[Name]>;
};

/** Sentences, each without its full stop. */
type Doc = readonly string[];

type Range = readonly [min: number, max: number];

function make<const Format extends FormatName, const Default, const More extends object>(
  format: Format,
  fallback: Default,
  doc: Doc,
  more: More,
) {
  return { format, default: fallback, doc: doc.join('. '), ...more };
}

const NO_MORE = {} as const;

/** The same table, each of its keys for these protocols only. */
export function tableFor<const Table extends KeyTable>(who: readonly string[], table: Table): Table {
  const parts = Object.entries(table).map(([name, part]) => {
    return [name, isKey(part) ? { ...part, only: who } : tableFor(who, part)];
  });
  return Object.fromEntries(parts) as Table;
}

/** Makes keys: first what the file may say, then what it means. */
export const key = {
  duration: (text: string, ...doc: Doc) => make('duration', text, doc, NO_MORE),
  durationOrZero: (text: string, ...doc: Doc) => make('duration', text, doc, { zero: true }),
  size: (text: string, [min, max]: Range, ...doc: Doc) => make('size', text, doc, { min, max }),
  count: (value: number, [min, max]: Range, ...doc: Doc) => make('count', value, doc, { min, max }),
  optionalCount: ([min, max]: Range, ...doc: Doc) => make('count', undefined, doc, { min, max }),
  autoCount: ([min, max]: Range, ...doc: Doc) => make('auto-count', 'auto', doc, { min, max }),
  autoCountOr: (value: number, [min, max]: Range, ...doc: Doc) =>
    make('auto-count', value, doc, { min, max }),
  flag: (value: boolean, ...doc: Doc) => make('flag', value, doc, NO_MORE),
  /** The first word is the default. */
  oneOf: <const Word extends string>(values: readonly [Word, ...Word[]], ...doc: Doc) =>
    make('one-of', values[0], doc, { values: values as readonly Word[] }),
  secret: (...doc: Doc) => make('text', undefined, doc, { sensitive: true }),
  /** The same of several lines, as a file has it. */
  secretLines: (...doc: Doc) => make('any-text', undefined, doc, { sensitive: true }),
  required: <const Format extends FormatName>(format: Format, ...doc: Doc) =>
    make(format, null, doc, NO_MORE),
  optional: <const Format extends FormatName>(format: Format, ...doc: Doc) =>
    make(format, undefined, doc, NO_MORE),
  preset: <const Format extends FormatName>(format: Format, text: string, ...doc: Doc) =>
    make(format, text, doc, NO_MORE),
  /** From `min` on. */
  countFrom: (value: number, min: number, ...doc: Doc) => make('count', value, doc, { min }),
  optionalCountFrom: (min: number, ...doc: Doc) => make('count', undefined, doc, { min }),
  optionalDuration: (...doc: Doc) => make('duration', undefined, doc, { zero: true }),
  optionalWord: <const Word extends string>(values: readonly Word[], ...doc: Doc) =>
    make('one-of', undefined, doc, { values }),
  holding: <const Format extends 'map' | 'list' | 'maps' | 'section'>(
    format: Format,
    of: string,
    ...doc: Doc
  ) => make(format, undefined, doc, { of }),
  /** Says nothing but for these protocols or types. */
  only: <const Who extends string, const Key extends ConfigKey>(who: readonly Who[], one: Key) => ({
    ...one,
    only: who,
  }),
};

/** Of a table, the keys that are for some protocols or types only, by their way within it. */
export function keysOnlyFor(
  table: KeyTable,
  path = '',
): (readonly [key: string, only: readonly string[], ConfigKey])[] {
  return Object.entries(table).flatMap(([name, part]) => {
    if (!isKey(part)) return keysOnlyFor(part, `${path}${name}.`);
    return part.only === undefined ? [] : [[`${path}${name}`, part.only, part] as const];
  });
}
