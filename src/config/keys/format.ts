// What a format of config values consists of, see formats.ts.

export type Json = Readonly<Record<string, unknown>>;

/** What a key says of its values besides the format. */
export interface Bounds {
  /** Of a `count` and, in bytes, a `size`. */
  readonly min?: number;
  readonly max?: number;
  /** May a duration be 0? Only where the documentation says what that means. */
  readonly zero?: true;
  /** Of a `one-of`. */
  readonly values?: readonly string[];
}

/**
 * What stands in the file: one scalar, one or a list of such, a map, a list, one map or a list of such, a map or the path of a file
 * that holds it, or files where `{ p12: … }` may stand instead.
 */
export type Shape = 'scalar' | 'scalars' | 'map' | 'list' | 'maps' | 'map-or-file' | 'key-pair' | 'key-pairs';

export interface Format<Value> {
  readonly shape: Shape;
  /** Undefined: it is none. A format without it has no value of its own: who reads the section makes one of what it finds. */
  readonly parse?: (text: string) => Value | undefined;
  /** Only after convict has seen the text: it holds no objects. */
  readonly late?: true;
  /** What a refused value reads as, so that the rest can be checked. */
  readonly refused?: Value;
  /** What a value must be, in words that follow "must be"; undefined: the value is good. */
  readonly refusal: (value: unknown, bounds: Bounds) => string | undefined;
  /** In the documentation's tables. */
  readonly word: string | ((bounds: Bounds) => string);
  /** Of one scalar, or of the whole where it is no scalar. */
  readonly json: Json | ((bounds: Bounds) => Json);
}

type Test = (value: unknown, bounds: Bounds) => boolean;
type Must = string | ((bounds: Bounds) => string);

export function unless(good: Test, must: Must): Format<never>['refusal'] {
  return (value, bounds) =>
    good(value, bounds) ? undefined : typeof must === 'string' ? must : must(bounds);
}

export const isString = (good: (text: string) => boolean): Test => {
  return (value) => typeof value === 'string' && good(value);
};

const asText = (text: string): string => text;
export const ofText = { parse: asText, refused: '' } as const;

/** What is not checked here is checked where the list is read, which knows the place of each entry. */
export function listFormat(must: string, word: string, json: Json): Format<never> {
  return { shape: 'scalars', refusal: unless(Array.isArray, must), word, json };
}
