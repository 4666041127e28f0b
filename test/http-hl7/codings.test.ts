// F104: a message in a content coding is refused as what it is; and what is no message keeps its coding.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HttpRoom, openHttpRoom, request } from '../faults/http-room.ts';
import { ask, openSession } from '../helpers/h2-session.ts';
import { message } from '../helpers/mllp.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';

let room: HttpRoom;
beforeAll(async () => {
  room = await openHttpRoom();
});
afterAll(() => room[Symbol.asyncDispose]());

const TYPE = 'Content-Type: application/hl7-v2';

it.each(['gzip', 'GZIP', 'br', 'deflate', 'x-gzip', 'gzip, gzip', 'identity, gzip'])(
  'F104 Content-Encoding: %s is answered with 415 and what would be taken',
  async (coding) => {
    const before = room.node.requests.length;
    const body = gzipSync(message()).toString('latin1');
    for (const lines of [[], ['Expect: 100-continue']]) {
      await using client = await room.connect();
      const head = [TYPE, `Content-Encoding: ${coding}`, `Content-Length: ${body.length}`, ...lines];
      const answer = await client.ask(request('POST / HTTP/1.1', head, body), 'POST');
      expect([answer.status, value(answer, 'accept-encoding')]).toEqual([415, 'identity']);
      expect(answer.body.toString()).toMatch(/^GW_ERR_HTTP_CODING: .*content coding/);
    }
    expect(room.node.requests.length).toBe(before);
  },
);

it('F104 over HTTP/2 as well', async () => {
  using folder = createTlsFolder();
  await using secure = await openHttpRoom({ tls: folder });
  await using client = await openSession(secure.gw.port(), folder.caPem);
  const head = { ':method': 'POST', 'content-type': 'application/hl7-v2', 'content-encoding': 'gzip' };
  const answer = await ask(client, head, 'MSH|');
  expect([answer.status, answer.headers['accept-encoding']]).toEqual([415, 'identity']);
});

it('F104 what is no message goes on in its coding', async () => {
  await using client = await room.connect();
  const body = gzipSync('hello').toString('latin1');
  const head = ['Content-Encoding: gzip', `Content-Length: ${body.length}`];
  expect((await client.ask(request('POST /x HTTP/1.1', head, body), 'POST')).status).toBe(200);
  const got = room.node.requests.at(-1);
  expect(got && [value(got, 'content-encoding'), got.body.toString('latin1')]).toEqual(['gzip', body]);
});
