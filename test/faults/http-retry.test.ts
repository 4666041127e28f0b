// F68: a client that goes away takes its request back, and a request is sent again only where that can do no harm: nothing
// of it was sent, or the same again means the same and all of it is still there.
import { describe, expect, it } from 'vitest';
import type { RawConnection, RawScript } from '../helpers/raw-http-node.ts';
import { turns, until } from '../helpers/until.ts';
import { GET, type HttpRoom, openHttpRoom, request } from './http-room.ts';

const hang: RawScript = () => undefined;

/** How many requests each node got. */
function counts({ nodes }: HttpRoom): number[] {
  return nodes.map(({ requests }) => requests.length).sort();
}

describe('F68 a client that goes away', () => {
  it.each(['at once', 'behind the end of its side (F102)'])(
    'before the response, %s: the node is told',
    async (when) => {
      await using room = await openHttpRoom({ script: hang, count: 2 });
      await using client = await room.connect();
      void client.send(GET);
      await until(() => room.nodes.some(({ requests }) => requests.length === 1));
      if (when !== 'at once') {
        client.finish();
        await turns(20);
      }
      client.reset();
      await until(() =>
        room.nodes.flatMap((node) => node.connections).every(({ ended, gone }) => ended || gone),
      );
      await until(() => room.gw.held.inFlight === 0);
      expect(counts(room)).toEqual([0, 1]);
      expect(room.gw.proxied.map(({ error }) => error?.code)).toEqual(['GW_ERR_HTTP_CUT']);
      // It is no fault of the node.
      expect(room.gw.codes.filter((code) => code.startsWith('GW_ERR_NODE'))).toEqual([]);
    },
  );

  it.each(['finish', 'reset'] as const)(
    'within its upload (%s): the node sees no whole request',
    async (leave) => {
      for (const lines of [['Content-Length: 200000'], ['Transfer-Encoding: chunked']]) {
        await using room = await openHttpRoom();
        await using client = await room.connect();
        const start =
          lines[0]?.startsWith('T') === true ? `fffff\r\n${'x'.repeat(100_000)}` : 'x'.repeat(100_000);
        await client.send(request('POST / HTTP/1.1', lines, start));
        const connection = await room.node.connection();
        await room.node.when(() => connection.bytes > 50_000, 'some of the body');
        client[leave]();
        await room.node.when(() => connection.ended || connection.gone, 'the end at the node');
        expect(room.node.requests).toEqual([]);
        expect(connection.received.toString().endsWith('0\r\n\r\n')).toBe(false);
        await until(() => room.gw.held.inFlight === 0);
      }
    },
  );

  it('while it waits for a node: nothing is sent for it', async () => {
    await using room = await openHttpRoom({ script: hang, pool: { connections: { max: 1 } } });
    await using first = await room.connect();
    await using second = await room.connect();
    void first.send(GET);
    await room.node.arrived(1);
    void second.send(GET);
    await until(() => room.gw.gateway.httpPools.get('pool')?.queued === 1);
    second.reset();
    await until(() => room.gw.gateway.httpPools.get('pool')?.queued === 0);
    expect(room.node.requests).toHaveLength(1);
  });

  it('within a download: the node is told', async () => {
    await using room = await openHttpRoom({
      script: (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
    });
    await using client = await room.connect();
    void client.send(GET);
    await client.when(() => client.text.endsWith('half'), 'the first half');
    client.reset();
    const [connection] = room.node.connections;
    await room.node.when(
      () => connection?.ended === true || connection?.gone === true,
      'the end at the node',
    );
  });
});

describe('F68 a node that fails', () => {
  /** The first node to be asked fails in this way; whichever comes then answers. */
  const failing = (how: (connection: RawConnection) => unknown): RawScript => {
    let asked = 0;
    return (connection) => (asked++ === 0 ? how(connection) : connection.answer('ok'));
  };
  const HOW: readonly (readonly [string, (connection: RawConnection) => unknown])[] = [
    ['closes', (connection) => connection.end()],
    ['resets', (connection) => connection.reset()],
  ];

  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])(
    '%s is sent again, with its body',
    async (method) => {
      for (const [, how] of HOW) {
        await using room = await openHttpRoom({ script: failing(how), count: 2 });
        await using client = await room.connect();
        const bytes = request(`${method} / HTTP/1.1`, ['Content-Length: 5'], 'hello');
        expect((await client.ask(bytes, method)).status).toBe(200);
        expect(counts(room)).toEqual([1, 1]);
        expect(room.nodes.flatMap(({ requests }) => requests).map(({ body }) => body.toString())).toEqual([
          ...['hello', 'hello'],
        ]);
      }
    },
  );

  it.each(['POST', 'PATCH', 'PROPFIND'])('%s is not', async (method) => {
    for (const [, how] of HOW) {
      await using room = await openHttpRoom({ script: failing(how), count: 2 });
      await using client = await room.connect();
      const response = await client.ask(request(`${method} / HTTP/1.1`, ['Content-Length: 5'], 'hello'));
      expect([response.status, response.body.toString().split(':')[0]]).toEqual([502, 'GW_ERR_NODE_CLOSED']);
      expect(counts(room)).toEqual([0, 1]);
    }
  });

  it.each([
    ['large', ['Content-Length: 100000'], 'x'.repeat(100_000)],
    ['in chunks', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'],
  ])('a PUT whose body is %s is not', async (_, lines, body) => {
    await using room = await openHttpRoom({ script: failing((connection) => connection.end()), count: 2 });
    await using client = await room.connect();
    expect((await client.ask(request('PUT / HTTP/1.1', lines, body))).status).toBe(502);
    expect(counts(room)).toEqual([0, 1]);
  });

  it('as often as the config says', async () => {
    for (const [attempts, expected] of [
      [1, [0, 0, 1]],
      [2, [0, 1, 1]],
      [3, [1, 1, 1]],
    ] as const) {
      await using room = await openHttpRoom({
        script: (connection) => connection.end(),
        count: 3,
        pool: { retry: { attempts } },
      });
      await using client = await room.connect();
      expect((await client.ask(GET)).status).toBe(502);
      expect(counts(room)).toEqual(expected);
    }
  });

  it('not once a response has begun', async () => {
    await using room = await openHttpRoom({
      script: failing(async (connection) => {
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
        connection.end();
      }),
      count: 2,
    });
    await using client = await room.connect();
    void client.send(GET);
    expect((await client.closed).ended).toBe(false);
    expect(counts(room)).toEqual([0, 1]);
  });

  it('after interim responses it still is', async () => {
    await using room = await openHttpRoom({
      script: failing(async (connection) => {
        await connection.write('HTTP/1.1 102 Processing\r\n\r\n');
        connection.end();
      }),
      count: 2,
    });
    await using client = await room.connect();
    await client.ask(GET);
    expect(client.statuses).toEqual([102, 200]);
  });

  it('one that cannot be reached got nothing: even a streamed POST goes to another', async () => {
    for (const lines of [['Content-Length: 5'], ['Transfer-Encoding: chunked'], ['Content-Length: 100000']]) {
      const body =
        lines[0]?.startsWith('T') === true
          ? '5\r\nhello\r\n0\r\n\r\n'
          : 'x'.repeat(Number(lines[0]?.slice(16)));
      await using room = await openHttpRoom({ count: 2, pool: { health: { type: 'none', fall: 100 } } });
      // Its port is closed; nobody else takes it meanwhile.
      const [down] = room.nodes;
      await down?.[Symbol.asyncDispose]();
      await using client = await room.connect();
      for (let i = 0; i < 4; i++)
        expect((await client.ask(request('POST / HTTP/1.1', lines, body))).status).toBe(200);
      expect(room.nodes[1]?.requests).toHaveLength(4);
    }
  });

  it('all of them: 503, with the last error', async () => {
    await using room = await openHttpRoom({ count: 2, pool: { queue: { timeout: '200ms' } } });
    for (const node of room.nodes) await node[Symbol.asyncDispose]();
    await using client = await room.connect();
    const response = await client.ask(GET);
    expect([response.status, response.body.toString().split(':')[0]]).toEqual([503, 'GW_ERR_NODE_CONNECT']);
  });

  it('a kept connection that the node has closed is dialled anew', async () => {
    await using room = await openHttpRoom({
      script: async (connection) => {
        await connection.answer('ok');
        connection.end();
      },
    });
    await using client = await room.connect();
    for (let i = 0; i < 5; i++) {
      expect((await client.ask(request('POST / HTTP/1.1', ['Content-Length: 1'], 'x'))).status).toBe(200);
      await until(() => room.node.connections.every(({ ended }) => ended));
    }
    expect(room.node.requests).toHaveLength(5);
  });
});
