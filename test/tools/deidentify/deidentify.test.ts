// De-identification: what is replaced, what stays, the structure of every fixture, and the report.
import { expect, test } from 'vitest';
import { namedSegments } from '../../../src/hl7/whole/field-names.ts';
import { Deidentifier, type DeidentifyOptions } from '../../../src/tools/deidentify/deidentify.ts';
import { knownSegments } from '../../../src/tools/deidentify/tables/field-rules.ts';
import { readFixtures } from '../../fixture-reader.ts';
import { shapeOf, valuesOf } from './structure.ts';

const KEY = Buffer.alloc(32, 7);
const make = (over: Partial<DeidentifyOptions> = {}): Deidentifier => new Deidentifier({ key: KEY, ...over });
const done = (text: string, over: Partial<DeidentifyOptions> = {}): string =>
  make(over).deidentify(Buffer.from(text, 'utf8')).toString('utf8');
/** MSH-7 is moved. */
const withoutTime = (header: string): string => header.split(header.charAt(3)).toSpliced(6, 1).join();

const MSH = 'MSH|^~\\&|ADMIT|NORTH|EHR|NORTH|20261103081512||ADT^A01|AN1|P|2.5.1\r';
const field = (text: string, segment: string, n: number): string =>
  text
    .split('\r')
    .find((line) => line.startsWith(segment))
    ?.split('|')[n] ?? '';

const fixtures = readFixtures();
const decode = (bytes: Buffer, charset: string): string =>
  new TextDecoder(
    charset === ''
      ? 'utf-8'
      : charset === '8859/1'
        ? 'iso-8859-1'
        : charset.startsWith('GB')
          ? 'gb18030'
          : 'utf-8',
    {
      fatal: true,
      ignoreBOM: true,
    },
  ).decode(bytes);

test.for(fixtures.map((one) => [one.file, one] as const))(
  '%s keeps its structure, and nobody in it',
  ([, fixture]) => {
    const out = decode(make({ keepSegments: ['ZPI', 'ZPV'] }).deidentify(fixture.bytes), fixture.charset);
    const before = decode(fixture.bytes, fixture.charset);
    expect(shapeOf(out)).toEqual(shapeOf(before));
    // MSH-3 to 6 and 8 to 12 decide where a message goes, and its id what is answered.
    const headers = (text: string) => text.match(/MSH[^\r\n]*/g)?.map(withoutTime);
    expect(headers(out)).toEqual(headers(before));
    const left = valuesOf(out).toUpperCase().split('\n');
    for (const message of fixture.messages) {
      const people = [
        'PID-5',
        'PID-3',
        'PID-11',
        'PID-13',
        'NK1-2',
        'PV1-7',
        'IN1-16',
        'GT1-3',
        'STF-3',
        'MRG-1',
        'OBX-16',
      ];
      for (const path of people) {
        const [segment = '', n] = path.split('-');
        const component = path.endsWith('-3') && segment === 'PID' ? 1 : 2;
        const values = message.field(segment, Number(n)).split(message.component).slice(0, component);
        for (const value of values)
          if (value.length > 3) expect(left, `${path} ${value}`).not.toContain(value.toUpperCase());
      }
    }
  },
);

test('the fixtures’ segments are all known, and those of the table of names', () => {
  const used = fixtures.flatMap(({ messages }) =>
    messages.flatMap(({ segments }) => segments.map(({ name }) => name)),
  );
  const known = new Set(knownSegments());
  expect([...new Set(used)].filter((name) => !name.startsWith('Z') && !known.has(name))).toEqual([]);
  // APR holds preferences in free form, and is blanked.
  expect(namedSegments().filter((name) => !known.has(name))).toEqual(['APR']);
});

