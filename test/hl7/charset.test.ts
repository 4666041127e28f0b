// Charsets: table 0211's names, text from bytes, copies that can be split, UTF-16.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  charsetOf,
  decodeStrictly,
  decodeText,
  encodeUtf16,
  narrowUtf16,
  splittable,
} from '../../src/hl7/charset.ts';
import { read } from './split-reference.ts';

describe('names of table 0211', () => {
  it.each<[string, string | undefined]>([
    ['', undefined],
    ['ASCII', 'windows-1252'],
    ['8859/1', 'iso-8859-1'],
    ['8859/9', 'windows-1254'],
    ['8859/15', 'iso-8859-15'],
    ['ISO IR87', 'iso-2022-jp'],
    ['JIS X 0202', 'iso-2022-jp'],
    ['JAS2020', 'iso-2022-jp'],
    ['ISO IR159', 'iso-2022-jp'],
    ['ISO IR6', 'windows-1252'],
    ['ISO IR13', 'shift_jis'],
    ['ISO IR14', 'shift_jis'],
    ...[2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 16].map((n): [string, string] => [`8859/${n}`, `iso-8859-${n}`]),
    ['8859/11', 'windows-874'],
    ['8859/12', undefined],
    ['ISO-8859-2', 'iso-8859-2'],
    ['ISO8859-9', 'windows-1254'],
    ['ISO 8859/11', 'windows-874'],
    ['GB 18030', 'gb18030'],
    ['UNICODE UTF-16', undefined],
    ['UNICODE UTF-32', undefined],
    ['GB 18030-2000', 'gb18030'],
    ['KS X 1001', 'euc-kr'],
    ['BIG-5', 'big5'],
    ['UNICODE', 'utf-8'],
    ['UNICODE UTF-8', 'utf-8'],
    ['unicode utf-8', 'utf-8'],
    [' UNICODE UTF-8 ', 'utf-8'],
    ['utf-8', 'utf-8'],
    ['Shift_JIS', 'shift_jis'],
    ['NO SUCH', undefined],
  ])('%j is %j', (name, label) => expect(charsetOf(name)).toBe(label));

  it('one that Node.js cannot decode counts as none', () => {
    expect(charsetOf('CNS 11643-1992')).toBeUndefined();
  });
});

/** A letter of each, by the standards' own charts. */
describe('F18 each charset of table 0211 has its own letters', () => {
  it.each([
    ['8859/1', 'c6', 'Æ'],
    ['8859/2', 'a3', 'Ł'],
    ['8859/3', 'a1', 'Ħ'],
    ['8859/4', 'a2', 'ĸ'],
    ['8859/5', 'b6', 'Ж'],
    ['8859/6', 'c8', 'ب'],
    ['8859/7', 'd8', 'Ψ'],
    ['8859/8', 'e0', 'א'],
    ['8859/9', 'd0', 'Ğ'],
    ['8859/10', 'a2', 'Ē'],
    ['8859/11', 'a1', 'ก'],
    ['8859/13', 'e0', 'ą'],
    ['8859/14', 'a1', 'Ḃ'],
    ['8859/15', 'a4', '€'],
    ['8859/16', 'aa', 'Ș'],
    ['ASCII', 'e9', 'é'],
    ['ISO IR6', 'e9', 'é'],
    ['ISO IR13', 'b1', 'ｱ'],
    ['ISO IR14', 'b1', 'ｱ'],
    ['ISO IR87', '1b24423b331b2842', '山'],
    ['GB 18030-2000', '81308130', '\x80'],
    ['GB 18030-2000', 'c9bd', '山'],
    ['KS X 1001', 'bbea', '산'],
    ['BIG-5', 'a473', '山'],
    ['UNICODE', 'e5b1b1', '山'],
    ['UNICODE UTF-8', 'f09f9880', '😀'],
  ])('%s %s is %s', (name, hex, text) => {
    const message = Buffer.concat([
      Buffer.from(`MSH|^~\\&|A|||||||||||||||${name}\rPID|`),
      Buffer.from(hex, 'hex'),
      Buffer.from('^b\r'),
    ]);
    expect(charsetOf(name)).toBeDefined();
    expect(read(message, 'PID-1.1')).toBe(text);
    expect(read(message, 'PID-1.2')).toBe('b');
    expect(decodeStrictly(Buffer.from(hex, 'hex'), charsetOf(name) ?? '')).toBe(text);
  });

  it.each(['8859/1', 'ISO IR87', ''])('a byte order mark before MSH is no part of it (%j)', (name) => {
    const message = `\ufeffMSH|^~\\&|A|||||||||||||||${name}\rPID|x\r`;
    expect([read(message, 'MSH-3'), read(message, 'MSH-18'), read(message, 'PID-1')]).toEqual([
      'A',
      name,
      'x',
    ]);
  });

  it('ISO IR14 in the first place and ISO IR87 in the second switch by escapes', () => {
    const message = Buffer.from(
      'MSH|^~\\&|A|||||||||||||||ISO IR14~ISO IR87\rPID|\x1b$B;3\x1b(B^b\r',
      'latin1',
    );
    expect([read(message, 'PID-1.1'), read(message, 'PID-1.2')]).toEqual(['山', 'b']);
  });
});

