// The types of the console's requests, made from docs/openapi.yaml: what each endpoint takes, and what it answers with.
// Promises an error for a word of JSON Schema that it does not know, so that nothing in the document is passed over.
import { parse } from 'yaml';

type Schema = Readonly<Record<string, unknown>>;

interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface Operation {
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content } | Reference>>;
}

interface Reference {
  readonly $ref: string;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const HEAD = `// Made from docs/openapi.yaml by \`npm run docs:config\`: what each endpoint of the admin API takes and answers.
`;

/** `document`: the text of docs/openapi.yaml. */
export function apiTypes(document: string): string {
  const api = parse(document) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  const found = <T>(part: T | Reference): T => {
    const [, kind = '', name = ''] = /^#\/components\/(\w+)\/(\w+)$/.exec(refOf(part) ?? '') ?? [];
    return kind === '' ? (part as T) : (api.components[kind]?.[name] as T);
  };
  const schemas = Object.entries(api.components.schemas as Readonly<Record<string, Schema>>).map(
    ([name, schema]) => `  ${name}: ${typeOf(schema, '  ')};\n`,
  );
  const endpoints = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) => {
      const { parameters = [], requestBody, responses } = item[method] as Operation;
      const shared = (item.parameters ?? []) as readonly (Parameter | Reference)[];
      const all = [...shared, ...parameters].map((one) => found<Parameter>(one));
      const success = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
      const answer = success === undefined ? undefined : found<{ content?: Content }>(success).content;
      return [
        `  '${method.toUpperCase()} ${path}': {\n`,
        `    path: ${fieldsOf(all, 'path')};\n`,
        `    query: ${fieldsOf(all, 'query')};\n`,
        `    body: ${contentOf(requestBody?.content)};\n`,
        `    answer: ${contentOf(answer)};\n`,
        '  };\n',
      ].join('');
    }),
  );
  return `${HEAD}
export interface Schemas {
${schemas.join('')}}

export interface Endpoints {
${endpoints.join('')}}
`;
}

function refOf(part: unknown): string | undefined {
  return (part as Partial<Reference>).$ref;
}

function fieldsOf(parameters: readonly Parameter[], place: Parameter['in']): string {
  const fields = parameters.filter((one) => one.in === place);
  const isNeeded = (one: Parameter): boolean => one.required === true || place === 'path';
  const texts = fields.map((one) => `${one.name}${isNeeded(one) ? '' : '?'}: ${typeOf(one.schema, '')}`);
  return texts.length === 0 ? 'object' : `{ ${texts.join('; ')} }`;
}

/** JSON is read; whatever else is text. */
function contentOf(content: Content | undefined): string {
  if (content === undefined) return 'undefined';
  const schema = content['application/json']?.schema;
  return schema === undefined ? 'string' : typeOf(schema, '    ');
}

/** What a type does not say. */
const UNSAID = new Set(['description', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'format']);
const SAID = new Set([
  ...['$ref', 'type', 'const', 'enum', 'oneOf', 'anyOf', 'items', 'properties', 'required'],
  ...['additionalProperties', 'default', 'example', 'examples', 'minItems', 'maxItems', 'minProperties'],
]);

function typeOf(schema: Schema, indent: string): string {
  const other = Object.keys(schema).find((key) => !UNSAID.has(key) && !SAID.has(key));
  if (other !== undefined) throw new Error(`docs/openapi.yaml: no type is made of ${other} in a schema`);
  const { $ref, type, const: one, enum: some, oneOf, anyOf, items } = schema;
  if (typeof $ref === 'string') return `Schemas['${$ref.replace('#/components/schemas/', '')}']`;
  if (one !== undefined) return literal(one);
  if (Array.isArray(some)) return some.map(literal).join(' | ');
  const either = (oneOf ?? anyOf) as readonly Schema[] | undefined;
  if (either !== undefined) return either.map((each) => typeOf(each, indent)).join(' | ');
  if (Array.isArray(type)) return type.map((each) => typeOf({ ...schema, type: each }, indent)).join(' | ');
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `readonly (${typeOf(items as Schema, indent)})[]`;
    case 'object':
      return objectOf(schema, indent);
    default:
      return 'unknown';
  }
}

function objectOf({ properties, required, additionalProperties }: Schema, indent: string): string {
  const needed = (required ?? []) as readonly string[];
  if (properties === undefined) {
    const values = typeof additionalProperties === 'object' ? (additionalProperties as Schema) : {};
    return `Readonly<Record<string, ${typeOf(values, indent)}>>`;
  }
  const inner = `${indent}  `;
  const fields = Object.entries(properties as Readonly<Record<string, Schema>>).map(
    ([name, schema]) =>
      `${inner}readonly ${keyOf(name)}${needed.includes(name) ? '' : '?'}: ${typeOf(schema, inner)};\n`,
  );
  return `{\n${fields.join('')}${indent}}`;
}

function keyOf(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`;
}

function literal(value: unknown): string {
  return typeof value === 'string'
    ? `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
    : String(value);
}
