// Logging in to the console over real connections: who gets in, for how long, what a role may, and what a page of somebody else cannot do.
import { beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../../src/config/http/password.ts';
import { until } from '../../helpers/until.ts';
import { type AdminRoom, BEARER, openAdmin, type RoomOptions, TOKEN } from '../admin-room.ts';

const PASSWORD = 'correct horse';
let hash = '';
beforeAll(async () => {
  hash = await hashPassword(PASSWORD);
});

const users = () =>
  new Map([
    ['olga', { password: hash, role: 'operate' }],
    ['vic', { password: hash, role: 'view' }],
  ] as const);

async function open(more: RoomOptions = {}): Promise<AdminRoom> {
  const room = await openAdmin({ users: users(), ...more });
  // Until somebody ends it.
  room.control.events = () => (sink) => sink.write(': here\n\n');
  return room;
}

interface Browser {
  readonly cookie: string;
  readonly csrfToken: string;
  readonly setCookie: string;
  readonly body: Record<string, unknown>;
}

function post(room: AdminRoom, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${room.url}/session`, { method: 'POST', body: JSON.stringify(body), headers });
}

async function loggedIn(room: AdminRoom, body: unknown, headers = {}): Promise<Browser> {
  const response = await post(room, body, headers);
  const told = (await response.json()) as Record<string, unknown>;
  expect(response.status, JSON.stringify(told)).toBe(200);
  const setCookie = response.headers.get('set-cookie') ?? '';
  return { cookie: setCookie.split(';')[0] ?? '', setCookie, csrfToken: String(told.csrfToken), body: told };
}

const olga = (room: AdminRoom) => loggedIn(room, { user: 'olga', password: PASSWORD });
const vic = (room: AdminRoom) => loggedIn(room, { user: 'vic', password: PASSWORD });

async function asked(
  room: AdminRoom,
  [method, path]: readonly [string, string],
  headers: Record<string, string>,
): Promise<number> {
  const response = await fetch(`${room.url}${path}`, { method, headers });
  await response.text();
  return response.status;
}

const DRAIN = ['POST', '/nodes/adt/a/drain'] as const;
const acting = ({ cookie, csrfToken }: Browser) => ({ cookie, 'x-csrf-token': csrfToken });

describe('logging in', () => {
  test('by password, by token and by a code that is good once', async () => {
    const room = await open();
    const one = await olga(room);
    expect(one.body).toEqual({
      user: 'olga',
      role: 'operate',
      csrfToken: expect.stringMatching(/^[\w-]{43}$/),
      expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
      endsAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(one.setCookie).toMatch(
      new RegExp(`^hl7-gateway-${room.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
    );
    expect((await loggedIn(room, { token: TOKEN })).body).toMatchObject({ user: 'token', role: 'operate' });
    const code = room.server.issueCode();
    expect((await loggedIn(room, { code })).body).toMatchObject({ user: 'code', role: 'operate' });
    expect((await post(room, { code })).status).toBe(401);
    expect(room.acts).toEqual([
      ['127.0.0.1 (olga)', { kind: 'log-in' }],
      ['127.0.0.1 (token)', { kind: 'log-in' }],
      ['127.0.0.1 (code)', { kind: 'log-in' }],
      ['127.0.0.1', { kind: 'wrong log-in' }],
    ]);
  });

  test.each([
    ['a wrong password', { user: 'olga', password: 'x' }],
    ['nobody', { user: 'nobody', password: PASSWORD }],
    ['a name of every object', { user: '__proto__', password: PASSWORD }],
    ['no password', { user: 'olga', password: '' }],
    ['the hash', { user: 'olga', password: 'HASH' }],
    ['a wrong token', { token: 'x' }],
    ['a wrong code', { code: 'x' }],
  ])('%s is 401 and nothing more is said', async (_, body) => {
    const room = await open();
    const given = JSON.parse(JSON.stringify(body).replace('HASH', hash));
    const response = await post(room, given);
    expect([response.status, response.headers.get('set-cookie')]).toEqual([401, null]);
    expect(await response.json()).toMatchObject({
      code: 'GW_ERR_ADMIN_LOGIN',
      detail: 'the user, password or code is wrong',
    });
  });

  test.each([
    '',
    '{',
    '[]',
    '{}',
    '{"user":"olga"}',
    '{"user":"olga","password":"x","token":"y"}',
    '{"user":["olga"],"password":"x"}',
    '{"user":"olga","user":"vic","password":"x"}',
    `{"user":"olga","password":"${'x'.repeat(1001)}"}`,
  ])('%.60s is no log-in', async (body) => {
    const room = await open();
    const response = await fetch(`${room.url}/session`, { method: 'POST', body });
    expect([response.status, await response.text()]).toEqual([400, expect.not.stringContaining('olga')]);
  });

  test('the secret is in the cookie alone: no answer and no log has it', async () => {
    const room = await open();
    const { cookie } = await olga(room);
    const told = await (await fetch(`${room.url}/session`, { headers: { cookie } })).text();
    expect(told).not.toContain(cookie.split('=')[1]);
    expect(JSON.stringify(room.acts)).not.toContain(cookie.split('=')[1]);
  });

  test('guessing waits from the sixth on, and what waits is not looked at', async () => {
    const room = await open();
    for (let n = 0; n < 6; n++) expect((await post(room, { code: 'x' })).status).toBe(401);
    const slow = await post(room, { user: 'olga', password: PASSWORD });
    expect([slow.status, Number(slow.headers.get('retry-after'))]).toEqual([429, 1]);
  });

  test('many that guess at the same moment are no more than one after the other', async () => {
    const room = await open();
    const all = await Promise.all(
      Array.from({ length: 30 }, async () => (await post(room, { user: 'olga', password: 'x' })).status),
    );
    expect(all.filter((status) => status === 401)).toHaveLength(6);
    expect(all.filter((status) => status === 429)).toHaveLength(24);
  });
});

