// The header: found in odd surroundings, split by its own delimiters, refused only where nothing can be read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { findHeader, readHeader } from '../../src/hl7/header.ts';

const of = (text: string): ReturnType<typeof readHeader> => readHeader(Buffer.from(text, 'latin1'));

function codeOf(text: string | Buffer): string | undefined {
  try {
    readHeader(Buffer.from(text as string, 'latin1'));
  } catch (error) {
    return error instanceof GatewayError ? error.code : 'another error';
  }
  return undefined;
}

describe('fields', () => {
  const header = of('MSH|^~\\&|LAB|NORTH|||20260101||ADT^A01|42|P|2.5.1\rPID|1');

  it('are numbered as HL7 does', () => {
    expect([1, 2, 3, 4, 5, 9, 10, 12, 13, 99].map((n) => header.text(n))).toEqual([
      '|',
      '^~\\&',
      'LAB',
      'NORTH',
      '',
      'ADT^A01',
      '42',
      '2.5.1',
      '',
      '',
    ]);
    expect(header.controlId).toBe('42');
    expect(header.fieldCount).toBe(12);
    expect(header.raw(3).toString()).toBe('LAB');
    expect([header.has(3), header.has(5), header.has(13)]).toEqual([true, false, false]);
  });

  it('F22 a header without end has its own fields and no others', () => {
    const alone = of('MSH|^~\\&|LAB');
    expect([alone.text(3), alone.text(4), alone.fieldCount]).toEqual(['LAB', '', 3]);
    expect(of('MSH|').fieldCount).toBe(2);
    expect(of('MSH|^~\\&|').fieldCount).toBe(3);
  });

  it('F21 MSH-10 missing reads empty', () => {
    expect(of('MSH|^~\\&|LAB||||||ADT').controlId).toBe('');
  });

  it.each([
    ['MSH|^~\\&|a', false],
    ['MSH|^~\\&||||||||||||||', false],
    ['MSH|^~\\&|||||||||||||AL', true],
    ['MSH|^~\\&||||||||||||||NE', true],
  ])('%s: enhanced mode is %j', (text, enhanced) => expect(of(text).enhanced).toBe(enhanced));

  it('more fields than are recorded read as absent, not as the rest of the segment', () => {
    const many = of(`MSH|^~\\&|${Array.from({ length: 200 }, (_, i) => `f${i + 3}`).join('|')}`);
    expect([many.text(3), many.text(64), many.text(65), many.text(66)]).toEqual(['f3', 'f64', '', '']);
    expect(many.fieldCount).toBe(64);
    expect(of(`MSH|^~\\&|${'|'.repeat(61)}`).fieldCount).toBe(64);
  });

  it('agree with splitting, for any fields', () => {
    const values = fc.array(fc.string({ unit: fc.constantFrom(...'abc^~\\&é ') }), { maxLength: 30 });
    const property = fc.property(values, fc.constantFrom('\r', '\n', ''), (fields, end) => {
      const header = of(`MSH|^~\\&|${fields.join('|')}${end}`);
      expect(fields.map((_, i) => header.text(i + 3))).toEqual(fields);
      expect(header.fieldCount).toBe(2 + Math.max(fields.length, 1));
    });
    fc.assert(property);
  });
});

describe('where it lies', () => {
  it.each(['', '\r', '\n\n', '\r\n'])('after %j', (before) => {
    const header = of(`${before}MSH|^~\\&|LAB\r\nPID|1`);
    expect([header.start, header.end, header.text(3), header.batch]).toEqual([
      before.length,
      before.length + 12,
      'LAB',
      false,
    ]);
  });

  it('F18 after a byte order mark', () => {
    expect(of('\xef\xbb\xbfMSH|^~\\&|LAB').text(3)).toBe('LAB');
    const wide = readHeader(Buffer.from('\ufeffMSH|^~\\&|Ä\r', 'utf16le'));
    expect([wide.utf16, wide.charset, wide.raw(3).toString()]).toEqual(['utf-16le', 'utf-8', 'Ä']);
  });

  it('F24 in a batch: the first message, or the batch header where there is none', () => {
    const batch = of('FHS|^~\\&|FILE\rBHS|^~\\&|BATCH\rMSH|^~\\&|LAB\rMSH|^~\\&|TWO');
    expect([batch.batch, batch.text(3)]).toEqual([true, 'LAB']);
    expect(of('BHS|^~\\&|BATCH\rBTS|0').text(3)).toBe('BATCH');
    expect(of('FHS|^~\\&|MSH|^~\\&|x').text(3)).toBe('MSH');
  });

  it('the next header begins a segment', () => {
    const bytes = Buffer.from('MSH|^~\\&|MSH|\rNTE|MSH\nMSH|^~\\&');
    expect(findHeader(bytes, 0)).toBe(bytes.lastIndexOf('MSH'));
    expect(findHeader(bytes, bytes.lastIndexOf('MSH'))).toBe(-1);
  });
});

