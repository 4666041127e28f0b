// Which POSTs are HL7 messages, by their type or by their route, and the type of the answers: the request's own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { connectSender } from '../helpers/sender.ts';
import { value } from '../helpers/strict-http.ts';
import {
  acks,
  ask,
  expectRefusal,
  LONG,
  PATIENCE_MS,
  type PostRoom,
  post,
  says,
  toHttp,
  told,
  toMllp,
} from './room.ts';

const X1 = message({ controlId: 'X1' });

describe('types', LONG, () => {
  let room: PostRoom<FaultyNode>;
  beforeAll(async () => {
    room = await toMllp();
  }, PATIENCE_MS);
  afterAll(() => room[Symbol.asyncDispose]());

  it.each([
    ['application/hl7-v2', 'application/hl7-v2'],
    ['application/hl7-v2+er7', 'application/hl7-v2+er7'],
    ['x-application/hl7-v2+er7', 'x-application/hl7-v2+er7'],
    ['Application/HL7-V2', 'application/hl7-v2'],
    ['APPLICATION/HL7-V2+ER7', 'application/hl7-v2+er7'],
    ['X-Application/Hl7-v2+er7', 'x-application/hl7-v2+er7'],
    ['application/hl7-v2; charset=utf-8', 'application/hl7-v2; charset=utf-8'],
    ['application/hl7-v2;Charset="UTF-8"', 'application/hl7-v2; charset=UTF-8'],
    ['application/hl7-v2 ; charset=us-ascii ; version=2.5', 'application/hl7-v2; charset=us-ascii'],
    ['x-application/hl7-v2+er7; charset=iso-8859-1', 'x-application/hl7-v2+er7; charset=iso-8859-1'],
    // Table 0211's names are no tokens (RFC 9110 8.3.1).
    ['application/hl7-v2; charset="8859/1"', 'application/hl7-v2; charset="8859/1"'],
    ['application/hl7-v2; charset="UNICODE UTF-8"', 'application/hl7-v2; charset="UNICODE UTF-8"'],
    ['application/hl7-v2; charset=" utf-8 "', 'application/hl7-v2; charset=utf-8'],
  ])('%s is HL7, and answered as %s', async (type, answered) => {
    const response = await room.ask(post(X1, { type }));
    expect(told(response)).toBe('200 AA X1');
    expect(value(response, 'content-type')).toBe(answered);
    expect(value(response, 'date')).toMatch(/^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/);
  });

  it.each([
    ['text/plain'],
    ['application/hl7-v2+xml'],
    ['application/fhir+json'],
    ['application/hl7-v3'],
    ['application/hl7-v2x'],
    ['hl7-v2'],
    ['application/hl7-v2; charset=utf-8; charset=iso-8859-1'],
    [null],
  ])('%s is none, and an MLLP pool takes nothing else', async (type) => {
    const before = room.node.messages.length;
    expectRefusal(await room.ask(post(X1, { type })), 415, 'GW_ERR_HTTP_NOT_HL7');
    expect(room.node.messages.length).toBe(before);
  });

  it('what comes in chunks is the same message', async () => {
    const body = message({ controlId: 'X2', size: 5000 });
    expect(told(await room.ask(post(body, { chunked: true })))).toBe('200 AA X2');
    expect(room.node.messages.at(-1)?.payload.equals(body)).toBe(true);
  });

  it('a client that waits for 100 (Continue) gets it, once', async () => {
    const client = await room.connect();
    const bytes = post(X1, { fields: ['Expect: 100-continue'] });
    const headEnd = bytes.indexOf('\r\n\r\n') + 4;
    void client.send(bytes.subarray(0, headEnd));
    await client.when(() => client.messages.length > 0, 'a 100', PATIENCE_MS);
    void client.send(bytes.subarray(headEnd));
    expect(told(await client.response(0, PATIENCE_MS))).toBe('200 AA X1');
    expect(client.statuses).toEqual([100, 200]);
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('a %s is no message, whatever its type', async (method) => {
    const bytes = post(X1).toString('latin1').replace('POST', method);
    expectRefusal(await room.ask(bytes), 415, 'GW_ERR_HTTP_NOT_HL7');
  });
});

describe('every code of an acknowledgement is a 200', LONG, () => {
  it.each(['AA', 'AE', 'AR', 'CA', 'CE', 'CR'])('%s', async (code) => {
    await using http = await toHttp({ script: acks({ code, text: 'as it is' }) });
    const response = await http.ask(post(X1));
    expect(told(response)).toBe(`200 ${code} X1`);
    expect(response.body.toString('latin1')).toContain('|as it is\r');
    await using mllp = await toMllp({
      script: ({ connection }) => connection.answer(`MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\rMSA|${code}|X1\r`),
    });
    expect(told(await mllp.ask(post(X1)))).toBe(`200 ${code} X1`);
    expect([http.node.requests.length, mllp.node.messages.length]).toEqual([1, 1]);
  });

  it.each([200, 201, 202, 299])('a node’s %i with an acknowledgement is one', async (status) => {
    await using room = await toHttp({ script: acks({ status }) });
    expect(told(await room.ask(post(X1)))).toBe('200 AA X1');
  });
});

describe('the charset of an answer', LONG, () => {
  it.each([
    ['text/plain;charset=UTF-8', 'application/hl7-v2; charset=UTF-8'],
    ['application/hl7-v2; charset="iso-8859-15"', 'application/hl7-v2; charset=iso-8859-15'],
    ['text/plain', 'application/hl7-v2; charset=iso-8859-1'],
    ['no type at all', 'application/hl7-v2; charset=iso-8859-1'],
    [undefined, 'application/hl7-v2; charset=iso-8859-1'],
  ])('where the node says %s', async (type, expected) => {
    await using room = await toHttp({ script: acks(type === undefined ? {} : { type }) });
    const response = await room.ask(post(X1, { type: 'application/hl7-v2; charset=iso-8859-1' }));
    expect(told(response)).toBe('200 AA X1');
    expect(value(response, 'content-type')).toBe(expected);
  });

  it('of the gateway’s own acknowledgement is the message’s, whose fields it echoes', async () => {
    const body = message({ controlId: 'X1', app: 'KLÄRWERK', encoding: 'latin1' });
    await using room = await toMllp({
      routes: [{ when: { 'MSH-3': 'KLÄRWERK' }, reject: { code: 'AR' } }],
    });
    const response = await room.ask(post(body, { type: 'application/hl7-v2; charset=iso-8859-1' }));
    expect(told(response)).toBe('200 AR X1');
    expect(response.body.toString('latin1')).toContain('|KLÄRWERK|');
    expect(value(response, 'content-type')).toBe('application/hl7-v2; charset=iso-8859-1');
  });
});

describe('http.hl7: true', LONG, () => {
  const routes = [
    { when: { 'MSH-3': 'REFUSED' }, reject: { code: 'AR', text: 'not here' } },
    { when: { path: '/lab/in' }, to: 'pool', http: { hl7: true } },
    { when: { path: '/never' }, reject: { code: 'CR' }, http: { hl7: true } },
    { to: 'pool' },
  ];

  it.each([
    ['text/plain', 'text/plain'],
    ['text/plain; charset=iso-8859-1', 'text/plain; charset=iso-8859-1'],
    ['Application/X-WWW-Form-Urlencoded', 'application/x-www-form-urlencoded'],
    [null, 'application/hl7-v2'],
    ['nonsense', 'application/hl7-v2'],
  ])('a post as %s is a message, and answered as %s', async (type, answered) => {
    await using room = await toMllp({ routes });
    const response = await room.ask(post(X1, { type, path: '/lab/in?a=b' }));
    expect(told(response)).toBe('200 AA X1');
    expect(value(response, 'content-type')).toBe(answered);
    expect(room.node.messages.map(({ payload }) => payload.equals(X1))).toEqual([true]);
  });

  it('is routed anew, as the message that it is', async () => {
    await using room = await toMllp({ routes });
    const body = message({ controlId: 'X1', app: 'REFUSED' });
    expect(told(await room.ask(post(body, { type: null, path: '/lab/in' })))).toBe('200 AR X1');
  });

  it('a route that rejects answers the message', async () => {
    await using room = await toMllp({ routes });
    expect(told(await room.ask(post(X1, { type: null, path: '/never' })))).toBe('200 AR X1');
  });

  it('goes for posts alone, and for its path alone', async () => {
    await using room = await toHttp({ routes, script: says(200, 'a page') });
    const get = await room.ask('GET /lab/in HTTP/1.1\r\nHost: vip.test\r\n\r\n');
    expect([get.status, get.body.toString()]).toEqual([200, 'a page']);
    const other = await room.ask(post(X1, { type: 'text/plain', path: '/other' }));
    expect([other.status, other.body.toString()]).toEqual([200, 'a page']);
    expect(room.gw.proxied.length).toBe(2);
    expectRefusal(await room.ask(post('a=b', { type: null, path: '/lab/in' })), 400, 'GW_ERR_HEADER_MSH');
  });

  it('whether its sender may send it is asked of the message', async () => {
    const allow = [{ source: '127.0.0.1', 'MSH-3': 'SENDAPP' }];
    await using room = await toMllp({ routes, listener: { allow } });
    expect(told(await room.ask(post(X1, { type: null, path: '/lab/in' })))).toBe('200 AA X1');
    const other = message({ controlId: 'X2', app: 'SOMEBODY' });
    expect(told(await room.ask(post(other, { type: null, path: '/lab/in' })))).toBe('200 AR X2');
    expectRefusal(await room.ask(post(X1, { type: null, path: '/other' })), 403, 'GW_ERR_SENDER_NOT_ALLOWED');
    expect(room.node.controlIds).toEqual(['X1']);
  });
});

describe('what is no HL7', LONG, () => {
  it('goes to an HTTP node as it is, beside messages on the same connection', async () => {
    await using room = await toHttp({
      script: (connection, request) =>
        value(request, 'content-type') === 'text/plain'
          ? connection.answer(`got ${request.body.length}`)
          : acks()(connection, request, 0),
    });
    const client = await room.connect();
    expect(told(await ask(client, post(X1)))).toBe('200 AA X1');
    const plain = await ask(client, post(X1, { type: 'text/plain', path: '/notes?x=1' }));
    expect(plain.body.toString()).toBe(`got ${X1.length}`);
    expect(told(await ask(client, post(X1)))).toBe('200 AA X1');
    expect(room.node.requests.map(({ target }) => target)).toEqual(['/', '/notes?x=1', '/']);
    expect([room.gw.messages.length, room.gw.proxied.length]).toEqual([2, 1]);
  });

  it('of both listeners, messages meet in one pool', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway(
      JSON.stringify({
        listeners: { mllp: { bind: '127.0.0.1:0' }, http: { protocol: 'http', bind: '127.0.0.1:0' } },
        pools: { pool: { nodes: { a: { url: node.url } }, health: { type: 'none' } } },
        routes: [
          { when: { path: '/only-http' }, reject: { code: 'AR' } },
          { when: { listener: ['mllp', 'http'] }, to: 'pool' },
        ],
        shutdown: { timeout: '3s' },
      }),
    );
    await using client = await connectClient(gw.port('http'));
    await using sender = await connectSender(gw.port('mllp'));
    expect(told(await ask(client, post(X1)))).toBe('200 AA X1');
    expect(told(await ask(client, post(X1, { path: '/only-http' })))).toBe('200 AR X1');
    await sender.exchange(X1, PATIENCE_MS);
    expect(node.controlIds).toEqual(['X1', 'X1']);
  });
});
