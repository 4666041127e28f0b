// F73: the charset that a request declares goes before MSH-18, for conditions; one that is not known is refused. Whatever is
// declared, the bytes are passed on as they are.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { value } from '../helpers/strict-http.ts';
import {
  byMllp,
  expectNothingHeld,
  expectRefusal,
  LONG,
  PATIENCE_MS,
  type PostRoom,
  post,
  toHttp,
  told,
  toMllp,
} from './room.ts';

/** Its second byte in GB18030 is 7C, the field separator. */
const CHINESE = new TextDecoder('gb18030').decode(Buffer.from([0x81, 0x7c]));
const GREEK = 'ΑΒΓ';

const ROUTES = [
  { when: { 'PID-5.1': 'MÜLLER', 'PID-7': '1980' }, reject: { code: 'AR', text: 'Latin' } },
  { when: { 'PID-5.1': CHINESE, 'PID-7': '1980' }, reject: { code: 'AR', text: 'Chinese' } },
  { when: { 'PID-5.1': GREEK, 'PID-7': '1980' }, reject: { code: 'AR', text: 'Greek' } },
  { when: { path: '/lab' }, to: 'pool', http: { hl7: true } },
  { to: 'pool' },
];

/** With this name in PID-5.1, byte for byte. */
function named(name: Buffer, charset: string): Buffer {
  const [before, after] = message({
    controlId: 'X1',
    charset,
    segments: ['PID|1||7||NAME^ADA||1980|F'],
    encoding: 'latin1',
  })
    .toString('latin1')
    .split('NAME');
  return Buffer.concat([Buffer.from(before ?? '', 'latin1'), name, Buffer.from(after ?? '', 'latin1')]);
}

const LATIN = Buffer.from('MÜLLER', 'latin1');
const UTF8 = Buffer.from('MÜLLER', 'utf8');
const GB = Buffer.from([0x81, 0x7c]);
/** ISO 8859-7. */
const ISO7 = Buffer.from([0xc1, 0xc2, 0xc3]);

describe('F73 conditions', LONG, () => {
  let room: PostRoom<FaultyNode>;
  beforeAll(async () => {
    room = await toMllp({ routes: ROUTES });
  }, PATIENCE_MS);
  afterAll(() => room[Symbol.asyncDispose]());

  const matched = async (body: Buffer, type: string): Promise<string> => {
    const response = await room.ask(post(body, { type }));
    const [, text] = /\|(Latin|Chinese|Greek)\r/.exec(response.body.toString('latin1')) ?? [];
    return text ?? told(response);
  };

  it.each<[declared: string, msh18: string, name: Buffer, result: string]>([
    ['ISO-8859-1', '', LATIN, 'Latin'],
    ['ISO-8859-1', 'UNICODE UTF-8', LATIN, 'Latin'],
    ['iso-8859-1', 'GB 18030-2000', LATIN, 'Latin'],
    ['latin1', 'UNICODE UTF-8', LATIN, 'Latin'],
    ['windows-1252', 'UNICODE UTF-8', LATIN, 'Latin'],
    ['UTF-8', '', UTF8, 'Latin'],
    ['UTF-8', '8859/1', UTF8, 'Latin'],
    ['utf8', 'GB 18030-2000', UTF8, 'Latin'],
    ['GB18030', '', GB, 'Chinese'],
    ['GB18030', '8859/1', GB, 'Chinese'],
    ['gbk', '8859/1', GB, 'Chinese'],
    ['"GB 18030-2000"', '8859/1', GB, 'Chinese'],
    ['ISO-8859-7', '8859/1', ISO7, 'Greek'],
    ['"8859/7"', '8859/1', ISO7, 'Greek'],
  ])('F73 declared %s, MSH-18 "%s"', async (declared, msh18, name, result) => {
    expect(await matched(named(name, msh18), `application/hl7-v2; charset=${declared}`)).toBe(result);
  });

  it.each<[msh18: string, name: Buffer, result: string]>([
    ['8859/1', LATIN, 'Latin'],
    ['UNICODE UTF-8', UTF8, 'Latin'],
    ['GB 18030-2000', GB, 'Chinese'],
    ['8859/7', ISO7, 'Greek'],
  ])('F73 none declared: MSH-18 "%s" counts', async (msh18, name, result) => {
    expect(await matched(named(name, msh18), 'application/hl7-v2')).toBe(result);
  });

  it.each<[declared: string, name: Buffer]>([
    ['UTF-8', LATIN],
    ['ISO-8859-1', UTF8],
    ['us-ascii', GB],
    ['utf-16', LATIN],
    ['shift_jis', LATIN],
  ])(
    'F73 %s declared, and it is wrong: routed by what that makes of it, the bytes as they are',
    async (declared, name) => {
      const body = named(name, '8859/1');
      expect(await matched(body, `application/hl7-v2; charset=${declared}`)).toBe('200 AA X1');
      expect(room.node.messages.at(-1)?.payload.equals(body)).toBe(true);
    },
  );

  it.each(['utf-16le', 'utf-16'])('F73 a message in UTF-16, declared %s', async (declared) => {
    const text = Buffer.from(named(LATIN, '').toString('latin1'), 'utf16le');
    const response = await room.ask(post(text, { type: `application/hl7-v2; charset=${declared}` }));
    expect(response.body.toString('utf16le')).toContain('\rMSA|AR|X1|Latin\r');
    expect(value(response, 'content-type')).toBe(`application/hl7-v2; charset=${declared}`);
  });
});

