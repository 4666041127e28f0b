// F49: what the gateway takes it writes anew: whatever a client's framing looked like, a node gets one that nobody can
// read in two ways, and exactly one response comes back for each request.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NotStrict, type Request, readRequests, value, values } from '../helpers/strict-http.ts';
import { turns, until } from '../helpers/until.ts';
import { GET, type HttpRoom, openHttpRoom, request } from './http-room.ts';

let room: HttpRoom;
beforeAll(async () => {
  room = await openHttpRoom();
});
afterAll(() => room[Symbol.asyncDispose]());

interface Taken {
  readonly name: string;
  readonly bytes: string;
  readonly body: string;
  /** How the body is framed for the node. */
  readonly framing: 'length' | 'chunks' | 'none';
  /** Names of the fields behind the body. */
  readonly trailing?: readonly string[];
}

function post(
  name: string,
  lines: readonly string[],
  bytes: string,
  body: string,
  framing: Taken['framing'],
): Taken {
  return { name, bytes: request('POST /taken HTTP/1.1', lines, bytes), body, framing };
}

const CHUNKED = 'Transfer-Encoding: chunked';
const TAKEN: readonly Taken[] = [
  post('Content-Length', ['Content-Length: 5'], 'hello', 'hello', 'length'),
  post('Content-Length with leading zeros', ['Content-Length: 0005'], 'hello', 'hello', 'length'),
  post('Content-Length between blanks', ['Content-Length: \t 5 \t '], 'hello', 'hello', 'length'),
  post('Content-Length: 0', ['Content-Length: 0'], '', '', 'length'),
  post('no length', [], '', '', 'length'),
  post('chunks', [CHUNKED], '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 'hello', 'chunks'),
  post('chunks in capitals', ['TRANSFER-ENCODING: CHUNKED'], '5\r\nhello\r\n0\r\n\r\n', 'hello', 'chunks'),
  post(
    'chunk sizes in capitals, with zeros',
    [CHUNKED],
    '00A\r\n0123456789\r\n000\r\n\r\n',
    '0123456789',
    'chunks',
  ),
  post('chunk extensions', [CHUNKED], '5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n', 'hello', 'chunks'),
  {
    ...post(
      'trailers',
      [CHUNKED, 'Trailer: X-Sum'],
      '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
      'hello',
      'chunks',
    ),
    trailing: ['x-sum'],
  },
  post(
    'trailers that say for whom it is',
    [CHUNKED],
    '5\r\nhello\r\n0\r\nHost: other.test\r\n\r\n',
    'hello',
    'chunks',
  ),
  post('no chunk at all', [CHUNKED], '0\r\n\r\n', '', 'length'),
  { name: 'GET without a body', bytes: request('GET /taken HTTP/1.1'), body: '', framing: 'none' },
  {
    name: 'empty lines before it',
    bytes: `\r\n\r\n${request('GET /taken HTTP/1.1')}`,
    body: '',
    framing: 'none',
  },
  { name: 'two spaces before the target', bytes: request('GET  /taken HTTP/1.1'), body: '', framing: 'none' },
  {
    name: 'two spaces before the version',
    bytes: request('GET /taken  HTTP/1.1'),
    body: '',
    framing: 'none',
  },
  {
    name: 'a protocol that calls itself ICE',
    bytes: request('SOURCE /taken ICE/1.0'),
    body: '',
    framing: 'none',
  },
  { name: 'HTTP/1.0', bytes: 'GET /taken HTTP/1.0\r\n\r\n', body: '', framing: 'none' },
  {
    name: 'HTTP/1.0 with a body',
    bytes: 'POST /taken HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello',
    body: 'hello',
    framing: 'length',
  },
];

describe('F49 what is taken', () => {
  it.each(TAKEN)('$name', async ({ bytes, body, framing, trailing = [] }) => {
    const before = room.node.requests.length;
    await using client = await room.connect();
    expect((await client.ask(bytes)).body.toString()).toBe('ok');
    expect(room.node.broken).toEqual([]);
    const [got, ...more] = room.node.requests.slice(before);
    expect(more).toEqual([]);
    expect(got?.target).toBe('/taken');
    expect(got?.body.toString('latin1')).toBe(body);
    expect(got && value(got, 'transfer-encoding')).toBe(framing === 'chunks' ? 'chunked' : undefined);
    expect(got && values(got, 'content-length')).toEqual(framing === 'length' ? [String(body.length)] : []);
    expect(got?.trailers.map(([name]) => name) ?? []).toEqual(trailing);
  });

  it('bytes behind a body are the next request', async () => {
    const before = room.node.requests.length;
    await using client = await room.connect();
    void client.send(request('POST /a HTTP/1.1', [CHUNKED], `1\r\nx\r\n0\r\n\r\n${GET}`));
    await client.response(1);
    void client.send(request('POST /b HTTP/1.1', ['Content-Length: 1'], `x${GET}X`));
    await client.end();
    expect(client.statuses).toEqual([200, 200, 200, 200, 400]);
    expect(room.node.requests.slice(before).map(({ target }) => target)).toEqual(['/a', '/', '/b', '/']);
  });
});

/** Lines and bodies of which some go together and most do not. */
const LINES = [
  'Content-Length: 4',
  'Content-Length: 40',
  'Content-Length: 0',
  'Content-Length: 4, 4',
  'Content-Length:4',
  'Content-Length : 4',
  CHUNKED,
  'transfer-encoding:chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:\x0bchunked',
  'Transfer_Encoding: chunked',
  'Content_Length: 40',
  'Connection: content-length',
  'Connection: transfer-encoding, host',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
  'Expect: 100-continue',
  'TE: trailers',
  'X: y\nZ: 1',
  ' folded',
];
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: vip.test\r\n\r\n';
const BODIES = [
  '',
  'abcd',
  '4\r\nabcd\r\n0\r\n\r\n',
  `0\r\n\r\n${SMUGGLED}`,
  `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
  `4\r\nabcd\r\n0\r\nX: y\r\n\r\n`,
  '4;x\nabcd\r\n0\r\n\r\n',
];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2'];

const requests = fc.array(
  fc.tuple(
    fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS'),
    fc.constantFrom(...VERSIONS),
    fc.array(fc.constantFrom(...LINES), { maxLength: 3 }),
    fc.constantFrom(...BODIES),
  ),
  { minLength: 1, maxLength: 3 },
);

describe('F49 whatever is put together', () => {
  it('a node gets what a strict reader finds in it, up to where that gives up, and the client as many responses', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (parts) => {
        const before = room.node.requests.length;
        await using client = await room.connect();
        const bytes = parts
          .map(([method, version, lines, body]) => request(`${method} /x ${version}`, lines, body))
          .join('');
        const expected = strictly(bytes);
        client.methods = expected.map(({ method }) => method);
        void client.send(bytes);
        const arrived = (): Request[] => room.node.requests.slice(before);
        const good = (): number => client.statuses.filter((status) => status === 200).length;
        // What waits for the rest of a body goes on waiting.
        await turns(10);
        await until(() => arrived().length === good(), { what: 'a response for each request' });
        await turns();
        expect(arrived().length).toBe(good());
        expect(room.node.broken).toEqual([]);
        expect(arrived().map(gist)).toEqual(expected.slice(0, arrived().length).map(gist));
      }),
      { numRuns: 400 },
    );
  });
});

function strictly(bytes: string): readonly Request[] {
  try {
    return readRequests(Buffer.from(bytes, 'latin1'), true).messages;
  } catch (error) {
    if (error instanceof NotStrict) return error.messages as Request[];
    throw error;
  }
}

function gist({ method, target, body }: Request): string {
  return `${method} ${target} ${body.toString('latin1')}`;
}
