// docs/openapi.yaml and the code describe the same endpoints; every answer that a test can bring about has the shape that
// stands there, and so have the examples.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ENDPOINTS, findEndpoint } from '../../src/admin/endpoints.ts';
import { ERRORS, GatewayError } from '../../src/errors.ts';
import { version } from '../../src/version.ts';
import { openAdmin, TOKEN } from './admin-room.ts';
import { listOf, mapOf } from './json-schema.ts';
import { checker, DOCUMENT, expectDescribed, followed, operation, operations } from './openapi-document.ts';

describe('both list the same', () => {
  const of = (list: readonly { method: string; path: string }[]) =>
    list.map((one) => `${one.method} ${one.path}`);

  test('endpoints', () => {
    expect(of(operations).toSorted()).toEqual(of(ENDPOINTS).toSorted());
    expect(new Set(of(ENDPOINTS)).size).toBe(ENDPOINTS.length);
  });

  test.each(ENDPOINTS)('$method $path: who may, and its names', ({ method, path, open, operates }) => {
    if (operates) expect(mapOf(operation(method, path).value.responses)).toHaveProperty('403');
    const { value, parameters } = operation(method, path);
    expect(value.security).toEqual(open ? [] : undefined);
    // Whoever logs in may be wrong.
    expect('401' in mapOf(value.responses)).toBe(!open || path === '/session');
    const names = parameters.map(mapOf).filter((one) => one.in === 'path');
    expect(names.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{[a-z]+\}/g) ?? []);
    expect(names.every(({ required }) => required === true)).toBe(true);
    expect(value.summary).toEqual(expect.any(String));
    expect(listOf(value.tags)).toHaveLength(1);
  });

  test('each operation has a name of its own', () => {
    const names = operations.map(({ value }) => value.operationId);
    expect(names.filter((name) => !/^[a-z][A-Za-z]+$/.test(String(name)))).toEqual([]);
    expect(new Set(names).size).toBe(operations.length);
  });

  test('the version, the default scheme, and codes that there are', () => {
    expect(mapOf(mapOf(DOCUMENT).info).version).toBe(version);
    expect(mapOf(DOCUMENT).security).toEqual([{ token: [] }, { session: [] }]);
    const codes = JSON.stringify(DOCUMENT).match(/GW_ERR_[A-Z]\w*[A-Z]/g) ?? [];
    expect(codes.length).toBeGreaterThan(4);
    expect(codes.filter((code) => !(code in ERRORS))).toEqual([]);
  });
});

test('the examples have the shape that they are examples of', () => {
  let examples = 0;
  const check = (media: unknown): void => {
    const { schema, example, examples: more } = mapOf(media);
    const all = Object.values(mapOf(more ?? {})).map((one) => mapOf(one).value);
    if (example !== undefined) all.push(example);
    for (const one of all) {
      examples++;
      expect(checker.problems(schema, one)).toEqual([]);
    }
  };
  for (const { value } of operations) {
    for (const response of Object.values(mapOf(value.responses)).map(followed))
      for (const media of Object.values(mapOf(mapOf(response).content))) check(media);
    if (value.requestBody !== undefined)
      for (const media of Object.values(mapOf(mapOf(value.requestBody).content))) check(media);
  }
  expect(examples).toBeGreaterThan(20);
});

const NODE = '/nodes/{pool}/{node}';
const BODIES: Readonly<Record<string, string>> = {
  [`PUT ${NODE}`]: '{"url":"mllp://h:1"}',
  [`PUT ${NODE}/weight`]: '{"weight":3}',
  'POST /session': JSON.stringify({ token: TOKEN }),
  'POST /routes/explain': 'MSH|^~\\&|WARD|H|M|H|20260301||ADT^A01|1|P|2.5',
};

function bodyOf(method: string, path: string): { body?: string } {
  const body = BODIES[`${method} ${path}`];
  return body === undefined ? {} : { body };
}

