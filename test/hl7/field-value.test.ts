// Values as a person reads them: escapes decoded, by the message's own delimiters and charset.
import { describe, expect, it } from 'vitest';
import { read } from './split-reference.ts';

describe('escapes', () => {
  it.each<[string, string]>([
    ['a\\F\\b', 'a|b'],
    ['a\\S\\b', 'a^b'],
    ['a\\T\\b', 'a&b'],
    ['a\\R\\b', 'a~b'],
    ['a\\E\\b', 'a\\b'],
    ['a\\E\\F\\E\\b', 'a\\F\\b'],
    ['a\\X41\\b', 'aAb'],
    ['a\\X0d0A\\b', 'a\r\nb'],
    ['\\XC3A9\\', 'é'],
    ['a\\.br\\b', 'a\nb'],
    ['\\H\\loud\\N\\', 'loud'],
    ['a\\P\\b', 'a\\P\\b'],
    ['a\\X4\\b', 'a\\X4\\b'],
    ['a\\X\\b', 'a\\X\\b'],
    ['a\\XZZ\\b', 'a\\XZZ\\b'],
    ['a\\Zlocal\\b', 'a\\Zlocal\\b'],
    ['a\\C2842\\b', 'a\\C2842\\b'],
    ['a\\M244A\\b', 'a\\M244A\\b'],
    ['a\\.sp+1\\b', 'a\\.sp+1\\b'],
    ['a\\\\b', 'a\\\\b'],
    ['a\\', 'a\\'],
    ['a\\Fb', 'a\\Fb'],
    ['\\F\\\\', '|\\'],
  ])('%j reads %j', (raw, value) => {
    expect(read(`MSH|^~\\&|${raw}`, 'MSH-3')).toBe(value);
    expect(read(`MSH|^~\\&|\rZZZ|x^${raw}`, 'ZZZ-1.2')).toBe(value);
  });

  it('are not looked for across a delimiter, so that a field and its components agree', () => {
    const message = 'MSH|^~\\&|a\\^\\S\\';
    expect([read(message, 'MSH-3'), read(message, 'MSH-3.1'), read(message, 'MSH-3.2')]).toEqual([
      'a\\^^',
      'a\\',
      '^',
    ]);
  });

  it('stand for the characters of the message; a character it does not have stays escaped', () => {
    expect(read('MSH#!@%*#%F%%S%%T%%R%%E%', 'MSH-3')).toBe('#!*@%');
    expect(read('MSH|^~\\&#|\\P\\', 'MSH-3')).toBe('#');
    expect(read('MSH|^~\\|\\T\\', 'MSH-3')).toBe('\\T\\');
  });

  it('may be long', () => {
    const text = 'long text, '.repeat(1_000);
    expect(read(`MSH|^~\\&|\\X${Buffer.from(text).toString('hex')}\\`, 'MSH-3')).toBe(text);
    expect(read(`MSH|^~\\&|${text}\\T\\`, 'MSH-3')).toBe(`${text}&`);
  });
});

describe('F19 delimiters of the message', () => {
  it('split, and are shown in standard form', () => {
    const message = 'MSH#!@%*#A!B*C@D#x\rPID#^~&!2*3';
    expect(read(message, 'MSH-1')).toBe('#');
    expect(read(message, 'MSH-2')).toBe('!@%*');
    expect(read(message, 'MSH-3')).toBe('A^B&C~D');
    expect(read(message, 'MSH-3[1]')).toBe('A^B&C');
    expect(read(message, 'MSH-3.2')).toBe('B&C');
    expect(read(message, 'MSH-3.2.2')).toBe('C');
    expect(read(message, 'PID-1')).toBe('^~&^2&3');
  });

  it('that are not declared do not split', () => {
    expect(read('MSH|^|a^b~c&d\\T\\', 'MSH-3.2')).toBe('b~c&d\\T\\');
    expect(read('MSH||a^b', 'MSH-3.1')).toBe('a^b');
    expect(read('MSH||a^b', 'MSH-3[2]')).toBeUndefined();
  });

  it('declared twice serve their first purpose', () => {
    expect(read('MSH|^^\\&|a^b', 'MSH-3.2')).toBe('b');
    expect(read('MSH|^^\\&|a^b', 'MSH-3[2]')).toBeUndefined();
  });
});