describe('strictly', () => {
  it.each([
    ['utf-8', 'c3'],
    ['gb18030', '81'],
    ['iso-2022-jp', '1b2442ff'],
    ['shift_jis', '80'],
    ['iso-8859-7', 'ff'],
    ['utf-16le', '00d8'],
    ['utf-16le', '410042'],
    ['no-such', 'ff'],
  ])('%s has no %s', (charset, hex) =>
    expect(decodeStrictly(Buffer.from(hex, 'hex'), charset)).toBeUndefined(),
  );

  it('a byte order mark is kept', () => {
    expect(decodeStrictly(Buffer.from('\ufeffa'), 'utf-8')).toBe('\ufeffa');
  });
});

describe('F18 text', () => {
  it('by charset', () => {
    expect(decodeText(Buffer.from([0xe9]), 'iso-8859-7')).toBe('ι');
    expect(decodeText(Buffer.from([0xb0, 0xa1]), 'gb18030')).toBe('啊');
    expect(decodeText(Buffer.from([0xe9, 0x41]), 'utf-8')).toBe('\ufffdA');
    expect(decodeText(Buffer.from('\x1b$B;3\x1b(B', 'latin1'), 'iso-2022-jp')).toBe('山');
  });

  it('without one, or as ASCII: UTF-8 where it is valid, else Windows-1252', () => {
    for (const charset of [undefined, 'windows-1252']) {
      expect(decodeText(Buffer.from('é'), charset)).toBe('é');
      expect(decodeText(Buffer.from([0xe9, 0x80]), charset)).toBe('é€');
    }
  });

  it('any bytes become some text', () => {
    const charsets = fc.constantFrom(
      undefined,
      'utf-8',
      'gb18030',
      'big5',
      'shift_jis',
      'euc-kr',
      'iso-2022-jp',
      'iso-8859-6',
    );
    const property = fc.property(fc.uint8Array(), charsets, (bytes, charset) => {
      expect(typeof decodeText(Buffer.from(bytes), charset)).toBe('string');
    });
    fc.assert(property);
  });
});

describe('splittable', () => {
  it('is the same buffer where no delimiter can hide in a character', () => {
    const bytes = Buffer.from('é|');
    for (const charset of [undefined, 'utf-8', 'iso-8859-1', 'euc-kr']) {
      expect(splittable(bytes, charset)).toEqual({ bytes, charset });
      expect(splittable(bytes, charset).bytes).toBe(bytes);
    }
    const ascii = Buffer.from('plain');
    expect(splittable(ascii, 'gb18030').bytes).toBe(ascii);
  });

  it('is a UTF-8 copy where it can', () => {
    const { bytes, charset } = splittable(Buffer.from([0x81, 0x7c, 0x7c]), 'gb18030');
    expect([bytes.toString(), charset]).toEqual(['亅|', 'utf-8']);
  });
});

describe('F18 UTF-16', () => {
  const text = 'MSH|^~\\&|Ä山\r';

  it.each([
    ['little-endian with a mark', 'utf-16le', '\ufeff'],
    ['little-endian without', 'utf-16le', ''],
    ['big-endian with a mark', 'utf-16be', '\ufeff'],
    ['big-endian without', 'utf-16be', ''],
  ] as const)('%s is narrowed to UTF-8', (_, encoding, mark) => {
    const narrow = narrowUtf16(encodeUtf16(mark + text, encoding));
    expect([narrow?.bytes.toString(), narrow?.encoding]).toEqual([text, encoding]);
  });

  it.each(['', 'M', 'MSH|', '\ufeffMSH|', 'é'])('%j in UTF-8 is left alone', (plain) => {
    expect(narrowUtf16(Buffer.from(plain))).toBeUndefined();
  });
});
