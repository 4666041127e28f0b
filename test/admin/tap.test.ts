// The tap of a running gateway: what it sends, its bounds, who may have it, and that the line does not wait for it.
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { tapIn } from '../../src/admin/endpoints.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { ackFor, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { ask, BEARER, TOKEN } from './admin-room.ts';
import { openTapRoom, type TapRoom } from './tap-room.ts';

interface Tapped {
  readonly lines: Record<string, unknown>[];
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Resolves when the gateway has said that the tap is there. */
async function openTap({ url }: TapRoom, query = ''): Promise<Tapped> {
  const response = await fetch(`${url}/tap${query}`, { method: 'POST', headers: BEARER });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/x-ndjson');
  const lines: Record<string, unknown>[] = [];
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const read = async (): Promise<void> => {
    let rest = '';
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
      if (done || value === undefined) return;
      const parts = `${rest}${value}`.split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part !== '') lines.push(JSON.parse(part));
    }
  };
  return { lines, ended: read(), close: async () => reader?.cancel() };
}

test('each message and its answer, byte for byte, and at the end how it ended', async () => {
  await using node = await startFaultyNode(answers.inSequence(answers.aa(), answers.ae()));
  const room = await openTapRoom(node);
  const tap = await openTap(room, '?count=3');
  await using sender = await connectSender(room.port('in'));
  await using other = await connectSender(room.port('other'));
  const sent = [
    message({ controlId: 'A1' }),
    message({ controlId: 'A2', charset: '8859/1', encoding: 'latin1' }),
  ];
  const acks: Buffer[] = [];
  for (const one of sent) acks.push(await sender.exchange(one));
  const rejected = message({ type: 'BAR^P01', controlId: 'A3' });
  await other.exchange(rejected);
  await tap.ended;
  const base64 = (bytes: Buffer): string => bytes.toString('base64');
  expect(tap.lines).toEqual([
    expect.objectContaining({
      connection: 1,
      listener: 'in',
      message: base64(sent[0] as Buffer),
      answer: base64(acks[0] as Buffer),
      code: 'AA',
    }),
    expect.objectContaining({
      connection: 1,
      message: base64(sent[1] as Buffer),
      answer: base64(acks[1] as Buffer),
      code: 'AE',
    }),
    expect.objectContaining({
      connection: 2,
      listener: 'other',
      message: base64(rejected),
      error: 'GW_ERR_ROUTE_REJECTED',
    }),
    { end: 'count', messages: 3, lost: 0 },
  ]);
  expect(tap.lines[2]).not.toHaveProperty('answer');
});

test('of one listener; for a time; and its begin and end are in the log with who asked, and no message is', async () => {
  await using node = await startFaultyNode(answers.aa());
  const room = await openTapRoom(node);
  const tap = await openTap(room, '?listener=other&for=200ms');
  await using sender = await connectSender(room.port('in'));
  expect(said(await sender.exchange(message({ controlId: 'A1' })))).toBe('AA A1');
  await tap.ended;
  expect(tap.lines).toEqual([{ end: 'time', messages: 0, lost: 0 }]);
  const about = room.log.filter(({ msg }) => String(msg).startsWith('admin: tap'));
  expect(about).toEqual([
    expect.objectContaining({
      msg: 'admin: tap begun',
      by: '127.0.0.1',
      listener: 'other',
      forMs: 200,
      level: 'warn',
    }),
    expect.objectContaining({ msg: 'admin: tap ended', by: '127.0.0.1', end: 'time', messages: 0, lost: 0 }),
  ]);
  expect(JSON.stringify(room.log)).not.toContain('SAMPLE');
});

test('a number of bytes', async () => {
  await using node = await startFaultyNode(answers.aa());
  const room = await openTapRoom(node);
  const tap = await openTap(room, '?maxBytes=3000');
  await using sender = await connectSender(room.port('in'));
  for (let i = 0; i < 6; i++) await sender.exchange(message({ controlId: `A${i}`, size: 600 }));
  await tap.ended;
  expect(tap.lines.length).toBeGreaterThan(1);
  expect(tap.lines.length).toBeLessThan(5);
  expect(tap.lines.at(-1)).toMatchObject({ end: 'bytes' });
});

