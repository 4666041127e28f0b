// F46 over HTTP: a gateway that stops answers what has come, ends each connection at a message's end and takes no more;
// and the requests of one connection are served one by one, in order.
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, openSession } from '../helpers/h2-session.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

describe.each(['plain', 'TLS'])('F46 over %s', (kind) => {
  const tls = () => (kind === 'TLS' ? { tls: folder } : {});

  it('a response that is due is written, says so, and ends its connection', async () => {
    const held = gate();
    await using room = await openHttpRoom({
      ...tls(),
      script: async (connection) => {
        await held.opened;
        await connection.answer('ok');
      },
    });
    await using client = await room.connect();
    void client.send(GET);
    await room.node.arrived(1);
    const stopped = room.gw.gateway.stop();
    await turns(10);
    expect(client.ended).toBe(false);
    held.open();
    const response = await client.response();
    expect([response.status, value(response, 'connection')]).toEqual([200, 'close']);
    await client.end();
    client.finish();
    expect(await stopped).toBe(true);
  });

  it('one whose headers were written before ends its connection, too', async () => {
    const held = gate();
    await using room = await openHttpRoom({
      ...tls(),
      script: async (connection) => {
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
        await held.opened;
        await connection.write('half');
      },
    });
    await using client = await room.connect();
    void client.send(GET);
    await client.when(() => client.text.endsWith('half'), 'the first half');
    const stopped = room.gw.gateway.stop();
    await turns(10);
    held.open();
    await client.end();
    expect((await client.response()).body.toString()).toBe('halfhalf');
    client.finish();
    expect(await stopped).toBe(true);
  });

  it('a connection without a request is ended at once', async () => {
    await using room = await openHttpRoom(tls());
    await using idle = await room.connect();
    await using used = await room.connect();
    await used.ask(GET);
    const stopped = room.gw.gateway.stop();
    await Promise.all([idle.end(), used.end()]);
    expect(used.statuses).toEqual([200]);
    expect(await stopped).toBe(true);
  });

  it('a request that is on its way is taken, one behind it is not', async () => {
    await using room = await openHttpRoom(tls());
    await using client = await room.connect();
    void client.send('POST / HTTP/1.1\r\nHost: vip.test\r\nContent-Le');
    await until(() => room.gw.gateway.listeners[0]?.connections === 1);
    await turns(20);
    const stopped = room.gw.gateway.stop();
    await turns(20);
    void client.send(`ngth: 5\r\n\r\nhello${request('GET /behind HTTP/1.1')}`);
    await client.end();
    expect(client.statuses).toEqual([200]);
    expect(room.node.requests.map(({ target }) => target)).toEqual(['/']);
    client.finish();
    expect(await stopped).toBe(true);
  });

  it('a refusal ends its connection as well', async () => {
    await using room = await openHttpRoom({
      ...tls(),
      pool: { connections: { max: 1 }, queue: { timeout: '300ms' } },
      script: () => undefined,
    });
    await using first = await room.connect();
    await using second = await room.connect();
    void first.send(GET);
    await room.node.arrived(1);
    void second.send(GET);
    await until(() => room.gw.gateway.httpPools.get('pool')?.queued === 1);
    const stopped = room.gw.gateway.stop();
    const response = await second.response();
    expect([response.status, value(response, 'connection')]).toEqual([503, 'close']);
    first.reset();
    second.finish();
    expect(await stopped).toBe(true);
  });
});

describe('F46 over HTTP/2', () => {
  it('GOAWAY, and the streams that are open end in order', async () => {
    const held = gate();
    await using room = await openHttpRoom({
      tls: folder,
      script: async (connection) => {
        await held.opened;
        await connection.answer('ok');
      },
    });
    await using client = await openSession(room.gw.port(), folder.caPem);
    await using idle = await openSession(room.gw.port(), folder.caPem);
    const answer = ask(client, {});
    await room.node.arrived(1);
    const goaway = once(client, 'goaway');
    const stopped = room.gw.gateway.stop();
    expect((await goaway)[0]).toBe(0);
    await until(() => idle.closed);
    held.open();
    expect((await answer).status).toBe(200);
    expect(await stopped).toBe(true);
  });
});

describe('requests in a pipeline', () => {
  it('are answered in order, one at a time', async () => {
    let open = 0;
    let most = 0;
    await using room = await openHttpRoom({
      script: async (connection, { target }) => {
        most = Math.max(most, ++open);
        await turns(Number(target.slice(1)) % 3);
        open--;
        await connection.answer(target);
      },
    });
    await using client = await room.connect();
    const targets = Array.from({ length: 60 }, (_, i) => `/${i}`);
    void client.send(targets.map((target) => request(`GET ${target} HTTP/1.1`)).join(''));
    await client.response(59);
    expect(client.responses.map(({ body }) => body.toString())).toEqual(targets);
    expect(room.node.requests.map(({ target }) => target)).toEqual(targets);
    expect(most).toBe(1);
  });

  it('with bodies, small and large', async () => {
    await using room = await openHttpRoom({
      script: (connection, { body }) => connection.answer(String(body.length)),
    });
    await using client = await room.connect();
    const sizes = [5, 100_000, 0, 70_000, 1];
    void client.send(
      sizes.map((n) => request('POST / HTTP/1.1', [`Content-Length: ${n}`], 'x'.repeat(n))).join(''),
    );
    await client.response(4);
    expect(client.responses.map(({ body }) => Number(body))).toEqual(sizes);
  });

  it('behind one that says that it is the last are not looked at', async () => {
    await using room = await openHttpRoom();
    await using client = await room.connect();
    void client.send(GET + request('GET /last HTTP/1.1', ['Connection: close']) + GET + GET);
    await client.end();
    expect(client.statuses).toEqual([200, 200]);
    expect(room.node.requests.map(({ target }) => target)).toEqual(['/', '/last']);
  });

  it('behind one that the gateway refuses are not, either', async () => {
    await using room = await openHttpRoom({
      routes: [{ when: { path: '/closed' }, reject: {} }, { to: 'pool' }],
    });
    await using client = await room.connect();
    void client.send(GET + request('POST /closed HTTP/1.1', ['Content-Length: 5'], 'hello') + GET + GET);
    await client.end();
    expect(client.statuses).toEqual([200, 403]);
    await turns(20);
    expect(room.node.requests).toHaveLength(1);
  });

  it.each(['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 'BAD\r\n\r\n'])(
    'a large response before %j is written whole',
    async (bad) => {
      const body = 'x'.repeat(8 * 1024 * 1024);
      await using room = await openHttpRoom({ script: (connection) => connection.answer(body) });
      await using client = await room.connect();
      void client.send(GET + bad);
      await client.end();
      expect(client.statuses).toEqual([200, 400]);
      expect((await client.response()).body.length).toBe(body.length);
    },
  );

  it('one that makes no sense is told of once, however its client leaves', async () => {
    await using room = await openHttpRoom();
    await using client = await room.connect();
    void client.send('BAD\r\n\r\nGET / HT');
    await client.end();
    client.finish();
    await until(() => room.gw.gateway.listeners[0]?.connections === 0);
    expect(room.gw.codes).toEqual(['GW_ERR_HTTP_REQUEST']);
  });

  it('more than a hundred that wait end the connection', async () => {
    await using room = await openHttpRoom({ script: () => undefined });
    await using client = await room.connect();
    void client.send(GET.repeat(150));
    await client.end();
    expect(room.gw.codes).toContain('GW_ERR_HTTP_REQUEST');
    expect(room.node.requests.length).toBeLessThanOrEqual(1);
    await until(() => room.gw.held.inFlight === 0);
  });
});
