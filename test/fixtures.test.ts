// Holds fixtures/ to what fixtures/README.md promises: what the set as a whole has, and what each file's bytes are.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BOM, DECODERS, type Fixture, FOLDER, type Message, readFixtures, typeOf } from './fixture-reader.ts';

const fixtures = readFixtures();
const messages = fixtures.flatMap((fixture) => fixture.messages);
const having = (pattern: RegExp): string[] =>
  fixtures.filter(({ text }) => pattern.test(text)).map(({ file }) => file);
const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort();

describe('the set', () => {
  test('has at least 36 files besides the batch, of at least 14 message types', () => {
    expect(fixtures.filter(({ batch }) => !batch).length).toBeGreaterThanOrEqual(36);
    expect(fixtures.filter(({ batch }) => batch)).toHaveLength(1);
    expect(distinct(messages.map((message) => typeOf(message).slice(0, 3))).length).toBeGreaterThanOrEqual(
      14,
    );
    expect(distinct(messages.map(typeOf))).toEqual(
      expect.arrayContaining([
        ...[
          'ADT^A01',
          'ADT^A03',
          'ADT^A04',
          'ADT^A08',
          'ADT^A31',
          'ADT^A40',
          'ORM^O01',
          'OML^O21',
          'ORU^R01',
          'SIU^S12',
        ],
        ...['MDM^T02', 'VXU^V04', 'DFT^P03', 'RDE^O11', 'BAR^P01', 'ACK', 'QBP^Q22', 'QBP^Q11', 'MFN^M02'],
      ]),
    );
  });

  test('has every version from 2.2 to 2.9', () => {
    const versions = distinct(messages.map((message) => message.field('MSH', 12)));
    expect(versions).toEqual(['2.2', '2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.8', '2.9']);
  });

  test('separates mostly by CR, several times by LF and by CRLF; the name says which', () => {
    const by = (separator: string): Fixture[] =>
      fixtures.filter((fixture) => fixture.separator === separator);
    expect(by('\r').length).toBeGreaterThan(fixtures.length / 2);
    expect(by('\n').length).toBeGreaterThanOrEqual(5);
    expect(by('\r\n').length).toBeGreaterThanOrEqual(3);
    const suffix: Readonly<Record<string, string>> = { '\n': '-lf', '\r\n': '-crlf', '\r': '' };
    for (const { file, separator } of fixtures) {
      expect(/(-lf|-crlf|)\.hl7$/.exec(file)?.[1], file).toBe(suffix[separator]);
    }
  });

  test('has three sets of delimiters of its own, and the five-character one', () => {
    const own = distinct(fixtures.map(({ delimiters }) => delimiters)).filter(
      (each) => !each.startsWith('|^~\\&'),
    );
    expect(own).toEqual(['#!@%*', '^~|\\&', '|@~\\&']);
    expect(fixtures.filter(({ delimiters }) => delimiters === '|^~\\&#').length).toBeGreaterThanOrEqual(3);
  });

  test('has every charset that it promises, with bytes above 7F, and one byte order mark', () => {
    expect(distinct(fixtures.map(({ charset }) => charset))).toEqual(Object.keys(DECODERS).sort());
    expect(fixtures.filter(({ bytes }) => bytes.subarray(0, 3).equals(BOM))).toHaveLength(1);
    for (const { file, bytes, charset } of fixtures)
      expect(
        bytes.some((byte) => byte > 0x7f),
        file,
      ).toBe(charset !== '');
  });

  test('has GB 18030 characters whose second bytes are the delimiters’', () => {
    const trap = fixtures.find(({ file }) => file === 'adt-a31-gb18030-delimiter-bytes.hl7');
    const message = trap?.messages[0];
    const name = message?.field('PID', 5).split('^')[1] ?? '';
    const bytesOfLine =
      trap?.bytes
        .toString('latin1')
        .split('\r')
        .find((line) => line.startsWith('PID')) ?? '';
    expect(name).toHaveLength(2);
    expect(bytesOfLine.split('|').length - 1).toBe(
      message?.segments.find((each) => each.name === 'PID')?.fields.length ?? 0,
    );
    expect(bytesOfLine.split('^').length - 1).toBe(
      trap?.text
        .split('\r')
        .find((line) => line.startsWith('PID'))
        ?.split('^').length,
    );
  });

  test('has Z segments, escapes, repetitions, subcomponents, a long field', () => {
    expect(having(/[\r\n]Z[A-Z0-9]{2}\|/)).toContain('adt-a08-z-segments.hl7');
    for (const sequence of ['F', 'S', 'T', 'R', 'E', 'X0D', '.br', 'H']) {
      expect(having(new RegExp(`\\\\${sequence.replace('.', '\\.')}\\\\`)), sequence).toContain(
        'oru-r01-escapes.hl7',
      );
    }
    const repetitions = messages.find(({ file }) => file === 'adt-a08-repetitions.hl7');
    expect(repetitions?.field('PID', 3).split('~')).toHaveLength(3);
    expect(repetitions?.field('PID', 3).split('~')[1]?.split('^')[3]?.split('&')[0]).toBe('SOUTH');
    const long = fixtures.find(({ file }) => file === 'oru-r01-long-text.hl7');
    expect(long?.bytes.length).toBeGreaterThan(64 * 1024);
  });

  test('has enhanced mode with AL, NE and ER, and a message that wants no answer', () => {
    const modes = distinct(
      messages.map((message) => `${message.field('MSH', 15)} ${message.field('MSH', 16)}`),
    );
    expect(modes).toEqual([' ', 'AL AL', 'AL ER', 'AL NE', 'ER AL', 'NE NE']);
  });

  test('has 24 senders, twelve of them with several messages, one with an empty MSH-3', () => {
    const counts = new Map<string, number>();
    for (const message of messages) {
      const sender = `${message.field('MSH', 3)}|${message.field('MSH', 4)}`;
      counts.set(sender, (counts.get(sender) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expect([...counts.values()].filter((count) => count > 1)).toHaveLength(12);
    expect([...counts.keys()].filter((sender) => sender.startsWith('|'))).toEqual(['|GATE7']);
  });

  test('has no MSH-10 twice, none empty, none over the 20 characters of the old versions', () => {
    const ids = messages.map((message) => message.field('MSH', 10));
    expect(distinct(ids)).toHaveLength(ids.length);
    for (const id of ids) expect(id).toMatch(/^[!-~]{1,20}$/);
  });

  test('carries a real PDF in base64', () => {
    const data =
      messages
        .find(({ file }) => file.includes('pdf'))
        ?.field('OBX', 5)
        .split('^')[4] ?? '';
    const pdf = Buffer.from(data, 'base64');
    expect(pdf.toString('base64')).toBe(data);
    expect(pdf.toString('latin1')).toMatch(/^%PDF-1\.4\n[\s\S]*%%EOF\n$/);
  });
});

describe('the files', () => {
  test('README lists each file, with its type and version, and no other', () => {
    const rows = readFileSync(new URL('README.md', FOLDER), 'utf8').matchAll(
      /^\| (\S+\.hl7) \| (\S+) \| (\S+) \| (.+) \|$/gm,
    );
    const listed = [...rows].map(([, file, type, version]) => `${file} ${type} ${version}`);
    const expected = fixtures.map(({ file, messages: [first] }) =>
      first === undefined ? file : `${file} ${typeOf(first)} ${first.field('MSH', 12)}`,
    );
    expect(listed.sort()).toEqual(expected.sort());
  });

  test('are kept from git’s line end conversion', () => {
    expect(readFileSync(new URL('../.gitattributes', import.meta.url), 'utf8')).toMatch(
      /^fixtures\/\*\.hl7 -text$/m,
    );
  });

  test.each(fixtures)('$file ends with its separator, and uses no other', ({ text, separator }) => {
    expect(text.endsWith(separator)).toBe(true);
    expect(text.replaceAll(separator, '')).not.toMatch(/[\r\n]/);
    expect(text).not.toMatch(/[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]/);
  });

  test('the name begins with the type', () => {
    for (const {
      file,
      batch,
      messages: [first],
    } of fixtures) {
      const [code = '', event = ''] = typeOf(first as Message)
        .toLowerCase()
        .split('^');
      expect(
        file.startsWith(batch ? 'batch-' : event === '' || code === 'ack' ? code : `${code}-${event}`),
        file,
      ).toBe(true);
    }
  });
});