test('off unless the config says so; one at a time; a listener that there is; a token', async () => {
  await using node = await startFaultyNode(answers.aa());
  const off = await openTapRoom(node, { tap: false });
  expect(await ask(off, 'POST', '/tap')).toMatchObject({
    status: 409,
    body: { error: { message: expect.stringMatching(/the config has no admin\.tap: true$/) } },
  });
  const room = await openTapRoom(node);
  expect(await ask(room, 'POST', '/tap?listener=inn')).toMatchObject({ status: 404 });
  expect(await ask(room, 'POST', '/tap', { headers: { authorization: 'Bearer wrong' } })).toMatchObject({
    status: 401,
  });
  const tap = await openTap(room);
  expect(await ask(room, 'POST', '/tap')).toMatchObject({
    status: 409,
    body: { error: { code: 'GW_ERR_ADMIN_CONFLICT' } },
  });
  await tap.close();
  // The next one may have it once the gateway has seen that this one went.
  await until(() => room.log.some(({ end }) => end === 'reader'));
  const next = await openTap(room, '?for=50ms');
  await next.ended;
  expect(next.lines).toHaveLength(1);
});

test('not to other machines without TLS, whatever a reload has made of the config', async () => {
  await using node = await startFaultyNode(answers.aa());
  const room = await openTapRoom(node, { host: '0.0.0.0' });
  expect(await ask(room, 'POST', '/tap')).toMatchObject({ status: 409 });
  expect(await ask(room, 'GET', '/status')).toMatchObject({ status: 200 });
});

test('a reader that does not read loses messages, and the line goes on', async () => {
  await using node = await startFaultyNode(answers.aa());
  const room = await openTapRoom(node);
  const socket = net.connect(Number(new URL(room.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(
    `POST /tap?maxBytes=1GiB&count=100000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('readable', resolve));
  socket.pause();
  await using sender = await connectSender(room.port('in'));
  // 1 MiB each, so that kernel's buffers and the gateway's 8 MiB are full after some.
  const large = message({ controlId: 'L', size: 1024 * 1024 });
  for (let i = 0; i < 40; i++) expect(said(await sender.exchange(large))).toBe('AA L');
  socket.destroy();
  const line = await until(() => room.log.find(({ end }) => end === 'reader'));
  expect(line.lost).toBeGreaterThan(5);
  expect(Number(line.messages) + Number(line.lost)).toBe(40);
});

test.for([
  ['count=0', /count is an integer from 1/],
  ['count=9999999', /count is an integer/],
  ['for=2h', /for is a duration up to 1h/],
  ['for=0', /for is a duration/],
  ['maxBytes=2GiB', /maxBytes is a size up to 1GiB/],
  ['limit=1', /a tap takes listener, count, for, maxBytes/],
] as const)('no tap for %s', ([query, words]) => {
  expect(() => tapIn(new URLSearchParams(query))).toThrow(words);
});

test('what is answered to a message is what its sender had', async () => {
  await using node = await startFaultyNode(answers.aa());
  const room = await openTapRoom(node);
  const tap = await openTap(room, '?count=1');
  await using sender = await connectSender(room.port('in'));
  const sent = message({ controlId: 'A1' });
  await sender.exchange(sent);
  await tap.ended;
  const answer = Buffer.from(String(tap.lines[0]?.answer), 'base64').toString();
  expect(answer.split('\r')[1]).toBe(ackFor(sent).toString().split('\r')[1]);
});

test('a batch that is split comes as it came, once', async () => {
  await using node = await startFaultyNode(answers.inSequence(answers.aa(), answers.ae()));
  const room = await openTapRoom(node);
  const tap = await openTap(room, '?count=2');
  await using sender = await connectSender(room.port('other'));
  const [a, b] = [message({ controlId: 'A1' }), message({ controlId: 'A2' })];
  const batch = Buffer.concat([Buffer.from('BHS|^~\\&|A|B\r'), a, b, Buffer.from('BTS|2\r')]);
  const answer = await sender.exchange(batch);
  await sender.exchange(a);
  await tap.ended;
  expect(tap.lines).toEqual([
    expect.objectContaining({
      message: batch.toString('base64'),
      answer: answer.toString('base64'),
      code: 'AE',
    }),
    expect.objectContaining({ message: a.toString('base64') }),
    { end: 'count', messages: 2, lost: 0 },
  ]);
});
