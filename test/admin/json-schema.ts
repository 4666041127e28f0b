// A checker for the part of JSON Schema 2020-12 that docs/openapi.yaml uses. Promises to stop at any keyword that it does
// not know, so that nothing in the file goes unchecked without a word.

type Schema = Readonly<Record<string, unknown>>;

/** Says something and checks nothing. */
const SILENT = ['description', 'example', 'default'];

export class SchemaChecker {
  readonly #document: unknown;

  constructor(document: unknown) {
    this.#document = document;
  }

  /** What is wrong with `value`, each with its path; empty: nothing. */
  problems(schema: unknown, value: unknown, path = '$'): string[] {
    return Object.entries(mapOf(schema)).flatMap(([keyword, argument]) =>
      this.#check(keyword, argument, mapOf(schema), value, path),
    );
  }

  /** `#/components/schemas/Node` → what stands there. */
  resolve(reference: unknown): unknown {
    if (typeof reference !== 'string' || !reference.startsWith('#/')) throw new Error(`$ref: ${reference}`);
    let found: unknown = this.#document;
    for (const part of reference.slice(2).split('/')) found = mapOf(found)[part];
    if (found === undefined) throw new Error(`nothing stands at ${reference}`);
    return found;
  }

  #check(keyword: string, argument: unknown, schema: Schema, value: unknown, path: string): string[] {
    const fail = (must: string): string[] => [`${path}: ${must}, not ${JSON.stringify(value)}`];
    const asNumber = typeof value === 'number' ? value : Number.NaN;
    switch (keyword) {
      case '$ref':
        return this.problems(this.resolve(argument), value, path);
      case 'type':
        return typeOf(value, argument) ? [] : fail(`must be ${argument}`);
      case 'enum':
        return listOf(argument).includes(value) ? [] : fail(`must be one of ${listOf(argument)}`);
      case 'const':
        return value === argument ? [] : fail(`must be ${JSON.stringify(argument)}`);
      case 'minimum':
        return asNumber < Number(argument) ? fail(`must be at least ${argument}`) : [];
      case 'maximum':
        return asNumber > Number(argument) ? fail(`must be at most ${argument}`) : [];
      case 'minLength':
        return typeof value === 'string' && value.length < Number(argument) ? fail('is too short') : [];
      case 'pattern':
        return typeof value === 'string' && !new RegExp(String(argument), 'u').test(value)
          ? fail(`must match ${argument}`)
          : [];
      case 'format':
        if (argument !== 'date-time') throw new Error(`unknown format ${argument}`);
        return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value)) ? [] : fail('must be a time');
      case 'oneOf': {
        const good = listOf(argument).filter((one) => this.problems(one, value, path).length === 0);
        return good.length === 1 ? [] : fail(`must match one schema, and matches ${good.length}`);
      }
      case 'items':
        return listOf(value).flatMap((item, n) => this.problems(argument, item, `${path}[${n}]`));
      case 'properties':
        return Object.entries(mapOf(argument)).flatMap(([key, one]) => {
          return isMap(value) && key in value ? this.problems(one, value[key], `${path}.${key}`) : [];
        });
      case 'required':
        return listOf(argument).flatMap((key) =>
          isMap(value) && String(key) in value ? [] : fail(`must have ${key}`),
        );
      case 'additionalProperties': {
        const known = Object.keys(mapOf(schema.properties ?? {}));
        const more = Object.entries(isMap(value) ? value : {}).filter(([key]) => !known.includes(key));
        return more.flatMap(([key, one]) =>
          argument === false ? fail(`must not have ${key}`) : this.problems(argument, one, `${path}.${key}`),
        );
      }
      default:
        if (SILENT.includes(keyword)) return [];
        throw new Error(`${path}: the checker does not know ${keyword}`);
    }
  }
}

function typeOf(value: unknown, type: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isMap(value);
  if (type !== 'string' && type !== 'number' && type !== 'boolean') throw new Error(`unknown type ${type}`);
  return typeof value === type;
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  if (!isMap(value)) throw new Error(`no map: ${JSON.stringify(value)}`);
  return value;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
