// F93: acknowledgements that a node over HTTP sends with a status of 4xx or 5xx, as Mirth does with AE, are its answers: passed
// back, never sent again, and nothing that its node is left out for.
import { describe, expect, it } from 'vitest';
import { ways } from '../helpers/expect-relay.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ackFor, message } from '../helpers/mllp.ts';
import { type RawNode, type RawScript, startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { value } from '../helpers/strict-http.ts';
import {
  acks,
  ended,
  expectRefusal,
  httpAnswer,
  LONG,
  PATIENCE_MS,
  post,
  says,
  toHttp,
  told,
} from './room.ts';

const X1 = message({ controlId: 'X1' });
/** What would take a node out, or send a message again, if it could. */
const STRICT = {
  balance: 'round-robin',
  health: { type: 'none', fall: 1 },
  retry: { onAmbiguous: 'other-node', attempts: 5 },
};
const ENHANCED = { acceptAck: 'AL', applicationAck: 'AL' } as const;

async function openStrict(a: RawScript, pool: Record<string, unknown> = {}) {
  const room = await toHttp({ count: 2, pool: { ...STRICT, ...pool } });
  const [first, second] = room.nodes as [RawNode, RawNode];
  first.script = a;
  return { ...room, a: first, b: second };
}

describe.each([400, 401, 404, 422, 429, 500, 502, 503, 599])('F93 status %i', LONG, (status) => {
  it.each(['AE', 'AR', 'CE', 'CR'])('F93 with %s of this message is an answer', async (code) => {
    const sent: Buffer[] = [];
    await using room = await openStrict(acks({ status, code, type: 'text/plain;charset=UTF-8' }, sent));
    const body = code.startsWith('C') ? message({ controlId: 'X1', ...ENHANCED }) : X1;
    const response = await room.ask(post(body));
    expect(told(response)).toBe(`200 ${code} X1`);
    expect(response.body.equals(sent[0] as Buffer)).toBe(true);
    expect(value(response, 'content-type')).toBe('application/hl7-v2; charset=UTF-8');
    const exchange = await ended(room.gw);
    expect(ways(exchange)).toEqual(['a ok']);
    expect(exchange.outcome).toMatchObject({ kind: 'answered', ack: { code, controlId: 'X1' } });
    expect(room.b.requests).toEqual([]);
    expect(room.gw.log.filter(({ msg }) => msg === 'node down')).toEqual([]);
  });
});

describe('F93', LONG, () => {
  it('as many as there may be: the node stays up, and its answers are counted by their code', async () => {
    await using room = await openStrict(acks({ status: 500, code: 'AE' }), { balance: 'least-in-flight' });
    room.b.script = room.a.script;
    for (let i = 0; i < 12; i++)
      expect(told(await room.ask(post(message({ controlId: `N${i}` }))))).toBe(`200 AE N${i}`);
    const { nodes } = [...room.gw.gateway.pools.runtimes.values()][0] as {
      nodes: readonly { status: object }[];
    };
    expect(nodes.map(({ status }) => status)).toMatchObject([
      { state: 'up', failures: {} },
      { state: 'up', failures: {} },
    ]);
    const counted = nodes.map(({ status }) => (status as { answers: { AE?: number } }).answers.AE ?? 0);
    expect(counted.reduce((sum, n) => sum + n, 0)).toBe(12);
  });

  it('a sender over MLLP gets the same bytes in a frame', async () => {
    const sent: Buffer[] = [];
    await using node = await startRawNode(acks({ status: 500, code: 'AE', type: 'text/plain' }, sent));
    await using gw = await startGateway({ nodes: [node.url], pool: STRICT });
    await using sender = await connectSender(gw.port());
    for (const id of ['X1', 'X2', 'X3']) {
      const answer = await sender.exchange(message({ controlId: id }), PATIENCE_MS);
      expect(answer.equals(sent.at(-1) as Buffer)).toBe(true);
    }
    expect(node.requests.length).toBe(3);
    expect(gw.log.filter(({ msg }) => msg === 'node down')).toEqual([]);
  });

  it('with a share of negative answers that the pool does not put up with, it counts as one', async () => {
    const errors = { share: 0.5, answers: 4, window: '1m' };
    await using room = await openStrict(acks({ status: 500, code: 'AE' }), { ejection: { errors } });
    for (let i = 0; i < 12; i++) await room.ask(post(message({ controlId: `N${i}` })));
    expect(room.gw.log.find(({ msg }) => msg === 'node down')).toMatchObject({
      node: 'a',
      reason: 'too many negative answers',
    });
  });

  it.each([
    ['text/html', 'text/html; charset=iso-8859-1', 'iso-8859-1'],
    ['no type', undefined, undefined],
    ['hl7', 'application/hl7-v2; charset=utf-8', 'utf-8'],
  ])('whatever its type says: %s', async (_, type, charset) => {
    await using room = await openStrict(
      acks({ status: 500, code: 'AE', ...(type !== undefined && { type }) }),
    );
    const response = await room.ask(post(X1));
    expect(told(response)).toBe('200 AE X1');
    const suffix = charset === undefined ? '' : `; charset=${charset}`;
    expect(value(response, 'content-type')).toBe(`application/hl7-v2${suffix}`);
  });

  it('in UTF-16, in chunks, and large', async () => {
    // Once: it has the time in it.
    const ack = ackFor(X1, 'AE');
    const utf16 = Buffer.from(`\ufeff${ack.toString('latin1')}`, 'utf16le');
    const large = Buffer.concat([ack, Buffer.from(`NTE|1||${'x'.repeat(3_000_000)}\r`)]);
    const chunked = (body: Buffer) =>
      Buffer.concat([
        Buffer.from('HTTP/1.1 500 Server Error\r\nTransfer-Encoding: chunked\r\n\r\n'),
        ...[body.subarray(0, 11), body.subarray(11)].flatMap((part) => [
          Buffer.from(`${part.length.toString(16)}\r\n`),
          part,
          Buffer.from('\r\n'),
        ]),
        Buffer.from('0\r\n\r\n'),
      ]);
    for (const [body, bytes] of [
      [utf16, httpAnswer(500, utf16)],
      [large, httpAnswer(500, large)],
      [ack, chunked(ack)],
    ] as const) {
      await using room = await openStrict((connection) => connection.write(bytes));
      const response = await room.ask(post(X1));
      expect(response.status).toBe(200);
      expect(response.body.equals(body)).toBe(true);
    }
  });

  it('where nobody acknowledges, an acknowledgement of this message says that the node has it', async () => {
    const pool = { acknowledgement: 'never' };
    await using room = await openStrict(acks({ status: 500, code: 'AE' }), pool);
    expect(told(await room.ask(post(X1)))).toBe('200 nothing');
  });
});

const PAGE = `<html><body>MSH|^~\\&|A\rMSA|AE|X1\r</body></html>`;

describe.each([
  [500, 502, 'GW_ERR_NODE_STATUS'],
  [404, 502, 'GW_ERR_NODE_REFUSED'],
  [503, 200, 'GW_ERR_NODE_BUSY'],
])('F93 status %i is no answer', LONG, (status, told502, code) => {
  it.each<[string, RawScript]>([
    ['with a page that holds MSA', says(status, PAGE)],
    ['with another message’s acknowledgement', acks({ status, code: 'AE', controlId: 'X2' })],
    ['with an empty body', says(status)],
    ['with the message itself', (connection, { body }) => connection.write(httpAnswer(status, body))],
    ['with MSA-1 that no table has', acks({ status, code: 'OK' })],
    ['with more than an answer may have', says(status, Buffer.alloc(17 * 1024 * 1024, 'x'))],
  ])('F93 %s', async (_, script) => {
    await using room = await openStrict(script, { retry: { onAmbiguous: 'fail' } });
    const response = await room.ask(post(X1));
    if (told502 === 502) expectRefusal(response, 502, code);
    else expect(told(response)).toBe('200 AA X1');
    expect(ways(await ended(room.gw))[0]).toBe(`a ${code}`);
  });
});

it('F93 a redirection is no answer, whatever its body', LONG, async () => {
  await using room = await openStrict(acks({ status: 302, code: 'AE' }));
  expectRefusal(await room.ask(post(X1)), 502, 'GW_ERR_NODE_REFUSED');
});