describe('F18 charsets', () => {
  const header = (charset: string): string => `MSH|^~\\&|A|||||||||||||||${charset}\r`;

  it('without MSH-18: UTF-8, else Windows-1252', () => {
    expect(read(`${header('')}PID|MÜLLER`, 'PID-1')).toBe('MÜLLER');
    expect(read(Buffer.from(`${header('')}PID|MÜLLER`, 'latin1'), 'PID-1')).toBe('MÜLLER');
  });

  it('as declared', () => {
    const greek = Buffer.concat([Buffer.from(`${header('8859/7')}PID|x^`), Buffer.from([0xc1, 0xe2])]);
    expect(read(greek, 'PID-1')).toBe('x^Αβ');
    expect(read(greek, 'PID-1.2')).toBe('Αβ');
    expect(read(greek, 'MSH-18')).toBe('8859/7');
    expect(read(`${header('8859/7')}PID|\\XC1\\`, 'PID-1')).toBe('Α');
  });

  it("GB18030: the second byte of a character may be any of HL7's delimiters", () => {
    // 81 7C, 81 5E, 81 7E, 81 5C
    const tricky = Buffer.from([0x81, 0x7c, 0x81, 0x5e, 0x81, 0x7e, 0x81, 0x5c]);
    const message = Buffer.concat([
      Buffer.from(`${header('GB 18030-2000')}PID|`),
      tricky,
      Buffer.from('^2\\T\\\\XB0A1\\~r|'),
      tricky,
      Buffer.from('\rPV1|'),
      tricky,
    ]);
    expect(read(message, 'PID-1')).toBe('亅乛亊乗^2&啊~r');
    expect(read(message, 'PID-1.1')).toBe('亅乛亊乗');
    expect(read(message, 'PID-1.2')).toBe('2&啊');
    expect(read(message, 'PID-1[2]')).toBe('r');
    expect(read(message, 'PID-2')).toBe('亅乛亊乗');
    expect(read(message, 'PID-3')).toBeUndefined();
    expect(read(message, 'PV1-1')).toBe('亅乛亊乗');
    expect(read(message, 'MSH-3')).toBe('A');
    expect(read(message, 'MSH-19')).toBeUndefined();
  });

  it('hexadecimal bytes that are no text in GB18030 cost no character beside them', () => {
    expect(read(`${header('GB 18030-2000')}PID|ä`, 'PID-1')).toBe('盲');
    const invalid = Buffer.from(`${header('GB 18030-2000')}PID|\xb0\xa1\\X${'FF'.repeat(40)}\\end`, 'latin1');
    expect(read(invalid, 'PID-1')).toBe(`啊${'\ufffd'.repeat(40)}end`);
  });

  it.each(['ISO IR87', '~ISO IR87', 'ASCII~ISO IR87'])('Japanese by ISO 2022, declared as %s', (charset) => {
    // ESC $ B, two bytes a character (among them | and ^), ESC ( B
    const kanji = Buffer.from('\x1b$B;3ED|^\x1b(B', 'latin1');
    const message = Buffer.concat([Buffer.from(`${header(charset)}PID|`), kanji, Buffer.from('^TARO|next')]);
    const first = new TextDecoder('iso-2022-jp').decode(kanji);
    expect(first.startsWith('山田')).toBe(true);
    expect([read(message, 'PID-1.1'), read(message, 'PID-1.2'), read(message, 'PID-2')]).toEqual([
      first,
      'TARO',
      'next',
    ]);
  });

  it.each(['utf16le', 'utf16be'])('%s payloads', (encoding) => {
    const message = Buffer.from('\ufeffMSH|^~\\&|Ä|N\rPID|山田^TARO', 'utf16le');
    if (encoding === 'utf16be') message.swap16();
    expect([read(message, 'MSH-3'), read(message, 'PID-1'), read(message, 'PID-1.2')]).toEqual([
      'Ä',
      '山田^TARO',
      'TARO',
    ]);
  });
});
