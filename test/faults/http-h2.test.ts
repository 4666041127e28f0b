// HTTP/2 from clients: what nodes say comes through as HTTP/2 has it, a stream that its client gives up is given up at the
// node (F68), and no stream holds a place for longer than it must (F67, F69).
import { once } from 'node:events';
import http2 from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, openSession } from '../helpers/h2-session.ts';
import { connectH2, type Field, FRAME } from '../helpers/raw-h2-client.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import { type HttpRoom, type HttpRoomOptions, openHttpRoom } from './http-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const open = (options: HttpRoomOptions = {}): Promise<HttpRoom> => openHttpRoom({ tls: folder, ...options });

const session = (room: HttpRoom) => openSession(room.gw.port(), folder.caPem);

const POST: readonly Field[] = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', 'vip.test'],
];

describe('what a node says', () => {
  it('interim responses, repeated fields and trailers', async () => {
    await using room = await open({
      script: (connection) =>
        connection.write(
          'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n' +
            'HTTP/1.1 200 Fine\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nKeep-Alive: x\r\nTransfer-Encoding: chunked\r\n\r\n' +
            '2\r\nok\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n',
        ),
    });
    await using client = await session(room);
    const answer = await ask(client, {});
    expect(answer.interim).toEqual([
      [100, undefined],
      [103, '</a>, </b>'],
    ]);
    expect([answer.status, answer.body, answer.headers['set-cookie']]).toEqual([200, 'ok', ['a=b', 'c=d']]);
    expect(Object.keys(answer.headers).sort()).toEqual([':status', 'date', 'set-cookie']);
    expect(Object.entries(answer.trailers)).toEqual([['x-sum', '1']]);
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', 200, '1000'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204, undefined],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n', 304, '1000'],
  ])('F64: %s, %j has no body', async (method, bytes, status, length) => {
    await using room = await open({ script: (connection) => connection.write(bytes) });
    await using client = await session(room);
    for (let i = 0; i < 2; i++) {
      const answer = await ask(client, { ':method': method });
      expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([status, length, '']);
      expect(answer.code).toBe(http2.constants.NGHTTP2_NO_ERROR);
    }
  });

  it('a refusal of a HEAD has none either, and neither ends the session', async () => {
    await using room = await open({ routes: [{ reject: {} }] });
    await using client = await session(room);
    for (const method of ['HEAD', 'GET', 'POST']) {
      const answer = await ask(client, { ':method': method }, method === 'POST' ? 'hello' : undefined);
      expect([answer.status, answer.body === '']).toEqual([403, method === 'HEAD']);
      expect(answer.code).toBe(http2.constants.NGHTTP2_NO_ERROR);
    }
    expect(client.closed).toBe(false);
  });

  it('F66: one that dies within its response resets the stream, and that alone', async () => {
    for (const how of ['end', 'reset'] as const) {
      await using room = await open({
        script: async (connection, { target }) => {
          if (target !== '/dies') return connection.answer('ok');
          await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
          connection[how]();
        },
      });
      await using client = await session(room);
      expect((await ask(client, { ':path': '/dies' })).code).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR);
      expect((await ask(client, {})).status).toBe(200);
    }
  });

  it('a field that HTTP/2 has once, given twice: 502, and nothing of it in that', async () => {
    await using room = await open({
      script: (connection) =>
        connection.answer('ok', 'Content-Type: a/b\r\nContent-Type: c/d\r\nX-Mine: y\r\n'),
    });
    await using client = await session(room);
    const answer = await ask(client, {});
    expect([answer.status, answer.headers['x-mine']]).toEqual([502, undefined]);
    expect((await ask(client, {})).status).toBe(502);
  });
});

describe('F62', () => {
  it('a client that waits is told, and its body passed on', async () => {
    await using room = await open();
    await using client = await session(room);
    const answer = await ask(client, { ':method': 'POST', expect: '100-continue' }, 'hello');
    expect(answer.status).toBe(200);
    expect(room.node.request.body.toString()).toBe('hello');
  });
});

