// F62 and F63: what is said before a response. Interim responses of a node are passed on in order, wherever they are cut;
// a client that waits with its body is told once.
import { describe, expect, it } from 'vitest';
import type { RawScript } from '../helpers/raw-http-node.ts';
import { value } from '../helpers/strict-http.ts';
import { turns, until } from '../helpers/until.ts';
import { writePieces } from '../helpers/wire.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nLink: </b>; rel=preload\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const WAITS = ['Expect: 100-continue', 'Content-Length: 5'];

/** A node that says these, and does not look for whole requests. */
function saying(bytes: string) {
  return { script: ((connection) => connection.write(bytes)) satisfies RawScript };
}

describe('F62', () => {
  it('the node says when the body may come', async () => {
    let heads = 0;
    await using room = await openHttpRoom({
      node: {
        onBytes: (connection) => {
          if (heads === 0 && connection.received.includes('\r\n\r\n')) {
            heads++;
            void connection.write(CONTINUE);
          }
          return false;
        },
      },
    });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', WAITS));
    await client.when(() => client.text === CONTINUE, 'the 100');
    expect(room.node.requests).toEqual([]);
    void client.send('hello');
    await client.response();
    expect(client.statuses).toEqual([100, 200]);
    expect(value(room.node.request, 'expect')).toBe('100-continue');
    expect(room.node.request.body.toString()).toBe('hello');
  });

  it('a node that refuses is heard, and the body never sent', async () => {
    await using room = await openHttpRoom({
      node: {
        onBytes: (connection) => {
          void connection.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
          return true;
        },
      },
    });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', WAITS));
    expect((await client.response()).status).toBe(413);
    expect(value(await client.response(), 'connection')).toBe('close');
    await client.end();
    const [connection] = room.node.connections;
    expect(connection?.received.toString().endsWith('\r\n\r\n')).toBe(true);
  });

  it('a client that does not wait has its body passed on', async () => {
    await using room = await openHttpRoom(saying(CONTINUE + OK));
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', WAITS, 'hello'));
    await client.response();
    expect(client.statuses).toEqual([100, 200]);
    expect(room.node.request.body.toString()).toBe('hello');
  });

  it('a GET that waits and has a chunked body is framed for the node', async () => {
    await using room = await openHttpRoom();
    await using client = await room.connect();
    const lines = ['Expect: 100-continue', 'Transfer-Encoding: chunked'];
    await client.ask(request('GET / HTTP/1.1', lines, '5\r\nhello\r\n0\r\n\r\n'));
    expect(room.node.broken).toEqual([]);
    expect(room.node.requests.map(({ body }) => body.toString())).toEqual(['hello']);
  });

  it.each(['fly', '100-continue, fly', 'x-100-continue', '100-continue;q=1', '"100-continue"'])(
    'Expect: %s is refused with 417',
    async (expectation) => {
      await using room = await openHttpRoom();
      await using client = await room.connect();
      void client.send(
        request('POST / HTTP/1.1', [`Expect: ${expectation}`, 'Content-Length: 5'], 'hello') + GET,
      );
      await client.end();
      expect(client.statuses).toEqual([417]);
      expect(room.node.requests).toEqual([]);
      expect(room.gw.codes).toEqual(['GW_ERR_HTTP_EXPECT']);
    },
  );

  it('of HTTP/1.0 it is ignored', async () => {
    await using room = await openHttpRoom();
    await using client = await room.connect();
    await client.ask(`POST / HTTP/1.0\r\n${WAITS.join('\r\n')}\r\n\r\nhello`);
    expect(client.statuses).toEqual([200]);
    expect(value(room.node.request, 'expect')).toBeUndefined();
  });

  it('a client that goes away in the middle of such a body ends its own request and nothing else', async () => {
    for (const leave of ['finish', 'reset'] as const) {
      await using room = await openHttpRoom({
        node: {
          onBytes: (connection) => {
            if (connection.received.includes('\r\n\r\n') && connection.bytes < 1000)
              void connection.write(CONTINUE);
            return true;
          },
        },
      });
      await using client = await room.connect();
      void client.send(request('POST / HTTP/1.1', ['Expect: 100-continue', 'Content-Length: 100000']));
      await client.when(() => client.text.startsWith(CONTINUE), 'the 100');
      await client.send('x'.repeat(5000));
      const connection = await room.node.connection();
      await room.node.when(() => connection.bytes > 5000, 'some of the body');
      client[leave]();
      await room.node.when(() => connection.ended || connection.gone, 'the end at the node');
      await until(() => room.gw.held.inFlight === 0);
      expect(room.gw.proxied.map(({ error }) => error?.code)).toEqual(['GW_ERR_HTTP_CUT']);
    }
  });
});

