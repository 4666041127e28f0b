// One connection to an HTTP node after the other: when it is used again, and when it may not be.
import { describe, expect, it } from 'vitest';
import { GET, openHttpRoom, request } from '../faults/http-room.ts';
import { value } from '../helpers/strict-http.ts';
import { gate, turns, until } from '../helpers/until.ts';

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

describe('a connection is not used again', () => {
  it.each([
    ['a response', EVIL],
    ['a line end', '\r\n'],
    ['a 100', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ])('F64 behind which its node has said %s in a write of its own', async (_, more) => {
    await using room = await openHttpRoom({
      script: async (connection, { target }) => {
        await connection.answer(target);
        await connection.write(more);
      },
    });
    await using client = await room.connect();
    for (const target of ['/1', '/2', '/3']) {
      expect((await client.ask(request(`GET ${target} HTTP/1.1`))).body.toString()).toBe(target);
      // Until the gateway has seen it; a request that comes in the same moment is a race that no client can win.
      await until(() => room.node.connections.every(({ ended, gone }) => ended || gone));
    }
    expect(client.text).not.toContain('evil');
    expect(room.node.connections).toHaveLength(3);
  });

  it('F31 whose node will end it before its idle limit', async () => {
    await using room = await openHttpRoom({
      script: (connection, _, index) =>
        connection.answer('ok', `Keep-Alive: timeout=${index === 0 ? 2 : 60}, max=100\r\n`),
    });
    await using client = await room.connect();
    for (let i = 0; i < 4; i++) expect((await client.ask(GET)).status).toBe(200);
    expect(room.node.connections.map(({ requests }) => requests.length)).toEqual([1, 3]);
  });

  it.each(['Connection: close\r\n', 'Connection: x\r\nConnection: y, CLOSE\r\n'])(
    'that its node says is its last use: %j',
    async (field) => {
      await using room = await openHttpRoom({
        script: (connection) => connection.answer('ok', field),
      });
      await using client = await room.connect();
      for (let i = 0; i < 3; i++) expect((await client.ask(GET)).status).toBe(200);
      expect(room.node.connections).toHaveLength(3);
      await until(() => room.node.connections.every(({ ended }) => ended));
    },
  );

  it('beyond `connections.reuse`, and its last request says so', async () => {
    await using room = await openHttpRoom({ pool: { connections: { reuse: 2 } } });
    await using client = await room.connect();
    for (let i = 0; i < 5; i++) expect((await client.ask(GET)).status).toBe(200);
    expect(room.node.connections.map(({ requests }) => requests.length)).toEqual([2, 2, 1]);
    expect(room.node.requests.map((one) => value(one, 'connection'))).toEqual([
      ...['keep-alive', 'close', 'keep-alive', 'close', 'keep-alive'],
    ]);
  });
});

describe('a connection is used again', () => {
  it('behind every kind of response that has its own end', async () => {
    const answers = [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\n\r\n',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    ];
    await using room = await openHttpRoom({
      script: (connection, { method }, index) =>
        connection.write(
          method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' : (answers[index] as string),
        ),
    });
    await using client = await room.connect();
    for (const answer of answers) {
      const { status } = await client.ask(GET);
      expect(answer).toContain(` ${status} `);
    }
    client.methods = [...answers.map(() => 'GET'), 'HEAD', 'HEAD'];
    for (let i = 0; i < 2; i++)
      expect((await client.ask(request('HEAD / HTTP/1.1'), 'HEAD')).status).toBe(200);
    expect(room.node.connections).toHaveLength(1);
  });

  it('F68 when the request that waited for it was given up, and nothing of that is written', async () => {
    const held = gate();
    await using room = await openHttpRoom({
      pool: { connections: { max: 1 } },
      script: async (connection, { target }) => {
        if (target === '/first') await held.opened;
        await connection.answer(target);
      },
    });
    await using first = await room.connect();
    void first.send(request('GET /first HTTP/1.1'));
    await room.node.arrived(1);
    await using second = await room.connect();
    void second.send(request('GET /second HTTP/1.1'));
    await until(() => room.gw.gateway.httpPools.get('pool')?.queued === 1);
    second.reset();
    await until(() => room.gw.gateway.httpPools.get('pool')?.queued === 0);
    held.open();
    expect((await first.response()).body.toString()).toBe('/first');
    expect((await first.ask(request('GET /third HTTP/1.1'))).body.toString()).toBe('/third');
    expect(room.node.requests.map(({ target }) => target)).toEqual(['/first', '/third']);
    expect(room.node.connections).toHaveLength(1);
  });

  it('behind a response that its client took slowly', async () => {
    const size = 8 * 1024 * 1024;
    await using room = await openHttpRoom({
      script: (connection, _, index) => connection.answer(index === 0 ? 'x'.repeat(size) : 'ok'),
    });
    await using client = await room.connect();
    let bytes = 0;
    client.socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    client.socket.pause();
    void client.send(GET);
    await room.node.arrived(1);
    await turns(50);
    client.socket.resume();
    await until(() => bytes > size);
    // By another one: the first would read the large response again with each chunk.
    await using next = await room.connect();
    expect((await next.ask(GET)).body.toString()).toBe('ok');
    expect(room.node.connections).toHaveLength(1);
  });
});
