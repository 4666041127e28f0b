// F76: who may ask the admin API, and what others learn of it.
import { expect, test, vi } from 'vitest';
import { ENDPOINTS } from '../../src/admin/endpoints.ts';
import { ask, BEARER, openAdmin, TOKEN } from './admin-room.ts';

const compared = vi.hoisted(() => vi.fn());

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  const timingSafeEqual = (a: Buffer, b: Buffer): boolean => {
    compared(a.length, b.length);
    return crypto.timingSafeEqual(a, b);
  };
  return { ...crypto, default: crypto, timingSafeEqual };
});

const CLOSED = ENDPOINTS.filter(({ open }) => !open).map(
  ({ method, path }) => [method, path.replace('{pool}', 'adt').replace('{node}', 'a')] as const,
);

test('four reports are open, and need no token; nor does whoever logs in', async () => {
  const room = await openAdmin();
  expect(ENDPOINTS.filter(({ open }) => open).map(({ path }) => path)).toEqual([
    '/livez',
    '/readyz',
    '/readyz/{pool}',
    '/metrics',
    '/session',
  ]);
  for (const path of ['/livez', '/readyz', '/readyz/adt', '/metrics'])
    for (const headers of [{}, { authorization: 'Bearer wrong' }])
      expect((await ask(room, 'GET', path, { headers })).status, path).toBe(200);
  expect(room.refused).toEqual([]);
});

test.each([
  ...CLOSED,
  ['POST', '/'],
  ['GET', '/index'],
  ['GET', '/nothing'],
  ['GET', '/nodes/adt/a/drain'],
  ['POST', '/livez'],
  ['OPTIONS', '/status'],
] as const)('F76 %s %s without the token is 401 and changes nothing', async (method, path) => {
  const room = await openAdmin();
  for (const authorization of [undefined, 'Bearer wrong', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN}x`]) {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const told = await ask(room, method, path, { headers });
    expect(told.status).toBe(401);
    expect(told.headers.get('www-authenticate')).toBe('Bearer realm="hl7-gateway admin"');
    // No `allow`, no hint: whoever may not see what there is learns nothing of it.
    expect(told.headers.get('allow')).toBeNull();
    expect(told.body).toMatchObject({
      error: { code: 'GW_ERR_ADMIN_TOKEN', message: 'the token is missing or wrong' },
    });
  }
  expect(room.control.changes).toEqual([]);
  // One without a token at all is a scanner, or somebody who forgot it.
  expect(room.refused).toEqual(Array(4).fill('127.0.0.1'));
});

test.each(['Bearer', 'bearer', 'BEARER', 'Bearer '])(
  'the scheme is "%s", in any letter case',
  async (scheme) => {
    const room = await openAdmin();
    expect(
      (await ask(room, 'GET', '/status', { headers: { authorization: `${scheme} ${TOKEN}` } })).status,
    ).toBe(200);
  },
);

test.each([
  '',
  'Bearer',
  'Bearer ',
  `Bearer ${TOKEN.slice(0, -1)}`,
  `Bearer ${TOKEN.toUpperCase()}`,
  `Bearer ${TOKEN} ${TOKEN}`,
  `Bearer "${TOKEN}"`,
  `Bearer ${'x'.repeat(8000)}`,
])('F76 "%.40s" is not it', async (authorization) => {
  const room = await openAdmin();
  expect((await ask(room, 'GET', '/status', { headers: { authorization } })).status).toBe(401);
});

test('F76 the token is compared in constant time: hashes of one length, for every request', async () => {
  const room = await openAdmin();
  for (const token of ['', 'x', TOKEN.slice(0, 10), 'y'.repeat(5000), TOKEN]) {
    compared.mockClear();
    await ask(room, 'GET', '/nodes', { headers: { authorization: `Bearer ${token}` } });
    expect(compared.mock.calls).toEqual([[32, 32]]);
  }
});

test('F76 a gateway without a token lets nobody in', async () => {
  const room = await openAdmin({ token: undefined });
  for (const headers of [{}, BEARER, { authorization: 'Bearer undefined' }, { authorization: 'Bearer ' }])
    expect((await ask(room, 'POST', '/reload', { headers })).status).toBe(401);
  expect((await ask(room, 'GET', '/readyz', { headers: {} })).status).toBe(200);
  expect(room.control.changes).toEqual([]);
});
