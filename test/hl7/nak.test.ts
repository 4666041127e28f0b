// The gateway's own answers, read back by a parser that knows nothing of src/: negative, well-formed, the sender's own form.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../src/hl7/header.ts';
import { makeNak, type Refusal } from '../../src/hl7/nak.ts';
import { anyCharacter } from '../helpers/any-text.ts';

const NOW = new Date('2026-11-22T08:30:14.123Z');
const REFUSAL: Refusal = {
  code: 'AR',
  condition: 200,
  text: 'no route matches',
  diagnostic: 'GW_ERR_ROUTE_NONE',
  field: 9,
};

function nak(message: string | Buffer, over: Partial<Refusal> = {}): Buffer {
  const bytes = typeof message === 'string' ? Buffer.from(message, 'latin1') : message;
  return makeNak(readHeader(bytes), { ...REFUSAL, ...over }, NOW);
}

interface Parsed {
  readonly delimiters: string;
  /** `msh[10]` is MSH-10; so with the others. */
  readonly msh: readonly string[];
  readonly msa: readonly string[];
  readonly err: readonly string[];
}

/** Strict: MSH MSA ERR in this order, each ended by CR, nothing else, all that an answer must have. */
function parse(bytes: Buffer | string): Parsed {
  const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1');
  expect(text).not.toMatch(/[\x00-\x0c\x0e-\x1f\x7f]/);
  const segments = text.split('\r');
  expect(segments.map((segment) => segment.slice(0, 3))).toEqual(['MSH', 'MSA', 'ERR', '']);
  const separator = text.charAt(3);
  const [msh = [], msa = [], err = []] = segments.map((segment) => segment.split(separator));
  for (const segment of [msh, msa, err]) expect(segment.length === 1 || segment.at(-1) !== '').toBe(true);
  // MSH-1 is the separator itself.
  const header = ['MSH', separator, ...msh.slice(1)];
  expect(header[7]).toBe('20261122083014.123+0000');
  expect(header[9]).toMatch(/^ACK/);
  expect(header[10]).toMatch(/^GW[0-9A-Z]{1,18}$/);
  expect(['AE', 'AR', 'CE', 'CR']).toContain(msa[1]);
  return { delimiters: separator + (msh[1] ?? ''), msh: header, msa, err };
}

const of = (version: string, d = '|^~\\&', type = 'ADT^A01^ADT_A01'): string => {
  const [f = '', c = '^'] = d;
  const values = [
    d.slice(1),
    'SAPP',
    'SFAC',
    'RAPP',
    'RFAC',
    '2026',
    '',
    type.replaceAll('^', c),
    'ID-1',
    'T',
    version,
  ];
  return `MSH${f}${values.join(f)}\rPID${f}1\r`;
};

