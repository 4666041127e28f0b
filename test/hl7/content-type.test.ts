// Content-Type: the grammar of RFC 9110 8.3.1 and nothing else, HL7's types, and the charset in both directions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText, encodeUtf16 } from '../../src/hl7/charset.ts';
import {
  type ContentType,
  charsetLabel,
  charsetOfType,
  formatContentType,
  isHl7Type,
  parseContentType,
} from '../../src/hl7/content-type.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { cpuMsOf } from '../helpers/cpu-time.ts';

const read = (header: string): [string, ...[string, string][]] | undefined => {
  const parsed = parseContentType(header);
  return parsed && [parsed.type, ...parsed.parameters];
};

describe('is read', () => {
  it.each<[string, [string, ...[string, string][]]]>([
    ['text/plain', ['text/plain']],
    ['Application/HL7-V2', ['application/hl7-v2']],
    ['x-application/hl7-v2+er7; charset=utf-8', ['x-application/hl7-v2+er7', ['charset', 'utf-8']]],
    ['text/plain;CharSet=UTF-8', ['text/plain', ['charset', 'UTF-8']]],
    ['text/plain \t;\t charset="utf-8"', ['text/plain', ['charset', 'utf-8']]],
    ['a/b;c="d;e=\\"f\\\\, ü"; g=h', ['a/b', ['c', 'd;e="f\\, ü'], ['g', 'h']]],
    ['a/b;c=""', ['a/b', ['c', '']]],
    // 5.6.6: a parameter may be left out.
    ['a/b;', ['a/b']],
    ['a/b; ; ;c=d; ', ['a/b', ['c', 'd']]],
  ])('%s', (header, parts) => expect(read(header)).toEqual(parts));

  it.each([
    ['', 'nothing'],
    ['text', 'no subtype'],
    ['text/', 'an empty subtype'],
    ['/plain', 'an empty type'],
    [' text/plain', 'a space before it'],
    ['text/plain ', 'a space behind it'],
    ['text / plain', 'spaces within'],
    ['text/plain charset=utf-8', 'no semicolon'],
    ['text/plain;charset', 'no value'],
    ['text/plain;charset=', 'an empty token'],
    ['text/plain;=utf-8', 'no name'],
    ['text/plain;charset = utf-8', 'spaces around ='],
    ['text/plain;charset="utf-8', 'quotes that do not end'],
    ['text/plain;charset="utf-8\\"', 'quotes that end escaped'],
    ['text/plain;charset="utf-8"x', 'bytes behind the quotes'],
    ['text/plain;charset=utf-8,text/html', 'two types'],
    ['text/plain, text/plain', 'two headers'],
    ['text/plain;charset="a\nb"', 'a control character'],
    ['text/plain;charset="a\\\nb"', 'an escaped control character'],
    ['text/plain;charset=ü', 'a token beyond ASCII'],
    ['text/plain;c="\u0100"', 'more than a byte'],
  ])('%j is none: %s', (header) => expect(parseContentType(header)).toBeUndefined());

  it('a parameter that comes twice is taken only if both say the same', () => {
    const once = ['text/plain', ['charset', 'utf-8']];
    expect(read('text/plain;charset=utf-8;charset=utf-8')).toEqual(once);
    expect(read('text/plain;charset=utf-8;CHARSET="UTF-8"')).toEqual(once);
    expect(read('text/plain;charset=utf-8;charset=iso-8859-1')).toBeUndefined();
    expect(read('text/plain;charset=utf-8;x=1;charset=""')).toBeUndefined();
    expect(read('text/plain;x=a;x=a')).toEqual(['text/plain', ['x', 'a']]);
    expect(read('text/plain;x=a;x=A')).toBeUndefined();
  });

  it('what is written is read back', () => {
    const token = fc.string({
      unit: fc.constantFrom(..."!#$%&'*+.^_`|~09AZaz-"),
      minLength: 1,
      maxLength: 8,
    });
    const lower = token.map((text) => text.toLowerCase());
    const inQuotes = fc.string({
      unit: fc.constantFrom(...'\t !"#\\;=,/()aZ~', '\x80', 'ü', '\xff'),
      maxLength: 12,
    });
    const parameters = fc
      .array(fc.tuple(lower, fc.oneof(token, inQuotes)), { maxLength: 5 })
      .map((pairs) => new Map(pairs));
    const types = fc.tuple(lower, lower).map((two) => two.join('/'));
    const property = fc.property(types, parameters, (type, map) => {
      const given: ContentType = { type, parameters: map };
      expect(parseContentType(formatContentType(given))).toEqual(given);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('any bytes are read or refused, and what is read says nothing else when written again', () => {
    const text = fc.string({ unit: fc.constantFrom(...'a/b;= \t"\\,c', 'ü', '\n'), maxLength: 24 });
    const property = fc.property(text, (rest) => {
      const parsed = parseContentType(`a/b${rest}`);
      if (parsed !== undefined) expect(parseContentType(formatContentType(parsed))).toEqual(parsed);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it('a long header costs no more than its length', () => {
    const took = cpuMsOf(() => {
      for (const part of [';', ' ;', '; ', ';a=b', ' ', '"', ';a="', ';a="\\"']) {
        const header = `a/b${part.repeat(200_000 / part.length)}\n`;
        expect(parseContentType(header)).toBeUndefined();
      }
    });
    // Quadratic reading of these takes minutes.
    expect(took).toBeLessThan(1_000);
  });
});

it.each([
  ['application/hl7-v2', true],
  ['application/hl7-v2+er7', true],
  ['x-application/hl7-v2+er7', true],
  ['X-Application/HL7-v2+ER7', true],
  ['application/hl7-v2+xml', false],
  ['application/hl7-v3', false],
  ['x-application/hl7-v2', false],
  ['text/plain', false],
  ['', false],
])('%s is HL7: %j', (type, hl7) => expect(isHl7Type(type)).toBe(hl7));

describe('the charset parameter', () => {
  const charset = (value: string): string | undefined =>
    charsetOfType(parseContentType(`text/plain;charset="${value}"`) as ContentType);

  it.each<[string, string | undefined]>([
    ['utf-8', 'utf-8'],
    ['UTF8', 'utf-8'],
    [' utf-8 ', 'utf-8'],
    ['us-ascii', 'windows-1252'],
    ['ISO-8859-1', 'iso-8859-1'],
    ['latin1', 'iso-8859-1'],
    ['windows-1252', 'iso-8859-1'],
    ['ISO-8859-9', 'windows-1254'],
    ['iso-8859-15', 'iso-8859-15'],
    ['Shift_JIS', 'shift_jis'],
    ['sjis', 'shift_jis'],
    ['GB2312', 'gb18030'],
    ['gbk', 'gb18030'],
    ['big5', 'big5'],
    ['utf-16', 'utf-16le'],
    ['8859/2', 'iso-8859-2'],
    ['UNICODE UTF-8', 'utf-8'],
    ['utf-7', undefined],
    ['no-such', undefined],
    ['', undefined],
  ])('%j is %j', (value, name) => expect(charset(value)).toBe(name));

  it('without one there is none', () => {
    expect(charsetOfType(parseContentType('text/plain; x=utf-8') as ContentType)).toBeUndefined();
  });

  it('Latin-1 is not taken for UTF-8, though its bytes could be', () => {
    const bytes = Buffer.from('Ã¼', 'latin1');
    expect(decodeText(bytes, charset('iso-8859-1'))).toBe('Ã¼');
    expect(decodeText(bytes, charset('windows-1252'))).toBe('Ã¼');
    expect(decodeText(bytes, charset('utf-8'))).toBe('ü');
  });
});

describe('the charset to declare', () => {
  const label = (msh18: string): string | undefined =>
    charsetLabel(readHeader(Buffer.from(`MSH|^~\\&|A|B|C|D|20260101||ADT|1|P|2.5||||||${msh18}\r`)));

  it.each<[string, string | undefined]>([
    ['', undefined],
    ['ASCII', 'us-ascii'],
    ['UNICODE UTF-8', 'utf-8'],
    ['8859/1', 'iso-8859-1'],
    ['8859/9', 'iso-8859-9'],
    ['8859/15', 'iso-8859-15'],
    ['WINDOWS-1252', 'windows-1252'],
    ['GB 18030-2000', 'gb18030'],
    ['~ISO IR87', 'iso-2022-jp'],
    ['8859/1~8859/2', 'iso-8859-1'],
    ['CNS 11643-1992', undefined],
    ['wat', undefined],
    ['UNICODE UTF-8|', 'utf-8'],
  ])('for MSH-18 %j is %j', (msh18, name) => expect(label(msh18)).toBe(name));

  it.each(['utf-16le', 'utf-16be'] as const)('of a message in %s is that, whatever MSH-18 says', (utf16) => {
    const text = 'MSH|^~\\&|A|B|C|D|20260101||ADT|1|P|2.5||||||8859/1\r';
    expect(charsetLabel(readHeader(encodeUtf16(text, utf16)))).toBe(utf16);
  });

  it('is understood again', () => {
    for (const name of ['ASCII', '8859/1', '8859/9', 'UNICODE UTF-8', 'BIG-5', 'KS X 1001', 'ISO IR87']) {
      const type = parseContentType(`text/plain;charset=${label(name)}`) as ContentType;
      expect(charsetOfType(type)).toBe(readHeader(Buffer.from(`MSH|^~\\&${'|'.repeat(16)}${name}`)).charset);
    }
  });
});
