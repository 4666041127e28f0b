// Field paths: their syntax, and the values that they name in messages of every shape of separator.
import { describe, expect, it } from 'vitest';
import { isHeaderPath, parseFieldPath } from '../../src/hl7/field-path.ts';
import { read } from './split-reference.ts';

const ADT = [
  'MSH|^~\\&|LAB|NORTH^1.2.3^ISO|||20260101||ADT^A01^ADT_A01|42|P|2.5.1',
  'EVN|A01',
  'PID|1||11^^^H&1.2&ISO^MR~22^^^S||DOE^JOHN^^^MR.|""|',
  'OBX|1|TX|||first',
  'OBX|2|TX|||second\\T\\last',
  'ZPI',
].join('\r');

describe('the syntax', () => {
  it.each([
    ['MSH-9.1', { segment: 'MSH', occurrence: 1, field: 9, repetition: undefined, component: 1 }],
    ['PID-3[2].4.1', { segment: 'PID', field: 3, repetition: 2, component: 4, subcomponent: 1 }],
    ['OBX[3]-5', { segment: 'OBX', occurrence: 3, field: 5, component: undefined }],
  ])('takes %s', (text, parts) => expect(parseFieldPath(text)).toMatchObject({ text, ...parts }));

  it.each([
    '',
    'MSH',
    'msh-9',
    'MSH-0',
    'PID-3[0]',
    'PID-3.0',
    'PID.3',
    'PID-3.1.1.1',
    'PIDX-1',
    ' PID-3',
    '1ID-3',
  ])('does not take "%s"', (text) => expect(parseFieldPath(text)).toBeUndefined());

  it('knows which paths need the header alone', () => {
    const needsHeaderOnly = ['MSH-9', 'MSH[2]-9', 'PID-3'].map((text) => {
      const path = parseFieldPath(text);
      return path !== undefined && isHeaderPath(path);
    });
    expect(needsHeaderOnly).toEqual([true, false, false]);
  });
});

describe('values', () => {
  it.each<[string, string | undefined]>([
    ['MSH-1', '|'],
    ['MSH-2', '^~\\&'],
    ['MSH-2.1', '^~\\&'],
    ['MSH-2[1].1.1', '^~\\&'],
    ['MSH-2.2', undefined],
    ['MSH-2[2]', undefined],
    ['MSH-3', 'LAB'],
    ['MSH-3.1', 'LAB'],
    ['MSH-3.1.1', 'LAB'],
    ['MSH-3[1]', 'LAB'],
    ['MSH-3[2]', undefined],
    ['MSH-3.2', undefined],
    ['MSH-3.1.2', undefined],
    ['MSH-4', 'NORTH^1.2.3^ISO'],
    ['MSH-5', ''],
    ['MSH-5.1', ''],
    ['MSH-5.2', undefined],
    ['MSH-9.1', 'ADT'],
    ['MSH-9.3', 'ADT_A01'],
    ['MSH-12', '2.5.1'],
    ['MSH-13', undefined],
    ['MSH[2]-9', undefined],
    ['EVN-1', 'A01'],
    ['EVN-2', undefined],
    ['PID-3', '11^^^H&1.2&ISO^MR~22^^^S'],
    ['PID-3[1]', '11^^^H&1.2&ISO^MR'],
    ['PID-3[2]', '22^^^S'],
    ['PID-3[3]', undefined],
    ['PID-3.1', '11'],
    ['PID-3.2', ''],
    ['PID-3.4', 'H&1.2&ISO'],
    ['PID-3.4.2', '1.2'],
    ['PID-3.4.4', undefined],
    ['PID-3[2].4.1', 'S'],
    ['PID-6', '""'],
    ['PID-7', ''],
    ['PID-8', undefined],
    ['OBX-5', 'first'],
    ['OBX[2]-5', 'second&last'],
    ['OBX[3]-5', undefined],
    ['ZPI-1', undefined],
    ['PV1-1', undefined],
  ])('%s is %j', (path, value) => expect(read(ADT, path)).toBe(value));

  it.each(['\r', '\n', '\r\n'])('segments may end in %j', (separator) => {
    const message = ADT.replaceAll('\r', separator);
    expect([read(message, 'OBX[2]-5'), read(message, 'MSH-12'), read(message, 'PID-7')]).toEqual([
      'second&last',
      '2.5.1',
      '',
    ]);
    expect(read(message + separator, 'ZPI-1')).toBeUndefined();
  });

  it('a name in the middle of a segment, or a longer name, is no segment', () => {
    expect(read('MSH|^~\\&|PID|x\rNTE|PID|y\rPIDX|z\rPID|found', 'PID-1')).toBe('found');
  });

  it('blank lines and LF before a segment are skipped', () => {
    expect(read('\r\nMSH|^~\\&|A\r\r\n\nPID|found', 'PID-1')).toBe('found');
  });

  it('fields, repetitions and pieces beyond the distance that is looped over are found', () => {
    const long = 'x'.repeat(5_000);
    const message = `MSH|^~\\&|A\rZZZ|${long}^b${long}~c^${long}|last\rZZY|${long}`;
    expect(read(message, 'ZZZ-1.1')).toBe(long);
    expect(read(message, 'ZZZ-1.2')).toBe(`b${long}`);
    expect(read(message, 'ZZZ-1[2].2')).toBe(long);
    expect(read(message, 'ZZZ-2')).toBe('last');
    expect(read(message, 'ZZZ-3')).toBeUndefined();
    expect(read(message, 'ZZY-1')).toBe(long);
  });
});

describe('batches', () => {
  const message = 'FHS|^~\\&|FILE\rPID|before\rMSH|^~\\&|ONE||||||ADT\rPID|a\rMSH|^~\\&|TWO\rPID|b\rBTS|2';

  it('are read from the first header onward', () => {
    expect(read(message, 'MSH-3')).toBe('ONE');
    expect(read(message, 'MSH[2]-3')).toBe('TWO');
    expect(read(message, 'MSH[2]-2')).toBe('^~\\&');
    expect(read(message, 'MSH[2]-1')).toBe('|');
    expect([read(message, 'PID-1'), read(message, 'PID[2]-1')]).toEqual(['a', 'b']);
    expect(read(message, 'FHS-3')).toBeUndefined();
  });

  it('without a message lend MSH the fields that both have', () => {
    const empty = 'FHS|^~\\&|FILE|SITE|||||name\rBHS|^~\\&|BATCH';
    expect([read(empty, 'MSH-4'), read(empty, 'FHS-4'), read(empty, 'BHS-3')]).toEqual([
      'SITE',
      'SITE',
      'BATCH',
    ]);
    expect([read(empty, 'MSH-9'), read(empty, 'FHS-9')]).toEqual([undefined, 'name']);
  });
});