describe('per version', () => {
  it.each([
    ['2.1', 'ACK', 'no route matches', ['MSH^1^9^200&Unsupported message type&HL70357']],
    ['2.2', 'ACK', 'no route matches', ['MSH^1^9^200&Unsupported message type&HL70357']],
    ['2.3', 'ACK^A01', 'no route matches', ['MSH^1^9^200&Unsupported message type&HL70357']],
    ['2.3.1', 'ACK^A01^ACK', 'no route matches', ['MSH^1^9^200&Unsupported message type&HL70357']],
    ['2.4', 'ACK^A01^ACK', 'no route matches', ['MSH^1^9^200&Unsupported message type&HL70357']],
    ...['2.5', '2.5.1', '2.6', '2.7', '2.7.1', '2.8', '2.8.2', '2.9', '2.9.1', '', '3', 'x', '2.5.1^USA'].map(
      (version) =>
        [
          version,
          'ACK^A01^ACK',
          /^2\.[789]/.test(version) ? undefined : 'no route matches',
          [
            '',
            'MSH^1^9',
            '200^Unsupported message type^HL70357',
            'E',
            '',
            '',
            'GW_ERR_ROUTE_NONE',
            'no route matches',
          ],
        ] as const,
    ),
  ] as const)('%s', (version, type, words, err) => {
    const parsed = parse(nak(of(version)));
    expect(parsed.msh.slice(2, 7)).toEqual(['^~\\&', 'RAPP', 'RFAC', 'SAPP', 'SFAC']);
    expect([parsed.msh[8], parsed.msh[9], parsed.msh[11], parsed.msh[12]]).toEqual([
      '',
      type,
      'T',
      version === '' ? '2.5' : version,
    ]);
    expect(parsed.msa.slice(1)).toEqual(words === undefined ? ['AR', 'ID-1'] : ['AR', 'ID-1', words]);
    expect(parsed.err.slice(1)).toEqual(err);
  });

  it('without a field in question, ERR has no place for one', () => {
    expect(parse(nak(of('2.5.1'), { field: undefined })).err.slice(1, 4)).toEqual([
      '',
      '',
      '200^Unsupported message type^HL70357',
    ]);
    expect(parse(nak(of('2.3'), { field: undefined })).err.slice(1)).toEqual([
      '^^^200&Unsupported message type&HL70357',
    ]);
  });

  it.each([100, 101, 102, 103, 200, 207, 999])('condition %d has words', (condition) => {
    expect(parse(nak(of('2.5.1'), { condition })).err[3]).toMatch(
      new RegExp(`^${condition}\\^[A-Z][a-z ]+\\^HL70357$`),
    );
  });

  it.each(['AE', 'AR', 'CE', 'CR'] as const)('%s', (code) =>
    expect(parse(nak(of('2.5.1'), { code })).msa[1]).toBe(code),
  );

  it.each([
    ['ADT', 'ACK'],
    ['', 'ACK'],
    ['ADT^', 'ACK'],
    ['ADT^A01', 'ACK^A01^ACK'],
    ['ADT^TOOLONG', 'ACK'],
    ['ADT^A&1', 'ACK'],
  ])('to MSH-9 %j the type is %s', (type, answer) =>
    expect(parse(nak(of('2.5.1', '|^~\\&', type))).msh[9]).toBe(answer),
  );
});

describe('delimiters', () => {
  it.each([
    ['@~&#\\', 'ACK~A01~ACK', '200~Unsupported message type~HL70357'],
    ['#!@%*', 'ACK!A01!ACK', '200!Unsupported message type!HL70357'],
    ['|^~\\&#', 'ACK^A01^ACK', '200^Unsupported message type^HL70357'],
    ['|^^\\&', 'ACK^A01^ACK', '200^Unsupported message type^HL70357'],
    ['|^', 'ACK^A01^ACK', '200^Unsupported message type^HL70357'],
    ['|', 'ACK', '200'],
  ])('%s are used for the answer', (d, type, condition) => {
    const parsed = parse(nak(of('2.5.1', d)));
    expect(parsed.delimiters).toBe(d);
    expect([parsed.msh[9], parsed.err[3], parsed.msa[2]]).toEqual([type, condition, 'ID-1']);
  });

  it('in words of the gateway are escaped, or blanked where there is no escape', () => {
    const text = 'a|b^c~d\\e&f#g\r\x00é';
    expect(parse(nak(of('2.7', '|^~\\&#'), { text })).err[8]).toBe(
      'a\\F\\b\\S\\c\\R\\d\\E\\e\\T\\f\\P\\g???',
    );
    expect(parse(nak(of('2.7', '|^~'), { text })).err[8]).toBe('a b c d\\e&f#g???');
    expect(parse(nak(of('2.3'), { text })).msa[3]).toBe('a\\F\\b\\S\\c\\R\\d\\E\\e\\T\\f#g???');
  });
});

