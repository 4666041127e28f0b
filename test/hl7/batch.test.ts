// Batches as bytes: which pieces a payload has, what can be split, and the answer that is gathered.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAck } from '../../src/hl7/ack.ts';
import { gatherAnswers, piecesOf, splitBatch } from '../../src/hl7/batch.ts';
import { encodeUtf16 } from '../../src/hl7/charset.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { readFixtures } from '../fixture-reader.ts';

const NOW = new Date('2026-11-22T08:30:14.123Z');
const ONE = 'MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3\rPID|1\r';
const TWO = 'MSH|^~\\&|A|B|C|D|||ADT^A01|2|P|2.3\rPID|2\r';

/** Each as `kind: text`. */
const pieces = (text: string): string[] =>
  piecesOf(Buffer.from(text, 'latin1')).map(({ kind, bytes }) => `${kind}: ${bytes.toString('latin1')}`);

const split = (text: string | Buffer, max = 100) =>
  splitBatch(readHeader(typeof text === 'string' ? Buffer.from(text, 'latin1') : text), max);

describe('pieces', () => {
  it.each<[string, string[]]>([
    [ONE, [`message: ${ONE}`]],
    [ONE + TWO, [`message: ${ONE}`, `message: ${TWO}`]],
    [
      `FHS|^~\\&|\rBHS|^~\\&|\r${ONE}${TWO}BTS|2\rFTS|1\r`,
      [
        'FHS: FHS|^~\\&|\r',
        'BHS: BHS|^~\\&|\r',
        `message: ${ONE}`,
        `message: ${TWO}`,
        'BTS: BTS|2\r',
        'FTS: FTS|1\r',
      ],
    ],
    [`BHS|^~\\&|\r\n\r\n${ONE}\r\nBTS`, ['BHS: BHS|^~\\&|\r\n\r\n', `message: ${ONE}\r\n`, 'BTS: BTS']],
    [`\xef\xbb\xbf\r\n${ONE}`, [`message: \xef\xbb\xbf\r\n${ONE}`]],
    [
      `FHS|^~\\&|\rPID|1\rNTE|2\r${ONE}`,
      ['FHS: FHS|^~\\&|\r', 'stray: PID|1\r', 'stray: NTE|2\r', `message: ${ONE}`],
    ],
    [`${ONE}FTSX|\rBTS1|\rFHS\xc4|\r`, [`message: ${ONE}FTSX|\rBTS1|\rFHS\xc4|\r`]],
    [`${ONE}NTE|MSH|\r MSH|\r`, [`message: ${ONE}NTE|MSH|\r MSH|\r`]],
    ['', []],
    ['\r\n', []],
  ])('%j', (text, expected) => expect(pieces(text)).toEqual(expected));

  it('are all of the payload, whatever it holds', () => {
    const line = fc.constantFrom(
      'MSH|a',
      'FHS|',
      'BHS|',
      'BTS|',
      'FTS',
      'PID|1',
      '',
      'FHSX',
      '\xef\xbb\xbf',
      'x',
    );
    const property = fc.property(fc.array(line), fc.constantFrom('\r', '\n', '\r\n'), (lines, end) => {
      const text = lines.join(end);
      const found = piecesOf(Buffer.from(text, 'latin1'));
      const joined = Buffer.concat(found.map(({ bytes }) => bytes)).toString('latin1');
      expect(joined).toBe(/^(\xef\xbb\xbf)?[\r\n]*$/.test(text) ? '' : text);
      for (const { kind, bytes } of found.slice(1)) {
        if (kind !== 'stray')
          expect(bytes.toString('latin1').startsWith(kind === 'message' ? 'MSH' : kind)).toBe(true);
      }
    });
    fc.assert(property, { numRuns: 1_000 });
  });
});

describe('what can be split', () => {
  it.each([
    ['one message', ONE],
    ['one message with MSH in a field', `${ONE}NTE|1||MSH|x\r`],
    ['a batch without a message', 'FHS|^~\\&|A\rBHS|^~\\&|A\rBTS|0\rFTS|1\r'],
  ])('%s is not a batch of messages', (_, text) => expect(split(text)).toBeUndefined());

  it.each([
    ['several messages', ONE + TWO, 2],
    ['a batch', `BHS|^~\\&|A\r${ONE}${TWO}BTS|2\r`, 2],
    ['a batch of one', `BHS|^~\\&|A\r${ONE}BTS|1\r`, 1],
    ['behind LF', (ONE + TWO).replaceAll('\r', '\n'), 2],
  ])('%s is', (_, text, count) => {
    expect(split(text, count)?.filter(({ kind }) => kind === 'message')).toHaveLength(count);
  });

  it.each([
    ['too many', ONE + TWO, 1, 'it has more than limits.maxBatch messages (1)'],
    [
      'a segment outside of a message',
      `BHS|^~\\&|A\rNTE|SECRET\r${ONE}`,
      9,
      'a segment stands outside of its messages',
    ],
    [
      'a segment behind a trailer',
      `BHS|^~\\&|A\r${ONE}BTS|1\rNTE|SECRET\r`,
      9,
      'a segment stands outside of its messages',
    ],
    [
      'a header that cannot be read',
      `${ONE}MSHSECRET\r`,
      9,
      'message 2: MSH-1 and MSH-2 are no usable delimiters: MSH-1',
    ],
    [
      'a batch header that cannot be read',
      `FHS|^~\\&|\rBHS\r${ONE}`,
      9,
      'BHS: MSH-1 and MSH-2 are no usable delimiters: MSH-1',
    ],
    ['UTF-16', encodeUtf16(ONE + TWO, 'utf-16le'), 9, 'it is UTF-16'],
  ])('%s is refused, and nothing of it told', (_, text, max, detail) => {
    expect(() => split(text, max)).toThrow(expect.objectContaining({ code: 'GW_ERR_BATCH_SPLIT', detail }));
  });
});

