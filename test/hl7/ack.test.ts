// Reading a node's answer: what it answers and how, for every kind of answer that a node can give.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controlIdsOf, isApplicationAck, readAck } from '../../src/hl7/ack.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { ackFor, message } from '../helpers/mllp.ts';

const of = (text: string): ReturnType<typeof readAck> => readAck(Buffer.from(text, 'latin1'));
const MSH = 'MSH|^~\\&|R|RF|S|SF|20260101||ACK^A01^ACK|9|P|2.5.1\r';

describe('readAck', () => {
  it.each(['AA', 'AE', 'AR', 'CA', 'CE', 'CR'])('%s is read with the control id', (code) => {
    expect(of(`${MSH}MSA|${code}|ID-1\r`)).toEqual({ code, controlId: 'ID-1' });
    expect(readAck(ackFor(message({ controlId: 'ID-2' }), code))).toEqual({ code, controlId: 'ID-2' });
  });

  it.each([
    ['no trailing CR', `${MSH}MSA|AA|X`, { code: 'AA', controlId: 'X' }],
    ['no MSA-2', `${MSH}MSA|AA\r`, { code: 'AA', controlId: '' }],
    ['an empty MSA-2', `${MSH}MSA|AA||text\r`, { code: 'AA', controlId: '' }],
    ['more fields', `${MSH}MSA|AE|X|bad|1||207\rERR|^^^207\r`, { code: 'AE', controlId: 'X' }],
    ['LF', `${MSH}MSA|AA|X\r`.replaceAll('\r', '\n'), { code: 'AA', controlId: 'X' }],
    ['CRLF', `${MSH}MSA|AA|X\r`.replaceAll('\r', '\r\n'), { code: 'AA', controlId: 'X' }],
    ['other segments first', `${MSH}SFT|v\rUAC|x\rMSA|AA|X\r`, { code: 'AA', controlId: 'X' }],
    [
      'MSA as text first',
      `${MSH}NTE|1||MSA|AA|NOT\rMSAX|AA|NOT\rMSA^AA^NOT\rMSA|AR|X\r`,
      { code: 'AR', controlId: 'X' },
    ],
    ['CR and LF first', `\r\n${MSH}MSA|AA|X\r`, { code: 'AA', controlId: 'X' }],
    ['a byte order mark', `\xef\xbb\xbf${MSH}MSA|AA|X\r`, { code: 'AA', controlId: 'X' }],
    ['other delimiters', 'MSH$!@%*$R\rMSA$AA$X|1\r', { code: 'AA', controlId: 'X|1' }],
    ['a short header', 'MSH|^~\\&\rMSA|AA|X\r', { code: 'AA', controlId: 'X' }],
    ['a control id of high bytes', `${MSH}MSA|AA|\xc3\x84\xff\r`, { code: 'AA', controlId: '\xc3\x84\xff' }],
    ['a batch', `BHS|^~\\&|R\r${MSH}MSA|AE|X\r${MSH}MSA|AA|Y\rBTS|2\r`, { code: 'AE', controlId: 'X' }],
    ['a file', `FHS|^~\\&|R\rBHS|^~\\&|R\r${MSH}MSA|AA|X\r`, { code: 'AA', controlId: 'X' }],
    ['an empty batch, which accepts all (2.9.3.3)', 'BHS|^~\\&|R\rBTS|0\r', { code: 'AA', controlId: '' }],
  ])('%s', (_, text, ack) => expect(of(text)).toEqual(ack));

  it.each(['aa', 'Aa', ' AA', 'AA ', ' AA ', 'AA^x', 'aa ^x', 'AA~AE'])(
    'F84 MSA-1 %j is AA in a loose form',
    (code) => {
      const loose = { code: 'AA', controlId: 'X', isCodeLoose: true };
      expect(of(`${MSH}MSA|${code}|X\r`)).toEqual(loose);
    },
  );

  it.each(['utf16le', 'utf16be'])('%s', (encoding) => {
    const bytes = Buffer.from(`${MSH}MSA|CE|X-Ä\r`, 'utf16le');
    const ack = readAck(encoding === 'utf16le' ? bytes : bytes.swap16());
    expect(ack).toEqual({ code: 'CE', controlId: Buffer.from('X-Ä').toString('latin1') });
  });

  it.each([
    ['nothing', ''],
    ['no HL7', '<html><body>200 OK</body></html>'],
    ['a bare AA', 'AA'],
    ['an MLLP commit byte', '\x06'],
    ['MSH alone', 'MSH'],
    ['a header without MSA', MSH],
    ['a batch with a message but without MSA', `BHS|^~\\&|R\r${MSH}PID|1\r`],
    ['MSA first', 'MSA|AA|X\r'],
    ['an unknown code', `${MSH}MSA|AX|X\r`],
    ['an empty code', `${MSH}MSA||X\r`],
    ['a longer code', `${MSH}MSA|AAA|X\r`],
    ['a code and a word', `${MSH}MSA|AA ok|X\r`],
    ['a garbled separator', `${MSH}MSA^AA^X\r`],
    ['MSA cut short', `${MSH}MSA`],
    ['MSA cut after its separator', `${MSH}MSA|`],
    ["the sender's own message", message().toString()],
  ])('%s is no acknowledgement', (_, text) => expect(of(text)).toBeUndefined());

  it('never makes a code of bytes that hold none, and never throws', () => {
    const piece = fc.constantFrom('MSH', '|', '^~\\&', '\r', '\n', 'MSA', 'ERR', 'X', '\0', '\xff', 'BHS');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('');
        const ack = of(text);
        // Only a batch header can stand for an AA, as no piece is one.
        if (ack !== undefined)
          expect([ack.code, text.startsWith('BHS') && !/[\r\n]MSH/.test(text)]).toEqual(['AA', true]);
      }),
      { numRuns: 2000 },
    );
  });

  it('knows what answers a whole message and what its receipt', () => {
    expect((['AA', 'AE', 'AR', 'CA', 'CE', 'CR'] as const).map(isApplicationAck)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('controlIdsOf', () => {
  const idsOf = (text: string): string[] => [...controlIdsOf(readHeader(Buffer.from(text, 'latin1')))];

  it('every MSH-10, BHS-11 and FHS-11 of a unit', () => {
    const header = (id: string): string => `MSH|^~\\&|A|B|C|D|20260101||ADT^A01|${id}|P|2.5.1\r`;
    const batch = `FHS|^~\\&|A|B|C|D|2026||F|c|FILE\rBHS|^~\\&|A|B|C|D|2026||T|c|BATCH\r${header('ONE')}PID|1\r${header('TWO')}BTS|2\r`;
    expect(idsOf(batch).sort()).toEqual(['BATCH', 'FILE', 'ONE', 'TWO']);
    expect(idsOf(`${header('ONE')}NTE|1||MSH|no\rMSH^no\r`)).toEqual(['ONE']);
    expect(idsOf(`${header('')}${header('TWO')}`)).toEqual(['TWO']);
  });
});
