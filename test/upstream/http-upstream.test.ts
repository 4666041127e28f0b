// The connections to one HTTP node: kept whoever asks, counted, never more than the config says, and no node is blamed for
// what it has not done.
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { nodeError } from '../../src/upstream/http/node-request.ts';
import { openHttpRoom, request } from '../faults/http-room.ts';
import { ackFor, message, msaOf } from '../helpers/mllp.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { gate, turns, until } from '../helpers/until.ts';

const MESSAGE = message({ controlId: 'X1' }).toString('latin1');
const POST = request(
  'POST /in HTTP/1.1',
  ['Content-Type: application/hl7-v2', `Content-Length: ${MESSAGE.length}`],
  MESSAGE,
);

describe('connections to a node', () => {
  it.each(['http', 'https'])('are kept for requests for any host (%s)', async (scheme) => {
    using folder = createTlsFolder();
    const { certPem: cert, keyPem: key } = folder.pems.good;
    await using room = await openHttpRoom(
      scheme === 'http' ? {} : { node: { tls: { cert, key } }, nodeKeys: { tls: { ca: folder.caFile } } },
    );
    await using client = await room.connect();
    for (const host of ['a.test', 'b.test', '10.0.0.1', '[::1]:8080', 'a.test']) {
      expect((await client.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status).toBe(200);
    }
    expect(room.node.requests.map((one) => value(one, 'host'))).toEqual([
      ...['a.test', 'b.test', '10.0.0.1', '[::1]:8080', 'a.test'],
    ]);
    expect(room.node.connections).toHaveLength(1);
  });

  it('are as many as the config says, and the rest waits in order', async () => {
    const held = gate();
    await using room = await openHttpRoom({
      pool: { connections: { max: 2 } },
      script: async (connection, { target }) => {
        await held.opened;
        await connection.answer(target);
      },
    });
    const clients = await Promise.all(Array.from({ length: 5 }, () => room.connect()));
    for (const [i, client] of clients.entries()) {
      void client.send(request(`GET /${i} HTTP/1.1`));
      await until(() => room.node.requests.length === Math.min(i + 1, 2));
      await until(() => room.gw.gateway.httpPools.get('pool')?.queued === Math.max(0, i - 1));
    }
    held.open();
    for (const [i, client] of clients.entries())
      expect((await client.response()).body.toString()).toBe(`/${i}`);
    expect(room.node.connections).toHaveLength(2);
    expect(room.node.requests.map(({ target }) => target)).toEqual(['/0', '/1', '/2', '/3', '/4']);
  });

  it('a node is not blamed for clients that go away', async () => {
    await using room = await openHttpRoom({
      pool: { health: { type: 'none', fall: 1 } },
      script: (connection, { target }) => (target === '/hang' ? undefined : connection.answer('ok')),
    });
    for (let i = 0; i < 3; i++) {
      await using client = await room.connect();
      void client.send(request('GET /hang HTTP/1.1'));
      await room.node.arrived(i + 1);
      client.reset();
      await until(() => room.gw.held.inFlight === 0);
    }
    await using client = await room.connect();
    expect((await client.ask(request('GET / HTTP/1.1'))).status).toBe(200);
  });
});

describe('a message to an HTTP node', () => {
  it('says the host of its URL, and takes a 100 that nobody asked for', async () => {
    await using room = await openHttpRoom({
      script: async (connection, { body }) => {
        await connection.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
        await connection.answer(ackFor(body, 'AA').toString('latin1'));
      },
    });
    await using client = await room.connect();
    for (let i = 0; i < 2; i++) expect(msaOf((await client.ask(POST)).body)?.code).toBe('AA');
    expect(value(room.node.request, 'host')).toBe(`127.0.0.1:${room.node.port}`);
    expect(room.node.connections).toHaveLength(1);
  });

  it('an answer that was cut off is none, though it looks whole', async () => {
    await using room = await openHttpRoom({
      script: async (connection, { body }) => {
        await connection.write(`HTTP/1.0 200 OK\r\n\r\n${ackFor(body, 'AA').toString('latin1')}`);
        await turns(20);
        connection.reset();
      },
    });
    await using client = await room.connect();
    const response = await client.ask(POST);
    expect([response.status, response.body.toString().split(':')[0]]).toEqual([502, 'GW_ERR_NODE_CLOSED']);
  });
});

describe('nodeError', () => {
  it.each([
    [Object.assign(new Error('x'), { code: 'UND_ERR_INVALID_ARG' }), 'GW_ERR_INTERNAL', 'gateway'],
    [Object.assign(new Error('x'), { code: 'UND_ERR_NOT_SUPPORTED' }), 'GW_ERR_INTERNAL', 'gateway'],
    [Object.assign(new Error('x'), { code: 'HPE_INVALID_CONSTANT' }), 'GW_ERR_NODE_RESPONSE', 'node'],
    [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'GW_ERR_NODE_CLOSED', 'node'],
    [new GatewayError('GW_ERR_HTTP_CUT'), 'GW_ERR_HTTP_CUT', 'sender'],
  ])('says whose fault %s is', (thrown, code, side) => {
    expect(nodeError(thrown, true, 'a')).toMatchObject({ code, side });
  });

  it('tells what may have been written from what was not', () => {
    const reset = Object.assign(new Error('x'), { code: 'ECONNRESET' });
    expect([nodeError(reset, true, 'a').resend, nodeError(reset, false, 'a').resend]).toEqual([
      'unsafe',
      'safe',
    ]);
  });
});