test('the same person has the same pseudonym in every message and place; another key has others', () => {
  const deidentifier = make();
  const run = (text: string): string => deidentifier.deidentify(Buffer.from(MSH + text)).toString();
  const a = run('PID|1||100001^^^NORTH^MR||TESTPERSON^ALPHA\rPV1|1|I|||||7001^CAREWELL^CORA\r');
  const b = run(
    'PID|1||100001^^^NORTH^MR||Testperson^Alpha^ \rNK1|1|TESTPERSON^ALMA\rORC|RE|||||||||7001^CAREWELL^CORA\r',
  );
  expect(field(a, 'PID', 3)).toBe(field(b, 'PID', 3));
  expect(field(a, 'PID', 5).split('^')[0]).toBe(field(b, 'NK1', 2).split('^')[0]);
  expect(field(b, 'PID', 5).split('^')[0]?.toUpperCase()).toBe(field(a, 'PID', 5).split('^')[0]);
  expect(field(a, 'PV1', 7)).toBe(field(b, 'ORC', 10));
  expect(field(a, 'PID', 3)).toMatch(/^\d{8}\^\^\^NORTH\^MR$/);
  expect(done(`${MSH}PID|1||100001^^^NORTH^MR\r`, { key: Buffer.alloc(32, 8) })).not.toContain(
    field(a, 'PID', 3),
  );
});

test('dates move by the same days for one patient, in their own precision, and not by the same for another', () => {
  const text = (id: string): string =>
    `${MSH}EVN||20261103081510.123+0100\rPID|1||${id}||A^B||19520417\rPV1|1|I${'|'.repeat(42)}202611030810|20261110\r`;
  const days = (out: string, segment: string, n: number): number => {
    const digits = field(out, segment, n).slice(0, 8);
    return Date.parse(`${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`) / 86_400_000;
  };
  const [a, b] = [done(text('100001')), done(text('100002'))];
  const original = text('100001');
  const shift = days(a, 'PID', 7) - days(original, 'PID', 7);
  expect(shift).toBeLessThanOrEqual(-7);
  for (const [segment, n] of [
    ['EVN', 2],
    ['PV1', 44],
    ['PV1', 45],
  ] as const)
    expect(days(a, segment, n) - days(original, segment, n)).toBe(shift);
  expect(field(a, 'EVN', 2)).toMatch(/^\d{8}081510\.123\+0100$/);
  expect(field(a, 'PV1', 44)).toMatch(/^\d{8}0810$/);
  expect(days(b, 'PID', 7)).not.toBe(days(a, 'PID', 7));
});

test.for([
  ['1952', /^195[12]$/],
  ['195204', /^195[12]\d\d$/],
  ['20250230', /^X$/],
  ['about 1952', /^X$/],
  ['""', /^""$/],
] as const)('a date of birth %s', ([value, becomes]) => {
  expect(field(done(`${MSH}PID|1||1||A^B||${value}\r`), 'PID', 7)).toMatch(becomes);
});

test('free text, pointers and documents are blanked; numbers and codes stay', () => {
  const out = done(
    `${MSH}OBX|1|TX|A^B^L||He fell.~Twice||||||F\rOBX|2|ST|A||positive\rOBX|3|NM|A||5.4|mmol/L|3.9-5.8|N|||F\r` +
      'OBX|4|CWE|A||J18^Pneumonia^I10\rOBX|5|CWE|A||^fell from the roof\rOBX|6|ED|A||LAB^AP^PDF^Base64^JVBERi0xLjQK\r' +
      'OBX|7|RP|A||/files/smith.pdf^LAB\rOBX|8|SN|A||>^100\rOBX|9|ZZ|A||what\rNTE|1|L|call her||\r',
  );
  const values = out
    .split('\r')
    .slice(1, 10)
    .map((line) => line.split('|')[5]);
  expect(values).toEqual([
    'X~X',
    'X',
    '5.4',
    'J18^Pneumonia^I10',
    '^X',
    'LAB^AP^PDF^Base64^QUJD',
    'X^LAB',
    '>^100',
    'X',
  ]);
  expect(out).toContain('OBX|3|NM|A||5.4|mmol/L|3.9-5.8|N|||F\r');
  expect(out).toContain('NTE|1|L|X||\r');
});

test('--same-length: what is blanked keeps its bytes', () => {
  const out = done(`${MSH}OBX|1|TX|A||Grüße^und\rOBX|2|ED|A||^AP^PDF^Base64^JVBERi0xLjQK\r`, {
    sameLength: true,
  });
  expect(out).toContain('OBX|1|TX|A||XXXXXXX^XXX\r');
  expect(out).toContain(`^AP^PDF^Base64^${'A'.repeat(12)}\r`);
});

test('Z segments go, unless asked for; then what the message says of its patient does not stay in them', () => {
  const text = `${MSH}PID|1||100001||SMITHSON^ANNA\rZPI|1|MOVED|Anna Smithson|x100001y\rZPV|1\rPV1|1|I\r`;
  expect(
    done(text)
      .split('\r')
      .map((line) => line.slice(0, 3)),
  ).toEqual(['MSH', 'PID', 'PV1', '']);
  expect(done(text, { keepSegments: ['ZPI'] })).toContain('\rZPI|1|MOVED|X|X\rPV1|1|I\r');
});

