// The twin of patient-data.test.ts for HTTP: patient data planted in paths, queries, headers, cookies, bodies and answers,
// and then looked for in the log at debug and in every answer that the gateway makes itself.
import { describe, expect, it } from 'vitest';
import { ackFor, message } from '../helpers/mllp.ts';
import type { RawScript } from '../helpers/raw-http-node.ts';
import { answer, expectNothingOf, FAMILY, HL7, ID, KINDS, LONG, run, TEXT } from './planted.ts';

/** `own`: its client hears of it in the gateway's words. */
const NODES: readonly (readonly [what: string, script: RawScript, own: boolean, ackTimeout: string])[] = [
  ['answers', (connection, { body }) => connection.write(answer(200, ackFor(body))), false, '30s'],
  [
    'answers AE',
    (connection, { body }) => connection.write(answer(200, ackFor(body, 'AE', { text: FAMILY }))),
    false,
    '30s',
  ],
  [
    'answers another message',
    (connection) => connection.write(answer(200, ackFor(message({ controlId: ID })))),
    false,
    '30s',
  ],
  [
    'answers text',
    (connection) => connection.write(answer(200, TEXT, `X-Patient: ${FAMILY}\r\nSet-Cookie: p=${ID}\r\n`)),
    false,
    '30s',
  ],
  [
    'redirects',
    (connection) => connection.write(answer(302, TEXT, `Location: /${FAMILY}\r\n`)),
    false,
    '30s',
  ],
  ['answers 404', (connection) => connection.write(answer(404, `no ${FAMILY} here`)), false, '30s'],
  ['answers 500', (connection) => connection.write(answer(500, `stack trace of ${FAMILY}`)), false, '30s'],
  ['answers 503', (connection) => connection.write(answer(503, `${FAMILY} waits`)), false, '30s'],
  ['speaks no HTTP', (connection) => connection.write(`${TEXT}\r\n\r\n`), true, '30s'],
  [
    'says what is no header',
    (connection) => connection.write(`HTTP/1.1 200 OK\r\n${FAMILY} ${ID}\r\n\r\n`),
    true,
    '30s',
  ],
  [
    'says no length that is one',
    (connection) => connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${ID}\r\n\r\n`),
    true,
    '30s',
  ],
  ['closes', (connection) => connection.end(), true, '30s'],
  ['resets', (connection) => connection.reset(), true, '30s'],
  ['never answers', () => undefined, true, '150ms'],
];

describe.each(NODES)('a node that %s', LONG, (_, script, own, ack) => {
  const pool = { timeouts: { ack } };

  it.each(KINDS)('to %s', async (_kind, asking) => {
    const { gw, response } = await run(script, asking, { pool });
    // What a node says to a request goes to the client as it is; of what it says to a message an acknowledgement alone.
    const isOwn = own || (asking === HL7 && response.status !== 200);
    if (own) expect(response.status).toBeGreaterThanOrEqual(502);
    expectNothingOf(gw, isOwn ? [response] : []);
  });

  it('to a message, answered AE', async () => {
    const { gw, response } = await run(script, HL7, { pool, listener: { onUnavailable: 'AE' } });
    const text = response.body.toString('latin1');
    expect(response.status).toBe(200);
    expectNothingOf(gw, text.includes('GW_ERR_') ? [response] : []);
  });
});

describe('what the gateway says is looked for at all', LONG, () => {
  it('the control id, which may be logged, is', async () => {
    const { gw } = await run((connection, { body }) => connection.write(answer(200, ackFor(body))), HL7);
    expect(gw.log.some(({ controlId, reply }) => controlId === 'PHI-1' && reply === 'AA')).toBe(true);
  });
});
