// The simulated node's REST API, asked as a health check, a browser and an operator ask it.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MirthState, type MirthStateOptions } from '../../../src/tools/simulation/api/mirth-state.ts';
import { FIRST_USER, RestApi } from '../../../src/tools/simulation/api/rest-api.ts';
import { SimulatedApi } from '../../../src/tools/simulation/api/simulated-api.ts';

const BASIC = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
const ADT: MirthStateOptions['channels'] = [['ADT', 'STARTED']];
const JSON_TYPE = 'application/json';

async function open(channels = ADT) {
  const state = new MirthState({ phases: [], channels });
  const rest = new RestApi(state, () => FIRST_USER, false);
  const api = new SimulatedApi({ host: '127.0.0.1', port: 0 }, rest);
  await api.start();
  onTestFinished(() => api.stop());
  const ask = async (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${api.port}${path}`, {
      ...init,
      headers: { 'x-requested-with': 'test', ...headers },
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const put = (body: unknown) =>
    ask('/control', {}, { method: 'PUT', body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { state, rest, api, ask, put };
}

describe('/api/server/status', () => {
  test.each([
    [undefined, '<int>2</int>', 'application/xml'],
    ['*/*', '<int>2</int>', 'application/xml'],
    ['application/xml', '<int>2</int>', 'application/xml'],
    [JSON_TYPE, '{"int":2}', JSON_TYPE],
    ['application/json, application/xml', '{"int":2}', JSON_TYPE],
    ['application/xml;q=1, application/json', '<int>2</int>', 'application/xml'],
  ])('Accept: %s', async (accept, text, type) => {
    const { state, ask } = await open();
    state.run([{ status: 2, forMs: undefined }]);
    const answer = await ask('/api/server/status', accept === undefined ? {} : { accept });
    // HTTP 200 whatever the status: the value counts.
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([200, text, type]);
  });

  test('without X-Requested-With every path is 400', async () => {
    const { api } = await open();
    for (const path of ['/api/server/status', '/api/channels/statuses', '/control', '/x']) {
      const answer = await fetch(`http://127.0.0.1:${api.port}${path}`);
      expect([path, answer.status]).toEqual([path, 400]);
      await answer.text();
    }
  });

  test('what is not there is 404, and another method 405', async () => {
    const { ask } = await open();
    expect((await ask('/api/users')).status).toBe(404);
    expect((await ask('/api/server/status', {}, { method: 'POST' })).status).toBe(405);
    expect((await ask('/control', {}, { method: 'DELETE' })).status).toBe(405);
  });
});

describe('/api/channels/statuses', () => {
  const path = '/api/channels/statuses';

  test('Basic authentication makes a session, and its cookie does from then on', async () => {
    const { ask } = await open();
    expect((await ask(path)).status).toBe(401);
    expect((await ask(path, { authorization: `${BASIC}x` })).status).toBe(401);
    const first = await ask(path, { authorization: BASIC });
    const made = first.headers.get('set-cookie') ?? '';
    expect([first.status, made]).toEqual([
      200,
      expect.stringMatching(/^JSESSIONID=node0\w+;Path=\/api;HttpOnly$/),
    ]);
    const cookie = made.split(';', 1).join();
    const second = await ask(path, { cookie: `a=b; ${cookie}` });
    expect([second.status, second.headers.get('set-cookie')]).toEqual([200, null]);
    // Mirth makes one for each login, which is why a client should keep its own.
    const third = await ask(path, { authorization: BASIC });
    const other = third.headers.get('set-cookie') ?? '';
    expect([other.startsWith('JSESSIONID=node0'), other === made]).toEqual([true, false]);
    // As behind a restart.
    const another = await open();
    expect((await another.ask(path, { cookie })).status).toBe(401);
  });

  test('no more than a thousand sessions: the oldest is forgotten', async () => {
    const { ask } = await open();
    const login = async () => (await ask(path, { authorization: BASIC })).headers.get('set-cookie') ?? '';
    const [oldest, second] = [await login(), await login()].map((made) => made.split(';', 1).join());
    for (let i = 0; i < 999; i++) await login();
    expect((await ask(path, { cookie: oldest ?? '' })).status).toBe(401);
    expect((await ask(path, { cookie: second ?? '' })).status).toBe(200);
  });

  test.each<[MirthStateOptions['channels'], unknown]>([
    [[], { list: null }],
    [ADT, { list: { dashboardStatus: { name: 'ADT', state: 'STARTED' } } }],
    [
      [
        ['ADT', 'STOPPED'],
        ['LAB', 'PAUSED'],
      ],
      {
        list: {
          dashboardStatus: [
            { name: 'ADT', state: 'STOPPED' },
            { name: 'LAB', state: 'PAUSED' },
          ],
        },
      },
    ],
  ])('JSON as XStream writes it: %j', async (channels, json) => {
    const { ask } = await open(channels);
    const { text } = await ask(path, { authorization: BASIC, accept: JSON_TYPE });
    expect(JSON.parse(text)).toMatchObject(json as object);
  });

  test('XML, with names escaped', async () => {
    const { ask, state } = await open([['A<&>T', 'STOPPED']]);
    expect((await ask(path, { authorization: BASIC })).text).toMatch(
      /^<list>\n {2}<dashboardStatus>\n {4}<channelId>[0-9a-f-]{36}<\/channelId>\n {4}<name>A&#60;&#38;&#62;T<\/name>\n {4}<state>STOPPED</,
    );
    state.setChannel('A<&>T', null);
    expect((await ask(path, { authorization: BASIC })).text).toBe('<list/>');
  });
});