describe('F67', () => {
  it('a stream that is answered early is free again, and the session goes on', async () => {
    await using room = await open({
      node: {
        onBytes: (connection) => {
          if (connection.received.includes('/early')) {
            connection.broken = 'answered';
            void connection.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
          }
          return false;
        },
      },
    });
    await using client = await connectH2(room.gw.port(), { ca: folder.caPem });
    // More at once than there may be: each must go before the next ones come.
    for (let stream = 1; stream < 600; stream += 2) {
      client.headers(stream, [...POST, [':path', '/early']], false);
      client.data(stream, 'x'.repeat(100), false);
      if (stream % 100 === 99)
        await client.when(
          () => client.frames.some((one) => one.type === FRAME.rst && one.stream === stream),
          'its end',
        );
    }
    const codes = client.frames
      .filter(({ type }) => type === FRAME.rst)
      .map(({ payload }) => payload.readUInt32BE(0));
    expect([codes.length, new Set(codes)]).toEqual([300, new Set([http2.constants.NGHTTP2_NO_ERROR])]);
    expect(client.gone).toBe(false);
    expect(room.gw.held.inFlight).toBe(0);
  });

  it('all of a large early response arrives', async () => {
    const body = 'x'.repeat(1_000_000);
    await using room = await open({
      node: {
        onBytes: (connection) => {
          if (connection.bytes > 0 && connection.broken === undefined) {
            connection.broken = 'answered';
            void connection.answer(body);
          }
          return true;
        },
      },
    });
    await using client = await session(room);
    const stream = client.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    stream.write('start');
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(stream, 'end');
    expect(bytes).toBe(body.length);
  });
});

describe('F68', () => {
  it('a stream that its client resets ends the request at the node', async () => {
    await using room = await open({ script: () => undefined });
    await using client = await session(room);
    const stream = client.request({ ':path': '/' });
    stream.on('error', () => undefined);
    await room.node.arrived(1);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    const [connection] = room.node.connections;
    await room.node.when(
      () => connection?.ended === true || connection?.gone === true,
      'the end at the node',
    );
    await until(() => room.gw.held.inFlight === 0);
    expect(room.gw.proxied.map(({ error }) => error?.code)).toEqual(['GW_ERR_HTTP_CUT']);
    expect(client.closed).toBe(false);
  });

  it.each([
    ['streamed', [], 10_000],
    ['streamed, with a length', [['content-length', '100000']], 10_000],
    ['small', [['content-length', '1000']], 500],
    ['a message', [['content-type', 'application/hl7-v2']], 500],
  ] as const)('within an upload (%s) no node sees a whole request', async (_, more, bytes) => {
    for (const code of [http2.constants.NGHTTP2_CANCEL, http2.constants.NGHTTP2_NO_ERROR]) {
      await using room = await open();
      await using client = await connectH2(room.gw.port(), { ca: folder.caPem });
      client.headers(1, [...POST, [':path', '/'], ...more], false);
      client.data(1, 'MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5\r'.padEnd(bytes, 'x'), false);
      if (bytes > 1_000)
        await room.node.when(() => (room.node.connections[0]?.bytes ?? 0) > 5_000, 'some of the body');
      else await turns(20);
      const reset = Buffer.alloc(4);
      reset.writeUInt32BE(code);
      client.send(FRAME.rst, 0, 1, reset);
      await until(() => room.gw.codes.includes('GW_ERR_HTTP_CUT'));
      await until(() => room.gw.held.inFlight === 0 && room.gw.held.bytes === 0);
      expect(room.node.requests).toEqual([]);
      for (const { received } of room.node.connections)
        expect(received.toString().endsWith('0\r\n\r\n')).toBe(false);
    }
  });

  it('nor where the connection ends within it', async () => {
    await using room = await open();
    await using client = await connectH2(room.gw.port(), { ca: folder.caPem });
    client.headers(1, [...POST, [':path', '/'], ['content-type', 'application/hl7-v2']], false);
    client.data(1, 'MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5\r', false);
    await turns(20);
    client.socket.destroy();
    await until(() => room.gw.codes.includes('GW_ERR_HTTP_CUT'));
    expect(room.node.requests).toEqual([]);
  });
});