describe('answers have the shape that is described', () => {
  test.each(ENDPOINTS)('$method $path', async ({ method, path }) => {
    const room = await openAdmin();
    room.control.reloadError = 'the config has errors';
    const isNew = method === 'PUT' && path === NODE;
    const node = isNew ? 'new' : 'a';
    await expectDescribed(room, [method, path], isNew ? 201 : 200, { ...bodyOf(method, path), node });
  });

  test.each(ENDPOINTS.filter(({ open }) => !open))(
    '$method $path without the token',
    async ({ method, path }) => {
      await expectDescribed(await openAdmin(), [method, path], 401, { token: 'wrong' });
    },
  );

  test.each(ENDPOINTS.filter(({ path }) => path.includes('{node}')))(
    '$method $path of a pool that there is not',
    async ({ method, path }) => {
      const room = await openAdmin();
      room.control.nodeReports = [];
      await expectDescribed(room, [method, path], 404, bodyOf(method, path));
    },
  );

  test('what else may come', async () => {
    const room = await openAdmin();
    room.control.draining = true;
    room.control.isLive = false;
    await expectDescribed(room, ['GET', '/readyz'], 503);
    await expectDescribed(room, ['GET', '/readyz/{pool}'], 503);
    await expectDescribed(room, ['GET', '/readyz'], 404, { query: '?pools=nothing' });
    await expectDescribed(room, ['GET', '/livez'], 503);
    await expectDescribed(room, ['GET', '/senders'], 400, { query: '?limit=x' });
    await expectDescribed(room, ['GET', '/senders'], 400, { query: '?offset=-1' });
    await expectDescribed(room, ['GET', '/messages'], 400, { query: '?before=x' });
    await expectDescribed(room, ['GET', '/messages'], 400, { query: '?patient=x' });
    room.control.keepsMessages = false;
    await expectDescribed(room, ['GET', '/messages'], 404);
    await expectDescribed(room, ['POST', '/routes/explain'], 400);
    await expectDescribed(room, ['POST', '/routes/explain'], 413, { body: ' '.repeat(70_000) });
    const added = ['PUT', NODE] as const;
    const weight = ['PUT', `${NODE}/weight`] as const;
    await expectDescribed(room, weight, 400, { body: '-1' });
    await expectDescribed(room, weight, 413, { body: ' '.repeat(70_000) });
    await expectDescribed(room, added, 400, { body: '{' });
    await expectDescribed(room, added, 409, { body: '{}' });
    await expectDescribed(room, added, 413, { body: ' '.repeat(70_000) });
    room.control.trouble = new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the last one' });
    await expectDescribed(room, ['DELETE', NODE], 409);
    room.control.trouble = new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the config has no file' });
    await expectDescribed(room, ['POST', '/reload'], 409);
    room.control.trouble = new GatewayError('GW_ERR_CONFIG', { detail: 'x' });
    await expectDescribed(room, ['POST', '/reload'], 422);
  });

  test('with as little as there may be', async () => {
    const room = await openAdmin();
    room.control.nodeReports = [];
    room.control.senderReports = [];
    room.control.certificateReports = [];
    const status = await expectDescribed(room, ['GET', '/status'], 200);
    expect(status).not.toHaveProperty('reloadError');
    await expectDescribed(room, ['GET', '/nodes'], 200);
    await expectDescribed(room, ['GET', '/senders'], 200);
  });
});

test('docs/admin.md asks for what there is', () => {
  const page = readFileSync(new URL('../../docs/admin.md', import.meta.url), 'utf8');
  const lines = [...page.matchAll(/^curl .*?(?:-X ([A-Z]+) +)?'?http:\/\/127\.0\.0\.1:9600(\/[^\s?']*)/gm)];
  expect(lines).toHaveLength(14);
  for (const [line, method = 'GET', path = ''] of lines)
    expect(findEndpoint(method, path), line).toBeDefined();
});

describe('the checker itself', () => {
  test.each([
    [{ type: 'integer' }, 1.5],
    [{ type: 'integer' }, '1'],
    [{ type: 'object' }, []],
    [{ type: 'array' }, {}],
    [{ enum: ['a'] }, 'b'],
    [{ const: true }, false],
    [{ minimum: 0 }, -1],
    [{ maximum: 256 }, 257],
    [{ minLength: 1 }, ''],
    [{ pattern: '^a$' }, 'b'],
    [{ format: 'date-time' }, '2026-03-01'],
    [{ required: ['a'] }, {}],
    [{ properties: { a: { const: 1 } } }, { a: 2 }],
    [{ additionalProperties: false }, { a: 1 }],
    [{ additionalProperties: { type: 'string' } }, { a: 1 }],
    [{ items: { type: 'string' } }, ['a', 1]],
    [{ oneOf: [{ minimum: 0 }, { maximum: 9 }] }, 5],
    [{ $ref: '#/components/schemas/Weight' }, 300],
  ])('%j refuses %j', (schema, value) => expect(checker.problems(schema, value)).toHaveLength(1));

  test('stops at what it does not know', () => {
    expect(() => checker.problems({ maxLength: 1 }, 'x')).toThrow('does not know maxLength');
  });
});