describe('/control', () => {
  test('shows and changes what the API says', async () => {
    const { ask, put, state } = await open();
    expect(JSON.parse((await ask('/control')).text)).toEqual({
      status: 0,
      channels: { ADT: 'STARTED' },
      takesMessages: true,
    });
    const { status, text } = await put({ status: 3, channels: { ADT: 'STOPPED', LAB: 'STARTED' } });
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { status: 3, channels: { ADT: 'STOPPED', LAB: 'STARTED' }, takesMessages: false },
    ]);
    await put({ status: '0', channels: { LAB: null } });
    expect([state.status, [...state.channels]]).toEqual([0, [['ADT', 'STOPPED']]]);
  });

  const channels = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`C${i}`, 'STARTED']));

  test.each([
    ['{', 'the body is no JSON'],
    ['[]', 'it takes {"status"'],
    ['{"state":1}', 'it takes {"status"'],
    ['{"status":7}', 'status is 0, 1, 2 or 3'],
    ['{"status":null}', 'status is 0, 1, 2 or 3'],
    ['{"status":1,"channels":{"ADT":"GONE"}}', "a channel's state is one of"],
    ['{"status":1,"channels":{"":"STOPPED"}}', "a channel's state is one of"],
    ['{"status":1,"channels":["ADT"]}', 'channels is a map'],
    [JSON.stringify({ status: 1, channels }), 'at most 1000 channels'],
  ])('%s changes nothing', async (body, why) => {
    const { put, state } = await open();
    const { status, text } = await put(body);
    expect([status, text.slice(0, why.length)]).toEqual([400, why]);
    expect([state.status, [...state.channels]]).toEqual([0, ADT]);
  });

  test('a body that is too large is 413', async () => {
    const { put } = await open();
    expect((await put(`{"status":1${' '.repeat(100_000)}}`)).status).toBe(413);
  });

  test.each([
    ['127.0.0.1', 200],
    ['::ffff:127.0.0.1', 200],
    ['::1', 200],
    ['192.0.2.1', 403],
    [undefined, 403],
  ])('is for this machine alone: %s, %i', async (remoteAddress, expected) => {
    const { rest } = await open();
    const socket = new Socket();
    Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
    for (const method of ['GET', 'PUT']) {
      const request = new IncomingMessage(socket);
      request.headers = { 'x-requested-with': 'test' };
      Object.assign(request, { method, url: '/control' });
      const response = new ServerResponse(request);
      const answered = new Promise<void>((resolve) => {
        response.end = () => {
          resolve();
          return response;
        };
      });
      rest.serve(request, response);
      request.push('{}');
      request.push(null);
      await answered;
      expect([method, response.statusCode]).toEqual([method, expected]);
    }
  });
});
