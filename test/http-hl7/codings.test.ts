// F104: a message in a content coding is decoded within limits, routed by what is in it and forwarded as that; what is not
// taken is refused as what it is; and what is no message keeps its coding.
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type HttpRoom, openHttpRoom, request } from '../faults/http-room.ts';
import { ask as askV2, openSession } from '../helpers/h2-session.ts';
import { message } from '../helpers/mllp.ts';
import { type Response, value } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { encoded, NAMES } from './coded.ts';
import {
  ask,
  expectNothingHeld,
  expectRefusal,
  LONG,
  logged,
  type PostRoom,
  post,
  toHttp,
  told,
  toMllp,
} from './room.ts';

const KIB = 1024;
const MIB = KIB * KIB;

const coded = (body: Buffer, coding: string, more: { readonly chunked?: boolean } = {}): Buffer =>
  post(body, { fields: [`Content-Encoding: ${coding}`], ...more });

const MESSAGE = message({ controlId: 'X1', size: 3000 });

let folder: TlsFolder;
let plain: Awaited<ReturnType<typeof toMllp>>;
let secure: Awaited<ReturnType<typeof toMllp>>;
let web: Awaited<ReturnType<typeof toHttp>>;
beforeAll(async () => {
  folder = createTlsFolder();
  plain = await toMllp({ listener: { limits: { maxFrame: '4MiB' } } });
  secure = await toMllp({ tls: folder });
  web = await toHttp();
});
afterAll(async () => {
  for (const room of [plain, secure, web]) await room[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});
afterEach(async () => {
  for (const room of [plain, secure, web]) await expectNothingHeld(room.gw);
});

const FIELDS = [
  ...NAMES,
  ...['x-gzip', 'GZip', 'gzip, gzip', 'deflate, gzip, zstd', 'br,gzip', 'identity, gzip', ', zstd ,'],
];

describe.each(FIELDS)('F104 Content-Encoding: %s', LONG, (field) => {
  const body = encoded(MESSAGE, field);

  it.each([
    ['HTTP', () => plain, false],
    ['HTTP in chunks', () => plain, true],
    ['HTTPS', () => secure, false],
    ['HTTPS in chunks', () => secure, true],
  ] as const)('over %s an MLLP node gets the message', async (_, room, chunked) => {
    expect(told(await room().ask(coded(body, field, { chunked })))).toBe('200 AA X1');
    expect(room().node.messages.at(-1)?.payload.equals(MESSAGE)).toBe(true);
  });

  it('over HTTP/2 an MLLP node gets the message', async () => {
    await using client = await openSession(secure.gw.port(), folder.caPem);
    const stream = client.request({
      ':method': 'POST',
      ':path': '/',
      'content-type': 'application/hl7-v2',
      'content-encoding': field,
    });
    stream.on('error', () => undefined).resume();
    // In several frames, wherever they end.
    for (let at = 0; at < body.length; at += 100) stream.write(body.subarray(at, at + 100));
    stream.end();
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).toBe(200);
    expect(secure.node.messages.at(-1)?.payload.equals(MESSAGE)).toBe(true);
  });

  it('an HTTP node gets the message as it is, and nothing that is said of the coded body', async () => {
    const fields = [
      `Content-Encoding: ${field}`,
      ...['Content-Digest', 'Repr-Digest', 'Digest', 'Content-MD5'].map((name) => `${name}: sha-256=:AAAA:`),
      'X-Kept: yes',
    ];
    expect(told(await web.ask(post(body, { fields })))).toBe('200 AA X1');
    const got = web.node.requests.at(-1) as (typeof web.node.requests)[number];
    expect(got.body.equals(MESSAGE)).toBe(true);
    expect(value(got, 'content-length')).toBe(String(MESSAGE.length));
    const names = ['content-encoding', 'content-digest', 'repr-digest', 'digest', 'content-md5', 'x-kept'];
    expect(names.map((name) => value(got, name))).toEqual([...names.slice(1).map(() => undefined), 'yes']);
  });
});

