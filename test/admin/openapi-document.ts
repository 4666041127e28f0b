// docs/openapi.yaml as tests see it, and a request whose answer is held to what stands there.
// Promises to fail for an endpoint, a status or a content type that is not described.
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { type AdminRoom, ask, TOKEN } from './admin-room.ts';
import { isMap, listOf, mapOf, SchemaChecker } from './json-schema.ts';

export const DOCUMENT: unknown = parse(
  readFileSync(new URL('../../docs/openapi.yaml', import.meta.url), 'utf8'),
  {
    version: '1.2',
    merge: false,
  },
);
export const checker = new SchemaChecker(DOCUMENT);
const METHODS = ['get', 'post', 'put', 'delete', 'patch', 'head', 'options'];

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly parameters: readonly unknown[];
}

export const operations: Operation[] = Object.entries(mapOf(mapOf(DOCUMENT).paths)).flatMap(([path, item]) =>
  Object.entries(mapOf(item))
    .filter(([key]) => METHODS.includes(key))
    .map(([key, value]) => ({
      method: key.toUpperCase(),
      path,
      value: mapOf(value),
      parameters: [...listOf(mapOf(item).parameters), ...listOf(mapOf(value).parameters)].map(followed),
    })),
);

export function followed(value: unknown): unknown {
  return isMap(value) && '$ref' in value ? checker.resolve(value.$ref) : value;
}

export function operation(method: string, path: string): Operation {
  const found = operations.find((one) => one.method === method && one.path === path);
  if (found === undefined) throw new Error(`${method} ${path} is not described`);
  return found;
}

/** Media type → what is said of it. */
function contents({ value }: Operation, status: number): [string, Readonly<Record<string, unknown>>][] {
  const response = followed(mapOf(value.responses)[status]);
  if (response === undefined) throw new Error(`status ${status} is not described`);
  return Object.entries(mapOf(mapOf(response).content)).map(([type, media]) => [type, mapOf(media)]);
}

/** Asks, and holds what comes to what is described of it. */
export async function expectDescribed(
  room: Pick<AdminRoom, 'url'>,
  [method, path]: readonly [string, string],
  status: number,
  request: { body?: string; query?: string; token?: string; node?: string } = {},
): Promise<unknown> {
  const { body, query = '', token = TOKEN, node = 'a' } = request;
  const headers = { authorization: `Bearer ${token}` };
  const target = path.replace('{pool}', 'adt').replace('{node}', node).replace('{id}', '7') + query;
  const told = await ask(room, method, target, { headers, ...(body === undefined ? {} : { body }) });
  expect(told.status, told.text).toBe(status);
  const described = contents(operation(method, path), status);
  const [type, { schema } = {}] =
    described.find(([one]) => told.headers.get('content-type')?.startsWith(one)) ?? [];
  expect(type, `${told.headers.get('content-type')} is not described`).toBeDefined();
  const value = type?.endsWith('json') === true && type !== 'application/x-ndjson' ? told.body : told.text;
  expect(checker.problems(schema, value)).toEqual([]);
  return value;
}
