// What hl7-standard 1.0.4 gets wrong, each shown on the library itself, and what the adapter makes of the same message.
// A defect that a later version has no more fails here: then the adapter may become simpler.
import HL7 from 'hl7-standard';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { readHeader } from '../../../src/hl7/header.ts';
import { splitLines } from '../../../src/hl7/whole/splitting.ts';
import { type Field, readWholeMessage } from '../../../src/hl7/whole/whole-message.ts';
import { cpuMsOf } from '../../helpers/cpu-time.ts';

/** By name and number: `OBX.5`. */
function library(text: string, batch = true): Record<string, unknown> {
  const message = new HL7(text);
  message.transform(undefined, batch);
  const lists = Object.values(message.transformed as Record<string, { data: Record<string, unknown> }[]>);
  return Object.assign({}, ...lists.flat().map(({ data }) => data));
}

function adapter(text: string | Buffer): Record<string, Field> {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const { segments } = readWholeMessage(readHeader(bytes));
  return Object.fromEntries(
    segments.flatMap(({ name, fields }) => fields.map((field, i) => [`${name}.${i + 1}`, field])),
  );
}

const MSH = 'MSH|^~\\&|APP|FAC\r';

describe('hl7-standard, and the adapter', () => {
  it('builds other bytes than it was given: a separator behind each segment, CRLF, `~` for `&`', () => {
    const text = `${MSH}PID|1|A&B\r`;
    const message = new HL7(text);
    message.transform(undefined, true);
    const build: unknown = Reflect.get(message, 'build');
    expect(typeof build === 'function' ? build.call(message) : '').toBe('MSH|^~\\&|APP|FAC|\r\nPID|1|A~B|');
    // The adapter builds nothing, and keeps subcomponents apart from repetitions.
    expect(adapter(text)).toMatchObject({ 'PID.2': [[['A', 'B']]] });
    expect(adapter(`${MSH}PID|1|A~B\r`)).toMatchObject({ 'PID.2': [[['A']], [['B']]] });
    expect(Object.keys(adapter(text))).toEqual(['MSH.1', 'MSH.2', 'MSH.3', 'MSH.4', 'PID.1', 'PID.2']);
  });

  it('knows one set of separators only', () => {
    const text = 'MSH#!@%*#A!B\rPID#1#X!Y@Z*W#|\r';
    expect(library(`${text}ZZZ|x\r`)).toEqual({ 'PID.1': '', 'ZZZ.1': 'x' });
    expect(adapter(text)).toEqual({
      'MSH.1': [[['#']]],
      'MSH.2': [[['!@%*']]],
      'MSH.3': [[['A'], ['B']]],
      'PID.1': [[['1']]],
      'PID.2': [[['X'], ['Y']], [['Z', 'W']]],
      'PID.3': [[['|']]],
    });
  });

  it('splits at characters that this message uses for letters', () => {
    const text = 'MSH|@~\\&|A\rPID|x^y@z\r';
    expect(library(text)['PID.1']).toEqual({ 'PID.1.1': 'x', 'PID.1.2': 'y@z' });
    expect(adapter(text)['PID.1']).toEqual([[['x^y'], ['z']]]);
  });

  it('writes MSH-2 itself', () => {
    expect(library('MSH|^~\\&#|A\r')['MSH.2']).toBe('^~\\&');
    expect(adapter('MSH|^~\\&#|A\r')['MSH.2']).toEqual([[['^~\\&#']]]);
  });

  it('drops segments without a separator', () => {
    const message = new HL7(`${MSH}ZPI\rPID|1\r`);
    message.transform(undefined, true);
    expect(Object.keys(message.transformed as object)).toEqual(['MSH', 'PID']);
    const { segments } = readWholeMessage(readHeader(Buffer.from(`${MSH}ZPI\rPID|1\r`)));
    expect(segments.map(({ name, fields }) => [name, fields.length])).toEqual([
      ['MSH', 4],
      ['ZPI', 0],
      ['PID', 1],
    ]);
  });

  it('decodes no escape', () => {
    const text = `${MSH}NTE|1|a\\F\\b\\S\\c\\R\\d\\T\\e\\E\\f\\X41\\\\.br\\g\r`;
    expect(library(text)['NTE.2']).toBe('a\\F\\b\\S\\c\\R\\d\\T\\e\\E\\f\\X41\\\\.br\\g');
    expect(adapter(text)['NTE.2']).toEqual([[['a|b^c~d&e\\fA\ng']]]);
  });

  it('throws for a message of one segment that does not end', () => {
    expect(() => library('MSH|^~\\&|A')).toThrow('line endings');
    expect(adapter('MSH|^~\\&|A')['MSH.3']).toEqual([[['A']]]);
  });

  it('takes strings only', () => {
    const bytes = Buffer.from('MSH|^~\\&|A\rPID|\xc4\r', 'latin1');
    expect(() => Reflect.construct(HL7, [bytes]).transform(undefined, true)).toThrow('to be HL7');
    expect(adapter(bytes)['PID.1']).toEqual([[['Ä']]]);
  });

  it('splits at the commonest end of line only', () => {
    const text = 'MSH|^~\\&|A\r\nPID|1\rPV1|2\r\nEVN|3\n';
    expect(library(text)['PID.1']).toBe('1\rPV1');
    expect(adapter(text)).toMatchObject({ 'PID.1': [[['1']]], 'PV1.1': [[['2']]], 'EVN.1': [[['3']]] });
  });

  it.each(['zpi|1', 'Z-1|1', 'PI|1', '|1', 'Größe|1'])(
    'throws for all of a message with the line %s',
    (line) => {
      const text = `${MSH}${line}\rPID|7\r`;
      expect(() => library(text)).toThrow('EOL');
      expect(adapter(text)['PID.1']).toEqual([[['7']]]);
      expect(Object.keys(adapter(text))).toHaveLength(6);
    },
  );

  it('takes a longer name for its first three letters', () => {
    const text = `${MSH}PIDX|1\r`;
    expect(library(text)).toHaveProperty(['PID.1'], '1');
    expect(adapter(text)).toHaveProperty(['PIDX.1'], [[['1']]]);
  });

  it.each(['\xef\xbb\xbf', '\r\n', '\n'])('refuses what has %j before MSH', (before) => {
    expect(() => library(`${before}${MSH}PID|1\r`)).toThrow('to be HL7');
    expect(adapter(`${before}${MSH}PID|1\r`)['PID.1']).toEqual([[['1']]]);
  });

  it('numbers the fields of FHS and BHS one too low, and leaves nothing readable of a batch', () => {
    const text = 'FHS|^~\\&|A\rBTS|1\r';
    expect(library(text)['FHS.2']).toBe('A');
    const batch = new HL7(text);
    batch.transform(undefined, false);
    expect(batch.transformed).toBeUndefined();
    expect(adapter(text)['FHS.3']).toEqual([[['A']]]);
  });

  it('loses the order of segments, but for an index', () => {
    const text = `${MSH}OBX|1\rNTE|a\rOBX|2\rNTE|b\r`;
    const message = new HL7(text);
    message.transform(undefined, true);
    expect(Object.keys(message.transformed as object)).toEqual(['MSH', 'OBX', 'NTE']);
    const { segments } = readWholeMessage(readHeader(Buffer.from(text)));
    expect(segments.map(({ name, fields }) => [name, fields[0]])).toEqual([
      ['MSH', [[['|']]]],
      ['OBX', [[['1']]]],
      ['NTE', [[['a']]]],
      ['OBX', [[['2']]]],
      ['NTE', [[['b']]]],
    ]);
  });

  it('needs time with the square of the number of names: 20,000 of them are read in a second or two', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => (46_656 + i).toString(36).slice(-3).toUpperCase());
    const header = readHeader(Buffer.from(`${MSH}${names.map((name) => `${name}|x\r`).join('')}`));
    let segments: ReturnType<typeof readWholeMessage>['segments'] = [];
    const took = cpuMsOf(() => {
      segments = readWholeMessage(header).segments;
    });
    // hl7-standard alone takes 20 s.
    expect(took).toBeLessThan(5_000);
    expect(segments.slice(1).map(({ name }) => name)).toEqual(names);
  });
});

describe('what comes out is looked at', () => {
  const line = { name: 'MSH', alias: 'MSH', declared: '^~\\&', fields: 'A|B^C', charset: undefined };

  it('good lines come out split', () => {
    expect(splitLines([line])).toEqual([[[[['A']]], [[['B'], ['C']]]]]);
  });

  it.each([
    ['a name that is not taken', [line, { ...line, alias: 'z' }]],
    ['an end of line within a field', [line, { ...line, alias: 'PID', fields: 'a\rb' }]],
    ['a first line that is no header', [{ ...line, alias: 'PID' }]],
  ])('%s is a misreading, by name', (_, lines) => {
    let thrown: unknown;
    try {
      splitLines(lines);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(GatewayError);
    expect(thrown).toMatchObject({ code: 'GW_ERR_PARSE_MISREAD' });
    // The library's own text is not passed on.
    expect(thrown).not.toHaveProperty('cause');
  });
});