describe('a session', () => {
  test('is told, used, and over when it logs out, with the stream that it reads', async () => {
    const room = await open();
    const browser = await olga(room);
    const { cookie } = browser;
    const report = await (await fetch(`${room.url}/session`, { headers: { cookie } })).json();
    expect(report).toMatchObject({ user: 'olga', role: 'operate', csrfToken: browser.csrfToken });
    expect(await asked(room, ['GET', '/nodes'], { cookie })).toBe(200);
    const stream = await fetch(`${room.url}/events`, { headers: { cookie } });
    const out = await fetch(`${room.url}/session`, { method: 'DELETE', headers: acting(browser) });
    expect(await out.json()).toEqual({ ended: true });
    expect(out.headers.get('set-cookie')).toMatch(/=; Path=\/; HttpOnly; SameSite=Strict; Max-Age=0$/);
    await stream.text();
    expect(await asked(room, ['GET', '/nodes'], { cookie })).toBe(401);
    expect(room.acts.at(-1)).toEqual(['127.0.0.1 (olga)', { kind: 'log-out' }]);
  });

  test('ends when it is not used, and its stream with it', async () => {
    const room = await open({ sessions: { idleMs: 100, absoluteMs: 60_000 } });
    const { cookie } = await olga(room);
    const stream = await fetch(`${room.url}/events`, { headers: { cookie } });
    await stream.text();
    expect(await asked(room, ['GET', '/nodes'], { cookie })).toBe(401);
  });

  test('ends in any case', async () => {
    const room = await open({ sessions: { idleMs: 60_000, absoluteMs: 100 } });
    const { cookie, body } = await olga(room);
    expect(body.expiresAt).toBe(body.endsAt);
    await until(async () => (await asked(room, ['GET', '/nodes'], { cookie })) === 401);
  });

  test('is a new one at each log-in, whatever the browser comes with (fixation)', async () => {
    const room = await open();
    const planted = `hl7-gateway-${room.port}=${'A'.repeat(43)}`;
    const one = await loggedIn(room, { user: 'olga', password: PASSWORD }, { cookie: planted });
    expect(one.cookie).not.toBe(planted);
    expect(await asked(room, ['GET', '/nodes'], { cookie: planted })).toBe(401);
    const two = await loggedIn(room, { user: 'olga', password: PASSWORD }, { cookie: one.cookie });
    expect(await asked(room, ['GET', '/nodes'], { cookie: one.cookie })).toBe(401);
    expect(await asked(room, ['GET', '/nodes'], { cookie: two.cookie })).toBe(200);
    // One that was planted beside it does no harm.
    expect(await asked(room, ['GET', '/nodes'], { cookie: `${planted}; ${two.cookie}` })).toBe(200);
  });

  test('is over when the config takes away by what it was begun, and no other', async () => {
    const room = await open();
    const [one, two, three] = [await olga(room), await vic(room), await loggedIn(room, { token: TOKEN })];
    const of = async ({ cookie }: Browser) => asked(room, ['GET', '/nodes'], { cookie });
    room.server.configure({ token: TOKEN, users: new Map([['olga', { password: hash, role: 'view' }]]) });
    expect([await of(one), await of(two), await of(three)]).toEqual([401, 401, 200]);
    room.server.configure({ token: 'another-token-of-this', users: users() });
    expect(await of(three)).toBe(401);
  });

  test('200 are kept, and the one that was used last of all goes first', async () => {
    const room = await open({ token: TOKEN });
    const first = await loggedIn(room, { token: TOKEN });
    const second = await loggedIn(room, { token: TOKEN });
    for (let n = 2; n < 200; n++) await loggedIn(room, { token: TOKEN });
    expect(await asked(room, ['GET', '/nodes'], { cookie: first.cookie })).toBe(200);
    await loggedIn(room, { token: TOKEN });
    expect(await asked(room, ['GET', '/nodes'], { cookie: first.cookie })).toBe(200);
    expect(await asked(room, ['GET', '/nodes'], { cookie: second.cookie })).toBe(401);
  });
});