const ack = (id: string, code = 'AA'): Buffer =>
  Buffer.from(`MSH|^~\\&|C|D|A|B|2026||ACK|N${id}|P|2.3\rMSA|${code}|${id}\xc4\r`, 'latin1');

function gather(text: string, answers: (Buffer | undefined)[]): string {
  const found = split(text);
  if (found === undefined) throw new Error('not split');
  return gatherAnswers(found, answers, NOW)
    .toString('latin1')
    .replaceAll(/\bGW[0-9A-Z]+/g, 'OWN-ID');
}

describe('the gathered answer', () => {
  it('has what the file had, sender and receiver swapped, its ids referred to', () => {
    const text = `FHS|^~\\&|APP|FAC|RAPP|RFAC|2026||name|comment|F-1|\rBHS|^~\\&|APP|FAC|RAPP|RFAC|2026||n|c|B-1\r${ONE}${TWO}BTS|2\rFTS|1\r`;
    expect(gather(text, [ack('1'), ack('2', 'AE')]).split('\r')).toEqual([
      'FHS|^~\\&|RAPP|RFAC|APP|FAC|20261122083014.123+0000||||OWN-ID|F-1',
      'BHS|^~\\&|RAPP|RFAC|APP|FAC|20261122083014.123+0000||||OWN-ID|B-1',
      'MSH|^~\\&|C|D|A|B|2026||ACK|N1|P|2.3',
      'MSA|AA|1\xc4',
      'MSH|^~\\&|C|D|A|B|2026||ACK|N2|P|2.3',
      'MSA|AE|2\xc4',
      'BTS|2',
      'FTS|1',
      '',
    ]);
  });

  it('has no header or trailer that the file had not', () => {
    expect(gather(ONE + TWO, [ack('1'), ack('2')])).toBe(
      ack('1').toString('latin1') + ack('2').toString('latin1'),
    );
    expect(gather(`BHS|^~\\&\r${ONE}`, [ack('1')])).toBe(
      `BHS|^~\\&|||||20261122083014.123+0000||||OWN-ID\r${ack('1').toString('latin1')}`,
    );
  });

  it('counts the answers of each batch, and the batches', () => {
    const batch = (body: string): string => `BHS|^~\\&\r${body}BTS\r`;
    const text = `FHS|^~\\&\r${batch(ONE + TWO)}${batch('')}${batch(ONE)}FTS\r`;
    const lines = gather(text, [ack('1'), undefined, ack('3')]).split('\r');
    expect(lines.filter((line) => /^[BF]TS/.test(line))).toEqual(['BTS|1', 'BTS|0', 'BTS|1', 'FTS|3']);
  });

  it("is in the file's delimiters, and what is echoed is escaped", () => {
    const text = `BHS#!@%*#A\x01!B##\x1c\r${ONE}BTS#1\r`;
    expect(gather(text, [ack('1')]).split('\r')).toEqual([
      'BHS#!@%*#%X1C%##A%X01%!B##20261122083014.123+0000####OWN-ID',
      ...ack('1').toString('latin1').split('\r').slice(0, -1),
      'BTS#1',
      '',
    ]);
  });

  it.each(['\r', '\n', '\r\n', ''])(
    'leaves each answer as it is, and ends it where it does not (%j)',
    (end) => {
      const answers = ['1', '2'].map((id) => Buffer.concat([ack(id).subarray(0, -1), Buffer.from(end)]));
      const expected = answers.map((one) => one.toString('latin1') + (end === '' ? '\r' : '')).join('');
      expect(gather(ONE + TWO, answers)).toBe(expected);
    },
  );

  it('can be split and read again', () => {
    const text = `FHS|^~\\&\rBHS|^~\\&\r${ONE}${TWO}BTS\rFTS\r`;
    const answer = Buffer.from(gather(text, [ack('1'), ack('2', 'AR')]), 'latin1');
    const acks = splitBatch(readHeader(answer), 9)?.filter(({ kind }) => kind === 'message');
    expect(acks?.map(({ bytes }) => readAck(bytes)?.code)).toEqual(['AA', 'AR']);
  });

  it('the fixture: three messages', () => {
    const batch = readFixtures().find((fixture) => fixture.batch);
    expect(split(batch?.bytes ?? Buffer.alloc(0))?.map(({ kind }) => kind)).toEqual([
      ...['FHS', 'BHS', 'message', 'message', 'message', 'BTS', 'FTS'],
    ]);
  });
});
