// Basic authentication (RFC 7617) of posted messages: who gets in, what the others are told, and that nothing of a name or
// a password goes on to a node or into the log.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/config/http/password.ts';
import { message } from '../helpers/mllp.ts';
import type { RawNode } from '../helpers/raw-http-node.ts';
import { value, values } from '../helpers/strict-http.ts';
import { ask, expectRefusal, LONG, PATIENCE_MS, type PostRoom, post, says, toHttp, told } from './room.ts';

const X1 = message({ controlId: 'X1' });

const PASSWORDS = {
  lab: 'open sesame',
  'Jürgen Ü': 'pässwörd ✓ 中',
  colons: 'a:b::c:',
  empty: '',
  /** Its base64 has both characters that others write differently. */
  web: '~?~?~?>>>',
  long: 'x'.repeat(300),
} as const;

const basic = (text: string | Buffer): string =>
  `Authorization: Basic ${(typeof text === 'string' ? Buffer.from(text, 'utf8') : text).toString('base64')}`;

const ROUTES = [{ when: { path: '/lab' }, to: 'pool', http: { hl7: true } }, { to: 'pool' }];

let users: Record<string, string>;
let room: PostRoom<RawNode>;
beforeAll(async () => {
  users = {};
  for (const [name, password] of Object.entries(PASSWORDS)) users[name] = await hashPassword(password);
  room = await toHttp({ listener: { http: { users, realm: 'the "lab"' } }, routes: ROUTES });
}, PATIENCE_MS);
afterAll(() => room[Symbol.asyncDispose]());

describe('who gets in', LONG, () => {
  it.each(Object.entries(PASSWORDS))('%s', async (name, password) => {
    const fields = [basic(`${name}:${password}`)];
    const client = await room.connect();
    // The second time it is remembered.
    for (let i = 0; i < 2; i++) expect(told(await ask(client, post(X1, { fields })))).toBe('200 AA X1');
  });

  it('a name and a password whose characters are written in two parts each', async () => {
    const fields = [basic('Jürgen Ü:pässwörd ✓ 中'.normalize('NFD'))];
    expect(told(await room.ask(post(X1, { fields })))).toBe('200 AA X1');
  });

  it.each(['basic', 'BASIC', 'Basic '])('the scheme as "%s"', async (scheme) => {
    const fields = [basic('lab:open sesame').replace('Basic', scheme)];
    expect(told(await room.ask(post(X1, { fields })))).toBe('200 AA X1');
  });

  it('a post that its route alone takes for a message', async () => {
    const fields = [basic('lab:open sesame')];
    const bytes = post(X1, { fields, type: 'text/plain', path: '/lab' });
    expect(told(await room.ask(bytes))).toBe('200 AA X1');
  });

  it('a client that waits for 100 (Continue) gets it behind the check', async () => {
    const client = await room.connect();
    const bytes = post(X1, { fields: [basic('lab:open sesame'), 'Expect: 100-continue'] });
    const headEnd = bytes.indexOf('\r\n\r\n') + 4;
    void client.send(bytes.subarray(0, headEnd));
    await client.when(() => client.messages.length > 0, 'a 100', PATIENCE_MS);
    void client.send(bytes.subarray(headEnd));
    expect(told(await client.response(0, PATIENCE_MS))).toBe('200 AA X1');
    expect(client.statuses).toEqual([100, 200]);
  });
});

