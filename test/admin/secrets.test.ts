// F77: what is secret is planted wherever a client, a config or a node's settings may have it, and looked for in all that
// the admin API says, to clients and to the log.
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { ENDPOINTS } from '../../src/admin/endpoints.ts';
import { listenError } from '../../src/listen-error.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { ask, openAdmin, TOKEN, type Told } from './admin-room.ts';

const PLANTED = 'PLANTED-passphrase';
const BODIES = [
  `{"url":"mllps://h:1","tls":{"passphrase":"${PLANTED}"`,
  `{"url":"mllps://h:1","${PLANTED}":1,"${PLANTED}":"${PLANTED}"}`,
  `"${PLANTED}"`,
  PLANTED,
  `{"url":"${PLANTED}${'x'.repeat(70_000)}"}`,
  `{"weight":"${PLANTED}"}`,
];

function textOf({ status, headers, text }: Told): string {
  return `${status} ${JSON.stringify([...headers])} ${text}`;
}

test('F77 no answer holds the token, or what a body or a wrong header holds', async () => {
  const room = await openAdmin();
  const said: string[] = [];
  for (const { method, path } of ENDPOINTS) {
    const target = path.replace('{pool}', 'adt').replace('{node}', 'a').replace('{id}', '7');
    for (const body of method === 'PUT' ? BODIES : [undefined])
      said.push(textOf(await ask(room, method, target, body === undefined ? {} : { body })));
    const wrong = { authorization: `Bearer ${PLANTED}`, cookie: PLANTED, 'x-token': PLANTED };
    // Of its own: whoever guesses again and again waits.
    said.push(textOf(await ask(await openAdmin(), method, target, { headers: wrong })));
    const query = `${target}?token=${PLANTED}&limit=${PLANTED}`;
    said.push(textOf(await ask(room, method, query)));
    said.push(textOf(await ask(room, method, `${target}/${PLANTED}`)));
  }
  expect(said.length).toBeGreaterThan(60);
  for (const text of said) {
    expect(text).not.toContain('PLANTED');
    expect(text).not.toContain(TOKEN);
  }
});

test('F77 the log is told who came with a wrong token, and not with which', async () => {
  const room = await openAdmin();
  await ask(room, 'GET', '/status', { headers: { authorization: `Bearer ${PLANTED}` } });
  room.control.trouble = listenError('admin on', '127.0.0.1', 1, new Error('x'));
  await ask(room, 'PUT', '/nodes/adt/a/weight', { body: '3' });
  room.control.trouble = new Error(PLANTED);
  const { text } = await ask(room, 'POST', '/reload');
  expect(text).not.toContain('PLANTED');
  expect(room.refused).toEqual(['127.0.0.1']);
  const [error] = room.failed;
  expect(error?.message).toBe('the gateway failed; this is a defect in it');
});

test('F77 what Node.js itself says of a request that is none repeats nothing of it', async () => {
  const room = await openAdmin();
  await using client = await connectClient(room.port);
  void client.send(`GET /status HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer ${TOKEN}\r\n\r\n${PLANTED}`);
  await client.end();
  expect(client.text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n\r\n$/);
});

test('F77 a server that is looked into shows no token', async () => {
  const room = await openAdmin();
  await ask(room, 'GET', '/status');
  expect(inspect(room.server, { depth: 4 })).not.toContain(TOKEN);
  expect(JSON.stringify(room.server)).not.toContain(TOKEN);
});
