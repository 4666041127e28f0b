// Patient data in what clients send over HTTP: in requests that are refused, that come too slowly and whose client goes away.
// Nothing of it is in the log at debug, or in the answer that says why.
import { beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/config/http/password.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ackFor, message } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { type RawScript, startRawNode } from '../helpers/raw-http-node.ts';
import { gate } from '../helpers/until.ts';
import {
  type Asking,
  answer,
  BASIC,
  expectNothingOf,
  FAMILY,
  FORM,
  GET,
  GIVEN,
  good,
  HEADERS,
  HL7,
  ID,
  KINDS,
  LONG,
  loggedSomething,
  NOTE,
  PASSWORD,
  PATIENCE,
  request,
  run,
  SEGMENTS,
  TEXT,
} from './planted.ts';

let users: Record<string, string>;
beforeAll(async () => {
  users = { [GIVEN]: await hashPassword(PASSWORD) };
});

describe('what a client does', LONG, () => {
  const OK: RawScript = (connection, { body }) => connection.write(answer(200, ackFor(body)));
  const routes = [
    { when: { 'PID-5.1': FAMILY, 'MSH-3': 'REJECT' }, reject: { code: 'AR', text: 'not here' } },
    { when: { path: `/patients/${ID}/hidden` }, reject: { code: 'AR', text: 'not here' } },
    { when: { 'MSH-3': { not: ['NOWHERE', 'REJECT'] } }, to: 'pool' },
  ];
  const hl7 = (body: Buffer | string, more: Asking = {}): Asking => ({
    ...HL7,
    ...more,
    body: Buffer.from(body),
  });

  const REFUSED: readonly (readonly [what: string, status: number, asking: Asking])[] = [
    ['no MSH', 400, hl7(TEXT)],
    ['letters as delimiters', 400, hl7(`MSH${FAMILY}|${TEXT}`)],
    ['no control id', 400, hl7(message({ controlId: '', segments: SEGMENTS }))],
    ['no route', 404, hl7(good('NOWHERE'))],
    ['a route that rejects', 200, hl7(good('REJECT'))],
    ['no route for a request', 404, { ...FORM }],
    ['a route that rejects a request', 403, { ...FORM, path: `/patients/${ID}/hidden` }],
    ['too large', 413, hl7(Buffer.concat([good(), Buffer.from(NOTE.repeat(1000))]))],
    ['a charset that is a name', 415, { ...HL7, type: `application/hl7-v2; charset=${FAMILY}` }],
    ['a type that is none', 404, { ...HL7, type: `${FAMILY} ${ID}` }],
    ['an Expect that is a name', 417, { ...HL7, fields: [...HEADERS, `Expect: ${FAMILY}`] }],
    ['a second Host', 400, { ...HL7, fields: [...HEADERS, `Host: ${ID}.test`] }],
    ['a header that is none', 400, { ...HL7, fields: [`X ${FAMILY}: ${ID}`] }],
    ['a length that is a name', 400, { type: 'application/hl7-v2', fields: [`Content-Length: ${ID}`] }],
    [
      'a coding that is a name',
      400,
      { type: 'application/hl7-v2', fields: [`Transfer-Encoding: ${FAMILY}`] },
    ],
    [
      'a chunk that is a name',
      400,
      { fields: ['Content-Type: application/hl7-v2', 'Transfer-Encoding: chunked', '', FAMILY] },
    ],
    ['a path that is none', 400, { ...GET, path: `/${FAMILY}\\${ID}` }],
    ['a target that is none', 400, { ...GET, path: `${FAMILY}` }],
    ['a method that is a name', 400, { method: FAMILY }],
    ['a version that is a name', 400, { method: `GET /${ID} ${FAMILY}`, path: '' }],
    [
      'more headers than may be',
      431,
      { ...GET, fields: Array.from({ length: 120 }, (_, i) => `X-${i}: ${FAMILY}`) },
    ],
    ['headers that are too large', 431, { ...GET, fields: [`X-Patient: ${FAMILY.repeat(3000)}`] }],
  ];

  it.each(REFUSED)('%s: %i', async (_, status, asking) => {
    const { gw, response } = await run(OK, asking, {
      listener: { limits: { maxFrame: '4KiB' }, onRejected: 'close' },
      routes,
    });
    expect(response.status).toBe(status);
    expectNothingOf(gw, [response]);
  });

  it.each([
    ['right', 200, HEADERS],
    ['wrong', 401, [`Authorization: Basic ${BASIC.slice(0, -4)}`]],
    ['in no form that is known', 401, [`Authorization: ${FAMILY} ${PASSWORD}`]],
  ])('a log-in that is %s: %i', async (_, status, fields) => {
    const { gw, response } = await run(OK, { ...HL7, fields }, { listener: { http: { users } } });
    expect(response.status).toBe(status);
    expectNothingOf(gw, status === 200 ? [] : [response]);
    expect(JSON.stringify(gw.log)).not.toContain('$scrypt$');
  });

  it('too slow', async () => {
    await using node = await startRawNode(OK);
    await using gw = await startGateway({
      nodes: [node.url],
      listener: {
        protocol: 'http',
        limits: { frameTimeout: '200ms' },
        http: { headersTimeout: '200ms', bodyTimeout: '200ms' },
      },
    });
    for (const asking of [HL7, FORM]) {
      await using client = await connectClient(gw.port());
      void client.send(request(asking).subarray(0, -5));
      const response = await client.response(0, PATIENCE.deadlineMs);
      expect(response.status).toBe(408);
      expectNothingOf(gw, [response]);
    }
    await using client = await connectClient(gw.port());
    void client.send(`GET /${FAMILY} HTTP/1.1\r\nX-Patient: ${ID}`);
    const response = await client.response(0, PATIENCE.deadlineMs);
    expect(response.status).toBe(408);
    expectNothingOf(gw, [response]);
  });

  it.each(KINDS)('goes away before the answer to %s', async (_, asking) => {
    const hold = gate();
    await using node = await startRawNode(async (connection, one, index) => {
      await hold.opened;
      await OK(connection, one, index);
    });
    await using gw = await startGateway({ nodes: [node.url], listener: { protocol: 'http' } });
    await using client = await connectClient(gw.port());
    await client.send(request(asking));
    await node.when(() => node.requests.length === 1, 'the request', PATIENCE.deadlineMs);
    client.reset();
    await client.closed;
    hold.open();
    await loggedSomething(gw);
    expectNothingOf(gw, []);
  });
});