const STRANGERS: readonly (readonly [what: string, fields: readonly string[]])[] = [
  ['nothing', []],
  ['an empty field', ['Authorization:']],
  ['a wrong password', [basic('lab:open sesam')]],
  ['one that only begins right', [basic('lab:open sesame ')]],
  ['in other letter case', [basic('lab:Open Sesame')]],
  ['no password', [basic('lab:')]],
  ['a name without a colon', [basic('lab')]],
  ['a user that is unknown', [basic('nobody:open sesame')]],
  ['a name in other letter case', [basic('LAB:open sesame')]],
  ['another user’s password', [basic('colons:open sesame')]],
  ['nobody', [basic(':')]],
  ['the name of a property', [basic('__proto__:open sesame')]],
  ['the stored hash', [basic('lab:$scrypt$ln=15,r=8,p=1$')]],
  ['no base64', ['Authorization: Basic lab:open sesame']],
  ['base64 with something behind it', [`${basic('lab:open sesame')} x`]],
  ['base64 of the Web', [basic('web:~?~?~?>>>').replaceAll('+', '-').replaceAll('/', '_')]],
  ['Latin-1', [basic(Buffer.from('Jürgen Ü:pässwörd', 'latin1'))]],
  ['another scheme', ['Authorization: Bearer bGFiOm9wZW4gc2VzYW1l']],
  ['no scheme', [basic('lab:open sesame').replace('Basic ', '')]],
  ['two fields', [basic('lab:open sesame'), basic('lab:open sesame')]],
  ['that of a proxy', [basic('lab:open sesame').replace('Authorization', 'Proxy-Authorization')]],
  ['too much', [basic(`lab:${'x'.repeat(9000)}`)]],
];

describe.each(STRANGERS)('%s', LONG, (_, fields) => {
  it('is a 401, and the body is not waited for', async () => {
    const before = room.node.requests.length;
    const client = await room.connect();
    const bytes = post(X1, { fields });
    const response = await ask(client, bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4));
    expectRefusal(response, 401, 'GW_ERR_HTTP_CREDENTIALS');
    expect(value(response, 'www-authenticate')).toBe('Basic realm="the \\"lab\\"", charset="UTF-8"');
    expect(value(response, 'connection')).toBe('close');
    await client.end(PATIENCE_MS);
    expect(client.statuses).toEqual([401]);
    expect(room.node.requests.length).toBe(before);
  });
});

describe('a stranger', LONG, () => {
  it('learns nothing else: not of routes, nor of charsets or sizes', async () => {
    for (const type of ['application/hl7-v2; charset=klingon', 'application/hl7-v2'])
      expectRefusal(await room.ask(post('x', { type, path: '/nowhere' })), 401, 'GW_ERR_HTTP_CREDENTIALS');
    const huge = post(X1)
      .toString('latin1')
      .replace(/Content-Length: \d+/, 'Content-Length: 999999999');
    expectRefusal(await room.ask(huge), 401, 'GW_ERR_HTTP_CREDENTIALS');
  });

  it('with a page to ask for is the node’s business', async () => {
    await using pages = await toHttp({ listener: { http: { users } }, script: says(200, 'a page') });
    const get = await pages.ask(`GET / HTTP/1.1\r\nHost: vip.test\r\n${basic('of:the node')}\r\n\r\n`);
    expect([get.status, get.body.toString()]).toEqual([200, 'a page']);
    expect(`authorization: ${value(pages.node.request, 'authorization')}`).toBe(
      basic('of:the node').replace('A', 'a'),
    );
  });
});

describe('what goes on', LONG, () => {
  it('no Authorization to the node, whatever its name is written like', async () => {
    const before = room.node.requests.length;
    const fields = [basic('lab:open sesame'), 'Proxy-Authorization: Basic eDp5', 'X-Own: 1'];
    expect(told(await room.ask(post(X1, { fields })))).toBe('200 AA X1');
    const request = room.node.requests[before];
    if (request === undefined) throw new Error('no request');
    expect(value(request, 'x-own')).toBe('1');
    expect([...values(request, 'authorization'), ...values(request, 'proxy-authorization')]).toEqual([]);
    for (const got of room.node.requests)
      expect(got.fields.map(([name]) => name).filter((name) => name.includes('auth'))).toEqual([]);
  });

  it('nothing of a name or a password to the log', () => {
    const log = JSON.stringify(room.gw.log);
    expect(room.gw.codes).toContain('GW_ERR_HTTP_CREDENTIALS');
    const secrets = Object.entries(PASSWORDS).flatMap(([name, password]) => [
      password,
      Buffer.from(`${name}:${password}`).toString('base64'),
    ]);
    for (const secret of [
      ...secrets,
      ...Object.values(users),
      'Jürgen',
      'sesam',
      'colons',
      'nobody',
      'Basic ',
    ])
      if (secret !== '') expect(log).not.toContain(secret);
  });
});
