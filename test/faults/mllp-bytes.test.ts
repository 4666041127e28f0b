// Faults 18 and 19: every encoding goes through bit for bit, and odd delimiters are routed by what they declare.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { frame, message, msaOf } from '../helpers/mllp.ts';
import { bytes, nakOf, startLine } from './line.ts';

const BOM = '\ufeff';
const TEXT = 'MSH|^~\\&|LABÄ|NÖRD|EMPF|KLINIK|20260101||ORU^R01|Ü-1|P|2.5.1\rPID|1||Ä^Größe^漢字\r';
const ACK = 'MSH|^~\\&|EMPF|KLINIK|LABÄ|NÖRD|20260101||ACK^R01^ACK|77|P|2.5.1\rMSA|AA|Ü-1|schön\r';

type Encoder = (text: string) => Buffer;
const utf16le: Encoder = (text) => Buffer.from(text, 'utf16le');
const utf16be: Encoder = (text) => Buffer.from(text, 'utf16le').swap16();

const utf8: Encoder = (text) => Buffer.from(text);
const latin1: Encoder = (text) => Buffer.from(text.replace('漢字', ''), 'latin1');

const UNICODE: readonly (readonly [string, Encoder, string])[] = [
  ['UTF-16LE with BOM', utf16le, BOM],
  ['UTF-16LE without BOM', utf16le, ''],
  ['UTF-16BE with BOM', utf16be, BOM],
  ['UTF-16BE without BOM', utf16be, ''],
  ['UTF-8 with BOM', utf8, BOM],
  ['UTF-8', utf8, ''],
  ['Latin-1', latin1, ''],
];

it.each(UNICODE)(
  'F18 %s: message and answer go through bit for bit, and are matched',
  async (_, encode, bom) => {
    const ack = encode(bom + ACK);
    await using line = await startLine({ script: answers.payload(ack) });
    const framed = frame(encode(bom + TEXT));
    await line.sender.writeSplit(framed, [1, 2, 3, 50, framed.length - 1]);
    expect((await line.sender.nextAck()).equals(ack)).toBe(true);
    expect(line.sender.received.equals(frame(ack))).toBe(true);
    line.nodeGot([framed]);
    expect(line.gw.codes).toEqual([]);
    await line.atRest();
  },
);

it.each(UNICODE)(
  'F18 %s: an answer of the gateway is in the same encoding, with the same MSH-10',
  async (_, encode, bom) => {
    await using line = await startLine({ routes: [{ when: { 'MSH-9.1': 'ADT' }, to: 'pool' }] });
    await line.sender.send(encode(bom + TEXT));
    const nak = await line.sender.nextAck();
    expect(nak.indexOf(encode('MSH|^~\\&|EMPF|KLINIK|LABÄ|NÖRD|'))).toBe(0);
    expect(nak.includes(encode('\rMSA|AR|Ü-1|'))).toBe(true);
    line.nodeGot([]);
    await line.atRest();
  },
);

it.each(UNICODE)('F18 %s where utf16 is refuse', async (name, encode, bom) => {
  await using line = await startLine({ listener: { utf16: 'refuse' } });
  const framed = frame(encode(bom + TEXT));
  await line.sender.write(framed);
  const answer = await line.sender.nextAck();
  if (name.startsWith('UTF-16')) {
    const text = encode === utf16le ? answer : Buffer.from(answer).swap16();
    const nak = Buffer.from(text.toString('utf16le'));
    expect(nakOf(nak)).toMatchObject({ code: 'AR', error: 'GW_ERR_HEADER_UTF16' });
    expect(nak.toString()).toContain('\rMSA|AR|Ü-1|');
    expect(nak.toString('latin1')).toContain('\rERR||MSH^1^18|102^Data type error^HL70357|E|');
    line.nodeGot([]);
  } else line.nodeGot([framed]);
  expect(line.gw.codes).toEqual(name.startsWith('UTF-16') ? ['GW_ERR_HEADER_UTF16'] : []);
  await line.atRest();
});

it('F18 GB18030, of which some characters hold the bytes of delimiters', async () => {
  await using line = await startLine();
  const names = [
    'adt-a28-person-gb18030.hl7',
    'adt-a31-gb18030-delimiter-bytes.hl7',
    'adt-a31-person-latin1.hl7',
  ];
  const frames = names.map((name) => frame(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url))));
  for (const framed of frames) {
    await line.sender.write(framed);
    expect(msaOf(await line.sender.nextAck())?.code).toBe('AA');
  }
  line.nodeGot(frames);
  line.senderGotTheAnswers();
  await line.goesOn();
});

