// F64 to F66: what nodes answer. Nothing that a client could read in two ways is passed on, nothing that was cut off looks
// whole, and what a node says too much belongs to nobody.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** A node that answers every request with these bytes. */
function answering(bytes: string) {
  return openHttpRoom({ script: (connection) => connection.write(bytes), count: 2 });
}

describe('F64', () => {
  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\n', 200, '1000'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 200, undefined],
    ['HEAD', 'HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n', 404, '9'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204, undefined],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', 204, undefined],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 1000\r\n\r\n', 304, '1000'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', 304, undefined],
    ['GET', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n', 205, '0'],
  ])(
    '%s answered with %j: no body, and the next response is the next one',
    async (method, bytes, status, length) => {
      await using room = await answering(bytes);
      await using client = await room.connect();
      client.methods = [method, method, method];
      for (let i = 0; i < 3; i++) {
        const response = await client.ask(request(`${method} / HTTP/1.1`), method);
        expect(response.status).toBe(status);
        expect(value(response, 'content-length')).toBe(length);
        expect(value(response, 'transfer-encoding')).toBeUndefined();
      }
      expect(client.rest.length).toBe(0);
    },
  );

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 200],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok', 204],
    ['GET', 'HTTP/1.1 304 Not Modified\r\n\r\nok', 304],
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more', 200],
    [
      'GET',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
      200,
    ],
    [
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
      200,
    ],
  ])('%s answered with %j: what is too much belongs to nobody', async (method, bytes, status) => {
    await using room = await answering(bytes);
    await using client = await room.connect();
    for (let i = 0; i < 3; i++) {
      expect((await client.ask(request(`${method} / HTTP/1.1`), method)).status).toBe(status);
      await turns(10);
    }
    expect(client.text).not.toMatch(/evil|more/);
    expect(client.rest.length).toBe(0);
  });
});