describe('what is echoed', () => {
  it('is byte for byte, but control bytes', () => {
    const parsed = parse(
      nak(
        'MSH|^~\\&|A^1.2^ISO|\xc4\xff|C\x01|D\x1c\x7f|2026||ADT^A01|i&d^~\\F\\\x1b|D^x|2.5.1|||||||x\x02\r',
      ),
    );
    expect(parsed.msh.slice(3, 7)).toEqual(['C\\X01\\', 'D\\X1C\\\\X7F\\', 'A^1.2^ISO', '\xc4\xff']);
    expect([parsed.msa[2], parsed.msh[11]]).toEqual(['i&d^~\\F\\\\X1B\\', 'D^x']);
  });

  it('without an escape character control bytes are question marks', () => {
    expect(parse(nak('MSH|^~|A\x01|B|C|D|||ADT^A01|i\x02d|P|2.5\r')).msa[2]).toBe('i?d');
  });

  it('MSH-18 is kept, so that what is echoed can be read', () => {
    const parsed = parse(nak('MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5.1||||||8859/1\r'));
    expect(parsed.msh.slice(13)).toEqual(['', '', '', '', '', '8859/1']);
  });

  it('a control id that is not there is empty, and long fields have a bound', () => {
    expect(parse(nak('MSH|^~\\&|A')).msa[2]).toBe('');
    expect(parse(nak('MSH|^~\\&|A|B|C|D|2026||ADT^A01||P|2.7\r')).msa).toEqual(['MSA', 'AR']);
    expect(parse(nak(`MSH|^~\\&|${'x'.repeat(5000)}|B\r`)).msh[5]).toHaveLength(1024);
  });

  it('each answer has a control id of its own', () => {
    const ids = Array.from({ length: 1000 }, () => parse(nak(of('2.5.1'))).msh[10]);
    expect(new Set(ids).size).toBe(1000);
  });
});

describe.each(['utf16le', 'utf16be'])('%s', (encoding) => {
  const flip = (bytes: Buffer): Buffer => (encoding === 'utf16le' ? bytes : Buffer.from(bytes).swap16());

  it.each(['', '\ufeff'])('is answered in the same, letter for letter (BOM %j)', (bom) => {
    const text = `${bom}MSH|^~\\&|ÄPP|漢|RAPP|RFAC|2026||ADT^A01|Ü-😀|P|2.5.1\r`;
    const answer = flip(nak(flip(Buffer.from(text, 'utf16le')))).toString('utf16le');
    const parsed = parse(answer);
    expect(parsed.msh.slice(3, 7)).toEqual(['RAPP', 'RFAC', 'ÄPP', '漢']);
    expect(parsed.msa[2]).toBe('Ü-😀');
  });

  it('F12 whatever is echoed, no byte of framing is in it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: anyCharacter, maxLength: 12 }),
        fc.string({
          unit: fc.constantFrom('\u1c2e', '\u500b', '\u0b0d', '\u0d1c', '\u{1f41c}', 'A'),
          maxLength: 12,
        }),
        (any, nasty) => {
          const text = `MSH|^~\\&|${nasty}|LAB|${any.replace(/[\r\n]/g, '')}|N|2026||ADT^A01|1${nasty}|P|2.${nasty}\r`;
          const answer = nak(flip(Buffer.from(text, 'utf16le'))).toString('latin1');
          expect(answer).not.toMatch(/[\x0b\x1c]/);
        },
      ),
    );
  });
});

it('whatever the header holds, the answer is negative, of three segments, and free of control bytes', () => {
  const field = fc.string({ unit: anyCharacter, maxLength: 12 }).map((text) => text.replace(/[|\r\n]/g, ''));
  fc.assert(
    fc.property(
      fc.array(field, { maxLength: 20 }),
      fc.constantFrom('^~\\&', '^~\\&#', '^', '', '!@%*'),
      (fields, encoding) => {
        const header = Buffer.from(`MSH|${encoding}|${fields.join('|')}\r`, 'latin1');
        parse(nak(header));
      },
    ),
    { numRuns: 1000 },
  );
});

it('a batch without messages is answered under its own id, and its comment is not echoed', () => {
  const header = readHeader(
    Buffer.from('BHS|^~\\&|APP|FAC|R|F|20261122||ADT|a comment|BATCH-7|REF\rBTS|0\r', 'latin1'),
  );
  const nak = makeNak(
    header,
    { code: 'AR', condition: 200, text: 'no', diagnostic: 'GW_ERR_HEADER_BATCH' },
    new Date(0),
  );
  const [msh = '', msa] = nak.toString('latin1').split('\r');
  expect(msa).toBe('MSA|AR|BATCH-7|no');
  expect(
    msh
      .split('|')
      .slice(8, 12)
      .filter((_, i) => i !== 1),
  ).toEqual(['ACK', 'P', '2.5']);
  expect(nak.toString('latin1')).not.toContain('comment');
});
