// schema/gateway.schema.json: the JSON schema of the gateway's config, made from the tables of keys.
import { NAME_PATTERN } from '../../config/build/name.ts';
import { DEFAULT_TABLES } from '../../config/keys/defaults.ts';
import type { Json } from '../../config/keys/format.ts';
import type { ConfigKey } from '../../config/keys/key.ts';
import { CONFIG_SECTIONS } from '../../config/keys/sections.ts';
import { CONDITION_WORDS, KEY_WORDS, SENDER_WORDS } from '../../config/keys/subjects.ts';
import { FIELD_PATH } from '../../hl7/field-path.ts';
import { FROM_OUTSIDE, oneOrMany, scalarSchema, tableSchema } from './json-schema.ts';

const TEXT: Json = { type: ['string', 'number', 'boolean'] };
const PATH: Json = { type: 'string', pattern: FIELD_PATH.source };
const SEGMENT: Json = { type: 'string', pattern: '^[A-Z][A-Z0-9]{2}$' };
const COUNT: Json = {
  anyOf: [
    { type: 'integer', minimum: 0 },
    { type: 'string', pattern: '^(0|[1-9]\\d*)$' },
  ],
};

function ref(name: string): Json {
  return { $ref: `#/$defs/${name}` };
}

/** `header.NAME` stands for any name. */
function subjectSchema(words: readonly string[]): Json {
  const named = words.filter((word) => word.endsWith('.NAME')).map((word) => word.replace('.NAME', ''));
  return {
    anyOf: [
      { enum: words.filter((word) => !word.endsWith('.NAME')) },
      ...named.map((word) => ({ type: 'string', pattern: `^${word}\\..+$` })),
      PATH,
    ],
  };
}

function conditions(words: string): Json {
  return { type: 'object', propertyNames: ref(words), additionalProperties: ref('test') };
}

function byPath(value: Json): Json {
  return { type: 'object', propertyNames: PATH, additionalProperties: value };
}

const CONTENTS: Readonly<Record<string, Json>> = {
  'listener-defaults': ref('listener-defaults'),
  'pool-defaults': ref('pool-defaults'),
  'node-defaults': ref('node-defaults'),
  conditions: conditions('subject'),
  'condition-list': { type: 'array', minItems: 1, items: conditions('senderSubject') },
  texts: { type: 'object', additionalProperties: scalarSchema(TEXT) },
  segments: { type: 'array', minItems: 1, items: scalarSchema(SEGMENT) },
  'field-paths': { type: 'array', minItems: 1, items: scalarSchema(PATH) },
  'value-tables': byPath(oneOrMany(scalarSchema(TEXT))),
  lengths: byPath({
    anyOf: [
      ...(scalarSchema(COUNT).anyOf as readonly Json[]),
      {
        type: 'object',
        properties: { min: scalarSchema(COUNT), max: scalarSchema(COUNT) },
        minProperties: 1,
        additionalProperties: false,
      },
    ],
  }),
};

/** The right side of a condition. */
const TEST: Json = {
  anyOf: [
    TEXT,
    ref('fromFile'),
    { type: 'array', minItems: 1, items: ref('test') },
    { type: 'object', properties: { not: ref('test') }, required: ['not'], additionalProperties: false },
    {
      type: 'object',
      properties: { exists: scalarSchema({ enum: [true, false, 'true', 'false'] }) },
      required: ['exists'],
      additionalProperties: false,
    },
  ],
};

/** `listeners.NAME.tls` is `listeners-tls`. Tables that are used twice have the name of the first place. */
function definitionName(pattern: string): string {
  const same = Object.entries(CONFIG_SECTIONS).find(([, table]) => table === CONFIG_SECTIONS[pattern]);
  return (same?.[0] ?? pattern).replaceAll('.NAME', '').replaceAll('[]', '').replaceAll('.', '-');
}

function inside(full: string, { of }: ConfigKey): Json {
  if (of !== undefined && Object.hasOwn(CONTENTS, of)) return CONTENTS[of] as Json;
  if (Object.hasOwn(CONFIG_SECTIONS, `${full}.NAME`)) {
    const items = ref(definitionName(`${full}.NAME`));
    return { type: 'object', propertyNames: { pattern: NAME_PATTERN.source }, additionalProperties: items };
  }
  if (Object.hasOwn(CONFIG_SECTIONS, `${full}[]`))
    return { type: 'array', items: ref(definitionName(`${full}[]`)) };
  if (!Object.hasOwn(CONFIG_SECTIONS, full)) throw new Error(`no table says what is in ${full}`);
  return ref(definitionName(full));
}

/** A key without a value takes out what `defaults` say; what a section within an entry requires they may give. */
function besideDefaults(schema: Json, isWithin: boolean): Json {
  const { required, properties, ...rest } = schema;
  const parts = Object.entries(properties as Readonly<Record<string, Json>>).map(([name, part]) => {
    const one = part.properties === undefined ? part : besideDefaults(part, true);
    const { description, default: fallback, ...value } = one;
    const told = {
      ...(description !== undefined && { description }),
      ...(fallback !== undefined && { default: fallback }),
    };
    return [name, { ...told, anyOf: [...(isPlainChoice(value) ? value.anyOf : [value]), { type: 'null' }] }];
  });
  return {
    ...rest,
    properties: Object.fromEntries(parts),
    ...(required !== undefined && !isWithin && { required }),
  };
}

function isPlainChoice(value: Json): value is { readonly anyOf: readonly Json[] } {
  return Object.keys(value).join() === 'anyOf';
}

export function gatewaySchema(): Json {
  const { '': top = {}, ...sections } = CONFIG_SECTIONS;
  const definitions = Object.entries(sections).map(([pattern, table]) => {
    const schema = tableSchema(table, pattern, inside);
    const hasDefaults = /^(listeners|pools)\./.test(pattern) && !pattern.endsWith('.cert');
    return [
      definitionName(pattern),
      hasDefaults ? besideDefaults(schema, !pattern.endsWith('.NAME')) : schema,
    ];
  });
  const { required, ...whole } = tableSchema(top, '', inside);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:hl7-gateway:gateway.schema.json',
    title: 'A config of hl7-gateway',
    ...whole,
    // What is required may stand in a file that is included.
    anyOf: [{ required }, { required: ['include'] }],
    $defs: {
      ...Object.fromEntries(definitions),
      'listener-defaults': tableSchema(DEFAULT_TABLES.listeners, 'listeners.NAME', inside),
      'pool-defaults': tableSchema(DEFAULT_TABLES.pools, 'pools.NAME', inside),
      'node-defaults': tableSchema(DEFAULT_TABLES.nodes, 'pools.NAME.nodes.NAME', inside),
      ...FROM_OUTSIDE,
      subject: subjectSchema(CONDITION_WORDS),
      senderSubject: subjectSchema(SENDER_WORDS),
      stickySubject: subjectSchema(KEY_WORDS),
      test: TEST,
    },
  };
}
