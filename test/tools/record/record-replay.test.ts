// A line recorded, from a gateway and from a capture, and replayed: the same routes, the same answers, the same structure,
// and nobody in it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readHeader } from '../../../src/hl7/header.ts';
import { readLiveMessages } from '../../../src/tools/replay/live/messages.ts';
import { TOKEN } from '../../admin/admin-room.ts';
import { openTapRoom } from '../../admin/tap-room.ts';
import { command, start } from '../../cli/command-line.ts';
import { folderWith } from '../../config/config-folder.ts';
import { type Script, startFaultyNode } from '../../helpers/faulty-node.ts';
import { ackFor, frame } from '../../helpers/mllp.ts';
import { connectSender } from '../../helpers/sender.ts';
import { until } from '../../helpers/until.ts';
import { shapeOf, valuesOf } from '../deidentify/structure.ts';
import { generate } from './generated.ts';
import { pcap, TcpConversation, type WrittenPacket } from './pcap-writer.ts';

const COUNT = 1000;
/** The control id says what it wants to hear. */
const byControlId: Script = ({ connection, payload, controlId }) =>
  connection.answer(ackFor(payload, controlId.slice(-2)));

const ROUTES = [
  { name: 'tests', when: { 'MSH-11': 'T', 'PID-3.4': 'TEST' }, to: 'pool' },
  { name: 'women of the ward', when: { 'PID-8': 'F', 'PV1-3.1': '4W', 'PV1-2': 'I' }, to: 'pool' },
  {
    name: 'results',
    when: { 'MSH-9.1': ['ORU', 'VXU'], 'OBX-3': { exists: true }, 'OBX-5': { exists: true } },
    to: 'pool',
  },
  { name: 'no orders', when: { 'MSH-9.1': 'ORM' }, reject: { code: 'AR' } },
  { name: 'rest', to: 'pool' },
];

function everythingIn(folder: string): Buffer {
  return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
}