describe('what somebody may', () => {
  test('view sees all and changes nothing; operate does, with who and why', async () => {
    const room = await open();
    const [operator, viewer] = [await olga(room), await vic(room)];
    for (const path of ['/status', '/nodes', '/messages', '/config/effective'])
      expect(await asked(room, ['GET', path], { cookie: viewer.cookie })).toBe(200);
    expect(await asked(room, DRAIN, acting(viewer))).toBe(403);
    expect(room.control.changes).toEqual([]);
    expect(room.acts.at(-1)).toEqual([
      '127.0.0.1 (vic)',
      { kind: 'refused', what: 'POST /nodes/adt/a/drain' },
    ]);
    const why = ['POST', `${DRAIN[1]}?reason=patches%20its%20%C3%B6l`] as const;
    expect(await asked(room, why, acting(operator))).toBe(200);
    expect(room.control.changes).toEqual(['drain adt/a from 127.0.0.1 (olga): patches its öl']);
    expect(await asked(room, ['POST', `${DRAIN[1]}?reason=two%0Alines`], acting(operator))).toBe(400);
    expect(await asked(room, ['POST', `${DRAIN[1]}?reason=${'x'.repeat(201)}`], acting(operator))).toBe(400);
  });

  test('the token may all, and needs no cookie and no X-CSRF-Token', async () => {
    const room = await open();
    expect(await asked(room, DRAIN, BEARER)).toBe(200);
    const report = await (await fetch(`${room.url}/session`, { headers: BEARER })).json();
    expect(report).toEqual({ user: 'token', role: 'operate' });
  });

  test('a wrong token beside a good cookie is a wrong token', async () => {
    const room = await open();
    const headers = { ...acting(await olga(room)), authorization: 'Bearer wrong' };
    expect(await asked(room, ['GET', '/nodes'], headers)).toBe(401);
  });
});

describe('a page of somebody else', () => {
  test.each([
    ['no X-CSRF-Token', {}],
    ['a wrong one', { 'x-csrf-token': 'x' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['a sandbox', { origin: 'null' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['a site that the browser calls another', { 'sec-fetch-site': 'cross-site' }],
    ['one that shares its machine', { 'sec-fetch-site': 'same-site' }],
  ])('cannot act by the cookie: %s', async (name, headers: Record<string, string>) => {
    const room = await open();
    const browser = await olga(room);
    const good = name.includes('X-CSRF') ? { cookie: browser.cookie } : acting(browser);
    expect(await asked(room, DRAIN, { ...good, ...headers })).toBe(403);
    expect(room.control.changes).toEqual([]);
  });

  test('cannot use the X-CSRF-Token of another session', async () => {
    const room = await open();
    const [one, two] = [await olga(room), await vic(room)];
    expect(await asked(room, DRAIN, { cookie: one.cookie, 'x-csrf-token': two.csrfToken })).toBe(403);
  });

  test('cannot log its visitor in', async () => {
    const room = await open();
    const body = { user: 'olga', password: PASSWORD };
    expect((await post(room, body, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await post(room, body, { origin: room.url, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  });

  test('cannot read by the cookie where the browser says whose page it is', async () => {
    const room = await open();
    const { cookie } = await olga(room);
    expect(await asked(room, ['GET', '/messages'], { cookie, 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await asked(room, ['GET', '/messages'], { cookie, 'sec-fetch-site': 'same-origin' })).toBe(200);
  });
});
