// Posted messages that no node took: every way in which that happens, as a status without HL7 and as a negative
// acknowledgement. Never a positive one, and never a second delivery that the config does not allow.
import { describe, expect, it } from 'vitest';
import { nakOf } from '../faults/line.ts';
import { ways } from '../helpers/expect-relay.ts';
import { answers, type Script } from '../helpers/faulty-node.ts';
import { ackFor, message } from '../helpers/mllp.ts';
import type { RawScript } from '../helpers/raw-http-node.ts';
import {
  acks,
  ended,
  expectNothingHeld,
  expectRefusal,
  httpAnswer,
  LONG,
  post,
  says,
  toHttp,
  told,
  toMllp,
} from './room.ts';

const X1 = message({ controlId: 'X1' });
const NONE: RawScript = () => undefined;

interface Failure {
  readonly what: string;
  readonly status: number;
  readonly code: string;
  readonly ambiguous?: boolean;
  readonly pool?: Record<string, unknown>;
}

/** What refuses it again and again is not found to be down. */
const SOON = {
  // As long as it is tried again. A busy machine has to get to the first attempt meanwhile.
  queue: { timeout: '3s' },
  retry: { budget: '200ms' },
  health: { type: 'none', fall: 1000 },
};
const SHORT = { timeouts: { ack: '150ms' } };
const MISMATCH = { status: 502, code: 'GW_ERR_ACK_MISMATCH', ambiguous: true };
const INVALID = { status: 502, code: 'GW_ERR_ACK_INVALID', ambiguous: true };
const CLOSED = { status: 502, code: 'GW_ERR_NODE_CLOSED', ambiguous: true };
const BROKEN = { status: 502, code: 'GW_ERR_NODE_RESPONSE', ambiguous: true };
const REFUSED = { status: 502, code: 'GW_ERR_NODE_REFUSED' };
const STATUS = { status: 502, code: 'GW_ERR_NODE_STATUS', ambiguous: true };
const SILENT = { status: 504, code: 'GW_ERR_ACK_TIMEOUT', ambiguous: true, pool: SHORT };

/** Cut short of what its Content-Length says. */
const half =
  (end: 'end' | 'reset'): RawScript =>
  async (connection, { body }) => {
    await connection.write(httpAnswer(200, ackFor(body)).subarray(0, -20));
    connection[end]();
  };

const HTTP: readonly (readonly [RawScript, Failure])[] = [
  [(connection) => connection.end(), { what: 'closes', ...CLOSED }],
  [(connection) => connection.reset(), { what: 'resets', ...CLOSED }],
  [
    async (connection, { body }) => {
      await connection.write(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), ackFor(body)]));
      connection.reset();
    },
    { what: 'answers without a length, then resets', ...CLOSED },
  ],
  [half('end'), { what: 'answers half, then closes', ...CLOSED }],
  [half('reset'), { what: 'answers half, then resets', ...CLOSED }],
  [NONE, { what: 'never answers', ...SILENT }],
  [
    (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nMSH|'),
    { what: 'never ends its answer', ...SILENT },
  ],
  [(connection) => connection.write('HTTP/1.1 200 '), { what: 'never ends its status line', ...SILENT }],
  [(connection) => connection.write('hello, I speak no HTTP\r\n\r\n'), { what: 'speaks no HTTP', ...BROKEN }],
  [says(200, 'x', ['Content-Length: 7']), { what: 'says two lengths', ...BROKEN }],
  [says(101, '', ['Upgrade: x', 'Connection: upgrade']), { what: 'switches protocols', ...BROKEN }],
  [acks({ controlId: 'X2' }), { what: 'answers another message', ...MISMATCH }],
  [acks({ controlId: '' }), { what: 'answers no message in particular', ...MISMATCH }],
  [says(200, 'OK'), { what: 'answers no HL7', ...INVALID }],
  [says(200, X1), { what: 'echoes the message', ...INVALID }],
  [says(200, 'MSH|^~\\&|A\rMSA|OK|X1\r'), { what: 'answers a code that is none', ...INVALID }],
  [says(200), { what: 'answers nothing in a 200', ...INVALID }],
  [says(204), { what: 'answers 204', ...INVALID }],
  ...[301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 426, 451].map(
    (status) => [says(status, 'no'), { what: `answers ${status}`, ...REFUSED }] as const,
  ),
  ...[500, 501, 502, 504, 505, 599].map(
    (status) => [says(status, 'no'), { what: `answers ${status}`, ...STATUS }] as const,
  ),
  ...[503, 429].map(
    (status) =>
      [
        says(status, 'no'),
        {
          what: `answers ${status}`,
          status: 503,
          code: 'GW_ERR_NODE_BUSY',
          pool: SOON,
        },
      ] as const,
  ),
];