describe('F104 what is in it', LONG, () => {
  it('is routed by, also beyond MSH', async () => {
    await using room = await toMllp({
      routes: [{ name: 'adams', when: { 'PID-5.1': 'ADAMS' }, to: 'pool' }],
      listener: { onRejected: 'close' },
    });
    const of = (name: string): Buffer =>
      Buffer.from(`MSH|^~\\&|LAB|N|M|H|2026||ADT^A01|X1|P|2.5\rPID|1||4711||${name}^Ada\r`);
    expect(told(await room.ask(coded(gzipSync(of('ADAMS')), 'gzip')))).toBe('200 AA X1');
    expectRefusal(await room.ask(coded(gzipSync(of('BROWN')), 'gzip')), 404, 'GW_ERR_ROUTE_NONE');
    expect(room.node.messages.length).toBe(1);
  });

  it('may be bare deflate data, as some clients send it', async () => {
    expect(told(await plain.ask(coded(encoded(MESSAGE, 'raw'), 'deflate')))).toBe('200 AA X1');
    expect(plain.node.messages.at(-1)?.payload.equals(MESSAGE)).toBe(true);
  });

  it.each(['gzip', 'zstd'])('may be in several parts: %s', async (coding) => {
    const parts = [MESSAGE.subarray(0, 1000), MESSAGE.subarray(1000)];
    const body = Buffer.concat(parts.map((part) => encoded(part, coding)));
    expect(told(await plain.ask(coded(body, coding)))).toBe('200 AA X1');
    expect(plain.node.messages.at(-1)?.payload.equals(MESSAGE)).toBe(true);
  });

  it('may be said in two fields', async () => {
    const fields = ['Content-Encoding: deflate', 'Content-Encoding: gzip'];
    const body = encoded(MESSAGE, 'deflate, gzip');
    expect(told(await plain.ask(post(body, { fields })))).toBe('200 AA X1');
    expect(plain.node.messages.at(-1)?.payload.equals(MESSAGE)).toBe(true);
  });

  it('comes byte by byte, and behind it the next request', async () => {
    const client = await plain.connect();
    for (const byte of coded(encoded(MESSAGE, 'gzip'), 'gzip')) void client.send(Buffer.from([byte]));
    expect(told(await client.response(0))).toBe('200 AA X1');
    expect(told(await ask(client, coded(encoded(message({ controlId: 'X2' }), 'br'), 'br')))).toBe(
      '200 AA X2',
    );
  });

  it('is waited for by a client that expects 100-continue', async () => {
    const body = encoded(MESSAGE, 'gzip');
    const whole = post(body, { fields: ['Content-Encoding: gzip', 'Expect: 100-continue'] });
    const client = await plain.connect();
    void client.send(whole.subarray(0, -body.length));
    await client.when(() => client.text.startsWith('HTTP/1.1 100'), '100 (Continue)');
    void client.send(body);
    expect(told(await client.response(0))).toBe('200 AA X1');
  });

  it('is nothing where there is no body', async () => {
    expectRefusal(await plain.ask(coded(Buffer.alloc(0), 'gzip')), 400, 'GW_ERR_HEADER_MSH');
  });

  it('that MLLP cannot carry goes to no MLLP node', async () => {
    const body = Buffer.concat([MESSAGE, Buffer.from([0x1c, 0x0d]), MESSAGE]);
    const before = plain.node.messages.length;
    expect((await plain.ask(coded(gzipSync(body), 'gzip'))).body.toString()).toContain('|AR|X1');
    expect(plain.node.messages.length).toBe(before);
  });
});

