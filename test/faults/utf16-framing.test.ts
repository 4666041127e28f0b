// F99: a sender whose framing is in UTF-16 gets its messages to a node in framing of single bytes, and its answers in its own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { type SimpleConfig, startGateway } from '../helpers/gateway.ts';
import { frame } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

const PATIENCE_MS = 30_000;
const BOM = '\ufeff';
type Encoding = 'utf16le' | 'utf16be';
const ENCODINGS: readonly Encoding[] = ['utf16le', 'utf16be'];

function encode(text: string, encoding: Encoding): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return encoding === 'utf16le' ? bytes : bytes.swap16();
}

function decode(bytes: Buffer, encoding: Encoding): string {
  return new TextDecoder(encoding === 'utf16le' ? 'utf-16le' : 'utf-16be', { ignoreBOM: true }).decode(bytes);
}

const text = (id: string): string =>
  `MSH|^~\\&|LAB|N|M|H|2026||ORU^R01|${id}|P|2.5\rPID|1||4711||Größe^東京\r`;
const ackText = (id: string, code = 'AA'): string =>
  `MSH|^~\\&|M|H|LAB|N|2026||ACK|R${id}|P|2.5\rMSA|${code}|${id}|schön 東\r`;

/** The node's own answers: UTF-16 where the message is, and with its mark. */
const answersIn =
  (encoding: Encoding): Script =>
  ({ connection, payload }) => {
    const message = decode(payload, encoding);
    const mark = message.startsWith(BOM) ? BOM : '';
    return connection.answer(encode(mark + ackText(message.split('|')[9] ?? ''), encoding));
  };

const wrapped = (content: string, encoding: Encoding): Buffer => encode(`\x0b${content}\x1c\r`, encoding);

async function received(sender: Sender, bytes: Buffer): Promise<void> {
  await until(() => sender.received.length >= bytes.length, {
    deadlineMs: PATIENCE_MS,
    what: `${bytes.length} bytes at the sender, not ${sender.received.toString('hex')}`,
  });
  expect(sender.received.toString('hex')).toBe(bytes.toString('hex'));
}

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

async function open(script: Script, more: Partial<SimpleConfig> = {}, secure = false) {
  const node = await startFaultyNode(script);
  const { listener, ...rest } = more;
  const gw = await startGateway({
    nodes: [node.url],
    pool: { health: { type: 'none' } },
    listener: { ...(secure ? { tls: folder.files.good } : {}), ...listener },
    ...rest,
  });
  const connect = (): Promise<Sender> =>
    connectSender(gw.port(), secure ? { tls: { ca: folder.caPem, servername: 'localhost' } } : {});
  return {
    node,
    gw,
    connect,
    [Symbol.asyncDispose]: async () => {
      await gw[Symbol.asyncDispose]();
      await node.close();
    },
  };
}