const MLLP: readonly (readonly [Script, Failure])[] = [
  [answers.close(), { what: 'closes', ...CLOSED }],
  [answers.reset(), { what: 'resets', ...CLOSED }],
  [answers.halfThen('close'), { what: 'answers half, then closes', ...CLOSED }],
  [answers.none(), { what: 'never answers', ...SILENT }],
  // F86: the right answer may come until the deadline.
  [answers.wrongControlId(), { what: 'answers another message', ...MISMATCH, pool: SHORT }],
  [answers.noise(), { what: 'answers no HL7', ...INVALID, pool: SHORT }],
  [answers.emptyFrame(), { what: 'answers an empty frame', ...INVALID, pool: SHORT }],
];

describe.each([
  ...HTTP.map(([script, failure]) => ({
    to: 'HTTP',
    open: (more: object) => toHttp({ ...more, script }),
    ...failure,
  })),
  ...MLLP.map(([script, failure]) => ({
    to: 'MLLP',
    open: (more: object) => toMllp({ ...more, script }),
    ...failure,
  })),
])('a node over $to that $what', LONG, ({ open, status, code, ambiguous = false, pool = {} }) => {
  it('with close', async () => {
    await using room = await open({ pool });
    const response = await room.ask(post(X1));
    const told = toldCode(response.body.toString('latin1'), code);
    expectRefusal(response, status, told);
    const exchange = await ended(room.gw);
    expect(exchange.outcome).toMatchObject({ kind: 'failed', ambiguous, error: { code: told } });
    expect(new Set(ways(exchange))).toEqual(new Set([`a ${code}`]));
    if (ambiguous) expect(exchange.writes).toBe(1);
    await expectNothingHeld(room.gw);
  });

  it.each(['AE', 'AR'])('with %s', async (refusal) => {
    await using room = await open({ pool, listener: { onUnavailable: refusal } });
    const response = await room.ask(post(X1));
    expect(told(response)).toBe(`200 ${refusal} X1`);
    const { error = '' } = nakOf(response.body);
    expect(error).toBe(toldCode(error, code));
    await expectNothingHeld(room.gw);
  });
});

/** One that is tried again until its time is over: that is seen while it waits for the next try, or with the last one. */
function toldCode(text: string, code: string): string {
  return code === 'GW_ERR_NODE_BUSY' && text.startsWith('GW_ERR_QUEUE_TIMEOUT')
    ? 'GW_ERR_QUEUE_TIMEOUT'
    : code;
}

describe('no node at all', LONG, () => {
  it.each(['mllp', 'http'])(
    'none listens, over %s: 503 after queue.timeout, and nothing was sent',
    async (protocol) => {
      await using node = await toMllp();
      await node.node.refuse();
      await using room = await toMllp({
        nodeKeys: { url: `${protocol}://127.0.0.1:${node.node.port}` },
        pool: SOON,
      });
      // Time is over while it waits for the next try, or with the last one.
      const response = await room.ask(post(X1));
      expectRefusal(
        response,
        503,
        /GW_ERR_QUEUE_TIMEOUT/.test(String(response.body)) ? 'GW_ERR_QUEUE_TIMEOUT' : 'GW_ERR_NODE_CONNECT',
      );
      const exchange = await ended(room.gw);
      expect(new Set(ways(exchange))).toEqual(new Set(['a GW_ERR_NODE_CONNECT']));
      expect(exchange.outcome).toMatchObject({ ambiguous: false });
      await expectNothingHeld(room.gw);
    },
  );

  it.each(['close', 'CE'])('the only one is busy, and none may wait: %s', async (onUnavailable) => {
    await using room = await toHttp({
      script: NONE,
      listener: { onUnavailable },
      pool: { connections: { max: 1 }, queue: { max: 0 } },
    });
    const first = await room.connect();
    void first.send(post(message({ controlId: 'X0' })));
    await room.node.when(() => room.node.requests.length === 1, 'the first message', 30_000);
    const response = await room.ask(post(X1));
    if (onUnavailable === 'close') expectRefusal(response, 503, 'GW_ERR_QUEUE_FULL');
    else expect(told(response)).toBe('200 AE X1');
    room.node.connections[0]?.reset();
    await first.response(0, 30_000);
    expect(room.node.requests.length).toBe(1);
    await expectNothingHeld(room.gw);
  });

  it('a route’s http.timeout goes before the pool’s', async () => {
    await using room = await toHttp({ script: NONE, routes: [{ to: 'pool', http: { timeout: '150ms' } }] });
    expectRefusal(await room.ask(post(X1)), 504, 'GW_ERR_ACK_TIMEOUT');
  });

  it('the only one is busy: those that wait go when it is free', async () => {
    await using room = await toHttp({ pool: { connections: { max: 1 } } });
    const ids = Array.from({ length: 10 }, (_, i) => `X${i}`);
    const all = await Promise.all(ids.map((controlId) => room.ask(post(message({ controlId })))));
    expect(all.map(told)).toEqual(ids.map((id) => `200 AA ${id}`));
    expect(room.node.connections.length).toBe(1);
  });
});
