// Posted messages that can never be taken: with `onRejected: close` each is a status without HL7, else an acknowledgement
// where there is a header to answer. No node gets any of them. F72 is here.
import { describe, expect, it } from 'vitest';
import { nakOf } from '../faults/line.ts';
import type { FaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { value } from '../helpers/strict-http.ts';
import { turns } from '../helpers/until.ts';
import {
  ask,
  expectNothingHeld,
  expectRefusal,
  LONG,
  logged,
  PATIENCE_MS,
  type PostRoom,
  post,
  type RoomOptions,
  told,
  toMllp,
} from './room.ts';

const X1 = message({ controlId: 'X1' });
const MAX = 2048;
const ROUTES = [{ when: { 'MSH-3': { not: 'LOST' } }, to: 'pool' }];

function openRoom(onRejected: string, more: RoomOptions = {}): Promise<PostRoom<FaultyNode>> {
  return toMllp({
    routes: ROUTES,
    ...more,
    listener: {
      onRejected,
      batch: 'refuse',
      allow: [{ source: '127.0.0.1', 'MSH-3': { not: 'STRANGER' } }],
      limits: { maxFrame: MAX },
      ...more.listener,
    },
  });
}

async function expectNoneAtNode({ gw, node }: PostRoom<FaultyNode>): Promise<void> {
  await expectNothingHeld(gw);
  expect(node.bytes.length).toBe(0);
}

/** `controlId`: MSA-2 of the acknowledgement; undefined: there is no header to answer. */
const REFUSED: readonly (readonly [
  what: string,
  body: Buffer,
  status: number,
  code: string,
  controlId: string | undefined,
])[] = [
  ['no route', message({ controlId: 'X1', app: 'LOST' }), 404, 'GW_ERR_ROUTE_NONE', 'X1'],
  ['no MSH-10', message({ controlId: '' }), 400, 'GW_ERR_HEADER_CONTROL_ID', ''],
  ['no HL7', Buffer.from('a=b&c=d'), 400, 'GW_ERR_HEADER_MSH', undefined],
  ['an empty body', Buffer.alloc(0), 400, 'GW_ERR_HEADER_MSH', undefined],
  ['MSH alone', Buffer.from('MSH'), 400, 'GW_ERR_HEADER_MSH', undefined],
  ['PID first', Buffer.concat([Buffer.from('PID|1\r'), X1]), 400, 'GW_ERR_HEADER_MSH', undefined],
  ['letters as delimiters', Buffer.from('MSHABCDE|A|B\r'), 400, 'GW_ERR_HEADER_DELIMITERS', undefined],
  ['a batch', Buffer.concat([X1, X1]), 400, 'GW_ERR_HEADER_BATCH', 'X1'],
  [
    'a sender that is not allowed',
    message({ controlId: 'X1', app: 'STRANGER' }),
    403,
    'GW_ERR_SENDER_NOT_ALLOWED',
    'X1',
  ],
];

describe.each(REFUSED)('%s', LONG, (_, body, status, code, controlId) => {
  it(`close: ${status}, and the connection goes on`, async () => {
    await using room = await openRoom('close');
    const client = await room.connect();
    const response = await ask(client, post(body));
    expectRefusal(response, status, code);
    expect(value(response, 'connection')).toBe('keep-alive');
    expect(await logged(room.gw, code)).toMatchObject({ reply: `HTTP ${status}` });
    expectRefusal(await ask(client, post(body, { chunked: true })), status, code);
    await expectNoneAtNode(room);
  });

  it.each(['AR', 'AE', 'CR', 'CE'])('%s', async (onRejected) => {
    await using room = await openRoom(onRejected);
    // F91: in original mode.
    const refusal = `A${onRejected.charAt(1)}`;
    const client = await room.connect();
    const response = await ask(client, post(body));
    if (controlId === undefined) expectRefusal(response, status, code);
    else {
      expect(told(response)).toBe(`200 ${refusal} ${controlId}`);
      expect(nakOf(response.body)).toEqual({ code: refusal, controlId, error: code });
      expect(await logged(room.gw, code)).toMatchObject({ reply: refusal });
    }
    await expectNoneAtNode(room);
  });
});

describe('a route that rejects', LONG, () => {
  it.each(['AR', 'AE', 'CR', 'CE'])('brings its own %s, whatever onRejected says', async (code) => {
    for (const onRejected of ['close', 'AR']) {
      await using room = await openRoom(onRejected, { routes: [{ reject: { code, text: 'not here' } }] });
      const response = await room.ask(post(X1));
      expect(told(response)).toBe(`200 A${code.charAt(1)} X1`);
      expect(response.body.toString('latin1')).toContain('|not here\r');
      await expectNoneAtNode(room);
    }
  });
});

describe('F72 a message over maxFrame', LONG, () => {
  it.each(['close', 'AR', 'AE'])(
    'F72 is none yet: a 413 with %s, whichever way it comes',
    async (onRejected) => {
      await using room = await openRoom(onRejected);
      for (const chunked of [true, false]) {
        const response = await room.ask(post(message({ size: MAX + 1 }), { chunked }));
        expectRefusal(response, 413, 'GW_ERR_FRAME_TOO_LARGE');
        expect(value(response, 'connection')).toBe('close');
      }
      await expectNoneAtNode(room);
    },
  );

  it('F72 nothing of its body, and nothing behind it, is taken for a request', async () => {
    await using room = await openRoom('AR');
    const client = await room.connect();
    const hidden = post(X1);
    const body = Buffer.concat([hidden, Buffer.alloc(MAX, 'x')]);
    void client.send(Buffer.concat([post(body), hidden]));
    await client.end(PATIENCE_MS);
    expect(client.statuses).toEqual([413]);
    await turns(10);
    await expectNoneAtNode(room);
  });

  it('F72 one of exactly maxFrame is taken, whichever way it comes', async () => {
    await using room = await openRoom('AR');
    const body = message({ controlId: 'X1', size: MAX });
    expect(told(await room.ask(post(body)))).toBe('200 AA X1');
    expect(told(await room.ask(post(body, { chunked: true })))).toBe('200 AA X1');
    expect(room.node.messages.map(({ payload }) => payload.length)).toEqual([MAX, MAX]);
  });
});

describe('a body that does not come', LONG, () => {
  it.each(['close', 'AR'])('within frameTimeout, with %s: 408', async (refusal) => {
    await using room = await openRoom(refusal, { listener: { limits: { frameTimeout: '300ms' } } });
    const client = await room.connect();
    const response = await ask(client, post(X1).subarray(0, -10));
    expectRefusal(response, 408, 'GW_ERR_HTTP_TIMEOUT');
    expect(value(response, 'connection')).toBe('close');
    await client.end(PATIENCE_MS);
    expect(await logged(room.gw, 'GW_ERR_HTTP_TIMEOUT')).toMatchObject({
      listener: 'in',
      source: '127.0.0.1',
    });
    await expectNoneAtNode(room);
  });

  it('however its bytes trickle: the deadline is that of the whole', async () => {
    await using room = await openRoom('AR', { listener: { limits: { frameTimeout: '400ms' } } });
    const client = await room.connect();
    const bytes = post(message({ size: 20_000 }));
    for (let at = 0; client.responses.length === 0 && at < bytes.length - 1; at += 10) {
      void client.send(bytes.subarray(at, at + 10));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expectRefusal(await client.response(0, PATIENCE_MS), 408, 'GW_ERR_HTTP_TIMEOUT');
  });

  it.each(['reset', 'finish'] as const)('whole, as its client goes away (%s): not forwarded', async (way) => {
    await using room = await openRoom('AR');
    const client = await room.connect();
    await client.send(post(X1).subarray(0, -10));
    await turns(10);
    client[way]();
    const code = way === 'reset' ? 'GW_ERR_HTTP_CUT' : 'GW_ERR_HTTP_REQUEST';
    await logged(room.gw, code);
    await expectNoneAtNode(room);
    expect(room.gw.messages).toEqual([]);
  });

  it('in good order, but in a chunk that is none: 400', async () => {
    await using room = await openRoom('AR');
    const client = await room.connect();
    const bytes = post(message({ size: 1500 }), { chunked: true }).toString('latin1');
    const response = await ask(client, bytes.replace('\r\n0\r\n\r\n', '\r\nZZ\r\n\r\n'));
    expectRefusal(response, 400, 'GW_ERR_HTTP_REQUEST');
    client.finish();
    await client.closed;
    await expectNoneAtNode(room);
    expect(room.gw.codes).toEqual(['GW_ERR_HTTP_REQUEST']);
  });
});
