// Bytes that MLLP cannot carry: a posted message that holds them goes to no MLLP node, and an answer that holds them to no
// MLLP sender (F10, F12). Between HTTP and HTTP they pass.
import { describe, expect, it } from 'vitest';
import { nakOf } from '../faults/line.ts';
import { expectClosedUnanswered, said } from '../helpers/expect-relay.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ackFor, frame, message } from '../helpers/mllp.ts';
import { startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import {
  expectNothingHeld,
  expectRefusal,
  httpAnswer,
  LONG,
  logged,
  PATIENCE_MS,
  post,
  toHttp,
  told,
  toMllp,
} from './room.ts';

const X1 = message({ controlId: 'X1' });
const HIDDEN = message({ controlId: 'HIDDEN' });
const START = Buffer.from([0x0b]);
const END = Buffer.from([0x1c, 0x0d]);

const BODIES: readonly (readonly [what: string, body: Buffer, code: string])[] = [
  ['a start block', Buffer.concat([X1, START]), 'GW_ERR_FRAME_START_BLOCK'],
  [
    'a start block in a field',
    Buffer.from(X1.toString('latin1').replace('ADA', 'A\x0bDA')),
    'GW_ERR_FRAME_START_BLOCK',
  ],
  ['an end of a frame', Buffer.concat([X1, END, HIDDEN]), 'GW_ERR_FRAME_END_BYTE'],
  ['an end of a frame as its last bytes', Buffer.concat([X1, END]), 'GW_ERR_FRAME_END_BYTE'],
  [
    'a second message behind an end of the first',
    Buffer.concat([X1, END, frame(HIDDEN)]),
    'GW_ERR_FRAME_START_BLOCK',
  ],
];

describe.each(BODIES)('F12 a body that holds %s', LONG, (_, body, code) => {
  it.each(['close', 'AR', 'AE'])('F12 goes to no MLLP node: %s', async (onRejected) => {
    await using room = await toMllp({ listener: { onRejected } });
    const response = await room.ask(post(body));
    if (onRejected === 'close') expectRefusal(response, 400, code);
    else expect(nakOf(response.body)).toEqual({ code: onRejected, controlId: 'X1', error: code });
    await expectNothingHeld(room.gw);
    expect(room.node.bytes.length).toBe(0);
  });

  it('goes to an HTTP node as it is', async () => {
    await using room = await toHttp();
    expect(told(await room.ask(post(body)))).toBe('200 AA X1');
    expect(room.node.request.body.equals(body)).toBe(true);
  });
});

describe('a body in MLLP’s framing', LONG, () => {
  it.each([
    ['MLLP', toMllp],
    ['HTTP', toHttp],
  ] as const)('is no message, before %s nodes', async (_, open) => {
    await using room = await open();
    expectRefusal(await room.ask(post(frame(X1))), 400, 'GW_ERR_HEADER_MSH');
  });
});

describe('a byte 1C that ends no frame', LONG, () => {
  it.each([
    ['within the message', Buffer.concat([X1, Buffer.from('ZZZ|\x1c|\r')])],
    ['as its last byte', Buffer.concat([X1, Buffer.from('ZZZ|\x1c')])],
  ])('passes %s', async (_, body) => {
    await using room = await toMllp();
    expect(told(await room.ask(post(body)))).toBe('200 AA X1');
    expect(room.node.bytes.equals(frame(body))).toBe(true);
    expect(room.node.messages.map(({ payload }) => payload.equals(body))).toEqual([true]);
  });
});

/** What could be read as two answers, or as none. */
const ANSWERS: readonly (readonly [what: string, more: Buffer])[] = [
  ['an end of a frame and another answer', Buffer.concat([END, frame(ackFor(HIDDEN))])],
  ['an end of a frame', Buffer.concat([Buffer.from('ZZZ|'), END])],
  ['a start block', Buffer.from('ZZZ|\x0b\r')],
];

describe.each(ANSWERS)('F12 an answer of an HTTP node that holds %s', LONG, (_, more) => {
  it('F12 goes to no MLLP sender, and the message is ambiguous', async () => {
    await using node = await startRawNode((connection, { body }) =>
      connection.write(httpAnswer(200, Buffer.concat([ackFor(body), more]))),
    );
    await using gw = await startGateway({ nodes: [node.url], pool: { health: { type: 'none' } } });
    await using sender = await connectSender(gw.port());
    void sender.sendTogether([X1, HIDDEN]);
    await expectClosedUnanswered(sender);
    expect(await logged(gw, 'GW_ERR_ACK_INVALID')).toMatchObject({ ambiguous: true, controlId: 'X1' });
    expect(gw.messages.map(({ outcome }) => outcome?.kind).sort()).toEqual(['abandoned', 'failed']);
    await expectNothingHeld(gw);
    expect(node.requests.length).toBe(1);
  });

  it('goes to an HTTP client as it is', async () => {
    const answer = Buffer.concat([ackFor(X1), more]);
    await using room = await toHttp({ script: (connection) => connection.write(httpAnswer(200, answer)) });
    const response = await room.ask(post(X1));
    expect(said(response.body)).toBe('AA X1');
    expect(response.body.equals(answer)).toBe(true);
  });
});

it('what an HTTP node answers within the rules goes to an MLLP sender in one frame', LONG, async () => {
  const answer = Buffer.concat([ackFor(X1), Buffer.from('ZZZ|\x1c|\xff\r', 'latin1')]);
  await using node = await startRawNode((connection) => connection.write(httpAnswer(200, answer)));
  await using gw = await startGateway({ nodes: [node.url], pool: { health: { type: 'none' } } });
  await using sender = await connectSender(gw.port());
  expect((await sender.exchange(X1, PATIENCE_MS)).equals(answer)).toBe(true);
  expect(sender.received.equals(frame(answer))).toBe(true);
});