/** The same bytes on every run; all values but those that MLLP cannot carry in a content. */
function* noise(seed: number): Generator<number> {
  let state = seed;
  while (true) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const byte = state >>> 24;
    if (byte !== 0x0b) yield byte;
  }
}

it('F18 binary content of every length, all byte values but start and end blocks', async () => {
  await using line = await startLine();
  const frames: Buffer[] = [];
  const source = noise(7);
  for (const size of [1, 2, 3, 255, 4096, 65_535, 65_536, 1_000_000]) {
    const content = Buffer.alloc(size);
    for (let i = 0; i < size; i++) {
      const byte = source.next().value as number;
      content[i] = byte === 0x0d && content[i - 1] === 0x1c ? 0x20 : byte;
    }
    // A CR follows.
    if (content[size - 1] === 0x1c) content[size - 1] = 0x20;
    frames.push(frame(bytes(message({ controlId: `BIN-${size}` }), 'OBX|1|ED|', content, '\r')));
  }
  await line.sender.write(Buffer.concat(frames));
  const acks = await line.sender.nextAcks(frames.length);
  expect(acks.every((ack) => msaOf(ack)?.code === 'AA')).toBe(true);
  expect(line.node.bytes.equals(Buffer.concat(frames))).toBe(true);
  line.senderGotTheAnswers();
  await line.goesOn();
});

const CUSTOM = ['@~&#\\', '#!@%*', '|^~\\&#', '$^~\\&', '|^^\\&', '|&&&&', '|^~\\|', '|^~\\', '|^', '|'];

it.each(CUSTOM)('F19 MSH-1 and MSH-2 %s: routed by the type that they delimit', async (delimiters) => {
  await using line = await startLine({ routes: [{ when: { 'MSH-9': '/^ADT/' }, to: 'pool' }] });
  const framed = frame(message({ delimiters, controlId: 'ODD' }));
  await line.sender.write(framed);
  const ack = await line.sender.nextAck();
  if (delimiters === '|^~\\|') {
    // MSH-2 ends at the second separator, so that every field is one further than its sender meant: refused, not lost.
    expect(nakOf(ack)).toMatchObject({ code: 'AR', error: 'GW_ERR_ROUTE_NONE' });
    line.nodeGot([]);
  } else {
    expect(msaOf(ack)).toEqual({ code: 'AA', controlId: 'ODD' });
    line.nodeGot([framed]);
    line.senderGotTheAnswers();
  }
  await line.goesOn();
});

it.each(CUSTOM)('F19 MSH-1 and MSH-2 %s: a refusal is made of the same', async (delimiters) => {
  await using line = await startLine({ routes: [{ when: { 'MSH-9': 'NONE' }, to: 'pool' }] });
  await line.sender.send(message({ delimiters, controlId: 'ODD' }));
  const nak = (await line.sender.nextAck()).toString();
  expect(nak.startsWith(`MSH${delimiters === '|^~\\|' ? '|^~\\' : delimiters}`)).toBe(true);
  expect(nak).toContain(`\rMSA${delimiters.charAt(0)}AR`);
  line.nodeGot([]);
  await line.atRest();
});

const UNUSABLE = [
  'A^~\\&',
  ' ^~\\&',
  '5^~\\&',
  '\0^~\\&',
  '\x7f^~\\&',
  '|^~\\\0',
  '|^~\\A',
  '|^~\\&#%',
  '|^~\x80&',
  '\r^~\\&',
];

it.each(UNUSABLE)(
  'F19 MSH-1 and MSH-2 %j are refused by name, and nothing is forwarded',
  async (delimiters) => {
    await using line = await startLine();
    await line.sender.send(bytes(`MSH${delimiters}${delimiters.charAt(0)}A|B|C|D|||ADT^A01|X|P|2.5\r`));
    expect(await line.gw.logged('GW_ERR_HEADER_DELIMITERS')).toMatchObject({ reply: 'close' });
    await line.sender.closed;
    expect(line.sender.received.length).toBe(0);
    line.nodeGot([]);
    await line.endedButLives();
  },
);