describe('F73 a charset that is not known', LONG, () => {
  it.each(['klingon', '"utf-8; x"', '""', '"UNICODE UTF-32"'])('F73 %s: 415', async (declared) => {
    for (const onRejected of ['close', 'AR']) {
      await using room = await toMllp({ routes: ROUTES, listener: { onRejected } });
      const client = await room.connect();
      const type = `application/hl7-v2; charset=${declared}`;
      void client.send(post(named(UTF8, ''), { type }));
      expectRefusal(await client.response(0, PATIENCE_MS), 415, 'GW_ERR_HTTP_CHARSET');
      expectRefusal(
        await room.ask(post(named(UTF8, ''), { type: `text/plain; charset=${declared}`, path: '/lab' })),
        415,
        'GW_ERR_HTTP_CHARSET',
      );
      expect(room.node.bytes.length).toBe(0);
      expect(room.gw.messages).toEqual([]);
      expect(room.gw.codes).toEqual(['GW_ERR_HTTP_CHARSET', 'GW_ERR_HTTP_CHARSET']);
    }
  });
});

describe('F73 bytes', LONG, () => {
  it.each<[declared: string | undefined, name: Buffer]>([
    [undefined, LATIN],
    ['utf-8', LATIN],
    ['iso-8859-1', UTF8],
    ['gb18030', GB],
    ['utf-16', GB],
  ])(
    'F73 %s: a node over HTTP gets them as they came, with the charset as it was declared',
    async (declared, name) => {
      await using room = await toHttp();
      const body = named(name, '8859/1');
      const type = `application/hl7-v2${declared === undefined ? '' : `; charset=${declared}`}`;
      expect(told(await room.ask(post(body, { type })))).toBe('200 AA X1');
      expect(room.node.request.body.equals(body)).toBe(true);
      expect(value(room.node.request, 'content-type')).toBe(
        `x-application/hl7-v2+er7; charset=${declared ?? 'iso-8859-1'}`,
      );
    },
  );
});

describe('charset: utf-8 of a pool', LONG, () => {
  const latin = named(LATIN, '8859/1');
  const inUtf8 = named(UTF8, 'UNICODE UTF-8');
  const pool = { charset: 'utf-8' };

  it.each([0, 100_000])('by MLLP: posted in UTF-8, and MSH-18 says so; %d bytes more', async (more) => {
    const rest = Buffer.from(`NTE|1||${'x'.repeat(more)}\r`);
    const request = await byMllp(Buffer.concat([latin, rest]), { pool });
    expect(request.body.toString('latin1')).toBe(Buffer.concat([inUtf8, rest]).toString('latin1'));
    expect(value(request, 'content-type')).toBe('x-application/hl7-v2+er7; charset=utf-8');
  });

  it('without it the bytes are as they came', async () => {
    const { body } = await byMllp(latin);
    expect(body.equals(latin)).toBe(true);
  });

  it('by HTTP: from the charset that the request declares', async () => {
    await using room = await toHttp({ pool });
    const type = 'application/hl7-v2; charset=ISO-8859-1';
    expect(told(await room.ask(post(named(LATIN, '8859/1'), { type })))).toBe('200 AA X1');
    expect(room.node.request.body.toString('latin1')).toBe(inUtf8.toString('latin1'));
    await expectNothingHeld(room.gw);
  });

  it.each([
    ['what is of no charset that it says', named(LATIN, 'UNICODE UTF-8')],
    [
      'an MSH-10 that would be answered in other bytes',
      Buffer.from(latin.toString('latin1').replace('X1', '\xdc'), 'latin1'),
    ],
  ])('%s: refused', async (_, body) => {
    await using room = await toHttp({ pool, listener: { onRejected: 'close' } });
    const response = await room.ask(post(body));
    expect(told(response)).toMatch(/^4\d\d GW_ERR_PARSE_CHARSET$/);
    expect(room.node.requests).toHaveLength(0);
    await expectNothingHeld(room.gw);
  });
});