const linesIn = (folder: string, name: string): Record<string, unknown>[] =>
  readFileSync(join(folder, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('a thousand messages through a gateway’s tap: recorded, and replayed to the same end', async () => {
  const generated = generate(COUNT);
  await using node = await startFaultyNode(byControlId);
  const room = await openTapRoom(node, { routes: ROUTES });
  const routed = (from = 0): Record<string, string> =>
    Object.fromEntries(
      room.log
        .slice(from)

        .filter(({ msg }) => msg === 'message')
        .map(({ controlId, route, reply }) => [controlId, `${route} ${reply}`]),
    );
  const folder = folderWith({ token: TOKEN });
  const output = join(folder, 'recording');
  const recording = start(
    ...['record', '--admin', room.url, '--token-file', join(folder, 'token'), '-o', output],
    ...['--count', String(COUNT), '--for', '1m', '--max-bytes', '64MiB'],
  );
  await until(() => room.log.some(({ msg }) => msg === 'admin: tap begun'), { deadlineMs: 15_000 });
  // Attached in the same turn as it is logged.
  await using sender = await connectSender(room.port('in'));
  for (const { bytes } of generated) await sender.exchange(bytes);
  const { code, err, out } = await recording.ended();
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out.at(-1)).toMatch(new RegExp(`^${COUNT} messages in .*, \\d+ with an answer$`));
  const first = routed();
  expect(new Set(Object.values(first)).size).toBeGreaterThan(8);

  // Nobody is left, in no file, however it is written. Numbers are looked for where they were: among millions of digits
  // there is every one of them.
  const messages = readLiveMessages([output]).messages;
  expect(messages).toHaveLength(COUNT);
  const words = new Set(
    everythingIn(output)
      .toString('latin1')
      .toUpperCase()
      .split(/[^A-Z]+/),
  );
  generated.forEach(({ planted }, i) => {
    const own = messages[i]?.bytes.toString('latin1').toUpperCase() ?? '';
    const values = valuesOf(own);
    for (const value of planted) {
      expect(words.has(value), value).toBe(false);
      expect(own.includes(value), value).toBe(false);
      expect(own.includes(Buffer.from(value).toString('hex').toUpperCase()), value).toBe(false);
      expect(values.includes(value), value).toBe(false);
    }
  });

  // The structure of every message, but for its Z segment.
  messages.forEach(({ bytes }, i) => {
    const shape = shapeOf(
      (generated[i]?.bytes ?? Buffer.alloc(0)).toString('latin1').replace(/ZPI.*[\r\n]+$/, ''),
    );
    expect(shapeOf(bytes.toString('latin1'))).toEqual(shape);
  });

  // The same routes, the same codes.
  const before = room.log.length;
  const replayed = await command('replay', output, '--to', `mllp://127.0.0.1:${room.port('in')}`, '--json');
  expect(JSON.parse(replayed.out[0] ?? '')).toMatchObject({ sent: COUNT, failed: 0 });
  await until(() => Object.keys(routed(before)).length === COUNT);
  expect(routed(before)).toEqual(first);
  const index = linesIn(output, 'recording.jsonl');
  const answered = index.filter((line) => line.code !== undefined);
  for (const line of answered) {
    const message = messages[Number(line.message) - 1];
    expect(first[message?.header.controlId ?? '']).toMatch(new RegExp(` ${line.code}$`));
  }
  expect(answered.length).toBeGreaterThan(COUNT / 2);
});

/** Two senders whose segments come in turns, late, twice and in odd pieces. */
function capture(): { packets: WrittenPacket[]; sent: Buffer[][] } {
  const senders = [
    { tcp: new TcpConversation({ port: 40_001 }), messages: generate(40, 2).map(({ bytes }) => bytes) },
    {
      tcp: new TcpConversation({ port: 40_002, version: 6 as const }),
      messages: generate(40, 3).map(({ bytes }) => bytes),
    },
  ];
  const packets: Buffer[] = senders.flatMap(({ tcp }) => tcp.open());
  for (let i = 0; i < 40; i++)
    for (const { tcp, messages } of senders) {
      const framed = frame(messages[i] as Buffer);
      const third = Math.floor(framed.length / 3);
      const [a, b, c] = [
        framed.subarray(0, third),
        framed.subarray(third, 2 * third),
        framed.subarray(2 * third),
      ].map((one) => tcp.send('client', one)) as [Buffer, Buffer, Buffer];
      packets.push(...(i % 3 === 0 ? [a, c, b, b] : i % 3 === 1 ? [a, a, b, c] : [c, b, a]));
      if (i % 4 === 0) packets.push(tcp.again('client', framed, framed.length));
      packets.push(tcp.send('server', frame(ackFor(messages[i] as Buffer, 'AA'))));
    }
  return {
    packets: packets.map((ip, i) => ({ ms: 1_790_000_000_000 + i, ip })),
    sent: senders.map(({ messages }) => messages),
  };
}

test('a capture of two interleaved senders with retransmissions replays byte for byte', async () => {
  const { packets, sent } = capture();
  const folder = folderWith({});
  writeFileSync(join(folder, 'line.pcap'), pcap(packets));
  const output = join(folder, 'raw');
  const { code, err, out } = await command(
    'record',
    '--pcap',
    join(folder, 'line.pcap'),
    '-o',
    output,
    '--raw',
    '--chunks',
  );
  expect(code).toBe(0);
  expect(err).toEqual([expect.stringMatching(/^warning: --raw writes patient data as it was on the wire/)]);
  expect(out[0]).toBe(`${packets.length} packets, 2 connections, 2 of them with messages`);
  await using node = await startFaultyNode(byControlId);
  const replayed = await command('replay', output, '--to', node.url, '--connections', '8', '--json');
  expect(JSON.parse(replayed.out[0] ?? '')).toMatchObject({ sent: 80 });
  const got = node.messages.map(({ payload }) => payload.toString('latin1'));
  expect(got.toSorted()).toEqual(
    sent
      .flat()
      .map((bytes) => bytes.toString('latin1'))
      .toSorted(),
  );
  const chunks = linesIn(output, 'chunks.jsonl') as { chunks: [number, number][] }[];
  readLiveMessages([output]).messages.forEach(({ bytes }, i) => {
    const sum = chunks[i]?.chunks.reduce((total, [length]) => total + length, 0);
    expect(sum).toBe(bytes.length + 3);
  });
  const index = linesIn(output, 'recording.jsonl');
  expect(index.map(({ code: answer }) => answer)).toEqual(new Array(80).fill('AA'));
  expect(readHeader(readLiveMessages([output]).messages[0]?.bytes ?? Buffer.alloc(0)).controlId).toMatch(
    /^G/,
  );
});