describe('F63', () => {
  it.each([
    ['100', CONTINUE],
    ['102, 103', `HTTP/1.1 102 Processing\r\n\r\n${HINTS}`],
    ['100, 103, 100, 102', `${CONTINUE}${HINTS}${CONTINUE}HTTP/1.1 102 Processing\r\n\r\n`],
    ['199', 'HTTP/1.1 199 What\r\nX: y\r\n\r\n'],
  ])('%s are passed on in order', async (names, interim) => {
    await using room = await openHttpRoom(saying(interim + OK));
    await using client = await room.connect();
    for (let i = 0; i < 3; i++) await client.ask(GET);
    const series = [...names.split(', ').map(Number), 200];
    expect(client.statuses).toEqual([...series, ...series, ...series]);
    expect(room.node.connections).toHaveLength(1);
    const hints = client.messages.find(({ status }) => status === 103);
    if (hints !== undefined)
      expect(hints.fields.map(([, link]) => link)).toEqual(['</a>; rel=preload', '</b>; rel=preload']);
  });

  it('wherever they are cut', async () => {
    const bytes = CONTINUE + HINTS + CONTINUE + OK;
    for (let at = 1; at < bytes.length; at++) {
      await using room = await openHttpRoom({
        script: (connection) => writePieces(connection.socket, Buffer.from(bytes), [at]),
      });
      await using client = await room.connect();
      await client.ask(GET);
      expect(client.statuses, `cut at ${at}`).toEqual([100, 103, 100, 200]);
    }
  });

  it('byte by byte, with what follows', async () => {
    const bytes = Buffer.from(CONTINUE + HINTS + OK);
    await using room = await openHttpRoom({
      script: (connection) => writePieces(connection.socket, bytes, [...bytes.keys()]),
    });
    await using client = await room.connect();
    await client.ask(GET);
    await client.ask(GET);
    expect(client.statuses).toEqual([100, 103, 200, 100, 103, 200]);
    expect(room.node.connections).toHaveLength(1);
  });

  it('HTTP/1.0 gets none', async () => {
    await using room = await openHttpRoom(saying(CONTINUE + HINTS + OK));
    await using client = await room.connect();
    await client.ask('GET / HTTP/1.0\r\n\r\n');
    expect(client.statuses).toEqual([200]);
  });

  it.each([
    ['101 with its fields', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
    ['101 without', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['103, then 101', `${HINTS}HTTP/1.1 101 Switching Protocols\r\n\r\n`],
    [
      '100, then 101',
      `${CONTINUE}HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`,
    ],
  ])('%s unasked for: 502', async (_, bytes) => {
    for (const lines of [[], WAITS]) {
      await using room = await openHttpRoom({ ...saying(bytes + OK), count: 2 });
      await using client = await room.connect();
      const response = await client.ask(request('POST / HTTP/1.1', lines, lines.length === 0 ? '' : 'hello'));
      expect(response.status).toBe(502);
      expect(response.body.toString()).toMatch(/^GW_ERR_NODE_RESPONSE: /);
      expect(client.statuses).not.toContain(101);
      // It is no reason to ask another node.
      expect(room.nodes.flatMap(({ requests }) => requests)).toHaveLength(1);
    }
  });

  it.each(['HTTP/1.1 100\r\n\r\n', 'HTTP/1.1 100 Continue\r\nX: y\r\n\r\n'])(
    '%j is a 100',
    async (interim) => {
      await using room = await openHttpRoom(saying(interim + OK));
      await using client = await room.connect();
      await client.ask(GET);
      expect(client.statuses).toEqual([100, 200]);
    },
  );

  it.each([
    'HTTP/1.0 100 Continue\r\n\r\n',
    'HTTP/1.1 1000 Continue\r\n\r\n',
    'HTTP/1.1 10 Continue\r\n\r\n',
    'HTTP/1.1 100Continue\r\n\r\n',
    'HTTP/1.1 099\r\n\r\n',
  ])('%j is none', async (interim) => {
    await using room = await openHttpRoom(saying(interim + OK));
    await using client = await room.connect();
    expect((await client.ask(GET)).status).toBe(502);
    expect(client.statuses).toEqual([502]);
  });

  it('without end they end the request', async () => {
    await using room = await openHttpRoom(saying(CONTINUE.repeat(1_000)));
    await using client = await room.connect();
    expect((await client.ask(GET)).status).toBe(502);
    expect(client.statuses.filter((status) => status === 100)).toHaveLength(100);
  });

  it('one that comes behind the response belongs to nobody', async () => {
    await using room = await openHttpRoom(saying(OK + CONTINUE));
    await using client = await room.connect();
    for (let i = 0; i < 3; i++) {
      await client.ask(GET);
      await turns(10);
    }
    expect(client.statuses).toEqual([200, 200, 200]);
    expect(room.node.connections).toHaveLength(3);
  });
});
