// Charsets: table 0211's names, text from bytes, copies that can be split, UTF-16.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charsetOf, decodeText, encodeUtf16, narrowUtf16, splittable } from '../../src/hl7/charset.ts';

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