test('unknown segments and fields are blanked, part for part', () => {
  const out = done(`${MSH}QQQ|a^b&c~d||""\rPID|1||1||A^B${'|'.repeat(45)}beyond\rJohn Smith fell\rBOB\r`);
  expect(out).toContain('\rQQQ|X^X&X~X||""\r');
  expect(out).toMatch(/\|X\rXXX\rXXX\r$/);
});

test('what a message names, it does not name elsewhere: in texts of codes, in ranges, in numbers', () => {
  const out = done(
    `${MSH}NTE|1|L|x\rDG1|1||J18^Pneumonia of Mr Smithson^I10|x\rOBX|1|NM|Z99^Test^L|100001-2|5||Smithson\r` +
      'PID|1||100001^^^NORTH||SMITHSON^ANNA||||||||(555)555-0110\rPV2||SMITHSON|ROOM^Room 12\r',
  );
  expect(out).not.toMatch(/smithson/i);
  expect(out).not.toContain('100001');
  expect(out).toContain('PV2||X|ROOM^Room 12');
});

test('two patients in one message: each has days of its own', () => {
  const out = done(`${MSH}PID|1||100001||A^B||19520417\rPID|2||100002||C^D||19520417\r`);
  const [, first, second] = out.split('\r');
  expect(first?.split('|')[7]).not.toBe(second?.split('|')[7]);
  // As in a message of her own.
  expect(second?.split('|')[7]).toBe(field(done(`${MSH}PID|1||100002||C^D||19520417\r`), 'PID', 7));
});

test.for(['utf16le', 'utf16be'] as const)('a message in %s stays in it', (encoding) => {
  const text = `\ufeff${MSH}PID|1||100001||Grüße^Ada\r`;
  const bytes = Buffer.from(text, 'utf16le');
  const out = make().deidentify(encoding === 'utf16be' ? Buffer.from(bytes).swap16() : bytes);
  const read = new TextDecoder(encoding === 'utf16be' ? 'utf-16be' : 'utf-16le', { ignoreBOM: true }).decode(
    out,
  );
  expect(shapeOf(read)).toEqual(shapeOf(text));
  expect(read.startsWith('\ufeffMSH')).toBe(true);
  expect(read).not.toContain('Grüße');
});

test.for([
  ['iso-2022-jp', 'ISO IR87', '1b24423b33457c1b2842'],
  ['shift_jis', 'ISO IR14', '955c8e7c'],
  ['big5', 'BIG-5', 'a45ca57c'],
] as const)('%s, where half of a character is a delimiter', ([charset, declared, hex]) => {
  const before = Buffer.concat([
    Buffer.from(`MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5||||||${declared}\rPID|1||100001||`),
    Buffer.from(hex, 'hex'),
    Buffer.from('^B||19520417\rPV1|1|'),
    Buffer.from(hex, 'hex'),
    Buffer.from('|4W^412\r'),
  ]);
  const out = make().deidentify(before);
  const read = (bytes: Buffer): string => new TextDecoder(charset, { fatal: true }).decode(bytes);
  expect(shapeOf(read(out)).lines).toEqual(shapeOf(read(before)).lines);
  expect(out.includes(Buffer.from(hex, 'hex'))).toBe(false);
  expect(read(out)).toMatch(/PV1\|1\|X\|4W\^412\r$/);
});

test('the report counts by field, and has no value of a message', () => {
  const deidentifier = make();
  const text = `${MSH}PID|1||100001||SMITHSON^ANNA||19520417\rNTE|1||text\rZPI|secret\r`;
  deidentifier.deidentify(Buffer.from(text));
  deidentifier.deidentify(Buffer.from(text));
  expect([...deidentifier.report]).toEqual([
    ['MSH-7', { moved: 2 }],
    ['NTE-3', { blanked: 2 }],
    ['PID-3', { pseudonym: 2 }],
    ['PID-5', { pseudonym: 4 }],
    ['PID-7', { moved: 2 }],
    ['ZPI', { dropped: 2 }],
  ]);
  expect(deidentifier.messages).toBe(2);
});
