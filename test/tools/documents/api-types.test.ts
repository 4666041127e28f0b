// The console's types are what docs/openapi.yaml says.
import { expect, test } from 'vitest';
import { apiTypes } from '../../../src/tools/documents/api-types.ts';

const document = (schema: object): string =>
  JSON.stringify({
    paths: {
      '/things/{thing}': {
        parameters: [{ $ref: '#/components/parameters/thing' }],
        put: {
          parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1 } }],
          requestBody: { content: { 'application/json': { schema } } },
          responses: { 201: { $ref: '#/components/responses/Made' }, 400: {} },
        },
      },
    },
    components: {
      parameters: { thing: { name: 'thing', in: 'path', required: true, schema: { type: 'string' } } },
      responses: { Made: { content: { 'text/plain': { schema: { type: 'string' } } } } },
      schemas: { Thing: schema },
    },
  });

const typeOf = (schema: object): string =>
  / {2}Thing: (.*);\n}\n\nexport interface Endpoints/s.exec(apiTypes(document(schema)))?.[1] ?? '';

test.each([
  [{ type: 'string', minLength: 1 }, 'string'],
  [{ type: 'integer' }, 'number'],
  [{ const: 'a"b' }, "'a\"b'"],
  [{ enum: ["it's", 1, true] }, "'it\\'s' | 1 | true"],
  [{ type: ['string', 'null'] }, 'string | null'],
  [{ oneOf: [{ type: 'boolean' }, { $ref: '#/components/schemas/Other' }] }, "boolean | Schemas['Other']"],
  [{ type: 'array', items: { type: 'number' } }, 'readonly (number)[]'],
  [{ type: 'object', additionalProperties: { type: 'number' } }, 'Readonly<Record<string, number>>'],
  [
    { type: 'object', properties: { a: { type: 'string' }, 'b-c': {} }, required: ['a'] },
    "{\n    readonly a: string;\n    readonly 'b-c'?: unknown;\n  }",
  ],
])('of %j', (schema, type) => {
  expect(typeOf(schema)).toBe(type);
});

test('what an endpoint takes and answers, with what it refers to', () => {
  expect(apiTypes(document({ type: 'string' }))).toContain(`  'PUT /things/{thing}': {
    path: { thing: string };
    query: { limit?: number };
    body: string;
    answer: string;
  };`);
});

test('a word of JSON Schema that no type is made of is said', () => {
  expect(() => apiTypes(document({ type: 'object', patternProperties: {} }))).toThrow('patternProperties');
});