describe.each(ENCODINGS)('F99 a sender that frames in %s', { timeout: 120_000 }, (encoding) => {
  const MARKS: readonly (readonly [string, (content: string) => Buffer, string])[] = [
    ['no mark', (content) => wrapped(content, encoding), ''],
    ['a mark before the start block', (content) => encode(`${BOM}\x0b${content}\x1c\r`, encoding), ''],
    ['a mark behind the start block', (content) => wrapped(BOM + content, encoding), BOM],
  ];

  describe.each(['MLLP', 'MLLPS'])('over %s', (protocol) => {
    test.each(MARKS)(
      '%s: the node gets its bytes, it gets the answers, in its framing',
      async (_, make, mark) => {
        await using room = await open(answersIn(encoding), {}, protocol === 'MLLPS');
        const sender = await room.connect();
        // Each as one piece, then in pieces that end everywhere in the framing.
        const second = make(text('B2'));
        await sender.write(make(text('A1')));
        await received(sender, wrapped(mark + ackText('A1'), encoding));
        await sender.writeSplit(second, [
          1,
          2,
          3,
          4,
          5,
          6,
          7,
          ...[5, 4, 3, 2, 1].map((n) => second.length - n),
        ]);
        await received(
          sender,
          Buffer.concat(['A1', 'B2'].map((id) => wrapped(mark + ackText(id), encoding))),
        );
        const got = room.node.messages.map(({ payload }) => payload.toString('hex'));
        expect(got).toEqual(['A1', 'B2'].map((id) => encode(mark + text(id), encoding).toString('hex')));
        expect(room.gw.messages.map((one) => one.origin.framing)).toEqual(
          Array(2).fill(encoding === 'utf16le' ? 'UTF-16LE' : 'UTF-16BE'),
        );
        await sender[Symbol.asyncDispose]();
      },
    );
  });

  test('the first message is cut anywhere, and others come behind it at once', async () => {
    await using room = await open(answersIn(encoding));
    const first = wrapped(text('A1'), encoding);
    const stream = Buffer.concat([first, ...['B2', 'C3'].map((id) => wrapped(text(id), encoding))]);
    const answers = Buffer.concat(['A1', 'B2', 'C3'].map((id) => wrapped(ackText(id), encoding)));
    const places = [...Array(9).keys(), ...[...Array(9).keys()].map((n) => first.length - 5 + n)];
    await Promise.all(
      places.map(async (at) => {
        const sender = await room.connect();
        await sender.writeSplit(stream, at === 0 ? [] : [at]);
        await received(sender, answers);
        await sender[Symbol.asyncDispose]();
      }),
    );
    expect(room.node.messages.length).toBe(3 * places.length);
  });

  test('a refusal of the gateway is in its encoding and framing', async () => {
    await using room = await open(answersIn(encoding), {
      routes: [{ when: { 'MSH-9.1': 'ADT' }, to: 'pool' }],
    });
    const sender = await room.connect();
    await sender.write(wrapped(text('A1'), encoding));
    await until(() => sender.received.includes(encode('\x1c\r', encoding)), { deadlineMs: PATIENCE_MS });
    const answer = decode(sender.received, encoding);
    expect(answer.startsWith('\x0bMSH|^~\\&|M|H|LAB|N|')).toBe(true);
    expect(answer).toContain('\rMSA|AR|A1|');
    expect(answer.endsWith('\r\x1c\r')).toBe(true);
    await sender[Symbol.asyncDispose]();
  });

  test('an answer in single bytes is written in its encoding; one of another message is believed to be none', async () => {
    const answered: string[] = [];
    await using room = await open(
      ({ connection, payload }) => {
        const id = decode(payload, encoding).split('|')[9] ?? '';
        answered.push(id);
        return connection.answer(Buffer.from(ackText(id === 'B2' ? 'A1' : id)));
      },
      { pool: { health: { type: 'none' }, timeouts: { ack: '300ms' } } },
    );
    const sender = await room.connect();
    await sender.write(wrapped(text('A1'), encoding));
    await received(sender, wrapped(ackText('A1'), encoding));
    await sender.write(wrapped(text('B2'), encoding));
    await sender.closed;
    await received(sender, wrapped(ackText('A1'), encoding));
    expect(answered).toEqual(['A1', 'B2']);
  });

  test('characters that framing of single bytes cannot carry: refused, and the next message goes on', async () => {
    await using room = await open(answersIn(encoding));
    const sender = await room.connect();
    await sender.write(wrapped(text('A1'), encoding));
    await received(sender, wrapped(ackText('A1'), encoding));
    const before = sender.received.length;
    // U+500B has the byte 0B, U+1C0D or U+0D1C the bytes 1C 0D.
    const wrong = `${text('B2')}NTE|1||${encoding === 'utf16le' ? '\u0d1c' : '\u1c0d'}\r`;
    for (const content of [text('B2').replace('東', '個'), wrong])
      await sender.write(wrapped(content, encoding));
    await sender.write(wrapped(text('C3'), encoding));
    const last = wrapped(ackText('C3'), encoding);
    await until(() => sender.received.includes(last), { deadlineMs: PATIENCE_MS });
    const answers = decode(sender.received.subarray(before), encoding);
    expect([...answers.matchAll(/MSA\|(A.)\|(..)/g)].map(([, code, id]) => `${code} ${id}`)).toEqual([
      'AR B2',
      'AR B2',
      'AA C3',
    ]);
    expect(room.node.messages.length).toBe(2);
    await sender[Symbol.asyncDispose]();
  });

  test('one that ends in the middle has sent nothing; an unfinished one is named at frameTimeout', async () => {
    await using room = await open(answersIn(encoding), { listener: { limits: { frameTimeout: '300ms' } } });
    const gone = await room.connect();
    await gone.write(wrapped(text('A1'), encoding).subarray(0, -2));
    gone.socket.end();
    await room.gw.logged('GW_ERR_FRAME_TRUNCATED');
    const slow = await room.connect();
    await slow.write(wrapped(text('A1'), encoding).subarray(0, -2));
    await slow.closed;
    expect(JSON.stringify(await room.gw.logged('GW_ERR_FRAME_TIMEOUT'))).toContain('UTF-16');
    expect([room.node.messages.length, slow.received.length]).toEqual([0, 0]);
  });
});

describe('F99 senders that frame in single bytes', { timeout: 120_000 }, () => {
  test.each(ENCODINGS)('%s in them: as before, at every split of the first message', async (encoding) => {
    await using room = await open(answersIn(encoding));
    // U+201C and U+4E1C have the byte 1C before the segment's end.
    const content = `${text('A1')}NTE|1||東\u201c\rNTE|2||\u4e1c\r`;
    const stream = Buffer.concat([frame(encode(content, encoding)), frame(encode(text('B2'), encoding))]);
    const answers = Buffer.concat(['A1', 'B2'].map((id) => frame(encode(ackText(id), encoding))));
    const end = stream.indexOf(Buffer.of(0x1c, 0x0d));
    await Promise.all(
      [0, 1, 2, 3, 4, 5, 6, end - 2, end - 1, end, end + 1, end + 2, end + 3].map(async (at) => {
        const sender = await room.connect();
        await sender.writeSplit(stream, at === 0 ? [] : [at]);
        await received(sender, answers);
        await sender[Symbol.asyncDispose]();
      }),
    );
    expect(new Set(room.gw.messages.map((one) => one.origin.framing))).toEqual(new Set([undefined]));
    expect(room.node.messages[0]?.payload.equals(encode(content, encoding))).toBe(true);
  });
});