describe('F104 a body that is not what its coding says', LONG, () => {
  const damaged = (bytes: Buffer): Buffer => {
    const out = Buffer.from(bytes);
    for (let at = out.length >> 1; at < out.length; at += 7) out[at] = (out[at] as number) ^ 0x55;
    return out;
  };
  const WAYS: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['cut off behind its first byte', (bytes) => bytes.subarray(0, 1)],
    ['cut off in the middle', (bytes) => bytes.subarray(0, bytes.length >> 1)],
    ['cut off before its last byte', (bytes) => bytes.subarray(0, -1)],
    ['with garbage behind its end', (bytes) => Buffer.concat([bytes, Buffer.from('MSH|garbage')])],
    ['with a zero behind its end', (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ['with a megabyte behind its end', (bytes) => Buffer.concat([bytes, Buffer.alloc(MIB)])],
    ['damaged', damaged],
    ['in no coding', () => MESSAGE],
  ];
  const all = NAMES.flatMap((coding) => WAYS.map(([what, make]) => [coding, what, make] as const));

  it.each(all)('%s %s is refused whole', async (coding, _, make) => {
    const before = plain.node.messages.length;
    for (const chunked of [false, true]) {
      const answer = await plain.ask(coded(make(encoded(MESSAGE, coding)), coding, { chunked }));
      expectRefusal(answer, 400, 'GW_ERR_HTTP_DECODE');
    }
    expect(plain.node.messages.length).toBe(before);
    expect((await logged(plain.gw, 'GW_ERR_HTTP_DECODE')).level).toBe('warn');
  });

  it.each(NAMES)('nor any other cut of %s, over HTTP/2', async (coding) => {
    await using client = await openSession(secure.gw.port(), folder.caPem);
    const bytes = encoded(message(), coding);
    const before = secure.node.messages.length;
    const cuts = [...bytes.keys()].slice(1);
    const statuses = await Promise.all(
      cuts.map((cut) => statusOfV2(client, coding, bytes.subarray(0, cut)).catch(() => 0)),
    );
    expect(new Set(statuses)).toEqual(new Set([400]));
    expect(secure.node.messages.length).toBe(before);
  });
});

async function statusOfV2(
  client: Awaited<ReturnType<typeof openSession>>,
  coding: string,
  body: Buffer,
): Promise<unknown> {
  const stream = client.request({
    ':method': 'POST',
    ':path': '/',
    'content-type': 'application/hl7-v2',
    'content-encoding': coding,
  });
  stream.on('error', () => undefined).resume();
  stream.end(body);
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  return headers[':status'];
}

describe('F104 a body that becomes too large', LONG, () => {
  const zeros = Buffer.alloc(20 * MIB);

  it.each([...NAMES, 'gzip, gzip', 'br, br, br'])('%s: is given up within the limits', async (field) => {
    const body = encoded(zeros, field);
    const before = plain.node.messages.length;
    const client = await plain.connect();
    let most = 0;
    const sampled = setInterval(() => {
      most = Math.max(most, plain.gw.gateway.heldBytes);
    }, 1);
    const answer = await ask(client, coded(body, field));
    clearInterval(sampled);
    expect(['413 GW_ERR_FRAME_TOO_LARGE', '400 GW_ERR_HTTP_DECODE']).toContain(told(answer));
    // maxFrame is 4 MiB.
    expect(most).toBeLessThan(5 * MIB);
    expect(plain.node.messages.length).toBe(before);
  });

  it.each(NAMES)('%s: above maxFrame it is 413, whatever its ratio', async (coding) => {
    // Four bits a byte: no coding makes it smaller than by half.
    const body = Buffer.alloc(4 * MIB + 1, 0x41);
    for (let at = 0, x = 1; at < body.length; at++) {
      x = (Math.imul(x, 1103515245) + 12345) >>> 0;
      body[at] = 0x41 + (x >>> 28);
    }
    expectRefusal(await plain.ask(coded(encoded(body, coding), coding)), 413, 'GW_ERR_FRAME_TOO_LARGE');
    const largest = Buffer.from(body.subarray(0, 4 * MIB));
    MESSAGE.copy(largest);
    expect(told(await plain.ask(coded(encoded(largest, coding), coding)))).toBe('200 AA X1');
    expect(plain.node.messages.at(-1)?.payload.equals(largest)).toBe(true);
  });

  it.each(NAMES)('%s: more than 200 times above 1 MiB it is 400', async (coding) => {
    const long = Buffer.concat([MESSAGE, Buffer.alloc(2 * MIB, 'NTE|1||same\r')]);
    const body = encoded(long, coding);
    expect(long.length / body.length).toBeGreaterThan(200);
    expectRefusal(await plain.ask(coded(body, coding)), 400, 'GW_ERR_HTTP_DECODE');
    const short = long.subarray(0, MIB);
    expect(told(await plain.ask(coded(encoded(short, coding), coding)))).toBe('200 AA X1');
    expect(plain.node.messages.at(-1)?.payload.equals(short)).toBe(true);
  });

  it('is refused by its Content-Length where already the coded body is', async () => {
    const client = await plain.connect();
    void client.send(
      request('POST / HTTP/1.1', [
        'Content-Type: application/hl7-v2',
        'Content-Encoding: gzip',
        `Content-Length: ${4 * MIB + 1}`,
      ]),
    );
    expectRefusal(await client.response(0), 413, 'GW_ERR_FRAME_TOO_LARGE');
  });
});

describe('F104 a client', LONG, () => {
  it.each([
    ['resets', 'reset'],
    ['ends', 'end'],
  ] as const)('that %s in the middle of a coded body has sent nothing', async (_, how) => {
    await using room = await toMllp();
    const body = coded(encoded(MESSAGE, 'gzip'), 'gzip');
    const client = await room.connect();
    // What has come is decoded already.
    await client.send(body.subarray(0, -10));
    if (how === 'reset') client.reset();
    else client.socket.end();
    // An end within a body makes no HTTP.
    await logged(room.gw, how === 'reset' ? 'GW_ERR_HTTP_CUT' : 'GW_ERR_HTTP_REQUEST');
    await expectNothingHeld(room.gw);
    expect(room.node.messages.length).toBe(0);
  });

  it('that cancels its HTTP/2 stream in the middle has sent nothing', async () => {
    await using client = await openSession(secure.gw.port(), folder.caPem);
    const before = secure.node.messages.length;
    const stream = client.request({
      ':method': 'POST',
      ':path': '/',
      'content-type': 'application/hl7-v2',
      'content-encoding': 'br',
    });
    stream.on('error', () => undefined);
    stream.write(encoded(MESSAGE, 'br').subarray(0, -10));
    stream.close(8);
    await logged(secure.gw, 'GW_ERR_HTTP_CUT');
    expect(await statusOfV2(client, 'br', encoded(MESSAGE, 'br'))).toBe(200);
    expect(secure.node.messages.length).toBe(before + 1);
  });

  it('that resets behind its body ends nothing but its own message', async () => {
    const large = message({ controlId: 'GONE', size: 2 * MIB });
    for (let i = 0; i < 20; i++) {
      const client = await plain.connect();
      void client.send(coded(encoded(large, 'gzip'), 'gzip')).then(() => client.reset());
    }
    expect(told(await plain.ask(coded(encoded(MESSAGE, 'zstd'), 'zstd')))).toBe('200 AA X1');
    await expectNothingHeld(plain.gw);
  });

  it('that stalls in the middle is answered 408', async () => {
    await using room = await toMllp({ listener: { limits: { frameTimeout: '300ms' } } });
    const client = await room.connect();
    void client.send(coded(encoded(MESSAGE, 'zstd'), 'zstd').subarray(0, -5));
    expectRefusal(await client.response(0), 408, 'GW_ERR_HTTP_TIMEOUT');
    await expectNothingHeld(room.gw);
    expect(room.node.messages.length).toBe(0);
  });
});

describe('F104 a coding that is not taken', LONG, () => {
  async function refused(room: PostRoom<unknown>, coding: string): Promise<readonly unknown[]> {
    const out: unknown[] = [];
    for (const lines of [[], ['Expect: 100-continue']]) {
      const answer: Response = await room.ask(
        post('MSH|', { fields: [`Content-Encoding: ${coding}`, ...lines] }),
      );
      expectRefusal(answer, 415, 'GW_ERR_HTTP_CODING');
      out.push(value(answer, 'accept-encoding'));
    }
    return out;
  }

  it.each(['compress', 'aes128gcm', 'gzip, compress', 'gzip;q=1', 'gzip, gzip, gzip, gzip', '*', 'x-br'])(
    '%s: 415, and what would be taken',
    async (coding) => {
      const before = plain.node.messages.length;
      expect(await refused(plain, coding)).toEqual(Array(2).fill('gzip, deflate, br, zstd'));
      expect(plain.node.messages.length).toBe(before);
    },
  );

  it('over HTTP/2 as well', async () => {
    await using client = await openSession(secure.gw.port(), folder.caPem);
    const head = { ':method': 'POST', 'content-type': 'application/hl7-v2', 'content-encoding': 'exi' };
    const answer = await askV2(client, head, 'MSH|');
    expect([answer.status, answer.headers['accept-encoding']]).toEqual([415, 'gzip, deflate, br, zstd']);
  });

  it.each<[string | string[], string[], string[], string]>([
    ['identity', [], ['gzip', 'br', 'zstd', 'deflate'], 'identity'],
    [['deflate', 'gzip'], ['gzip', 'x-gzip', 'deflate, gzip'], ['br', 'gzip, zstd'], 'gzip, deflate'],
  ])('by http.codings: %s', async (codings, taken, notTaken, told415) => {
    await using room = await toMllp({ listener: { http: { codings } } });
    for (const field of [...taken, 'identity', ''])
      expect(told(await room.ask(coded(encoded(MESSAGE, field), field)))).toBe('200 AA X1');
    for (const field of notTaken) expect(await refused(room, field)).toEqual(Array(2).fill(told415));
  });
});

describe('what is no message', LONG, () => {
  let room: HttpRoom;
  beforeAll(async () => {
    room = await openHttpRoom();
  });
  afterAll(() => room[Symbol.asyncDispose]());

  it('F104 goes on in its coding', async () => {
    await using client = await room.connect();
    const body = gzipSync('hello').toString('latin1');
    const head = ['Content-Encoding: gzip', `Content-Length: ${body.length}`];
    expect((await client.ask(request('POST /x HTTP/1.1', head, body), 'POST')).status).toBe(200);
    const got = room.node.requests.at(-1);
    expect(got && [value(got, 'content-encoding'), got.body.toString('latin1')]).toEqual(['gzip', body]);
  });
});
