// JSON Schema 2020-12 of a table of keys: what a file may hold, for editors and for those who make files by program.
// Promises to refuse nothing that the loader takes. The loader refuses more: it knows files, and what keys say of each other.
import type { Json } from '../../config/keys/format.ts';
import { formatOf } from '../../config/keys/formats.ts';
import { type ConfigKey, isKey, type KeyTable } from '../../config/keys/key.ts';

/** Of a key whose value is a map or a list, what is in it; of files, what may stand in place of one. */
export type Inside = (key: string, part: ConfigKey) => Json;

/** Every scalar may come from the environment or from a file. */
export const FROM_OUTSIDE = {
  variable: {
    type: 'string',
    pattern: '\\$\\{',
    description: 'A value with ${NAME} of the environment in it',
  },
  fromFile: {
    type: 'object',
    properties: { file: { type: 'string', minLength: 1 } },
    required: ['file'],
    additionalProperties: false,
    description:
      "The text of a file, without its last newline; a relative path starts at the config's folder",
  },
} as const;

const OUTSIDE: readonly Json[] = [{ $ref: '#/$defs/variable' }, { $ref: '#/$defs/fromFile' }];

export function scalarSchema(json: Json): Json {
  return { anyOf: [...(Array.isArray(json.anyOf) ? json.anyOf : [json]), ...OUTSIDE] };
}

export function oneOrMany(one: Json): Json {
  return { anyOf: [...(one.anyOf as readonly Json[]), { type: 'array', items: one }] };
}

/** `path`: the table's own, as `listeners.NAME`. */
export function tableSchema(table: KeyTable, path: string, inside: Inside): Json {
  const entries = Object.entries(table);
  const required = entries.flatMap(([name, part]) => (isKey(part) && part.default === null ? [name] : []));
  return {
    type: 'object',
    properties: Object.fromEntries(
      entries.map(([name, part]) => {
        const full = path === '' ? name : `${path}.${name}`;
        return [name, isKey(part) ? keySchema(full, part, inside) : tableSchema(part, full, inside)];
      }),
    ),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function keySchema(full: string, key: ConfigKey, inside: Inside): Json {
  const { default: fallback } = key;
  return {
    description: plainText(key.doc),
    ...(fallback !== null && fallback !== undefined && { default: fallback }),
    ...valueSchema(full, key, inside),
  };
}

function valueSchema(full: string, key: ConfigKey, inside: Inside): Json {
  const { shape, json } = formatOf(key.format);
  const one = typeof json === 'function' ? json(key) : json;
  switch (shape) {
    case 'scalar':
      return scalarSchema(one);
    case 'scalars':
      return oneOrMany(scalarSchema(one));
    case 'key-pair':
      return withP12(one, inside(full, key));
    case 'key-pairs':
      return oneOrMany(withP12(one, inside(full, key)));
    default:
      return inside(full, key);
  }
}

function withP12(path: Json, p12: Json): Json {
  return { anyOf: [...(scalarSchema(path).anyOf as readonly Json[]), p12] };
}

/** Markdown's links lead nowhere from an editor. */
function plainText(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1');
}