describe('F19 delimiters', () => {
  const named = (text: string): (string | undefined)[] => {
    const d = of(text).delimiters;
    return [d.field, d.component, d.repetition, d.escape, d.subcomponent, d.truncation].map((byte) =>
      byte < 0 ? undefined : String.fromCharCode(byte),
    );
  };

  it.each<[string, (string | undefined)[]]>([
    ['MSH|^~\\&|a', ['|', '^', '~', '\\', '&', undefined]],
    ['MSH|^~\\&#|a', ['|', '^', '~', '\\', '&', '#']],
    ['MSH@~&#\\@a', ['@', '~', '&', '#', '\\', undefined]],
    ['MSH#!@%*#a', ['#', '!', '@', '%', '*', undefined]],
    ['MSH|^^\\&|a', ['|', '^', undefined, '\\', '&', undefined]],
    ['MSH|^~|a', ['|', '^', '~', undefined, undefined, undefined]],
    ['MSH||a', ['|', undefined, undefined, undefined, undefined, undefined]],
  ])('%s', (text, expected) => expect(named(text)).toEqual(expected));

  it.each([
    'MSH^^^',
    'MSHA^~\\&A',
    'MSH ^~\\& x',
    'MSH|ab|',
    'MSH|^~\\&#!|',
    'MSH\t^',
    'MSH\x80^',
    'MSH1^~\\&1',
    'FHS|\rMSH',
  ])('%j', (text) => {
    // The first is a field separator followed by two empty fields, and can be read.
    expect(codeOf(text)).toBe(text === 'MSH^^^' ? undefined : 'GW_ERR_HEADER_DELIMITERS');
  });
});

describe('F20 no header', () => {
  it.each([
    '',
    'MSH',
    'PID|1',
    'msh|^~\\&|',
    ' MSH|^~\\&|',
    '\r\n',
    'GET / HTTP/1.1\r\n',
    'FH',
    'FHS',
    '\xff\xfe',
    '<xml/>',
  ])('%j', (text) => expect(codeOf(text)).toBe('GW_ERR_HEADER_MSH'));

  it('whatever the bytes, the error is one of two and holds none of them', () => {
    const start = fc.constantFrom('', 'MSH', 'MSH|', 'FHS|', '\xff\xfe', '\xef\xbb\xbfMSH|^~');
    const property = fc.property(start, fc.uint8Array({ maxLength: 60 }), (before, bytes) => {
      const payload = Buffer.concat([Buffer.from(before, 'latin1'), bytes]);
      try {
        const header = readHeader(payload);
        expect(header.end).toBeGreaterThan(header.start);
        expect(typeof header.charset).not.toBe('object');
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
        expect(['GW_ERR_HEADER_MSH', 'GW_ERR_HEADER_DELIMITERS']).toContain((error as GatewayError).code);
        expect((error as GatewayError).message).toMatch(/^[\w\s,:-]+$/);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

describe('F18 charset', () => {
  const charset = (value: string, delimiters = '|^~\\&'): string | undefined => {
    const field = delimiters.charAt(0);
    return of(`MSH${delimiters}${field.repeat(16)}${value}\rPID`).charset;
  };

  it.each<[string, string | undefined]>([
    ['', undefined],
    ['UNICODE UTF-8', 'utf-8'],
    ['8859/15', 'iso-8859-15'],
    ['8859/1~UNICODE UTF-8', 'iso-8859-1'],
    ['~ISO IR87', 'iso-2022-jp'],
    ['ASCII~ISO IR87', 'iso-2022-jp'],
    ['~UNICODE UTF-8', undefined],
    ['NO SUCH', undefined],
  ])('MSH-18 %j means %j', (value, expected) => expect(charset(value)).toBe(expected));

  it('is split by the message delimiters', () => {
    expect(charset('8859/15@UNICODE', '#!@%*')).toBe('iso-8859-15');
    expect(charset('8859/15~UNICODE', '|^')).toBeUndefined();
  });
});