describe('F65', () => {
  it.each([
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nok',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX: y\r\n folded\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX: y\rContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX\x00: y\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok',
    'ICY 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'garbage\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(300_000)}\r\nContent-Length: 2\r\n\r\nok`,
  ])('%j: 502, no second node, and the connection is not used again', async (bytes) => {
    await using room = await answering(bytes);
    await using client = await room.connect();
    const response = await client.ask(GET);
    expect(response.status).toBe(502);
    expect(response.body.toString()).toMatch(/^GW_ERR_NODE_RESPONSE: /);
    expect(room.nodes.flatMap(({ requests }) => requests)).toHaveLength(1);
    // The client's own connection is as good as before.
    expect((await client.ask(GET)).status).toBe(502);
    const connections = room.nodes.flatMap((node) => node.connections);
    expect(connections.map(({ requests }) => requests.length)).toEqual([1, 1]);
    await until(() => connections.every(({ ended, gone }) => ended || gone));
  });

  it.each([
    [
      'a reason in another language',
      'HTTP/1.1 404 Nicht gefunden \xe4\r\nContent-Length: 2\r\n\r\nok',
      404,
      'Not Found',
    ],
    ['no reason', 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok', 200, 'OK'],
    ['no reason and no space', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 200, 'OK'],
    ['a reason of its own', 'HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nok', 200, 'Fine'],
    ['a status that nobody knows', 'HTTP/1.1 599 What\r\nContent-Length: 2\r\n\r\nok', 599, 'What'],
  ])('%s is passed on', async (_, bytes, status, reason) => {
    await using room = await answering(bytes);
    await using client = await room.connect();
    const response = await client.ask(GET);
    expect([response.status, response.reason, response.body.toString()]).toEqual([status, reason, 'ok']);
  });

  it.each([
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok', '2'],
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 000\r\n\r\n', '0'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 0998\r\n\r\n', '998'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 0998\r\n\r\n', '998'],
  ])(
    'F65 a length that some would read as octal is written as all read it: %s %j',
    async (method, bytes, length) => {
      await using room = await answering(bytes);
      await using client = await room.connect();
      client.methods = [method, method];
      for (let i = 0; i < 2; i++) {
        const response = await client.ask(request(`${method} / HTTP/1.1`), method);
        expect(value(response, 'content-length')).toBe(length);
      }
    },
  );

  it('fields come through byte for byte, repeated ones in order, and none is taken for something of the program', async () => {
    const lines = [
      'X-Latin: \xe4\xf6',
      'Set-Cookie: a=b',
      '__proto__: c',
      'constructor: d',
      'Set-Cookie: e=f',
      'toString: g',
    ];
    await using room = await answering(
      `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`,
    );
    await using client = await room.connect();
    const { fields } = await client.ask(GET);
    const mine = fields.filter(
      ([name]) => !['date', 'connection', 'keep-alive', 'content-length'].includes(name),
    );
    expect(mine.map(([name, text]) => `${name}: ${text}`).sort()).toEqual(
      lines.map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase())).sort(),
    );
    expect(fields.filter(([name]) => name === 'set-cookie').map(([, text]) => text)).toEqual(['a=b', 'e=f']);
  });

  it('trailers are passed on, but for those that frame or say who', async () => {
    await using room = await answering(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\nSet-Cookie: a=b\r\nHost: evil\r\n\r\n',
    );
    await using client = await room.connect();
    const response = await client.ask(GET);
    expect(response.trailers).toEqual([
      ['x-sum', '1'],
      ['x-sum', '2'],
    ]);
    expect((await client.ask(GET)).status).toBe(200);
  });
});

describe('F66', () => {
  const CUT: readonly (readonly [string, string])[] = [
    ['Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf'],
    ['chunks, between two', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['chunks that are none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n'],
  ];

  describe.each(['plain', 'TLS'])('over %s', (kind) => {
    const tls = () => (kind === 'TLS' ? { tls: folder } : {});
    const isWhole = (text: string): boolean => text.endsWith('0\r\n\r\n');

    it.each([
      ...CUT.map((one) => [...one, 'end'] as const),
      ...CUT.map((one) => [...one, 'reset'] as const),
      ['no length', 'HTTP/1.1 200 OK\r\n\r\nhalf', 'reset'] as const,
      ['no length, HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nhalf', 'reset'] as const,
    ])('%s, cut off by an %3$s: the client sees a broken response', async (_, bytes, how) => {
      for (const version of ['HTTP/1.1', 'HTTP/1.0']) {
        let fetched = (): void => undefined;
        await using room = await openHttpRoom({
          ...tls(),
          script: async (connection) => {
            await connection.write(bytes);
            fetched = () => connection[how]();
          },
        });
        await using client = await room.connect();
        void client.send(`GET / ${version}\r\nHost: vip.test\r\n\r\n`);
        await client
          .when(() => client.text.includes('half') || client.gone, 'the first half')
          .catch(() => undefined);
        fetched();
        const { ended } = await client.closed;
        // A body that ends with its connection is whole when that ends in order.
        expect(ended && !client.text.includes('content-length')).toBe(false);
        expect(isWhole(client.text)).toBe(false);
        await until(() => room.gw.proxied.length === 1);
        expect(room.gw.proxied[0]?.error?.code).toMatch(/^GW_ERR_NODE_(CLOSED|RESPONSE)$/);
      }
    });

    it('a body without a length that ends in order is whole', async () => {
      await using room = await openHttpRoom({
        ...tls(),
        script: async (connection) => {
          await connection.write('HTTP/1.0 200 OK\r\n\r\nall of it');
          connection.end();
        },
      });
      await using client = await room.connect();
      const response = await client.ask(GET);
      expect([response.body.toString(), response.chunked]).toEqual(['all of it', true]);
      expect((await client.ask(GET)).status).toBe(200);
    });
  });

  it('a node that closes without an answer: 502', async () => {
    await using room = await openHttpRoom({ script: (connection) => connection.end() });
    await using client = await room.connect();
    expect((await client.ask(request('POST / HTTP/1.1'))).status).toBe(502);
  });
});
